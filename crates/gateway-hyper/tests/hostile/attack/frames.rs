//! Frames of HTTP/2, of every kind that a client must not send, too.

use std::io;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// Any frame.
pub(super) fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let len = u32::try_from(payload.len()).unwrap_or(u32::MAX).to_be_bytes();
    [&len[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
}

/// The beginning of a connection, with these settings.
pub(super) fn preface(settings: &[(u16, u32)]) -> Vec<u8> {
    let settings = settings.iter().flat_map(|(id, value)| {
        let value = value.to_be_bytes();
        id.to_be_bytes().into_iter().chain(value)
    });
    [b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec(), frame(SETTINGS, 0, 0, &settings.collect::<Vec<_>>())]
        .concat()
}

/// A GET, complete.
pub(super) fn get(stream: u32, path: &str) -> Vec<u8> {
    frame(HEADERS, END_STREAM | END_HEADERS, stream, &fields(GET, path))
}

/// A GET that the server answers by itself: its target has credentials.
pub(super) fn refused(stream: u32) -> Vec<u8> {
    let fields = [&[GET, SCHEME_HTTP, PATH_ROOT], &b"\x01\x06u@test"[..]].concat();
    frame(HEADERS, END_STREAM | END_HEADERS, stream, &fields)
}

/// A handshake of a WebSocket.
pub(super) fn websocket(stream: u32, path: &str) -> Vec<u8> {
    let mut fields = b"\x02\x07CONNECT\x00\x09:protocol\x09websocket".to_vec();
    fields.extend(rest_of_fields(path));
    fields.extend_from_slice(b"\x00\x15sec-websocket-version\x0213");
    frame(HEADERS, END_HEADERS, stream, &fields)
}

/// A POST whose body follows.
pub(super) fn post(stream: u32, path: &str) -> Vec<u8> {
    frame(HEADERS, END_HEADERS, stream, &fields(POST, path))
}

pub(super) fn reset(stream: u32) -> Vec<u8> {
    frame(RST_STREAM, 0, stream, &8_u32.to_be_bytes())
}

pub(super) fn window_update(stream: u32, more: u32) -> Vec<u8> {
    frame(WINDOW_UPDATE, 0, stream, &more.to_be_bytes())
}

/// The fields that begin a request; the method is one of the static table.
pub(super) fn fields(method: u8, path: &str) -> Vec<u8> {
    [vec![method], rest_of_fields(path)].concat()
}

fn rest_of_fields(path: &str) -> Vec<u8> {
    [&[SCHEME_HTTP, 0x04, path.len() as u8], path.as_bytes(), b"\x01\x04test"].concat()
}

/// Reads frames until there is one of that kind with that flag.
pub(super) async fn read_until(stream: &mut TcpStream, kind: u8, flag: u8) -> io::Result<()> {
    loop {
        let mut head = [0; 9];
        stream.read_exact(&mut head).await?;
        let len = u32::from_be_bytes([0, head[0], head[1], head[2]]);
        stream.read_exact(&mut vec![0; len as usize]).await?;
        if head[3] == kind && head[4] & flag == flag {
            return Ok(());
        }
    }
}

/// Waits until the server has read all that was sent.
pub(super) async fn ping(stream: &mut TcpStream) -> io::Result<()> {
    stream.write_all(&frame(PING, 0, 0, &[0; 8])).await?;
    read_until(stream, PING, ACK).await
}

pub(super) const DATA: u8 = 0;
pub(super) const HEADERS: u8 = 1;
pub(super) const PRIORITY: u8 = 2;
pub(super) const RST_STREAM: u8 = 3;
pub(super) const SETTINGS: u8 = 4;
pub(super) const PING: u8 = 6;
pub(super) const WINDOW_UPDATE: u8 = 8;
pub(super) const CONTINUATION: u8 = 9;

pub(super) const ACK: u8 = 1;
pub(super) const END_STREAM: u8 = 1;
pub(super) const END_HEADERS: u8 = 4;

/// The setting for the window of new streams.
pub(super) const INITIAL_WINDOW_SIZE: u16 = 4;

pub(super) const GET: u8 = 0x82;
pub(super) const POST: u8 = 0x83;
const SCHEME_HTTP: u8 = 0x86;
const PATH_ROOT: u8 = 0x84;

//! Attacks by HTTP/1, and by what is not HTTP at all.

use std::future::pending;
use std::io;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::time::interval;

use super::Target;

/// Says nothing.
pub(super) async fn silent(target: Target) -> io::Result<()> {
    let _stream = target.connect().await?;
    target.engage();
    pending().await
}

/// Has one request answered, and says nothing more.
pub(super) async fn idle(target: Target) -> io::Result<()> {
    let mut stream = target.connect().await?;
    stream.write_all(&get("/")).await?;
    stream.read_exact(&mut [0; 64]).await?;
    target.engage();
    pending().await
}

/// Sends a head octet by octet, and no end of it.
pub(super) async fn slow_head(target: Target) -> io::Result<()> {
    trickle(target, b"GET / HTTP/1.1\r\nhost: test\r\nx: ").await
}

/// Sends a body octet by octet.
pub(super) async fn slow_body(target: Target) -> io::Result<()> {
    trickle(target, b"POST /length HTTP/1.1\r\nhost: test\r\ncontent-length: 1000000\r\n\r\n").await
}

async fn trickle(target: Target, begin: &[u8]) -> io::Result<()> {
    let mut stream = target.connect().await?;
    stream.write_all(begin).await?;
    target.engage();
    let mut ticks = interval(TRICKLE);
    // It fails once the server has closed.
    while stream.write_all(b"x").await.is_ok() {
        ticks.tick().await;
    }
    pending().await
}

/// Reads nothing of a response that has no end.
pub(super) async fn deaf(target: Target) -> io::Result<()> {
    let mut stream = target.connect_deaf(target.addr).await?;
    stream.write_all(&get("/endless")).await?;
    target.engage();
    pending().await
}

/// Sends requests as long as the system takes them, and reads no response.
pub(super) async fn deaf_pipeline(target: Target) -> io::Result<()> {
    let mut stream = target.connect_deaf(target.addr).await?;
    target.engage();
    let requests = get("/").repeat(256);
    while stream.write_all(&requests).await.is_ok() {}
    pending().await
}

/// Sends requests without waiting, and reads the responses.
pub(super) async fn pipeline(target: Target) -> io::Result<()> {
    let stream = target.connect().await?;
    flood(stream, &get("/").repeat(64), target.amount / 64 + 1, &target).await
}

/// Breaks the connection off in the middle of a body, again and again.
pub(super) async fn reset_in_request(target: Target) -> io::Result<()> {
    let request = b"POST /length HTTP/1.1\r\nhost: test\r\ncontent-length: 1000000\r\n\r\nsome of it";
    reset_after(target, request, 0).await
}

/// Breaks the connection off in the middle of a response, again and again.
pub(super) async fn reset_in_response(target: Target) -> io::Result<()> {
    reset_after(target, &get("/endless"), 1000).await
}

async fn reset_after(target: Target, request: &[u8], read: usize) -> io::Result<()> {
    for _ in 0..target.amount / 64 + 1 {
        let mut stream = target.connect().await?;
        stream.write_all(request).await?;
        stream.read_exact(&mut vec![0; read]).await?;
        stream.set_zero_linger()?;
    }
    target.engage();
    Ok(())
}

/// Closes its sending side in the middle of a request's body.
pub(super) async fn half_close_in_request(target: Target) -> io::Result<()> {
    half_close(target, b"POST /length HTTP/1.1\r\nhost: test\r\ncontent-length: 10\r\n\r\nsome").await
}

/// Closes its sending side while its response has not begun.
pub(super) async fn half_close_in_wait(target: Target) -> io::Result<()> {
    half_close(target, &get("/wait")).await
}

async fn half_close(target: Target, request: &[u8]) -> io::Result<()> {
    let mut stream = target.connect().await?;
    stream.write_all(request).await?;
    stream.shutdown().await?;
    target.engage();
    pending().await
}

/// Sends a head that has no end, as fast as it goes.
pub(super) async fn endless_head(target: Target) -> io::Result<()> {
    pour(target, b"GET / HTTP/1.1\r\nhost: test\r\nx: ", b"xxxxxxxxxxxxxxxx").await
}

/// Sends the extension of a chunk, which has no end.
pub(super) async fn endless_extension(target: Target) -> io::Result<()> {
    let begin = b"POST /length HTTP/1.1\r\nhost: test\r\ntransfer-encoding: chunked\r\n\r\n5";
    pour(target, begin, b";extension=value").await
}

/// Sends trailers, of which there is no end.
pub(super) async fn endless_trailers(target: Target) -> io::Result<()> {
    let begin = b"POST /length HTTP/1.1\r\nhost: test\r\ntransfer-encoding: chunked\r\n\r\n0\r\n";
    pour(target, begin, b"x-trailer: some\r\n").await
}

/// Sends empty lines ahead of a request that never comes.
pub(super) async fn empty_lines(target: Target) -> io::Result<()> {
    pour(target, b"", b"\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n").await
}

async fn pour(target: Target, begin: &[u8], more: &[u8]) -> io::Result<()> {
    let mut stream = target.connect().await?;
    stream.write_all(begin).await?;
    target.engage();
    let more = more.repeat(256);
    while stream.write_all(&more).await.is_ok() {}
    pending().await
}

/// Sends what other protocols begin with.
pub(super) async fn garbage(target: Target) -> io::Result<()> {
    let begins: [&[u8]; 5] = [
        b"PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\nGET / HTTP/1.1\r\nhost: test\r\n\r\n",
        b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c\xc0\0\x02\x01\xc0\0\x02\x02\0\x01\0\x02",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"SSH-2.0-OpenSSH_9.6\r\n",
        &[0xff; 4096],
    ];
    for begin in begins.iter().cycle().take(target.amount / 64 + begins.len()) {
        let mut stream = target.connect().await?;
        stream.write_all(begin).await?;
        stream.write_all(&[0; 256]).await.or_else(gone)?;
        // The server closes each; a reset is as good.
        tokio::io::copy(&mut stream, &mut tokio::io::sink()).await.map(drop).or_else(gone)?;
    }
    target.engage();
    Ok(())
}

/// Sends the same again and again, reads whatever comes, and leaves; or is disconnected before.
pub(super) async fn flood(
    stream: impl AsyncRead + AsyncWrite,
    octets: &[u8],
    times: usize,
    target: &Target,
) -> io::Result<()> {
    let (mut reads, mut writes) = tokio::io::split(stream);
    target.engage();
    let write = async {
        for _ in 0..times {
            writes.write_all(octets).await?;
        }
        Ok(())
    };
    let mut sink = tokio::io::sink();
    let written = tokio::select! {
        written = write => written,
        read = tokio::io::copy(&mut reads, &mut sink) => read.map(drop),
    };
    written.or_else(gone)
}

/// Takes a connection that the server ended for what it is.
pub(super) fn gone(error: io::Error) -> io::Result<()> {
    use io::ErrorKind::{BrokenPipe, ConnectionReset, NotConnected};
    if matches!(error.kind(), BrokenPipe | ConnectionReset | NotConnected) { Ok(()) } else { Err(error) }
}

pub(super) fn get(path: &str) -> Vec<u8> {
    format!("GET {path} HTTP/1.1\r\nhost: test\r\n\r\n").into_bytes()
}

/// How long a slow client lets pass between two octets.
const TRICKLE: Duration = Duration::from_millis(10);

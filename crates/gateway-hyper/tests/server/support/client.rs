//! An HTTP/1 client that hides nothing.

use std::io;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;

/// One connection, and what was read and not looked at yet.
pub(crate) struct Client<S = TcpStream> {
    pub(crate) stream: S,
    buffer: Vec<u8>,
}

/// A response as it came over the wire.
#[derive(Debug)]
pub(crate) struct Response {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
    /// Whether the message ended as its framing says it would.
    pub(crate) complete: bool,
}

impl Response {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    fn is_chunked(&self) -> bool {
        self.header("transfer-encoding") == Some("chunked")
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Client<S> {
    pub(crate) const fn new(stream: S) -> Self {
        Self { stream, buffer: Vec::new() }
    }

    pub(crate) async fn send(&mut self, octets: impl AsRef<[u8]>) {
        self.stream.write_all(octets.as_ref()).await.unwrap();
    }

    /// Sends a GET and reads the response.
    pub(crate) async fn get(&mut self, path: &str) -> Response {
        self.ask(path).await;
        self.response().await
    }

    /// Sends a GET.
    pub(crate) async fn ask(&mut self, path: &str) {
        self.send(format!("GET {path} HTTP/1.1\r\nhost: test\r\n\r\n")).await;
    }

    /// Reads the response to a request that is not HEAD.
    pub(crate) async fn response(&mut self) -> Response {
        let mut response = self.head().await;
        if matches!(response.status, 204 | 304) {
            return response;
        }
        if response.is_chunked() {
            while let Some(chunk) = self.chunk().await {
                if chunk.is_empty() {
                    return response;
                }
                response.body.extend(chunk);
            }
            response.complete = false;
        } else if let Some(length) = response.header("content-length") {
            let length = length.parse().unwrap();
            while self.buffer.len() < length && self.fill().await {}
            response.complete = self.buffer.len() >= length;
            response.body = self.take(length);
        } else {
            response.complete = self.read_to_end().await.is_ok();
            response.body = std::mem::take(&mut self.buffer);
        }
        response
    }

    /// Reads a head: all there is of the response to HEAD.
    pub(crate) async fn head(&mut self) -> Response {
        let end = loop {
            if let Some(end) = find(&self.buffer, b"\r\n\r\n") {
                break end;
            }
            assert!(self.fill().await, "the connection ended within a head: {:?}", self.buffer);
        };
        let head = String::from_utf8(self.take(end + 4)).unwrap();
        let mut lines = head.trim_end().split("\r\n");
        let (_, status) = lines.next().unwrap().split_once(' ').unwrap();
        let headers = lines.map(|line| line.split_once(": ").unwrap());
        Response {
            status: status[..3].parse().unwrap(),
            headers: headers.map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned())).collect(),
            body: Vec::new(),
            complete: true,
        }
    }

    /// Reads a chunk, the last one as an empty one; `None` when the connection ends before it does.
    pub(crate) async fn chunk(&mut self) -> Option<Vec<u8>> {
        let line = loop {
            if let Some(end) = find(&self.buffer, b"\r\n") {
                break end;
            }
            if !self.fill().await {
                return None;
            }
        };
        let size = std::str::from_utf8(&self.buffer[..line]).unwrap();
        let size = usize::from_str_radix(size, 16).unwrap();
        while self.buffer.len() < line + 2 + size + 2 {
            if !self.fill().await {
                return None;
            }
        }
        let chunk = self.take(line + 2 + size + 2);
        Some(chunk[line + 2..line + 2 + size].to_vec())
    }

    /// Reads until that many octets are there, and takes them.
    pub(crate) async fn exact(&mut self, len: usize) -> Vec<u8> {
        while self.buffer.len() < len {
            assert!(self.fill().await, "the connection ended early: {:?}", self.buffer);
        }
        self.take(len)
    }

    /// Reads on until the server closes, in whatever way; what came.
    pub(crate) async fn closed(&mut self) -> Vec<u8> {
        let _ = self.read_to_end().await;
        std::mem::take(&mut self.buffer)
    }

    async fn read_to_end(&mut self) -> io::Result<()> {
        while self.stream.read_buf(&mut self.buffer).await? > 0 {}
        Ok(())
    }

    /// Reads something more; false when the connection is over.
    async fn fill(&mut self) -> bool {
        matches!(self.stream.read_buf(&mut self.buffer).await, Ok(1..))
    }

    fn take(&mut self, len: usize) -> Vec<u8> {
        let len = len.min(self.buffer.len());
        self.buffer.drain(..len).collect()
    }
}

impl Client<TcpStream> {
    /// Breaks the connection off: the server gets a reset, not an end.
    pub(crate) fn reset(self) {
        self.stream.set_zero_linger().unwrap();
    }
}

fn find(octets: &[u8], what: &[u8]) -> Option<usize> {
    octets.windows(what.len()).position(|window| window == what)
}

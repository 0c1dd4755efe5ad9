//! An exchange over a socket.

use std::fmt::Write;
use std::net::SocketAddr;

use gateway_iface::bytes::{Buf, Bytes};
use gateway_iface::http::{Request, header};

use super::raw::Raw;
use super::response::{Block, Fields, Response};
use super::{QUIET, Upload, Wire};
use crate::case::{Failure, ensure};

/// One request on a connection of its own.
pub(super) struct TcpWire {
    raw: Raw,
    method: String,
    chunked: bool,
}

impl TcpWire {
    /// Asks the server to close after the response, unless the request has a field about that.
    pub(super) fn open(
        addr: SocketAddr,
        request: &Request<()>,
        upload: Upload,
        body: &[u8],
    ) -> Result<Self, Failure> {
        let method = request.method().as_str().to_owned();
        let mut octets = head(request);
        let mut last = String::new();
        match upload {
            Upload::Sized(len) if !request.headers().contains_key(header::CONTENT_LENGTH) => {
                // Writing into a string cannot fail.
                let _ = write!(last, "content-length: {len}\r\n");
            }
            Upload::Chunked => last.push_str("transfer-encoding: chunked\r\n"),
            Upload::None | Upload::Sized(_) => {}
        }
        if !request.headers().contains_key(header::CONNECTION) {
            last.push_str("connection: close\r\n");
        }
        octets.extend_from_slice(last.as_bytes());
        octets.extend_from_slice(b"\r\n");
        // A server that refuses a small body from its head alone must not lose its answer to a reset.
        let at_once = body.len() <= AT_ONCE;
        if at_once {
            octets.extend_from_slice(body);
        }
        let mut raw = Raw::connect(addr)?;
        raw.send(octets)?;
        if !at_once {
            raw.send_if_taken(body);
        }
        Ok(Self { raw, method, chunked: matches!(upload, Upload::Chunked) })
    }
}

/// The head of a request but for the empty line at its end.
pub(super) fn head(request: &Request<()>) -> Vec<u8> {
    let mut octets = format!("{} {} HTTP/1.1\r\n", request.method(), request.uri()).into_bytes();
    for (name, value) in request.headers() {
        octets.extend_from_slice(name.as_str().as_bytes());
        octets.extend_from_slice(b": ");
        octets.extend_from_slice(value.as_bytes());
        octets.extend_from_slice(b"\r\n");
    }
    octets
}

impl Wire for TcpWire {
    fn send(&mut self, block: Bytes, last: bool) -> Result<(), Failure> {
        if !self.chunked {
            self.raw.send_if_taken(block);
            return Ok(());
        }
        if !block.is_empty() {
            let chunk = [format!("{:x}\r\n", block.len()).as_bytes(), &block, b"\r\n"].concat();
            self.raw.send_if_taken(chunk);
        }
        if last {
            self.raw.send_if_taken("0\r\n\r\n");
        }
        Ok(())
    }

    fn head(&mut self) -> Result<Response, Failure> {
        self.raw.head(&self.method)
    }

    fn block(&mut self) -> Result<Block, Failure> {
        self.raw.block()
    }

    fn trailers(&mut self) -> Fields {
        self.raw.trailers()
    }

    fn nothing_more(&mut self) -> Result<(), Failure> {
        let more = self.raw.closed()?;
        ensure(more.is_empty(), || format!("after the response came {:?}", String::from_utf8_lossy(&more)))
    }

    fn offer(&mut self, block: &mut Bytes) -> Result<bool, Failure> {
        let taken = self.raw.offer(block, QUIET)?;
        block.advance(taken);
        Ok(taken > 0)
    }

    fn is_silent(&mut self) -> Result<bool, Failure> {
        self.raw.is_silent(QUIET)
    }

    fn leave(self: Box<Self>) -> Result<(), Failure> {
        self.raw.leave()
    }
}

/// How large a body is sent with the head.
const AT_ONCE: usize = 64 * 1024;

#[cfg(test)]
#[path = "tcp_tests.rs"]
mod tests;

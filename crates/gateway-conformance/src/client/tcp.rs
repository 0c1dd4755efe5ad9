//! An exchange over a socket.

use std::fmt::Write;
use std::net::SocketAddr;

use gateway_iface::bytes::Bytes;
use gateway_iface::http::{Request, header};

use super::raw::Raw;
use super::response::{Block, Response};
use super::{Upload, Wire};
use crate::case::Failure;

/// One request on a connection of its own.
pub(super) struct TcpWire {
    raw: Raw,
    method: String,
    chunked: bool,
}

impl TcpWire {
    pub(super) fn open(addr: SocketAddr, request: &Request<()>, upload: Upload) -> Result<Self, Failure> {
        let method = request.method().as_str().to_owned();
        let mut head = format!("{method} {} HTTP/1.1\r\n", request.uri()).into_bytes();
        for (name, value) in request.headers() {
            head.extend_from_slice(name.as_str().as_bytes());
            head.extend_from_slice(b": ");
            head.extend_from_slice(value.as_bytes());
            head.extend_from_slice(b"\r\n");
        }
        let mut framing = String::new();
        match upload {
            Upload::Sized(len) if !request.headers().contains_key(header::CONTENT_LENGTH) => {
                // Writing into a string cannot fail.
                let _ = write!(framing, "content-length: {len}\r\n");
            }
            Upload::Chunked => framing.push_str("transfer-encoding: chunked\r\n"),
            Upload::None | Upload::Sized(_) => {}
        }
        head.extend_from_slice(framing.as_bytes());
        head.extend_from_slice(b"\r\n");
        let mut raw = Raw::connect(addr)?;
        raw.send(head)?;
        Ok(Self { raw, method, chunked: matches!(upload, Upload::Chunked) })
    }
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
}

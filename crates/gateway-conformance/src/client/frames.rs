//! A WebSocket of which every frame is seen.

use std::io::Cursor;
use std::net::SocketAddr;

use gateway_iface::bytes::Bytes;
use gateway_iface::http::{HeaderMap, HeaderValue, Request, header};
use tungstenite::protocol::frame::FrameHeader;

use super::raw::Raw;
use super::response::Response;
use super::tcp::head;
use crate::case::{Failure, ensure, equal};

/// A connection that asked for a WebSocket.
pub(crate) struct Frames {
    raw: Raw,
}

/// A frame as the server sent it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Frame {
    /// FIN, the reserved bits, and the opcode.
    pub(crate) first: u8,
    pub(crate) payload: Bytes,
}

impl Frames {
    /// On a connection that was upgraded.
    pub(super) const fn on(raw: Raw) -> Self {
        Self { raw }
    }

    /// Asks for a WebSocket; fields that the request has are not added.
    pub(super) fn ask(addr: SocketAddr, mut request: Request<()>) -> Result<Self, Failure> {
        add_handshake(request.headers_mut());
        let mut octets = head(&request);
        octets.extend_from_slice(b"\r\n");
        let mut raw = Raw::connect(addr)?;
        raw.send(octets)?;
        Ok(Self { raw })
    }

    /// Reads the answer to the handshake; a body is read too.
    pub(crate) fn answer(&mut self) -> Result<Response, Failure> {
        let response = self.raw.any_head("GET")?;
        if response.status == 101 {
            return Ok(response);
        }
        let mut response = response;
        while let super::response::Block::Data(block) = self.raw.block()? {
            response.body.extend_from_slice(&block);
        }
        Ok(response)
    }

    /// Fails unless the handshake is accepted.
    pub(crate) fn accepted(&mut self) -> Result<Response, Failure> {
        let response = self.answer()?;
        equal("the status of the handshake", response.status, 101)?;
        Ok(response)
    }

    /// Sends a frame; `first` is its first octet.
    pub(crate) fn send(&mut self, first: u8, payload: &[u8]) -> Result<(), Failure> {
        self.raw.send(frame(first, payload))
    }

    /// Sends octets as they are.
    pub(crate) fn send_octets(&mut self, octets: impl AsRef<[u8]>) -> Result<(), Failure> {
        self.raw.send(octets)
    }

    /// Reads a frame, which is not masked and whose length has its shortest form; `None` at the end of the
    /// connection.
    pub(crate) fn next(&mut self) -> Result<Option<Frame>, Failure> {
        let Some(mut head) = self.raw.exact(2)?.map(Vec::from) else {
            return Ok(None);
        };
        let more = match head[1] & 0x7f {
            126 => 2,
            127 => 8,
            _ => 0,
        };
        match self.raw.exact(more)? {
            Some(octets) => head.extend_from_slice(&octets),
            None => return Err(Failure::new("the connection ended in the head of a frame")),
        }
        ensure(head[1] & 0x80 == 0, || "S-27: the server masked a frame".to_owned())?;
        let parsed =
            FrameHeader::parse(&mut Cursor::new(&head)).map_err(|error| Failure::of("a frame", error))?;
        let (header, len) = parsed.ok_or_else(|| Failure::new("a frame without a whole head"))?;
        ensure(header.len(len) == head.len(), || format!("S-31: {len} octets in the form {head:x?}"))?;
        let len = usize::try_from(len).map_err(|error| Failure::of("a frame", error))?;
        match self.raw.exact(len)? {
            Some(payload) => Ok(Some(Frame { first: head[0], payload })),
            None => Err(Failure::new("the connection ended within a frame")),
        }
    }

    /// Fails unless this frame is next.
    pub(crate) fn expect(&mut self, first: u8, payload: &[u8]) -> Result<(), Failure> {
        let wanted = Frame { first, payload: Bytes::copy_from_slice(payload) };
        let seen = self.next()?;
        ensure(seen.as_ref() == Some(&wanted), || {
            format!("saw {}, wanted {wanted:x?}", excerpt(seen.as_ref()))
        })
    }

    /// Fails unless a Close with that code is next, and then the end of the connection.
    pub(crate) fn expect_close(&mut self, code: u16) -> Result<(), Failure> {
        let seen = self.next()?;
        let is_close = |frame: &Frame| frame.first == CLOSE && frame.payload.starts_with(&code.to_be_bytes());
        ensure(seen.as_ref().is_some_and(is_close), || {
            format!("saw {}, wanted a Close with {code}", excerpt(seen.as_ref()))
        })?;
        self.ended()
    }

    /// Fails unless the server ends the connection, and sends nothing before.
    pub(crate) fn ended(&mut self) -> Result<(), Failure> {
        equal("the octets behind the Close", self.raw.closed()?, b"".to_vec())
    }
}

/// Adds what makes a request a handshake.
fn add_handshake(headers: &mut HeaderMap) {
    for (name, value) in [
        (header::UPGRADE, "websocket"),
        (header::CONNECTION, "Upgrade"),
        (header::SEC_WEBSOCKET_KEY, KEY),
        (header::SEC_WEBSOCKET_VERSION, "13"),
    ] {
        headers.entry(name).or_insert(HeaderValue::from_static(value));
    }
}

/// A frame as a client sends it: masked.
pub(crate) fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let mask = [0x37, 0xfa, 0x21, 0x3d];
    let mut frame = Vec::with_capacity(payload.len() + 14);
    let header = FrameHeader { mask: Some(mask), ..FrameHeader::default() };
    // Writing into memory does not fail.
    let _ = header.format(payload.len() as u64, &mut frame);
    frame[0] = first;
    frame.extend(payload.iter().zip(mask.iter().cycle()).map(|(octet, mask)| octet ^ mask));
    frame
}

fn excerpt(frame: Option<&Frame>) -> String {
    match frame {
        None => "the end of the connection".to_owned(),
        Some(frame) if frame.payload.len() > 64 => {
            format!("a frame {:x} with {} octets", frame.first, frame.payload.len())
        }
        Some(frame) => format!("{frame:x?}"),
    }
}

/// The key of every handshake: that of the text.
const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";

pub(crate) const CONTINUE: u8 = 0x80;
pub(crate) const TEXT: u8 = 0x81;
pub(crate) const BINARY: u8 = 0x82;
pub(crate) const CLOSE: u8 = 0x88;
pub(crate) const PING: u8 = 0x89;
pub(crate) const PONG: u8 = 0x8a;

//! A WebSocket over a socket, message by message.

use gateway_iface::asgi::event::{Accept, Close, Message};
use gateway_iface::bytes::Bytes;
use gateway_iface::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};

use super::frames::{BINARY, CLOSE, CONTINUE, Frames, PING, PONG, TEXT};
use super::response::Response;
use super::websocket::Refusal;
use crate::case::Failure;

/// A client that keeps the protocol: it answers pings, and a Close with the same one.
pub(super) struct TcpSocket {
    /// `None` when the connection was let go.
    frames: Option<Frames>,
    /// Whether this side's Close was sent.
    closed: bool,
    /// The server's Close.
    seen: Option<Close>,
}

impl TcpSocket {
    pub(super) const fn new(frames: Frames) -> Self {
        Self { frames: Some(frames), closed: false, seen: None }
    }

    pub(super) fn connect(&mut self) -> Result<Result<Accept, Refusal>, Failure> {
        let response = self.frames()?.answer()?;
        if response.status == 101 {
            return accept(&response).map(Ok);
        }
        let status = StatusCode::from_u16(response.status);
        let status = status.map_err(|error| Failure::of("the status of the handshake", error))?;
        Ok(Err(Refusal { status, body: response.body.into() }))
    }

    pub(super) fn send(&mut self, message: &Message) -> Result<(), Failure> {
        match message {
            Message::Text(text) => self.frames()?.send(TEXT, text.as_bytes()),
            Message::Binary(octets) => self.frames()?.send(BINARY, octets),
            _ => Err(Failure::new("a message is text or octets")),
        }
    }

    /// The next message; `None` when there is none any more.
    pub(super) fn next(&mut self) -> Result<Option<Message>, Failure> {
        let mut message: Option<(u8, Vec<u8>)> = None;
        while let Some(frame) = self.frames()?.next()? {
            let opcode = frame.first & 0x0f;
            match (frame.first | 0x80, &mut message) {
                (PING, _) => self.frames()?.send(PONG, &frame.payload)?,
                (PONG, _) => {}
                (CLOSE, _) => {
                    self.see(&frame.payload)?;
                    return Ok(None);
                }
                (TEXT | BINARY, none @ None) => *none = Some((opcode, frame.payload.to_vec())),
                (CONTINUE, Some((_, payload))) => payload.extend_from_slice(&frame.payload),
                _ => return Err(Failure::new(format!("{frame:x?} does not come here"))),
            }
            if frame.first & 0x80 != 0
                && opcode < 8
                && let Some((kind, payload)) = message.take()
            {
                return if kind == TEXT & 0x0f {
                    let text = String::from_utf8(payload).map_err(|error| Failure::of("a text", error))?;
                    Ok(Some(Message::Text(text)))
                } else {
                    Ok(Some(Message::Binary(Bytes::from(payload))))
                };
            }
        }
        Ok(None)
    }

    pub(super) fn close(&mut self, code: u16, reason: &str) -> Result<(), Failure> {
        let payload =
            if code == NO_CODE { Vec::new() } else { [&code.to_be_bytes(), reason.as_bytes()].concat() };
        self.closed = true;
        self.frames()?.send(CLOSE, &payload)
    }

    pub(super) fn lose(&mut self) {
        self.frames = None;
    }

    /// Reads on until the server has ended the connection.
    pub(super) fn end(&mut self) -> Result<Option<Close>, Failure> {
        if self.frames.is_some() {
            while self.seen.is_none() && self.next()?.is_some() {}
            self.frames()?.ended()?;
        }
        Ok(self.seen.clone())
    }

    /// The server's Close came: it is answered, unless it is the answer.
    fn see(&mut self, payload: &[u8]) -> Result<(), Failure> {
        let (code, reason) = match payload {
            [high, low, reason @ ..] => (u16::from_be_bytes([*high, *low]), reason),
            _ => (NO_CODE, &b""[..]),
        };
        let reason = std::str::from_utf8(reason).map_err(|error| Failure::of("a reason", error))?;
        self.seen = Some(Close::new(code).with_reason(reason));
        if self.closed { Ok(()) } else { self.close(code, "") }
    }

    fn frames(&mut self) -> Result<&mut Frames, Failure> {
        self.frames.as_mut().ok_or_else(|| Failure::new("the connection was let go"))
    }
}

/// What an answer says that the application chose.
fn accept(response: &Response) -> Result<Accept, Failure> {
    let mut accept = Accept::new();
    if let Some(chosen) = response.field("sec-websocket-protocol") {
        accept = accept.with_subprotocol(chosen);
    }
    let mut headers = HeaderMap::new();
    for (name, value) in &response.fields {
        let name = HeaderName::from_bytes(name.as_bytes()).map_err(|error| Failure::of("a field", error))?;
        headers.append(name, HeaderValue::from_bytes(value).map_err(|error| Failure::of("a field", error))?);
    }
    Ok(accept.with_headers(headers))
}

/// Stands for a Close without a code.
const NO_CODE: u16 = 1005;

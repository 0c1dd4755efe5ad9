//! The events of the `websocket` protocol.

use bytes::Bytes;
use http::{HeaderMap, StatusCode};

use crate::asgi::Disconnect;

/// A whole message: text or octets, never both and never neither (A-81, A-82, S-69).
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Message {
    /// Text.
    Text(String),
    /// Octets.
    Binary(Bytes),
}

impl From<String> for Message {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<&str> for Message {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<Bytes> for Message {
    fn from(octets: Bytes) -> Self {
        Self::Binary(octets)
    }
}

impl From<Vec<u8>> for Message {
    fn from(octets: Vec<u8>) -> Self {
        Self::Binary(octets.into())
    }
}

/// Opens the socket.
///
/// The server owns `sec-websocket-protocol`, `sec-websocket-accept`, `sec-websocket-extensions`
/// and the fields of the connection: they are refused in `headers`.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Accept {
    /// The chosen one of [`subprotocols`](crate::asgi::WebSocketScope::subprotocols).
    pub subprotocol: Option<String>,
    /// Further fields of the handshake's answer.
    pub headers: HeaderMap,
}

impl Accept {
    /// Without subprotocol and further fields.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// With the chosen subprotocol.
    #[must_use]
    pub fn with_subprotocol(mut self, subprotocol: impl Into<String>) -> Self {
        self.subprotocol = Some(subprotocol.into());
        self
    }

    /// With further fields.
    #[must_use]
    pub fn with_headers(mut self, headers: HeaderMap) -> Self {
        self.headers = headers;
        self
    }
}

/// Closes the socket, or refuses it with 403 while it is not open.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Close {
    /// The close code: 1000 to 1003, 1007 to 1014, 3000 to 4999.
    pub code: u16,
    /// The reason, up to 123 octets.
    pub reason: String,
}

impl Close {
    /// With that code and no reason.
    #[must_use]
    pub const fn new(code: u16) -> Self {
        Self { code, reason: String::new() }
    }

    /// With a reason.
    #[must_use]
    pub fn with_reason(mut self, reason: impl Into<String>) -> Self {
        self.reason = reason.into();
        self
    }
}

impl Default for Close {
    fn default() -> Self {
        Self::new(1000)
    }
}

/// Refuses the socket with a response of its own; needs
/// [`WebSocketDenial`](crate::asgi::Capability::WebSocketDenial).
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct DenialStart {
    /// The status, 200 to 599.
    pub status: StatusCode,
    /// The header fields.
    pub headers: HeaderMap,
}

impl DenialStart {
    /// With that status and those fields.
    #[must_use]
    pub const fn new(status: StatusCode, headers: HeaderMap) -> Self {
        Self { status, headers }
    }
}

/// How the socket was closed.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct WebSocketDisconnect {
    /// The peer's code; 1005 if it gave none, 1006 if the connection broke.
    pub code: u16,
    /// The peer's words; may be empty.
    pub reason: String,
    /// Why the exchange is over.
    pub cause: Disconnect,
}

impl WebSocketDisconnect {
    /// Closed with that code.
    #[must_use]
    pub const fn new(code: u16, cause: Disconnect) -> Self {
        Self { code, reason: String::new(), cause }
    }

    /// With the peer's words.
    #[must_use]
    pub fn with_reason(mut self, reason: impl Into<String>) -> Self {
        self.reason = reason.into();
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_85_close_code_defaults_to_1000_without_reason() {
        assert_eq!(Close::default(), Close { code: 1000, reason: String::new() });
    }
}

//! A WebSocket as its application sees it.

use bytes::Bytes;
use http::Response;

use super::event::{
    Accept, Close, DenialStart, Message, ReceiveEvent, ResponseBody, SendEvent, WebSocketDisconnect,
};
use super::{Disconnect, Receive, SendError};

/// A handshake that waits for the application's answer.
///
/// Dropped without an answer, the server answers 500 when the call ends (A-94).
///
/// # Examples
///
/// ```
/// use gateway_iface::asgi::event::Accept;
/// use gateway_iface::asgi::{self, Handshake};
/// use gateway_iface::Error;
///
/// async fn echo(scope: asgi::Scope, receive: asgi::Receive, send: asgi::Send) -> Result<(), Error> {
///     scope.into_websocket()?;
///     let mut socket = Handshake::begin(receive, send).await?.accept(Accept::new()).await?;
///     while let Ok(message) = socket.next().await {
///         socket.send(message).await?;
///     }
///     Ok(())
/// }
/// ```
#[derive(Debug)]
#[must_use = "a handshake is accepted, closed or denied"]
pub struct Handshake {
    receive: Receive,
    send: super::Send,
}

impl Handshake {
    /// Waits for `websocket.connect` (A-77, A-91).
    ///
    /// # Errors
    ///
    /// [`Disconnect`] when the client is gone already.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future drops both halves.
    pub async fn begin(mut receive: Receive, send: super::Send) -> Result<Self, Disconnect> {
        loop {
            match receive.receive().await {
                ReceiveEvent::WebSocketConnect => return Ok(Self { receive, send }),
                event => {
                    if let Some(reason) = event.disconnect() {
                        return Err(reason);
                    }
                }
            }
        }
    }

    /// Opens the socket (A-78).
    ///
    /// # Errors
    ///
    /// As for [`asgi::Send::send`](super::Send::send).
    ///
    /// # Cancel safety
    ///
    /// Dropping the future drops both halves.
    pub async fn accept(mut self, accept: Accept) -> Result<WebSocket, SendError> {
        self.send.send(accept).await?;
        Ok(WebSocket { receive: self.receive, send: self.send })
    }

    /// Refuses the socket: the client gets 403 (A-89).
    ///
    /// # Errors
    ///
    /// As for [`asgi::Send::send`](super::Send::send).
    ///
    /// # Cancel safety
    ///
    /// Dropped while it waits, the refusal is not sent.
    pub async fn close(mut self) -> Result<(), SendError> {
        self.send.send(Close::default()).await
    }

    /// Refuses the socket with a response (A-125).
    ///
    /// # Errors
    ///
    /// As for [`asgi::Send::send`](super::Send::send); a server without
    /// [`WebSocketDenial`](super::Capability::WebSocketDenial) takes it for an invalid event.
    ///
    /// # Cancel safety
    ///
    /// Dropped while it waits, the refusal stays incomplete.
    pub async fn deny<B: Into<Bytes>>(mut self, response: Response<B>) -> Result<(), SendError> {
        let (parts, body) = response.into_parts();
        self.send.send(DenialStart::new(parts.status, parts.headers)).await?;
        self.send.send(SendEvent::WebSocketDenialBody(ResponseBody::last(body))).await
    }
}

/// An open WebSocket.
///
/// When the application's call ends, the server closes it with 1000, or with 1011 after an error (A-94).
#[derive(Debug)]
pub struct WebSocket {
    receive: Receive,
    send: super::Send,
}

impl WebSocket {
    /// Waits for the next message.
    ///
    /// # Errors
    ///
    /// [`WebSocketClosed`] when the socket is closed; it is told every time from then on.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future loses no message.
    pub async fn next(&mut self) -> Result<Message, WebSocketClosed> {
        loop {
            match self.receive.receive().await {
                ReceiveEvent::WebSocketReceive(message) => return Ok(message),
                ReceiveEvent::WebSocketDisconnect(how) => return Err(WebSocketClosed { how }),
                _ => {}
            }
        }
    }

    /// Sends a message (A-82).
    ///
    /// # Errors
    ///
    /// As for [`asgi::Send::send`](super::Send::send).
    ///
    /// # Cancel safety
    ///
    /// Dropped while it waits, the message is not sent.
    pub async fn send(&mut self, message: impl Into<Message>) -> Result<(), SendError> {
        self.send.send(message.into()).await
    }

    /// Closes the socket (A-90).
    ///
    /// # Errors
    ///
    /// As for [`asgi::Send::send`](super::Send::send).
    ///
    /// # Cancel safety
    ///
    /// Dropped while it waits, the close is not sent.
    pub async fn close(&mut self, close: Close) -> Result<(), SendError> {
        self.send.send(close).await
    }

    /// Takes both halves apart, for two tasks (A-13, S-70).
    #[must_use]
    pub fn into_halves(self) -> (Receive, super::Send) {
        (self.receive, self.send)
    }
}

/// The socket is closed.
#[derive(Clone, Debug, thiserror::Error)]
#[error("the socket is closed with {}", how.code)]
pub struct WebSocketClosed {
    how: WebSocketDisconnect,
}

impl WebSocketClosed {
    /// The peer's code (A-83, A-84).
    #[must_use]
    pub const fn code(&self) -> u16 {
        self.how.code
    }

    /// The peer's words.
    #[must_use]
    pub fn reason(&self) -> &str {
        &self.how.reason
    }

    /// Why the exchange is over.
    #[must_use]
    pub const fn disconnect(&self) -> Disconnect {
        self.how.cause
    }
}

impl From<WebSocketClosed> for SendError {
    fn from(closed: WebSocketClosed) -> Self {
        Self::Disconnected(closed.how.cause)
    }
}

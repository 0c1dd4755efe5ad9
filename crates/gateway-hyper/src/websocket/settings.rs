//! What WebSockets may cost.

use std::time::Duration;

use super::deflate::Pool;
use crate::builder::Builder;

/// Whether messages are compressed, where the client offers that (permessage-deflate, S-62).
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub enum WebSocketDeflate {
    /// They are not.
    Off,
    /// Each by itself: an idle socket keeps no window, which would take some 300 KiB.
    #[default]
    PerMessage,
    /// With what earlier messages had in common, where the client allows it: short messages that are
    /// alike become smaller, and each socket keeps both windows.
    Context,
}

/// The limits and waits of WebSockets; the same for all of a server.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    pub(crate) max_message: usize,
    pub(crate) max_frame: usize,
    pub(crate) ping_interval: Option<Duration>,
    pub(crate) pong_timeout: Duration,
    pub(crate) close_timeout: Duration,
    pub(crate) handshake_timeout: Option<Duration>,
    pub(crate) deflate: WebSocketDeflate,
    pub(crate) origins: Option<Vec<String>>,
    pub(crate) pool: Pool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            max_message: 1024 * 1024,
            max_frame: 1088 * 1024,
            ping_interval: Some(Duration::from_secs(20)),
            pong_timeout: Duration::from_secs(20),
            close_timeout: Duration::from_secs(10),
            handshake_timeout: Some(Duration::from_secs(30)),
            deflate: WebSocketDeflate::PerMessage,
            origins: None,
            pool: Pool::default(),
        }
    }
}

/// Settings of WebSockets.
impl Builder {
    /// How many octets a message of a WebSocket may have, uncompressed; 1 MiB by default.
    ///
    /// A larger one closes the socket with 1009 (S-40). Memory is taken as octets come, never because
    /// a length was announced; but every socket may have a message of that size that is not complete, and a compressed
    /// one costs its sender next to nothing.
    pub const fn websocket_max_message(mut self, octets: usize) -> Self {
        self.websocket.max_message = octets;
        self
    }

    /// How many octets a frame of a WebSocket may have, as it is sent; 1088 KiB by default: what
    /// cannot be compressed becomes a little larger by that.
    ///
    /// A larger one closes the socket with 1009 (S-40).
    pub const fn websocket_max_frame(mut self, octets: usize) -> Self {
        self.websocket.max_frame = octets;
        self
    }

    /// How long a client of a WebSocket may be silent before it is pinged; 20 seconds by default, `None` is
    /// never (S-45).
    ///
    /// It is looked at once in every such interval, so a ping goes out after one or two of silence.
    pub const fn websocket_ping_interval(mut self, interval: Option<Duration>) -> Self {
        self.websocket.ping_interval = interval;
        self
    }

    /// How long a client may take to show a sign of life once it was pinged; 20 seconds by default.
    ///
    /// After that the socket is closed, and the application learns of 1006 and
    /// [`Disconnect::Timeout`](gateway_iface::asgi::Disconnect::Timeout) (S-45).
    pub const fn websocket_pong_timeout(mut self, timeout: Duration) -> Self {
        self.websocket.pong_timeout = timeout;
        self
    }

    /// How long the end of a WebSocket may take, once this side has closed it; 10 seconds by default (S-54).
    pub const fn websocket_close_timeout(mut self, timeout: Duration) -> Self {
        self.websocket.close_timeout = timeout;
        self
    }

    /// How long an application may take to answer a handshake; 30 seconds by default, `None` is no limit.
    ///
    /// After that the client gets 503, and the application learns of
    /// [`Disconnect::Timeout`](gateway_iface::asgi::Disconnect::Timeout) (S-25).
    pub const fn websocket_handshake_timeout(mut self, timeout: Option<Duration>) -> Self {
        self.websocket.handshake_timeout = timeout;
        self
    }

    /// Whether messages are compressed where the client offers it; each by itself, by default (S-62).
    pub const fn websocket_deflate(mut self, deflate: WebSocketDeflate) -> Self {
        self.websocket.deflate = deflate;
        self
    }

    /// The origins whose pages may open a WebSocket, such as `https://example.org`; all, by default.
    ///
    /// A handshake that names another one is answered with 403 (S-10). One that names none is not from a
    /// page, and what is not a page can name any (S-66): it is let through.
    pub fn websocket_origins<O: Into<String>>(mut self, origins: impl IntoIterator<Item = O>) -> Self {
        self.websocket.origins = Some(origins.into_iter().map(Into::into).collect());
        self
    }
}

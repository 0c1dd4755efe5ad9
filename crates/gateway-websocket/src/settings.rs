//! What WebSockets may cost.

use std::sync::Arc;
use std::time::Duration;

use super::deflate::Pool;

/// Whether messages are compressed, where the client offers that (permessage-deflate, S-62).
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub enum Deflate {
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
///
/// A clone is cheap, and shares with the others what compressing takes.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
///
/// use gateway_websocket::{Deflate, Settings};
///
/// let settings = Settings::default()
///     .max_message(64 * 1024)
///     .ping_interval(Some(Duration::from_secs(60)))
///     .deflate(Deflate::Off)
///     .origins(["https://example.org"]);
/// # let _ = settings;
/// ```
#[derive(Clone, Debug, Default)]
#[must_use]
pub struct Settings {
    values: Arc<Values>,
}

#[derive(Clone, Debug)]
pub(super) struct Values {
    pub(super) max_message: usize,
    pub(super) max_frame: usize,
    pub(super) ping_interval: Option<Duration>,
    pub(super) pong_timeout: Duration,
    pub(super) close_timeout: Duration,
    pub(super) handshake_timeout: Option<Duration>,
    pub(super) write_timeout: Option<Duration>,
    pub(super) cancel_on_disconnect: bool,
    pub(super) deflate: Deflate,
    pub(super) origins: Option<Vec<String>>,
    pub(super) pool: Pool,
}

impl Settings {
    /// How many octets a message may have, uncompressed; 1 MiB by default.
    ///
    /// A larger one closes the socket with 1009 (S-40). Memory is taken as octets come, never because
    /// a length was announced; but every socket may have a message of that size that is not complete, and a compressed
    /// one costs its sender next to nothing.
    pub fn max_message(mut self, octets: usize) -> Self {
        self.edit().max_message = octets;
        self
    }

    /// How many octets a frame may have, as it is sent; 1088 KiB by default: what cannot be compressed
    /// becomes a little larger by that.
    ///
    /// A larger one closes the socket with 1009 (S-40).
    pub fn max_frame(mut self, octets: usize) -> Self {
        self.edit().max_frame = octets;
        self
    }

    /// How long a client may be silent before it is pinged; 20 seconds by default, `None` is never (S-45).
    ///
    /// It is looked at once in every such interval, so a ping goes out after one or two of silence.
    pub fn ping_interval(mut self, interval: Option<Duration>) -> Self {
        self.edit().ping_interval = interval;
        self
    }

    /// How long a client may take to show a sign of life once it was pinged; 20 seconds by default.
    ///
    /// After that the socket is closed, and the application learns of 1006 and
    /// [`Disconnect::Timeout`](gateway_iface::asgi::Disconnect::Timeout) (S-45).
    pub fn pong_timeout(mut self, timeout: Duration) -> Self {
        self.edit().pong_timeout = timeout;
        self
    }

    /// How long the end of a socket may take, once this side has closed it; 10 seconds by default (S-54).
    pub fn close_timeout(mut self, timeout: Duration) -> Self {
        self.edit().close_timeout = timeout;
        self
    }

    /// How long an application may take to answer a handshake; 30 seconds by default, `None` is no limit.
    ///
    /// After that the client gets 503, and the application learns of
    /// [`Disconnect::Timeout`](gateway_iface::asgi::Disconnect::Timeout) (S-25).
    pub fn handshake_timeout(mut self, timeout: Option<Duration>) -> Self {
        self.edit().handshake_timeout = timeout;
        self
    }

    /// How long a client may take nothing of what is there for it; 30 seconds by default, `None` is no limit.
    ///
    /// After that the connection is given up, and the application learns of
    /// [`Disconnect::Timeout`](gateway_iface::asgi::Disconnect::Timeout). The time begins anew with each octet that is
    /// taken. A server that watches over that itself, by [`Watch::written`](crate::Watch::written), sets none.
    pub fn write_timeout(mut self, timeout: Option<Duration>) -> Self {
        self.edit().write_timeout = timeout;
        self
    }

    /// Whether the application's call is dropped where it waits when its client is gone; it is not, by default: it
    /// runs to its end, is told why, and its sends fail (A-06).
    pub fn cancel_on_disconnect(mut self, cancel: bool) -> Self {
        self.edit().cancel_on_disconnect = cancel;
        self
    }

    /// Whether messages are compressed where the client offers it; each by itself, by default (S-62).
    pub fn deflate(mut self, deflate: Deflate) -> Self {
        self.edit().deflate = deflate;
        self
    }

    /// The origins whose pages may open a WebSocket, such as `https://example.org`; all, by default.
    ///
    /// A handshake that names another one is answered with 403 (S-10). One that names none is not from a
    /// page, and what is not a page can name any (S-66): it is let through.
    pub fn origins<O: Into<String>>(mut self, origins: impl IntoIterator<Item = O>) -> Self {
        self.edit().origins = Some(origins.into_iter().map(Into::into).collect());
        self
    }

    pub(super) fn values(&self) -> &Values {
        &self.values
    }

    fn edit(&mut self) -> &mut Values {
        Arc::make_mut(&mut self.values)
    }
}

impl Default for Values {
    fn default() -> Self {
        Self {
            max_message: 1024 * 1024,
            max_frame: 1088 * 1024,
            ping_interval: Some(Duration::from_secs(20)),
            pong_timeout: Duration::from_secs(20),
            close_timeout: Duration::from_secs(10),
            handshake_timeout: Some(Duration::from_secs(30)),
            write_timeout: Some(Duration::from_secs(30)),
            cancel_on_disconnect: false,
            deflate: Deflate::PerMessage,
            origins: None,
            pool: Pool::default(),
        }
    }
}

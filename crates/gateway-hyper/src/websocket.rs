//! WebSockets, as this server has them: its settings, what it counts, and what ends them.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use gateway_iface::asgi::Disconnect;
use gateway_websocket::{CallEnd, Deflate, Driver, Limit as Hit, Settings};
use tokio::io::{AsyncRead, AsyncWrite};

use crate::builder::Builder;
use crate::control::Control;
use crate::serving::{Admitted, Serving};
use crate::stats::{Limit, OpenWebSocket};
use crate::waits::Wait;

/// Drives an open socket until it and its call are over, or the server says so.
pub(crate) async fn drive<Io: AsyncRead + AsyncWrite + Unpin>(
    mut driver: Box<Driver<Io, Watch>>,
    control: &Control,
) {
    let mut stopping = false;
    poll_fn(|cx| {
        control.wait(cx);
        if control.is_cut_off() {
            driver.cut_off(cx);
            return Poll::Ready(());
        }
        if control.waits().take_expired().is_some_and(|expired| expired.contains(Wait::Write)) {
            driver.lose(Disconnect::Timeout);
        }
        if control.is_stopping() && !stopping {
            stopping = true;
            // The socket is closed with 1001 (S-59).
            driver.shut_down();
        }
        Pin::new(&mut *driver).poll(cx)
    })
    .await;
}

/// What the server counts of one socket, and holds for it.
#[derive(Debug)]
pub(crate) struct Watch {
    serving: Arc<Serving>,
    control: Arc<Control>,
    admitted: Option<Admitted>,
    open: Option<OpenWebSocket>,
}

impl Watch {
    pub(crate) const fn new(
        serving: Arc<Serving>,
        control: Arc<Control>,
        admitted: Option<Admitted>,
    ) -> Self {
        Self { serving, control, admitted, open: None }
    }
}

impl gateway_websocket::Watch for Watch {
    fn opened(&mut self) {
        self.open = Some(OpenWebSocket::new(Arc::clone(self.control.counters())));
    }

    fn hit(&mut self, limit: Hit) {
        let limit = match limit {
            Hit::Size => Limit::WebSocketSize,
            Hit::HandshakeTime => Limit::WebSocketHandshakeTime,
            Hit::WriteTime => Limit::WriteTime,
            Hit::PongTime => Limit::WebSocketPongTime,
            _ => return,
        };
        self.control.counters().hit(limit);
    }

    fn call_ended(&mut self, how: CallEnd<'_>) {
        self.admitted = None;
        let counters = self.control.counters();
        counters.request_ended();
        match how {
            CallEnd::Failed(error) => counters.failed(error),
            CallEnd::Incomplete => counters.incomplete(),
            CallEnd::Panicked => counters.panicked(),
            _ => {}
        }
    }

    fn written(&mut self, blocked: bool, moved: bool) {
        self.control.waits().watch(Wait::Write, blocked, moved, self.serving.limits().write);
    }
}

/// Settings of WebSockets.
impl Builder {
    /// How many octets a message of a WebSocket may have, uncompressed; 1 MiB by default.
    ///
    /// A larger one closes the socket with 1009 (S-40). Memory is taken as octets come, never because
    /// a length was announced; but every socket may have a message of that size that is not complete, and a compressed
    /// one costs its sender next to nothing.
    pub fn websocket_max_message(self, octets: usize) -> Self {
        self.set_websocket(|websocket| websocket.max_message(octets))
    }

    /// How many octets a frame of a WebSocket may have, as it is sent; 1088 KiB by default: what
    /// cannot be compressed becomes a little larger by that.
    ///
    /// A larger one closes the socket with 1009 (S-40).
    pub fn websocket_max_frame(self, octets: usize) -> Self {
        self.set_websocket(|websocket| websocket.max_frame(octets))
    }

    /// How long a client of a WebSocket may be silent before it is pinged; 20 seconds by default, `None` is
    /// never (S-45).
    ///
    /// It is looked at once in every such interval, so a ping goes out after one or two of silence.
    pub fn websocket_ping_interval(self, interval: Option<Duration>) -> Self {
        self.set_websocket(|websocket| websocket.ping_interval(interval))
    }

    /// How long a client may take to show a sign of life once it was pinged; 20 seconds by default.
    ///
    /// After that the socket is closed, and the application learns of 1006 and
    /// [`Disconnect::Timeout`] (S-45).
    pub fn websocket_pong_timeout(self, timeout: Duration) -> Self {
        self.set_websocket(|websocket| websocket.pong_timeout(timeout))
    }

    /// How long the end of a WebSocket may take, once this side has closed it; 10 seconds by default (S-54).
    pub fn websocket_close_timeout(self, timeout: Duration) -> Self {
        self.set_websocket(|websocket| websocket.close_timeout(timeout))
    }

    /// How long an application may take to answer a handshake; 30 seconds by default, `None` is no limit.
    ///
    /// After that the client gets 503, and the application learns of [`Disconnect::Timeout`] (S-25).
    pub fn websocket_handshake_timeout(self, timeout: Option<Duration>) -> Self {
        self.set_websocket(|websocket| websocket.handshake_timeout(timeout))
    }

    /// Whether messages are compressed where the client offers it; each by itself, by default (S-62).
    pub fn websocket_deflate(self, deflate: Deflate) -> Self {
        self.set_websocket(|websocket| websocket.deflate(deflate))
    }

    /// The origins whose pages may open a WebSocket, such as `https://example.org`; all, by default.
    ///
    /// A handshake that names another one is answered with 403 (S-10). One that names none is not from a
    /// page, and what is not a page can name any (S-66): it is let through.
    pub fn websocket_origins<O: Into<String>>(self, origins: impl IntoIterator<Item = O>) -> Self {
        self.set_websocket(|websocket| websocket.origins(origins))
    }

    fn set_websocket(mut self, set: impl FnOnce(Settings) -> Settings) -> Self {
        self.websocket = set(self.websocket);
        self
    }
}

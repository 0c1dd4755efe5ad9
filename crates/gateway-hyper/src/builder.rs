//! How a server is set up.

use std::io;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Duration;

use gateway_websocket::Settings as WebSocketSettings;

use crate::lifespan::LifespanMode;
use crate::listener::Listener;
use crate::server::Server;
use crate::threads::Runtime;

/// How a server is set up; [`Server::builder`] begins one.
#[derive(Clone, Debug)]
#[must_use = "a builder does nothing until it listens"]
pub struct Builder {
    pub(crate) grace_period: Duration,
    pub(crate) max_head_size: usize,
    pub(crate) header_read_timeout: Option<Duration>,
    pub(crate) idle_timeout: Option<Duration>,
    pub(crate) body_read_timeout: Option<Duration>,
    pub(crate) body_min_rate: u32,
    pub(crate) max_body_size: Option<u64>,
    pub(crate) handler_timeout: Option<Duration>,
    pub(crate) write_timeout: Option<Duration>,
    pub(crate) max_connections: Option<usize>,
    pub(crate) max_concurrent_requests: Option<usize>,
    pub(crate) max_requests: Option<u64>,
    pub(crate) max_headers: usize,
    pub(crate) half_close: bool,
    pub(crate) on_disconnect: OnDisconnect,
    pub(crate) lifespan: LifespanMode,
    pub(crate) signals: bool,
    pub(crate) proxy_header_timeout: Duration,
    pub(crate) tls_handshake_timeout: Duration,
    pub(crate) http2: bool,
    pub(crate) http2_max_streams: u32,
    pub(crate) http2_max_resets: u32,
    pub(crate) drain_delay: Duration,
    pub(crate) drain_idle: Duration,
    pub(crate) notify: bool,
    pub(crate) runtime: Runtime,
    pub(crate) threads: Option<NonZeroUsize>,
    pub(crate) websocket: WebSocketSettings,
}

impl Builder {
    /// How long requests may go on once the server was told to stop; 30 seconds by default.
    ///
    /// What is not done by then is cut off, and its application's call is dropped.
    pub const fn grace_period(mut self, grace_period: Duration) -> Self {
        self.grace_period = grace_period;
        self
    }

    /// How many octets the head of a request may have, its request line included; 128 KiB by default.
    ///
    /// A larger one is answered with 431, one whose target alone has more than 64 KiB with 414, and the
    /// connection is closed (H-11, H-30).
    pub const fn max_head_size(mut self, octets: usize) -> Self {
        self.max_head_size = octets;
        self
    }

    /// How long a client may take to send the head of a request, from its first octet or, on a new connection, from
    /// the beginning; 30 seconds by default, `None` is no limit.
    ///
    /// A slower one is answered with 408 if it sent something, and disconnected (H-100).
    pub const fn header_read_timeout(mut self, timeout: Option<Duration>) -> Self {
        self.header_read_timeout = timeout;
        self
    }

    /// How long a connection may wait for its next request; 75 seconds by default, `None` is no limit. Then it is
    /// closed (H-100).
    pub const fn idle_timeout(mut self, timeout: Option<Duration>) -> Self {
        self.idle_timeout = timeout;
        self
    }

    /// How long an application that asks for more of a request's body may have to wait in all, not counting
    /// the time that [`body_min_rate`](Self::body_min_rate) allows for what did come; 30 seconds by default, `None`
    /// is no limit.
    ///
    /// Then `receive` tells [`Disconnect::Timeout`](gateway_iface::asgi::Disconnect::Timeout), and an application
    /// that returns that has the client answered with 408 (H-49, H-100).
    pub const fn body_read_timeout(mut self, timeout: Option<Duration>) -> Self {
        self.body_read_timeout = timeout;
        self
    }

    /// How many octets of a body in a second are fast enough for ever; 500 by default, and 1 at least.
    pub const fn body_min_rate(mut self, octets: u32) -> Self {
        self.body_min_rate = octets;
        self
    }

    /// How many octets the body of a request may have; `None`, the default, leaves that to the application.
    ///
    /// One that is announced to be larger is answered with 413 and does not reach the application; one that turns
    /// out to be larger ends as one that was cut, and an application that returns that has the client answered with
    /// 413 (H-48).
    pub const fn max_body_size(mut self, octets: Option<u64>) -> Self {
        self.max_body_size = octets;
        self
    }

    /// How long an application may take until the head of its response goes out; `None`, the default, is
    /// no limit.
    ///
    /// Then the client is answered with 503, and the call is told
    /// [`Disconnect::Timeout`](gateway_iface::asgi::Disconnect::Timeout); whether it goes on is
    /// [`on_disconnect`](Self::on_disconnect)'s.
    pub const fn handler_timeout(mut self, timeout: Option<Duration>) -> Self {
        self.handler_timeout = timeout;
        self
    }

    /// How long a client may take none of a response that waits for it; 30 seconds by default, `None` is no limit.
    ///
    /// Then it is disconnected, and the call is told
    /// [`Disconnect::Timeout`](gateway_iface::asgi::Disconnect::Timeout).
    pub const fn write_timeout(mut self, timeout: Option<Duration>) -> Self {
        self.write_timeout = timeout;
        self
    }

    /// How many connections may be open; 16,384 by default, `None` is as many as the system has descriptors for. They
    /// are never more than that, less 64 for everything else: see `ulimit -n`. The ready-made command line asks
    /// the system for as many as it allows.
    ///
    /// One more is answered with 503 and `retry-after`, and closed; over TLS it is closed without an answer.
    pub const fn max_connections(mut self, connections: Option<usize>) -> Self {
        self.max_connections = connections;
        self
    }

    /// How many requests may be under way at the same time; `None`, the default, is no limit.
    ///
    /// One more is answered with 503 and `retry-after`. A call counts until it is over.
    pub const fn max_concurrent_requests(mut self, requests: Option<usize>) -> Self {
        self.max_concurrent_requests = requests;
        self
    }

    /// How many requests are served on one connection of HTTP/1; `None`, the default, is no limit. The last one is
    /// answered with `connection: close`.
    pub const fn max_requests(mut self, requests: Option<u64>) -> Self {
        self.max_requests = requests;
        self
    }

    /// How many header fields a request of HTTP/1 may have; 100 by default. One with more is answered with 431, and
    /// the connection is closed (H-30).
    pub const fn max_headers(mut self, fields: usize) -> Self {
        self.max_headers = fields;
        self
    }

    /// Whether a client that closed its sending side still gets its response; `false` by default.
    ///
    /// A closed sending side cannot be told from a lost client. By default it is taken for one, so
    /// that an application that only waits learns of the loss (A-100); with `true` the response is
    /// sent (A-101), and a loss is noticed when sending fails.
    pub const fn half_close(mut self, half_close: bool) -> Self {
        self.half_close = half_close;
        self
    }

    /// What becomes of a call whose client is gone; it runs on by default (A-06).
    pub fn on_disconnect(mut self, on_disconnect: OnDisconnect) -> Self {
        self.on_disconnect = on_disconnect;
        self.websocket = self.websocket.cancel_on_disconnect(on_disconnect == OnDisconnect::Cancel);
        self
    }

    /// Whether the application is told of start-up and shutdown; if it supports that, by default.
    pub const fn lifespan(mut self, lifespan: LifespanMode) -> Self {
        self.lifespan = lifespan;
        self
    }

    /// Whether Ctrl-C and SIGTERM stop the server; they do by default.
    pub const fn signals(mut self, signals: bool) -> Self {
        self.signals = signals;
        self
    }

    /// How long a proxy may take to send its header where a listener speaks the PROXY protocol
    /// ([`Listener::with_proxy_protocol`]); 10 seconds by default. A slower one is disconnected.
    pub const fn proxy_header_timeout(mut self, timeout: Duration) -> Self {
        self.proxy_header_timeout = timeout;
        self
    }

    /// How long a client may take to shake hands for TLS; 10 seconds by default. A slower one is disconnected.
    pub const fn tls_handshake_timeout(mut self, timeout: Duration) -> Self {
        self.tls_handshake_timeout = timeout;
        self
    }

    /// Whether HTTP/2 is spoken, over TLS where the client chooses it by ALPN and without TLS by prior knowledge; it is
    /// by default. Where it is not, its preface is answered with 505.
    pub const fn http2(mut self, http2: bool) -> Self {
        self.http2 = http2;
        self
    }

    /// How many streams a client may have open at the same time on an HTTP/2 connection; 128 by default.
    ///
    /// One more is refused with `REFUSED_STREAM`, and so is one where twice as many calls are under way
    /// on the connection: those whose client went away go on ([`OnDisconnect::Run`]), and count.
    pub const fn http2_max_streams(mut self, streams: u32) -> Self {
        self.http2_max_streams = streams;
        self
    }

    /// How many requests a client may take back on an HTTP/2 connection beyond those that it lets finish;
    /// 256 by default.
    ///
    /// A client that does little else is disconnected with `ENHANCE_YOUR_CALM` (rapid reset).
    pub const fn http2_max_resets(mut self, resets: u32) -> Self {
        self.http2_max_resets = resets;
        self
    }

    pub(crate) fn h2(&self) -> h2::server::Builder {
        let mut http2 = h2::server::Builder::new();
        http2
            .max_concurrent_streams(self.http2_max_streams)
            .max_header_list_size(u32::try_from(self.max_head_size).unwrap_or(u32::MAX))
            .initial_window_size(STREAM_WINDOW)
            .initial_connection_window_size(CONNECTION_WINDOW)
            .max_send_buffer_size(SEND_BUFFER)
            .enable_connect_protocol();
        http2
    }

    /// How long the server goes on as before once it was told to stop, but for
    /// [`Handle::is_draining`](crate::Handle::is_draining) and what [`Probes`](crate::Probes) answer; no time by
    /// default.
    ///
    /// It is for load balancers, which send requests until they notice: twice as long as their
    /// interval between checks is a good choice. A further signal ends it.
    pub const fn drain_delay(mut self, drain_delay: Duration) -> Self {
        self.drain_delay = drain_delay;
        self
    }

    /// How long an idle connection of HTTP/1 stays open once the server stops; 1 second by default.
    ///
    /// A request may be on its way on it, and no client can tell whether one was lost that met a closed connection.
    /// So the next request is answered, with `connection: close`; the time should be longer than any path to
    /// a client. Where it is zero, idle connections are closed at once.
    pub const fn drain_idle(mut self, drain_idle: Duration) -> Self {
        self.drain_idle = drain_idle;
        self
    }

    /// Whether the service manager is told when the server is ready, when it stops, and which process replaces it:
    /// systemd's `Type=notify`, where there is a `NOTIFY_SOCKET`. It is not by default.
    pub const fn notify(mut self, notify: bool) -> Self {
        self.notify = notify;
        self
    }

    /// How the threads of [`Server::run`] share their work; [`Runtime::PerThread`] by default.
    pub const fn runtime(mut self, runtime: Runtime) -> Self {
        self.runtime = runtime;
        self
    }

    /// How many threads [`Server::run`] has; as many as there are processors by default.
    pub const fn threads(mut self, threads: NonZeroUsize) -> Self {
        self.threads = Some(threads);
        self
    }

    /// Listens on an address; port 0 takes a free one.
    ///
    /// # Errors
    ///
    /// Those of [`Listener::bind`].
    pub async fn bind(self, addr: impl tokio::net::ToSocketAddrs) -> io::Result<Server> {
        self.listen(Listener::bind(addr).await?)
    }

    /// Listens on a unix socket.
    ///
    /// # Errors
    ///
    /// Those of [`Listener::bind_unix`].
    pub fn bind_unix(self, path: impl Into<PathBuf>) -> io::Result<Server> {
        self.listen(Listener::bind_unix(path)?)
    }

    /// Takes a socket that listens already.
    ///
    /// # Errors
    ///
    /// Those of asking the socket for its address.
    pub fn listen(self, listener: Listener) -> io::Result<Server> {
        self.listen_all([listener])
    }

    /// Takes several sockets that listen already; with none at all the server just waits to be told to stop.
    ///
    /// # Errors
    ///
    /// Those of asking a socket for its address.
    ///
    /// # Examples
    ///
    /// ```
    /// use gateway_hyper::{Inherited, ListenAddr, ListenOptions, Server};
    ///
    /// let mut listeners = Vec::new();
    /// for text in ["127.0.0.1:0", "[::1]:0"] {
    ///     listeners.extend(ListenOptions::new().bind(&text.parse()?, &mut Inherited::none())?);
    /// }
    /// let server = Server::builder().listen_all(listeners)?;
    /// assert_eq!(server.local_addrs().len(), 2);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn listen_all(self, listeners: impl IntoIterator<Item = Listener>) -> io::Result<Server> {
        Server::new(self, listeners.into_iter().collect())
    }
}

impl Default for Builder {
    fn default() -> Self {
        Self {
            grace_period: Duration::from_secs(30),
            max_head_size: 128 * 1024,
            header_read_timeout: Some(Duration::from_secs(30)),
            idle_timeout: Some(Duration::from_secs(75)),
            body_read_timeout: Some(Duration::from_secs(30)),
            body_min_rate: 500,
            max_body_size: None,
            handler_timeout: None,
            write_timeout: Some(Duration::from_secs(30)),
            max_connections: Some(16 * 1024),
            max_concurrent_requests: None,
            max_requests: None,
            max_headers: MAX_HEADERS,
            half_close: false,
            on_disconnect: OnDisconnect::Run,
            lifespan: LifespanMode::Auto,
            signals: true,
            proxy_header_timeout: Duration::from_secs(10),
            tls_handshake_timeout: Duration::from_secs(10),
            http2: true,
            http2_max_streams: 128,
            http2_max_resets: 256,
            drain_delay: Duration::ZERO,
            drain_idle: Duration::from_secs(1),
            notify: false,
            runtime: Runtime::PerThread,
            threads: None,
            // Connections are watched over by a thread, for all that they write.
            websocket: WebSocketSettings::default().write_timeout(None),
        }
    }
}

/// What a server does with an application's call when its client is gone (A-06).
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub enum OnDisconnect {
    /// The call runs to its end; its sends fail and its `receive` tells why.
    #[default]
    Run,
    /// The call is dropped where it waits, or before it began; one whose response is complete goes on.
    Cancel,
}

/// Octets of a request body that an HTTP/2 client may send ahead of the application.
const STREAM_WINDOW: u32 = 256 * 1024;
/// Octets that an HTTP/2 client may send ahead on all streams of a connection.
const CONNECTION_WINDOW: u32 = 1024 * 1024;
/// Octets of a response that wait for the connection, for each stream.
const SEND_BUFFER: usize = 64 * 1024;
/// Header fields of a request, where nothing else is said: hyper's own limit, which costs nothing.
pub(crate) const MAX_HEADERS: usize = 100;

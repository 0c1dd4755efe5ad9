//! A native HTTP server for [`gateway_iface`] applications, on tokio and hyper.
//!
//! [`serve`] is one line for an asynchronous application, and [`wsgi`] makes a synchronous one servable
//! on a [`Pool`] of threads; one that never waits is wrapped by
//! [`bridge::Inline`](gateway_iface::bridge::Inline) and needs none. [`Server::builder`] has the settings.
//!
//! # How it serves
//!
//! A request over HTTP/1 costs no task and no channel: the application's call lives with its connection and is
//! polled when hyper wants its head, or a block of its body, or when something that it waits for happens. The
//! call runs to its end also when the response is complete or the client is gone (A-06); a slow end
//! moves into a task of its own when the connection has its next request. Over HTTP/2 each stream is a task.
//!
//! HTTP/1.0, HTTP/1.1 and HTTP/2 are told apart for each connection: by ALPN over TLS ([`Listener::with_tls`]), and
//! by what comes first without it. The extensions of ASGI are advertised where they work: trailers, early hints,
//! files by path and by descriptor, and denial responses; files are read on threads, a block ahead of the client, not
//! spliced by the system. Server push is not offered: clients have dropped it. Trailers go to clients that ask for them
//! by `te` (A-135); over HTTP/1.1 those that the `trailer` field of the response announces. The trailers of a request
//! are [`RequestTrailers`](gateway_iface::RequestTrailers). A client that waits for 100 gets it when the application first
//! reads, and never after a final head (H-57, H-60).
//!
//! What the server has to say goes to [`tracing`]: without a subscriber it is silent. Errors and panics of
//! the application are told at the level of errors; a client that is gone is not (A-96).
//!
//! Requests that HTTP forbids do not reach the application: most are refused by hyper with 400, and what
//! it lets through (no `host`, several, or one that is none; a target that does not go with its method or is
//! not served here; credentials in a target; codings but chunked) by this server, with 400, 421 or 501 and a
//! closed connection.
//!
//! # WebSockets
//!
//! A request for a WebSocket is a call with that scope; what deviates from its handshake is refused with 400, or with 426
//! where it is about the version (S-01). Reading, the application's call and writing take turns in one task: a message
//! that is answered at once costs one wake-up, and a socket where nothing happens holds no buffers. Pings are answered
//! while the application does something else, until it has [so much](#limits) to receive that reading pauses (S-42);
//! a loss behind that is noticed when it reads on, or by what is written. Messages are compressed where the client
//! offers that ([`Builder::websocket_deflate`]); [`Builder::websocket_origins`] names the pages that may connect. When
//! the server stops its sockets are closed with 1001, and their applications learn of
//! [`Disconnect::Shutdown`](gateway_iface::asgi::Disconnect::Shutdown) (S-59); with
//! [`OnDisconnect::Cancel`] calls are dropped whose connection broke, while those that were closed go on.
//!
//! # In production
//!
//! One server listens at several places ([`Builder::listen_all`], [`ListenOptions`]), and [`Server::run`] serves on
//! threads of its own ([`Runtime`]). Behind a proxy that passes octets on, a listener has clients by the PROXY protocol
//! ([`Listener::with_proxy_protocol`]). [`Handle::stats`] has its figures; [`Probes`] shows them to Prometheus and
//! answers health checks, on paths of the server or on a listener [beside](Server::beside). When it is told to stop, a
//! server may [go on for a while](Builder::drain_delay) so that load balancers see it, answers requests that are
//! [on their way](Builder::drain_idle), and lets others [finish](Builder::grace_period); [`Restart`] has a new process
//! take over with no request lost. The feature `cli` has all of that as a ready-made command line:
//! `gateway_hyper::main(app)`.
//!
//! # Limits
//!
//! | limit | value | beyond it |
//! |---|---|---|
//! | time of a request's head | [`Builder::header_read_timeout`], 30 s | 408 if something came, closed |
//! | time until the next request | [`Builder::idle_timeout`], 75 s | closed |
//! | size of a request's head | [`Builder::max_head_size`], 128 KiB | 431, closed |
//! | fields of a request's head | [`Builder::max_headers`], 100 | 431, closed |
//! | request line | hyper's: 64 KiB of target | 414, closed |
//! | method | 64 octets | 501, closed |
//! | octets of a request body | [`Builder::max_body_size`], none, and the application's: [`Receive::body`](gateway_iface::asgi::Receive::body) | 413 |
//! | wait for a request body | [`Builder::body_read_timeout`], 30 s, and [`Builder::body_min_rate`], 500 octets a second | [`Disconnect::Timeout`](gateway_iface::asgi::Disconnect::Timeout), 408 |
//! | time of the application, to its head | [`Builder::handler_timeout`], none | 503, [`Disconnect::Timeout`](gateway_iface::asgi::Disconnect::Timeout) |
//! | client that takes nothing | [`Builder::write_timeout`], 30 s | cut off, [`Disconnect::Timeout`](gateway_iface::asgi::Disconnect::Timeout) |
//! | connections | [`Builder::max_connections`], 16,384 | 503 with `retry-after`, closed; over TLS closed without an answer |
//! | requests under way | [`Builder::max_concurrent_requests`], none | 503 with `retry-after` |
//! | requests on a connection of HTTP/1 | [`Builder::max_requests`], none | `connection: close` with the last one |
//! | header of the PROXY protocol | [`Builder::proxy_header_timeout`], 10 s, and 4 KiB | closed |
//! | TLS handshake | [`Builder::tls_handshake_timeout`], 10 s | closed |
//! | streams of an HTTP/2 connection | [`Builder::http2_max_streams`], 128 | refused with `REFUSED_STREAM` |
//! | requests taken back on an HTTP/2 connection | [`Builder::http2_max_resets`], 256 | `ENHANCE_YOUR_CALM`, closed |
//! | frames without use on an HTTP/2 connection | h2's | `ENHANCE_YOUR_CALM`, closed |
//! | response waiting for its client | 16 blocks or 64 KiB, and hyper's buffer | `send` waits |
//! | response that no client sees (HEAD, a closed connection) | 65,536 blocks or 64 MiB | `send` fails with [`Disconnect::Complete`](gateway_iface::asgi::Disconnect::Complete) |
//! | body read ahead while an application only waits | 64 KiB | a loss is noticed when it reads |
//! | calls of synchronous applications | [`Pool::new`]: threads and queue | 503 with `retry-after` |
//! | message of a WebSocket, and frame | [`Builder::websocket_max_message`], [`Builder::websocket_max_frame`], 1 MiB, and 1088 KiB | closed with 1009 |
//! | handshake of a WebSocket that is not answered | [`Builder::websocket_handshake_timeout`], 30 s | 503 |
//! | silence on a WebSocket | [`Builder::websocket_ping_interval`], 20 s, and [`Builder::websocket_pong_timeout`], 20 s | pinged, then closed with 1011 |
//! | end of a WebSocket that was closed | [`Builder::websocket_close_timeout`], 10 s | the connection is closed |
//! | messages waiting for the application | 16 or 64 KiB, and the message read last | reading pauses |
//! | messages waiting for the client | 64 KiB, twice | `send` waits |
//! | time of idle connections at shutdown | [`Builder::drain_idle`], 1 s | the connection is closed |
//! | time to finish at shutdown | [`Builder::grace_period`], 30 s | connections are cut off, calls dropped |
//!
//! # Not there yet
//!
//! HTTP/3, and systems other than unix.

mod accept;
mod beside;
mod builder;
#[cfg(feature = "cli")]
mod cli;
mod connection;
mod control;
mod counted;
mod date;
mod descriptors;
mod error;
mod exchange;
mod handle;
mod host;
mod http1;
mod http2;
mod lifespan;
mod limits;
mod listener;
mod notify;
mod pool;
mod probes;
mod proxy_protocol;
mod refusal;
mod restart;
mod server;
mod serving;
mod signal;
mod socket;
mod stats;
mod threads;
mod tls;
mod waits;
mod websocket;

pub use self::builder::{Builder, OnDisconnect};
#[cfg(feature = "cli")]
pub use self::cli::{main, main_from, main_wsgi, main_wsgi_from};
pub use self::error::ServeError;
pub use self::handle::Handle;
pub use self::lifespan::LifespanMode;
pub use self::listener::{Inherited, InvalidListenAddr, ListenAddr, ListenOptions, Listener, LocalAddr};
pub use self::pool::{Pool, wsgi};
pub use self::probes::Probes;
pub use self::proxy_protocol::ProxyProtocol;
pub use self::restart::Restart;
pub use self::server::Server;
pub use self::stats::{Limit, Stats};
pub use self::threads::Runtime;
pub use self::tls::{ClientCerts, TlsConfig};
pub use gateway_websocket::Deflate as WebSocketDeflate;

use gateway_iface::asgi::Application;

/// Serves an asynchronous application on an address until Ctrl-C or SIGTERM.
///
/// # Errors
///
/// Those of [`Listener::bind`] and [`Server::serve`].
///
/// # Cancel safety
///
/// As for [`Server::serve`].
///
/// # Examples
///
/// ```no_run
/// use gateway_iface::{Error, asgi};
///
/// async fn hello(scope: asgi::Scope, _: asgi::Receive, mut send: asgi::Send) -> Result<(), Error> {
///     scope.into_http()?;
///     send.text(200, "Hello, World!").await?;
///     Ok(())
/// }
///
/// # async fn run() -> Result<(), gateway_hyper::ServeError> {
/// gateway_hyper::serve("127.0.0.1:8000", hello).await
/// # }
/// ```
pub async fn serve(
    addr: impl tokio::net::ToSocketAddrs,
    app: impl Application + 'static,
) -> Result<(), ServeError> {
    Server::builder().bind(addr).await?.serve(app).await
}

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

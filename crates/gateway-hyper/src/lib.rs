//! A native HTTP server for [`gateway_iface`] applications, on tokio and hyper.

mod body;
mod connection;
mod exchange;
mod lifespan;
mod link;
mod listener;
mod pool;
mod server;
mod signal;
mod stream;

pub use self::connection::OnDisconnect;
pub use self::lifespan::LifespanMode;
pub use self::listener::{Listener, LocalAddr};
pub use self::pool::{Pool, wsgi};
pub use self::server::{Builder, Handle, ServeError, Server};

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

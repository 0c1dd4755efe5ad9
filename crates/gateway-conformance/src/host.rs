//! What is put to the test.

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;

use gateway_iface::{BoxError, asgi, wsgi};

use crate::application::Application;

/// A server, gateway or adapter that the kit puts to the test.
///
/// A closure `Fn(Application) -> Result<Running, BoxError>` is one too.
pub trait Host {
    /// Starts to serve the application, and says how to reach it.
    ///
    /// It is called once for each case, from several threads at once; each time with an application of
    /// that case's own, which is both a [`wsgi::Application`] and an [`asgi::Application`].
    ///
    /// # Errors
    ///
    /// When the application's start-up failed, or the host could not listen.
    fn start(&self, app: Application) -> Result<Running, BoxError>;

    /// Cases that this host cannot pass, each with the reason; they must fail, or the exception is to go.
    fn exceptions(&self) -> &[Exception] {
        &[]
    }
}

impl<F> Host for F
where
    F: Fn(Application) -> Result<Running, BoxError>,
{
    fn start(&self, app: Application) -> Result<Running, BoxError> {
        self(app)
    }
}

/// A case that a host cannot pass.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Exception {
    /// The name of the case.
    pub case: &'static str,
    /// Why: for whoever reads the report.
    pub reason: &'static str,
}

impl Exception {
    /// What no host can pass where a synchronous interface stands between the client and an asynchronous
    /// application: nothing tells of a client that left, to read is to block the thread, and an application
    /// that is not done yet is run to its end by the close of its body.
    pub const SYNCHRONOUS: &'static [Self] = &[
        Self::new(
            "application_that_waits_learns_that_its_client_left",
            "A-100: a synchronous server does not tell that its client left",
        ),
        Self::new(
            "loss_is_told_without_reading_the_body",
            "A-100: a synchronous server does not tell that its client left",
        ),
        Self::new("receive_and_send_wait_at_the_same_time", "A-13: to read is to block the thread"),
        Self::new("receive_that_is_dropped_loses_no_event", "A-14: to read is to block the thread"),
    ];

    /// For the case of that name.
    #[must_use]
    pub const fn new(case: &'static str, reason: &'static str) -> Self {
        Self { case, reason }
    }
}

/// A host that serves, and how to reach it.
#[must_use = "a host that is dropped is stopped"]
pub struct Running {
    pub(crate) reach: Reach,
    stop: Option<Stop>,
}

type Stop = Box<dyn FnOnce() -> Result<(), BoxError> + Send>;

/// How the kit reaches a host.
#[derive(Clone)]
pub(crate) enum Reach {
    /// Over a socket, and by a path that all requests begin with.
    Tcp(SocketAddr, Arc<str>),
    /// The same by HTTP/2.
    Http2(SocketAddr, Arc<str>),
    Asgi(Arc<dyn asgi::Application>),
    Wsgi(Arc<dyn wsgi::Application>),
}

impl Running {
    /// Over TCP. `stop` is called at the end: it stops the host and returns when the host has stopped.
    pub fn tcp(addr: SocketAddr, stop: impl FnOnce() -> Result<(), BoxError> + Send + 'static) -> Self {
        Self { reach: Reach::Tcp(addr, Arc::from("")), stop: Some(Box::new(stop)) }
    }

    /// Over TCP by HTTP/2, as who knows ahead that the host speaks it. The groups `wsgi`, `asgi_http` and
    /// `middleware` go over it as they do over HTTP/1.1.
    pub fn http2(addr: SocketAddr, stop: impl FnOnce() -> Result<(), BoxError> + Send + 'static) -> Self {
        Self { reach: Reach::Http2(addr, Arc::from("")), stop: Some(Box::new(stop)) }
    }

    /// In process: an adapter, a bridge or a middleware around the application, which the kit calls as an
    /// asynchronous server does.
    pub fn asgi(app: impl asgi::Application + 'static) -> Self {
        Self { reach: Reach::Asgi(Arc::new(app)), stop: None }
    }

    /// In process: an adapter, a bridge or a middleware around the application, which the kit calls as a
    /// synchronous server does.
    pub fn wsgi(app: impl wsgi::Application + 'static) -> Self {
        Self { reach: Reach::Wsgi(Arc::new(app)), stop: None }
    }

    /// With something to be called at the end: it stops the host and returns when the host has stopped.
    pub fn with_stop(mut self, stop: impl FnOnce() -> Result<(), BoxError> + Send + 'static) -> Self {
        self.stop = Some(Box::new(stop));
        self
    }

    /// Stops the host, and waits until it has stopped.
    pub(crate) fn stop(mut self) -> Result<(), BoxError> {
        self.stop.take().map_or(Ok(()), |stop| stop())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(stop) = self.stop.take() {
            // Whoever wants the error stops it before.
            let _ = stop();
        }
    }
}

impl fmt::Debug for Running {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let reach: &dyn fmt::Debug = match &self.reach {
            Reach::Tcp(addr, _) | Reach::Http2(addr, _) => addr,
            Reach::Asgi(_) => &"asgi",
            Reach::Wsgi(_) => &"wsgi",
        };
        f.debug_struct("Running").field("reach", reach).finish_non_exhaustive()
    }
}

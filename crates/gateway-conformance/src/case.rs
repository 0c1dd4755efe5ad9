//! One case of the kit.

use std::fmt;
use std::future::Future;
use std::sync::Arc;

use gateway_iface::asgi::{self, Receive, Scope};
use gateway_iface::wsgi::{self, Body, Environ, StartResponse};
use gateway_iface::{BoxError, Error};

use crate::client::Client;
use crate::journal::Journal;

/// One promise of a gateway: an application that puts it to the test, and what its client must see.
#[derive(Clone, Copy)]
#[non_exhaustive]
pub struct Case {
    /// Its name, one of its own in the whole kit.
    pub name: &'static str,
    /// The ids of the rules that it proves.
    pub rules: &'static [&'static str],
    /// What the application does, and what the client must see.
    pub about: &'static str,
    pub(crate) app: App,
    /// The rules that the application breaks on purpose: a validator must tell of them, and of no others.
    /// Which of several it tells of may hang on what the server can do.
    pub(crate) breaks: &'static [&'static str],
    pub(crate) check: fn(&Client) -> Result<(), Failure>,
    /// What must be noted when the host has stopped; a case without it starts and stops well.
    pub(crate) after: Option<After>,
}

impl Case {
    /// The fields that most cases leave as they are.
    pub(crate) const NEW: Self = Self {
        name: "",
        rules: &[],
        about: "",
        app: App::Asgi(|_| asgi(|scope, _, _| async move { Err(scope.unsupported().into()) })),
        breaks: &[],
        check: |_| Ok(()),
        after: None,
    };
}

type After = fn(&Journal, Ended) -> Result<(), Failure>;

/// How a host came to its end.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Ended {
    /// It said that it does not start.
    NotStarted,
    /// It served, and stopped well.
    Stopped,
    /// It served, and said that its stop failed.
    StopFailed,
}

impl fmt::Debug for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Case").field("name", &self.name).field("rules", &self.rules).finish_non_exhaustive()
    }
}

/// Cases about the same part of the contract.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum Group {
    /// The synchronous interface.
    Wsgi,
    /// The asynchronous interface, for requests.
    AsgiHttp,
    /// The asynchronous interface, for WebSockets.
    AsgiWebSocket,
    /// Start-up and shutdown.
    Lifespan,
    /// The middleware that comes with the interface.
    Middleware,
    /// What a client sees on its socket.
    HttpWire,
    /// What a client of a WebSocket sees, frame by frame.
    WebSocketWire,
    /// What a client of HTTP/2 sees.
    Http2,
}

impl Group {
    /// Every group, in the order of a report.
    pub const ALL: [Self; 8] = [
        Self::Wsgi,
        Self::AsgiHttp,
        Self::AsgiWebSocket,
        Self::Lifespan,
        Self::Middleware,
        Self::HttpWire,
        Self::WebSocketWire,
        Self::Http2,
    ];

    /// Its name, as in the macro [`suite!`](crate::suite!).
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Wsgi => "wsgi",
            Self::AsgiHttp => "asgi_http",
            Self::AsgiWebSocket => "asgi_websocket",
            Self::Lifespan => "lifespan",
            Self::Middleware => "middleware",
            Self::HttpWire => "http_wire",
            Self::WebSocketWire => "websocket_wire",
            Self::Http2 => "http2",
        }
    }

    /// The group of that name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|group| group.name() == name)
    }
}

/// How the application of a case is made.
#[derive(Clone, Copy)]
pub(crate) enum App {
    Asgi(fn(Journal) -> Arc<dyn asgi::Application>),
    Wsgi(fn(Journal) -> Arc<dyn wsgi::Application>),
}

/// An asynchronous application.
pub(crate) fn asgi<F, Fut>(app: F) -> Arc<dyn asgi::Application>
where
    F: Fn(Scope, Receive, asgi::Send) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<(), Error>> + Send + 'static,
{
    Arc::new(app)
}

/// A synchronous application.
pub(crate) fn wsgi<F>(app: F) -> Arc<dyn wsgi::Application>
where
    F: Fn(Environ, &mut dyn StartResponse) -> Result<Body, Error> + Send + Sync + 'static,
{
    Arc::new(app)
}

/// What was seen, where a rule asks for something else.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Failure(String);

impl Failure {
    /// With what was seen, in a sentence.
    pub fn new(seen: impl Into<String>) -> Self {
        Self(seen.into())
    }

    pub(crate) fn of(doing: &str, error: impl Into<BoxError>) -> Self {
        Self(format!("{doing}: {}", error.into()))
    }
}

/// Fails unless the two are equal.
#[expect(
    clippy::needless_pass_by_value,
    reason = "what was seen is made for this, and what is wanted is often a literal"
)]
pub(crate) fn equal<T: PartialEq<U> + fmt::Debug, U: fmt::Debug>(
    what: &str,
    seen: T,
    wanted: U,
) -> Result<(), Failure> {
    if seen == wanted {
        return Ok(());
    }
    Err(Failure(format!("{what}: saw {seen:?}, wanted {wanted:?}")))
}

/// Fails unless it holds.
pub(crate) fn ensure(holds: bool, otherwise: impl FnOnce() -> String) -> Result<(), Failure> {
    if holds { Ok(()) } else { Err(Failure(otherwise())) }
}

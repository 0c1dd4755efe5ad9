//! What those ask who look after a server.

use std::fmt;
use std::future::{Future, ready};
use std::pin::Pin;
use std::sync::Arc;

use bytes::Bytes;
use gateway_iface::asgi::{self, Application, Receive, Scope};
use gateway_iface::{Error, RequestHead};
use http::{HeaderValue, Method, Response, StatusCode, header};

use crate::handle::Handle;

/// Answers health checks and scrapes of a server's figures in front of an application, or beside it.
///
/// The path for health has 200 while the server serves, and 503 from when it was told to stop; that for
/// metrics has [`Stats::to_prometheus`](crate::Stats::to_prometheus). Both are for GET and HEAD, other methods have
/// 405. All other requests pass untouched, and nothing is answered where no path is given.
///
/// Who can reach the server can reach these paths. [`Server::beside`](crate::Server::beside) puts them on a
/// listener of their own.
///
/// # Examples
///
/// ```
/// use gateway_hyper::{Probes, Server};
/// use gateway_iface::http::Request;
/// use gateway_iface::testing::{AsgiClient, block_on};
/// # use gateway_iface::{Error, asgi};
/// # async fn hello(scope: asgi::Scope, _: asgi::Receive, mut send: asgi::Send) -> Result<(), Error> {
/// #     scope.into_http()?;
/// #     send.text(200, "Hello, World!").await?;
/// #     Ok(())
/// # }
///
/// # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
/// let server = Server::builder().bind("127.0.0.1:0").await?;
/// let app = Probes::new(hello, server.handle()).with_health("/healthz");
/// # let client = AsgiClient::new(app);
/// # let response = block_on(client.request(Request::get("/healthz").body("")?))?;
/// # assert_eq!((response.status().as_u16(), &response.body()[..]), (200, &b"serving\n"[..]));
/// # let response = block_on(client.request(Request::get("/").body("")?))?;
/// # assert_eq!(response.body(), "Hello, World!");
/// # Ok::<(), Error>(())
/// # })?;
/// # Ok::<(), Error>(())
/// ```
#[derive(Clone)]
pub struct Probes<A> {
    inner: A,
    handle: Handle,
    health: Option<String>,
    metrics: Option<String>,
}

impl<A> Probes<A> {
    /// Answers for the server of that handle, in front of `inner`.
    #[must_use]
    pub const fn new(inner: A, handle: Handle) -> Self {
        Self { inner, handle, health: None, metrics: None }
    }

    /// With a path for health checks.
    #[must_use]
    pub fn with_health(mut self, path: impl Into<String>) -> Self {
        self.health = Some(path.into());
        self
    }

    /// With a path for the figures.
    #[must_use]
    pub fn with_metrics(mut self, path: impl Into<String>) -> Self {
        self.metrics = Some(path.into());
        self
    }

    fn answer(&self, head: &RequestHead) -> Option<Response<Bytes>> {
        let is = |path: &Option<String>| path.as_deref() == Some(head.raw_path());
        let (status, kind, body) = if is(&self.health) {
            let (status, text) = match self.handle.is_draining() {
                false => (StatusCode::OK, "serving\n"),
                true => (StatusCode::SERVICE_UNAVAILABLE, "stopping\n"),
            };
            (status, "text/plain; charset=utf-8", Bytes::from_static(text.as_bytes()))
        } else if is(&self.metrics) {
            let text = self.handle.stats().to_prometheus();
            (StatusCode::OK, "text/plain; version=0.0.4; charset=utf-8", text.into())
        } else {
            return None;
        };
        let mut response = Response::new(body);
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        *response.status_mut() = status;
        if head.method() != Method::GET && head.method() != Method::HEAD {
            *response.body_mut() = Bytes::from_static(b"Method Not Allowed\n");
            response.headers_mut().insert(header::ALLOW, HeaderValue::from_static("GET, HEAD"));
            *response.status_mut() = StatusCode::METHOD_NOT_ALLOWED;
        }
        Some(response)
    }
}

impl Probes<Arc<dyn Application>> {
    /// Answers for the server of that handle, and everything else with 404.
    #[must_use]
    pub fn alone(handle: Handle) -> Self {
        Self::new(Arc::new(nothing), handle)
    }
}

impl<A: Application> Application for Probes<A> {
    fn call<'a, 'b>(&'a self, scope: Scope, receive: Receive, mut send: asgi::Send) -> CallFuture<'b>
    where
        'a: 'b,
        Self: 'b,
    {
        let request = match &scope {
            Scope::Http(request) => self.answer(request.head()),
            _ => None,
        };
        match request {
            Some(response) => Box::pin(async move { Ok(send.respond(response).await?) }),
            None => self.inner.call(scope, receive, send),
        }
    }
}

impl<A: fmt::Debug> fmt::Debug for Probes<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Probes")
            .field("inner", &self.inner)
            .field("health", &self.health)
            .field("metrics", &self.metrics)
            .finish_non_exhaustive()
    }
}

/// Is nowhere.
fn nothing(scope: Scope, _: Receive, mut send: asgi::Send) -> CallFuture<'static> {
    match scope.into_http() {
        Ok(_) => Box::pin(async move { Ok(send.text(404, "Not Found\n").await?) }),
        Err(unsupported) => Box::pin(ready(Err(unsupported.into()))),
    }
}

/// What [`Application::call`] returns.
type CallFuture<'a> = Pin<Box<dyn Future<Output = Result<(), Error>> + Send + 'a>>;

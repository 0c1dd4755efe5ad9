//! An application as a service.

use std::convert::Infallible;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use gateway_iface::adapter::{Failed, Hosted, Origin};
use gateway_iface::asgi::{Application, Capabilities, Capability, State};
use gateway_iface::{BoxError, Connection, RequestTrailers};
use http::request::Parts;
use http::{HeaderValue, Request, Response, StatusCode, header};
use http_body::Body;
use http_body_util::LengthLimitError;
use tower_service::Service;

use crate::request_blocks::RequestBlocks;
use crate::response_body::ResponseBody;
use crate::tasks::{Tasks, report};
use crate::upgrade::{self, Upgrading};

/// Serves an application as a tower service, for any body of the request.
///
/// # Contract
///
/// - The service is always ready, and never fails: an application that fails before its head is out is answered
///   with its status or 500 (A-106, W-138), with [`Failed`] among the extensions of that response.
/// - The request may carry an [`Origin`] in its extensions, as [`FromTower`](crate::FromTower) leaves one. Where it does
///   not, [`with_origin`](Self::with_origin) says where a request came from.
/// - A request that asks for a WebSocket, and that hyper can upgrade, or a framework by an [`Upgrade`](crate::Upgrade), is
///   a WebSocket of the application; once it is open a task of tokio's drives it, since hyper hands the connection over
///   only with the answer. Other upgrades are ordinary requests.
/// - Errors are logged by `tracing`, unless a [`FromTower`](crate::FromTower) around it passes them on; it does so by the
///   extensions of the response, so a layer between the two that drops these drops the error.
/// - A call that goes on without its response does so in a task of tokio's (A-06); outside of its runtimes it is
///   dropped.
///
/// # Examples
///
/// There is no lifespan in tower. Who serves runs it around the server, and hands in what the application stored:
///
/// ```no_run
/// use std::sync::Arc;
///
/// use gateway_iface::asgi::LifespanExchange;
/// use gateway_iface::{Error, asgi};
/// use gateway_tower::ToTower;
///
/// # async fn app(scope: asgi::Scope, _: asgi::Receive, mut send: asgi::Send) -> Result<(), Error> {
/// #     scope.into_http()?;
/// #     Ok(send.text(200, "x").await?)
/// # }
/// # async fn main_() -> Result<(), Error> {
/// let app = Arc::new(app);
/// let mut lifespan = LifespanExchange::of_shared(app.clone());
/// let service = ToTower::shared(app).with_state(lifespan.startup().await?);
/// let calls = service.clone();
/// let listener = tokio::net::TcpListener::bind("127.0.0.1:8000").await?;
/// let serving = axum::serve(listener, axum::Router::new().fallback_service(service));
/// let stopping = calls.clone();
/// let stop = async move {
///     drop(tokio::signal::ctrl_c().await);
///     stopping.shut_down();
/// };
/// serving.with_graceful_shutdown(stop).await?;
/// calls.finished().await;
/// lifespan.shutdown().await?;
/// # Ok(())
/// # }
/// ```
pub struct ToTower<A: ?Sized> {
    app: Arc<A>,
    settings: Arc<Settings>,
}

#[derive(Clone)]
struct Settings {
    connection: Arc<Connection>,
    origin: Option<fn(&mut Parts) -> Origin>,
    websockets: gateway_websocket::Settings,
    tasks: Arc<Tasks>,
}

impl<A: Application + 'static> ToTower<A> {
    /// Serves this application.
    pub fn new(app: A) -> Self {
        Self::shared(Arc::new(app))
    }
}

impl<A: Application + ?Sized + 'static> ToTower<A> {
    /// Serves an application that is shared already, such as an `Arc<dyn Application>`.
    #[must_use]
    pub fn shared(app: Arc<A>) -> Self {
        let connection = Arc::new(Connection::new().with_capabilities(SUPPORTED));
        Self {
            app,
            settings: Arc::new(Settings {
                connection,
                origin: None,
                websockets: gateway_websocket::Settings::default(),
                tasks: Arc::default(),
            }),
        }
    }

    /// With what the application stored at start-up (A-117).
    #[must_use]
    pub fn with_state(mut self, state: State) -> Self {
        let settings = Arc::make_mut(&mut self.settings);
        settings.connection = Arc::new(Connection::clone(&settings.connection).with_state(state));
        self
    }

    /// With where a request came from, for requests without an [`Origin`] among their extensions: the address of the
    /// client, and the whole target where a router took a prefix off (A-25, A-30).
    ///
    /// [`axum::origin`](crate::axum::origin) is the one for axum's routers.
    #[must_use]
    pub fn with_origin(mut self, origin: fn(&mut Parts) -> Origin) -> Self {
        Arc::make_mut(&mut self.settings).origin = Some(origin);
        self
    }

    /// With limits of WebSockets other than the [default](gateway_websocket::Settings).
    #[must_use]
    pub fn with_websockets(mut self, settings: gateway_websocket::Settings) -> Self {
        Arc::make_mut(&mut self.settings).websockets = settings;
        self
    }

    /// Waits until the calls that go on without their responses, and WebSockets, are over (A-06).
    ///
    /// Their clients have left, or have all there is. A server knows nothing of them: wait here when it has stopped, for
    /// as long as there is time; what is dropped with its runtime then is told of the shutdown.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future ends no call.
    pub async fn finished(&self) {
        self.settings.tasks.finished().await;
    }

    /// Tells WebSockets that the server stops: open ones are closed with 1001 (S-59), and so are those that open from now
    /// on.
    ///
    /// Calls for requests are not told: a server that stops gracefully waits for their responses.
    ///
    /// A server knows nothing of the WebSockets that it has handed over: call this when it begins to stop, and
    /// [`finished`](Self::finished) when it has stopped.
    pub fn shut_down(&self) {
        self.settings.tasks.shut_down();
    }

    fn begin<B>(&self, request: Request<B>) -> Responding
    where
        B: Body + Send + 'static,
        B::Error: Into<BoxError>,
    {
        let (mut parts, body) = request.into_parts();
        let passed_on = parts.extensions.remove::<Origin>();
        let is_passed_on = passed_on.as_ref().is_some_and(Origin::is_detached);
        let common = &self.settings.connection;
        let origin = match passed_on.or_else(|| Some(self.settings.origin?(&mut parts))) {
            Some(origin) => origin.with_common(common),
            None => Origin::new(common.clone()),
        };
        let trailers = parts.headers.contains_key(header::TRAILER).then(RequestTrailers::new);
        if let Some(trailers) = &trailers {
            parts.extensions.insert(trailers.clone());
        }
        let mut head = origin.restore(parts);
        if let Some(upgrade) = upgrade::asked(&mut head) {
            // What is announced: bodies of layers do not all say that they are at their end.
            let coded = head.headers().contains_key(header::TRANSFER_ENCODING);
            let has_body = coded || head.content_length().is_some_and(|length| length > 0);
            let tasks = self.settings.tasks.clone();
            let settings = &self.settings.websockets;
            let upgrading = Upgrading::begin(self.app.clone(), head, upgrade, has_body, settings, tasks);
            return Responding { answer: Answer::WebSocket(Box::new(upgrading)) };
        }
        let blocks = RequestBlocks::new(body, trailers);
        let call = Hosted::begin(self.app.clone(), head, blocks, self.settings.tasks.clone());
        Responding { answer: Answer::Http { call: Some(call), is_passed_on } }
    }
}

impl<A: Application + ?Sized + 'static, B> Service<Request<B>> for ToTower<A>
where
    B: Body + Send + 'static,
    B::Error: Into<BoxError>,
{
    type Response = Response<ResponseBody>;
    type Error = Infallible;
    type Future = Responding;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Responding {
        self.begin(request)
    }
}

impl<A: ?Sized> Clone for ToTower<A> {
    fn clone(&self) -> Self {
        Self { app: self.app.clone(), settings: self.settings.clone() }
    }
}

impl<A: ?Sized> fmt::Debug for ToTower<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ToTower").finish_non_exhaustive()
    }
}

/// Waits until an application lets the head of its response go; the application runs while it is polled.
#[must_use = "futures do nothing unless awaited"]
pub struct Responding {
    answer: Answer,
}

enum Answer {
    Http {
        call: Option<Hosted>,
        /// Whether who stands around the framework learns of errors, and logs them.
        is_passed_on: bool,
    },
    WebSocket(Box<Upgrading>),
}

impl Future for Responding {
    type Output = Result<Response<ResponseBody>, Infallible>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let (call, is_passed_on) = match &mut self.answer {
            Answer::Http { call, is_passed_on } => (call, *is_passed_on),
            Answer::WebSocket(upgrading) => return upgrading.poll(cx).map(Ok),
        };
        let head = match call {
            Some(call) => ready!(call.poll_head(cx)),
            None => return Poll::Pending,
        };
        let response = match (head, call.take()) {
            (Ok(start), Some(mut call)) => {
                let body = match call.take_whole() {
                    Some(block) => ResponseBody::whole(block),
                    None => ResponseBody::streamed(call, is_passed_on),
                };
                let mut response = Response::new(body);
                *response.status_mut() = start.status;
                *response.headers_mut() = start.headers;
                response
            }
            (Err(failed), _) => answer(failed, is_passed_on),
            (Ok(_), None) => return Poll::Pending,
        };
        Poll::Ready(Ok(response))
    }
}

impl fmt::Debug for Responding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Responding").finish_non_exhaustive()
    }
}

/// The answer to a request whose application left none: the reason phrase, and nothing of the inside (W-139).
fn answer(failed: Failed, is_passed_on: bool) -> Response<ResponseBody> {
    // A layer that limits bodies cuts one that is too large.
    let too_large = failed.error().find::<LengthLimitError>().is_some();
    let status = if too_large { StatusCode::PAYLOAD_TOO_LARGE } else { failed.status() };
    if !is_passed_on && !too_large && failed.is_fault() {
        report(failed.error());
    }
    let reason = status.canonical_reason().unwrap_or("Error");
    let mut response = Response::new(ResponseBody::whole(Bytes::from_static(reason.as_bytes())));
    *response.status_mut() = status;
    let text = HeaderValue::from_static("text/plain; charset=utf-8");
    response.headers_mut().insert(header::CONTENT_TYPE, text);
    if !too_large {
        response.extensions_mut().insert(failed);
    }
    response
}

/// What bodies of `http_body` can pass on.
const SUPPORTED: Capabilities = Capabilities::none().with(Capability::Trailers);

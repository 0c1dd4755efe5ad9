//! An application as an endpoint.

use std::convert::Infallible;
use std::fmt;
use std::io;
use std::sync::Arc;

use bytes::Bytes;
use gateway_iface::adapter::{Failed, Origin};
use gateway_iface::asgi::{Application, State};
use gateway_tower::{ToTower, Upgrade};
use http::{Method, header};
use http_body_util::BodyExt;
use http_body_util::combinators::BoxBody;
use poem::{Body, Endpoint, Request, Response, ResponseParts};
use tower_service::Service;

use crate::connection::origin;
use crate::errors::ApplicationError;
use crate::service::inside;

/// Makes a poem endpoint of an application.
///
/// # Contract
///
/// - The mount point is what [`Route::nest`](poem::Route::nest) took off (A-147), below that of a
///   [`FromPoem`](crate::FromPoem) further out. The target is the whole of it, and still as the client sent it.
/// - Addresses and scheme are those that poem knows (A-30). The request's data are the extensions (A-142).
/// - A request that asks for a WebSocket over HTTP/1.1 is one, driven by a task of tokio's once it is open.
/// - The application is called in place and runs while poem waits for it. It is told when its client left (A-95, A-100),
///   and may go on after that, and after its last block, in a task of tokio's (A-06).
/// - One that leaves no response is an [`ApplicationError`]; it is logged by `tracing`, unless a `FromPoem` further out
///   passes it on. Middleware that makes a response of its own of the error, as `catch_error` does, keeps it from that:
///   then nothing logs it but that middleware.
///
/// # Errors
///
/// `ApplicationError`, and nothing else.
///
/// # Examples
///
/// There is no lifespan in poem. Who serves runs it around the server, and hands in what the application stored:
///
/// ```no_run
/// use std::sync::Arc;
///
/// use gateway_iface::asgi::LifespanExchange;
/// use gateway_iface::{Error, asgi};
/// use gateway_poem::ToPoem;
/// use poem::listener::TcpListener;
///
/// # async fn app(scope: asgi::Scope, _: asgi::Receive, mut send: asgi::Send) -> Result<(), Error> {
/// #     scope.into_http()?;
/// #     Ok(send.text(200, "x").await?)
/// # }
/// # async fn main_() -> Result<(), Error> {
/// let app = Arc::new(app);
/// let mut lifespan = LifespanExchange::of_shared(app.clone());
/// let endpoint = ToPoem::shared(app).with_state(lifespan.startup().await?);
/// let calls = endpoint.clone();
/// let stopping = endpoint.clone();
/// let stop = async move {
///     drop(tokio::signal::ctrl_c().await);
///     stopping.shut_down();
/// };
/// poem::Server::new(TcpListener::bind("127.0.0.1:8000"))
///     .run_with_graceful_shutdown(endpoint, stop, None)
///     .await?;
/// calls.finished().await;
/// lifespan.shutdown().await?;
/// # Ok(())
/// # }
/// ```
pub struct ToPoem<A: ?Sized> {
    inner: ToTower<A>,
}

impl<A: Application + 'static> ToPoem<A> {
    /// Makes an endpoint of this application.
    pub fn new(app: A) -> Self {
        Self::shared(Arc::new(app))
    }
}

impl<A: Application + ?Sized + 'static> ToPoem<A> {
    /// Makes an endpoint of an application that is shared already, such as an `Arc<dyn Application>`.
    #[must_use]
    pub fn shared(app: Arc<A>) -> Self {
        Self { inner: ToTower::shared(app) }
    }

    /// With what the application stored at start-up (A-117).
    #[must_use]
    pub fn with_state(self, state: State) -> Self {
        Self { inner: self.inner.with_state(state) }
    }

    /// With limits of WebSockets other than the [default](gateway_websocket::Settings).
    #[must_use]
    pub fn with_websockets(self, settings: gateway_websocket::Settings) -> Self {
        Self { inner: self.inner.with_websockets(settings) }
    }

    /// Waits until the calls that go on without their responses, and WebSockets, are over (A-06): to be called when the
    /// server has stopped, poem's or another one around a [`FromPoem`](crate::FromPoem), for as long as there is time.
    /// What is dropped with its runtime then is told of the shutdown.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future ends no call.
    pub async fn finished(&self) {
        self.inner.finished().await;
    }

    /// Tells WebSockets that the server stops: open ones are closed with 1001 (S-59), and so are those that open from now
    /// on. To be called when the server begins to stop.
    pub fn shut_down(&self) {
        self.inner.shut_down();
    }
}

impl<A: Application + ?Sized + 'static> Endpoint for ToPoem<A> {
    type Output = Response;

    async fn call(&self, mut request: Request) -> poem::Result<Response> {
        if request.data::<Origin>().is_none() {
            let origin = origin(&request);
            request.set_data(origin);
        }
        // An extended CONNECT has no such field.
        let asks = request.headers().contains_key(header::UPGRADE) || *request.method() == Method::CONNECT;
        if asks && let Ok(upgrade) = request.take_upgrade() {
            request.set_data(Upgrade::new(async { upgrade.await.map_err(io::Error::other) }));
        }
        let request = http::Request::<BoxBody<Bytes, io::Error>>::from(request);
        let called: Result<_, Infallible> =
            self.inner.clone().call(request.map(|body| body.map_err(inside))).await;
        let Ok(response) = called;
        let (parts, body) = response.into_parts();
        if let Some(failed) = parts.extensions.get::<Failed>() {
            let mut error = poem::Error::from(ApplicationError::new(parts.status, failed.clone()));
            // For a `FromPoem` further out, whatever is made of the error until then.
            error.set_data(failed.clone());
            return Err(error);
        }
        let http::response::Parts { status, version, headers, extensions, .. } = parts;
        let parts = ResponseParts { status, version, headers, extensions };
        Ok(Response::from_parts(parts, Body::from(BoxBody::new(body.map_err(io::Error::other)))))
    }
}

impl<A: ?Sized> Clone for ToPoem<A> {
    fn clone(&self) -> Self {
        Self { inner: self.inner.clone() }
    }
}

impl<A: ?Sized> fmt::Debug for ToPoem<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ToPoem").finish_non_exhaustive()
    }
}

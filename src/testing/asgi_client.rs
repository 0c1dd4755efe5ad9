//! The client of asynchronous applications.

use std::sync::Arc;

use bytes::Bytes;
use http::request::Parts;
use http::{HeaderValue, Request, header};

use super::http_exchange::HttpExchange;
use super::http_wire::Pool;
use super::response::TestResponse;
use super::websocket::WebSocketExchange;
use crate::asgi::{Application, Capabilities, State, WebSocketScope};
use crate::connection::Connection;
use crate::error::Error;
use crate::request::RequestHead;

/// Calls an asynchronous application in memory: no socket, no runtime, no task.
///
/// [`request`](Self::request) is a whole exchange; [`begin`](Self::begin),
/// [`websocket`](Self::websocket) and [`lifespan`](Self::lifespan) leave every step to the test. A
/// panic of the application is an error of its call (A-104).
///
/// # Examples
///
/// ```
/// use gateway_iface::http::Request;
/// use gateway_iface::testing::{AsgiClient, block_on};
/// use gateway_iface::{Error, asgi};
///
/// async fn app(scope: asgi::Scope, mut receive: asgi::Receive, mut send: asgi::Send) -> Result<(), Error> {
///     scope.into_http()?;
///     let name = receive.body(100).await?;
///     send.text(200, [b"hello ", &name[..]].concat()).await?;
///     Ok(())
/// }
///
/// let client = AsgiClient::new(app);
/// let response = block_on(client.request(Request::post("/").body("you")?))?;
/// assert_eq!(response.body(), "hello you");
/// # Ok::<(), Error>(())
/// ```
#[derive(Debug)]
pub struct AsgiClient<A> {
    app: A,
    connection: Arc<Connection>,
    pool: Pool,
}

impl<A: Application> AsgiClient<A> {
    /// For that application, on a connection of which nothing is known.
    #[must_use]
    pub fn new(app: A) -> Self {
        Self { app, connection: Arc::default(), pool: Pool::default() }
    }

    /// With what all requests have in common.
    #[must_use]
    pub fn with_connection(mut self, connection: Connection) -> Self {
        self.connection = Arc::new(connection);
        self
    }

    /// With what the application stored at start-up (A-117).
    #[must_use]
    pub fn with_state(self, state: State) -> Self {
        let connection = (*self.connection).clone().with_state(state);
        self.with_connection(connection)
    }

    /// With these capabilities of the server (A-121).
    #[must_use]
    pub fn with_capabilities(self, capabilities: Capabilities) -> Self {
        let connection = (*self.connection).clone().with_capabilities(capabilities);
        self.with_connection(connection)
    }

    /// Makes a request and runs the application's call to its end (A-06), as a server does.
    ///
    /// Bodies of HEAD, 204 and 304 are dropped (A-75). An application that ends before any content is
    /// answered for with the status of its error, or 500 (A-106); [`TestResponse::error`] has the
    /// error. A request with body gets a `content-length` unless it has one, or `transfer-encoding`;
    /// one with a host in its target gets a `host` field unless it has one (A-35).
    ///
    /// # Errors
    ///
    /// When the response was begun and not completed: the application's own, or [`Incomplete`].
    ///
    /// # Cancel safety
    ///
    /// Dropping the future drops the application's.
    pub async fn request<B: Into<Bytes>>(&self, request: Request<B>) -> Result<TestResponse, Error> {
        let (mut parts, body) = request.into_parts();
        let body = body.into();
        complete_head(&mut parts, body.len());
        let mut exchange = self.begin(RequestHead::on(parts, Arc::clone(&self.connection)));
        exchange.feed(body, false);
        let mut response = exchange.response().await;
        if response.is_complete() {
            return Ok(response);
        }
        Err(response.take_error().unwrap_or_else(|| Incomplete.into()))
    }

    /// Begins an exchange for a request with this head; its body is fed by the test.
    ///
    /// The application's future is created, and not polled. The head brings its own connection.
    #[must_use]
    pub fn begin(&self, head: impl Into<Box<RequestHead>>) -> HttpExchange<'_> {
        HttpExchange::new(&self.app, &self.pool, head.into())
    }

    /// Asks to open a WebSocket.
    ///
    /// The application's future is created, and not polled.
    #[must_use]
    pub fn websocket<B>(&self, request: Request<B>) -> WebSocketExchange<'_> {
        let (mut parts, _) = request.into_parts();
        complete_head(&mut parts, 0);
        let head = RequestHead::on(parts, Arc::clone(&self.connection));
        WebSocketExchange::new(&self.app, WebSocketScope::new(head))
    }

    /// Begins a lifespan.
    #[must_use]
    pub fn lifespan(&self) -> crate::asgi::LifespanExchange<'_> {
        crate::asgi::LifespanExchange::new(&self.app)
    }

    /// The application.
    #[must_use]
    pub const fn get_ref(&self) -> &A {
        &self.app
    }
}

/// The application's call ended before its response was complete (A-65).
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("the application ended before its response was complete")]
#[non_exhaustive]
pub struct Incomplete;

/// Adds the fields that a client would have sent.
pub(super) fn complete_head(parts: &mut Parts, body_len: usize) {
    let headers = &mut parts.headers;
    if body_len > 0
        && !headers.contains_key(header::CONTENT_LENGTH)
        && !headers.contains_key(header::TRANSFER_ENCODING)
    {
        headers.insert(header::CONTENT_LENGTH, HeaderValue::from(body_len));
    }
    if let Some(authority) = parts.uri.authority()
        && !headers.contains_key(header::HOST)
    {
        let host = authority.as_str().rsplit_once('@').map_or(authority.as_str(), |(_, host)| host);
        if let Ok(host) = HeaderValue::from_str(host) {
            headers.insert(header::HOST, host);
        }
    }
}

#[cfg(test)]
#[path = "asgi_client_tests.rs"]
mod tests;

//! The client of asynchronous applications.

use std::sync::Arc;

use bytes::Bytes;
use http::request::Parts;
use http::{HeaderValue, Request, header};

use super::http_exchange::HttpExchange;
use super::http_wire::Pool;
use super::lifespan::LifespanExchange;
use super::response::TestResponse;
use super::websocket::WebSocketExchange;
use crate::asgi::{Application, Capabilities, State, WebSocketScope};
use crate::error::Error;
use crate::request::{Connection, RequestHead};

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
    pub fn lifespan(&self) -> LifespanExchange<'_> {
        LifespanExchange::new(&self.app)
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
mod tests {
    use http::{HeaderMap, StatusCode};

    use super::*;
    use crate::asgi::event::{EarlyHint, PathSend, ResponseStart, ResponseTrailers, ZeroCopySend};
    use crate::asgi::{Capability, Receive, Scope, Send};
    use crate::testing::block_on;

    fn get(path: &str) -> Request<&'static str> {
        Request::get(path).body("").unwrap()
    }

    async fn hello(_: Scope, _: Receive, mut send: Send) -> Result<(), Error> {
        send.text(200, "hello").await?;
        Ok(())
    }

    #[test]
    fn a_54_request_without_body_still_gives_one_request_event() {
        async fn app(_: Scope, mut receive: Receive, mut send: Send) -> Result<(), Error> {
            let event = receive.receive().await;
            send.text(200, event.name()).await?;
            Ok(())
        }
        assert_eq!(block_on(AsgiClient::new(app).request(get("/"))).unwrap().body(), "http.request");
    }

    #[test]
    fn a_75_body_in_answer_to_head_is_dropped() {
        let client = AsgiClient::new(hello);
        let response = block_on(client.request(Request::head("/").body("").unwrap())).unwrap();
        assert_eq!((response.status(), response.body().len()), (StatusCode::OK, 0));
        assert!(response.is_complete() && response.blocks().is_empty());
    }

    #[test]
    fn a_106_application_that_fails_before_content_is_answered_for_and_its_error_kept() {
        async fn app(scope: Scope, _: Receive, mut send: Send) -> Result<(), Error> {
            let scope = scope.into_http()?;
            match scope.path_info() {
                "/early" => Err(Error::new("broken").with_status(StatusCode::IM_A_TEAPOT)),
                "/started" => {
                    send.start(StatusCode::OK, HeaderMap::new()).await?;
                    Err(Error::new("broken"))
                }
                _ => Ok(()),
            }
        }
        let client = AsgiClient::new(app);
        for (path, status, error) in [("/early", 418, true), ("/started", 500, true), ("/silent", 500, false)]
        {
            let response = block_on(client.request(get(path))).unwrap();
            assert_eq!((response.status().as_u16(), response.error().is_some()), (status, error), "{path}");
            assert!(response.is_complete());
        }
    }

    #[test]
    fn a_106_application_that_ends_within_the_body_is_an_error() {
        async fn app(scope: Scope, _: Receive, mut send: Send) -> Result<(), Error> {
            let scope = scope.into_http()?;
            send.start(StatusCode::OK, HeaderMap::new()).await?;
            send.block("part").await?;
            if scope.path_info() == "/fails" { Err(Error::new("broken")) } else { Ok(()) }
        }
        let client = AsgiClient::new(app);
        assert_eq!(block_on(client.request(get("/fails"))).unwrap_err().to_string(), "broken");
        assert!(block_on(client.request(get("/returns"))).unwrap_err().find::<Incomplete>().is_some());
    }

    #[test]
    fn a_06_application_runs_to_its_end_after_a_complete_response() {
        async fn app(_: Scope, _: Receive, mut send: Send) -> Result<(), Error> {
            send.text(200, "x").await?;
            let mut polled = false;
            std::future::poll_fn(|cx| {
                cx.waker().wake_by_ref();
                if std::mem::replace(&mut polled, true) {
                    std::task::Poll::Ready(())
                } else {
                    std::task::Poll::Pending
                }
            })
            .await;
            Err(Error::new("after the end"))
        }
        let response = block_on(AsgiClient::new(app).request(get("/"))).unwrap();
        assert_eq!(response.error().unwrap().to_string(), "after the end");
        assert_eq!(response.body(), "x");
    }

    #[test]
    fn capabilities_are_offered_and_acted_upon() {
        async fn app(scope: Scope, _: Receive, mut send: Send) -> Result<(), Error> {
            let scope = scope.into_http()?;
            let file = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("rustfmt.toml");
            match scope.path_info() {
                "/trailers" => {
                    send.send(ResponseStart::new(StatusCode::OK, HeaderMap::new()).with_trailers(true))
                        .await?;
                    send.send(EarlyHint::new(vec![HeaderValue::from_static("</x>")])).await?;
                    send.last("x").await?;
                    let mut trailers = HeaderMap::new();
                    trailers.insert("x-sum", HeaderValue::from_static("1"));
                    send.send(ResponseTrailers::last(trailers)).await?;
                }
                "/path" => {
                    send.start(StatusCode::OK, HeaderMap::new()).await?;
                    send.send(PathSend::new(file)).await?;
                }
                "/missing" => {
                    send.start(StatusCode::OK, HeaderMap::new()).await?;
                    send.send(PathSend::new("/does/not/exist")).await?;
                }
                _ => {
                    let file = Arc::new(std::fs::File::open(file)?);
                    send.start(StatusCode::OK, HeaderMap::new()).await?;
                    let mut part = ZeroCopySend::new(file);
                    (part.offset, part.count, part.more_body) = (Some(4), Some(5), true);
                    send.send(part.clone()).await?;
                    (part.offset, part.count, part.more_body) = (None, Some(3), false);
                    send.send(part).await?;
                }
            }
            Ok(())
        }
        let set =
            [Capability::Trailers, Capability::EarlyHints, Capability::PathSend, Capability::ZeroCopySend]
                .into_iter()
                .fold(Capabilities::none(), Capabilities::with);
        let with = AsgiClient::new(app).with_capabilities(set);
        let trailers = block_on(with.request(get("/trailers"))).unwrap();
        assert_eq!(
            (trailers.text().as_ref(), &trailers.trailers()["x-sum"]),
            ("x", &HeaderValue::from_static("1"))
        );
        assert!(block_on(with.request(get("/path"))).unwrap().text().starts_with("max_width"));
        assert_eq!(block_on(with.request(get("/missing"))).unwrap().status(), 500);
        assert_eq!(block_on(with.request(get("/zero"))).unwrap().blocks(), ["width", "max"]);
        let without = AsgiClient::new(app);
        assert_eq!(block_on(without.request(get("/path"))).unwrap().status(), 500);
    }

    #[test]
    fn a_117_state_reaches_every_request() {
        async fn app(scope: Scope, _: Receive, mut send: Send) -> Result<(), Error> {
            let scope = scope.into_http()?;
            let number = scope.head().state().and_then(|state| state.get::<u8>()).copied();
            send.text(200, format!("{number:?}")).await?;
            Ok(())
        }
        let mut state = State::new();
        state.insert(7_u8);
        let client = AsgiClient::new(app).with_state(state);
        for _ in 0..2 {
            assert_eq!(block_on(client.request(get("/"))).unwrap().body(), "Some(7)");
        }
    }

    #[test]
    fn fields_that_a_client_would_send_are_added_once() {
        let mut parts = Request::post("http://user@example.org:8080/x").body(()).unwrap().into_parts().0;
        complete_head(&mut parts, 4);
        complete_head(&mut parts, 5);
        assert_eq!(parts.headers["host"], "example.org:8080");
        assert_eq!(parts.headers["content-length"], "4");
        assert_eq!(parts.headers.len(), 2);
    }

    #[test]
    fn a_01_calls_at_the_same_time_have_exchanges_of_their_own() {
        let client = AsgiClient::new(hello);
        let head = || RequestHead::new(get("/").into_parts().0);
        let (mut one, mut two) = (client.begin(head()), client.begin(head()));
        assert!(block_on(one.next_event()).is_some());
        assert_eq!(block_on(two.response()).body(), "hello");
        assert_eq!(block_on(one.response()).body(), "hello");
    }
}

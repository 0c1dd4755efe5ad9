//! The client of synchronous applications.

use std::fmt;
use std::io;
use std::mem;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use http::{HeaderMap, Request, StatusCode};

use super::asgi_client::complete_head;
use super::response::TestResponse;
use crate::asgi::{Disconnect, State};
use crate::connection::Connection;
use crate::error::Error;
use crate::request::RequestHead;
use crate::wsgi::{Application, Body, Environ, HeadState, Input, StartResponse, Transport, run_with};

/// Calls a synchronous application in memory, by [`wsgi::run`](crate::wsgi::run()).
///
/// # Examples
///
/// ```
/// use gateway_iface::http::{HeaderMap, Request, StatusCode};
/// use gateway_iface::testing::WsgiClient;
/// use gateway_iface::{Error, wsgi};
///
/// fn app(mut environ: wsgi::Environ, start_response: &mut dyn wsgi::StartResponse) -> Result<wsgi::Body, Error> {
///     let name = environ.input().read_all(100)?;
///     start_response.start(StatusCode::OK, HeaderMap::new())?;
///     Ok(wsgi::Body::blocks(["hello ".into(), name]))
/// }
///
/// let response = WsgiClient::new(app).request(Request::post("/").body("you")?)?;
/// assert_eq!(response.body(), "hello you");
/// # Ok::<(), Error>(())
/// ```
pub struct WsgiClient<A> {
    app: A,
    connection: Arc<Connection>,
    state: Mutex<Option<HeadState>>,
}

impl<A: Application> WsgiClient<A> {
    /// For that application, on a connection of which nothing is known.
    #[must_use]
    pub fn new(app: A) -> Self {
        Self { app, connection: Arc::default(), state: Mutex::default() }
    }

    /// With what all requests have in common.
    #[must_use]
    pub fn with_connection(mut self, connection: Connection) -> Self {
        self.connection = Arc::new(connection);
        self
    }

    /// With what was stored at start-up (A-117).
    #[must_use]
    pub fn with_state(self, state: State) -> Self {
        let connection = (*self.connection).clone().with_state(state);
        self.with_connection(connection)
    }

    /// Makes a request, as a server does; [`TestResponse::error`] has what it would have logged.
    ///
    /// A request with body gets a `content-length`, and one with a host in its target a `host` field,
    /// as by [`AsgiClient::request`](super::AsgiClient::request).
    ///
    /// # Errors
    ///
    /// The application's own, when the response was begun and not completed.
    pub fn request<B: Into<Bytes>>(&self, request: Request<B>) -> Result<TestResponse, Error> {
        let (mut parts, body) = request.into_parts();
        let body = body.into();
        complete_head(&mut parts, body.len());
        let head = RequestHead::on(parts, Arc::clone(&self.connection));
        let mut response = self.run(&self.app, Environ::new(Box::new(head), body.into()), usize::MAX);
        if response.is_complete() {
            return Ok(response);
        }
        Err(response.take_error().unwrap_or_else(|| Disconnect::Client.into()))
    }

    /// Prepares a call for a request with this head; the head brings its own connection.
    pub fn begin(&self, head: impl Into<Box<RequestHead>>) -> WsgiExchange<'_, A> {
        WsgiExchange { client: self, environ: Environ::new(head.into(), Input::empty()), room: usize::MAX }
    }

    /// The application.
    #[must_use]
    pub const fn get_ref(&self) -> &A {
        &self.app
    }

    fn run(&self, app: &dyn Application, environ: Environ, room: usize) -> TestResponse {
        let kept = mem::take(&mut *self.state.lock().unwrap_or_else(PoisonError::into_inner));
        let mut state = kept.unwrap_or_default();
        let mut memory = Memory { response: TestResponse::default(), room };
        let result = run_with(app, environ, &mut memory, &mut state);
        *self.state.lock().unwrap_or_else(PoisonError::into_inner) = Some(state);
        match result {
            Ok(()) => memory.response.seal(true, None),
            Err(error) => memory.response.seal(!error.is_aborted(), Some(error.into_error())),
        }
    }
}

impl<A: fmt::Debug> fmt::Debug for WsgiClient<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WsgiClient").field("app", &self.app).finish_non_exhaustive()
    }
}

/// One call that a test prepares; made by [`WsgiClient::begin`].
///
/// # Examples
///
/// ```
/// use gateway_iface::http::{HeaderMap, Request, StatusCode};
/// use gateway_iface::testing::WsgiClient;
/// use gateway_iface::{Error, RequestHead, wsgi};
///
/// fn endless(_: wsgi::Environ, start_response: &mut dyn wsgi::StartResponse) -> Result<wsgi::Body, Error> {
///     start_response.start(StatusCode::OK, HeaderMap::new())?;
///     Ok(wsgi::Body::blocks(std::iter::repeat("tick ")))
/// }
///
/// let client = WsgiClient::new(endless);
/// let (parts, ()) = Request::get("/").body(())?.into_parts();
/// let response = client.begin(RequestHead::new(parts)).lose_after(2).run();
/// assert_eq!(response.body(), "tick tick ");
/// assert!(!response.is_complete() && response.error().unwrap().is_disconnected());
/// assert_eq!(response.closes(), 1);
/// # Ok::<(), Error>(())
/// ```
#[derive(Debug)]
#[must_use = "the application is called by `run`"]
pub struct WsgiExchange<'a, A> {
    client: &'a WsgiClient<A>,
    environ: Environ,
    room: usize,
}

impl<A: Application> WsgiExchange<'_, A> {
    /// With that request body.
    pub fn with_input(mut self, input: impl Into<Input>) -> Self {
        self.environ.set_input(input.into());
        self
    }

    /// What the application will be called with, to change.
    pub const fn environ_mut(&mut self) -> &mut Environ {
        &mut self.environ
    }

    /// The client leaves after so many blocks: sending the next one fails (W-120, W-142).
    pub const fn lose_after(mut self, blocks: usize) -> Self {
        self.room = blocks;
        self
    }

    /// Calls the application, and counts how often its body is closed.
    #[must_use]
    pub fn run(self) -> TestResponse {
        let closes = Arc::new(AtomicUsize::new(0));
        let app = |environ: Environ, start_response: &mut dyn StartResponse| -> Result<Body, Error> {
            let body = self.client.app.call(environ, start_response)?;
            let closes = Arc::clone(&closes);
            Ok(body.on_close(move || {
                closes.fetch_add(1, Ordering::Relaxed);
                Ok(())
            }))
        };
        let mut response = self.client.run(&app, self.environ, self.room);
        response.set_closes(closes.load(Ordering::Relaxed));
        response
    }
}

struct Memory {
    response: TestResponse,
    room: usize,
}

impl Transport for Memory {
    fn head(&mut self, status: StatusCode, headers: HeaderMap, _: Option<u64>) -> io::Result<()> {
        self.response.start(status, headers);
        Ok(())
    }

    fn block(&mut self, data: Bytes) -> io::Result<()> {
        if self.room == 0 {
            return Err(io::Error::new(io::ErrorKind::BrokenPipe, Disconnect::Client));
        }
        self.room -= 1;
        self.response.push(data);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn get(path: &str) -> Request<&'static str> {
        Request::get(path).body("").unwrap()
    }

    fn app(mut environ: Environ, start_response: &mut dyn StartResponse) -> Result<Body, Error> {
        if environ.path_info() == "/early" {
            return Err(Error::new("broken").with_status(StatusCode::IM_A_TEAPOT));
        }
        start_response.start(StatusCode::OK, HeaderMap::new())?;
        match environ.path_info() {
            "/blocks" => Ok(Body::blocks(["a", "", "b"])),
            "/cut" => Ok(Body::try_blocks([Ok("part"), Err(Error::new("broken"))])),
            "/echo" => Ok(Body::from(environ.input().read_all(100)?)),
            "/panic" => std::panic::resume_unwind(Box::new("no way")),
            _ => Ok(Body::from("hello")),
        }
    }

    #[test]
    fn body_is_seen_as_the_application_cut_it() {
        let response = WsgiClient::new(app).request(get("/blocks")).unwrap();
        assert_eq!(response.blocks(), ["a", "b"]);
        assert_eq!(response.body(), "ab");
        assert_eq!(WsgiClient::new(app).request(get("/")).unwrap().blocks(), ["hello"]);
    }

    #[test]
    fn w_139_w_140_errors_are_answered_before_the_head_and_cut_after_it() {
        let client = WsgiClient::new(app);
        let response = client.request(get("/early")).unwrap();
        assert_eq!(
            (response.status(), response.error().unwrap().to_string()),
            (StatusCode::IM_A_TEAPOT, "broken".into())
        );
        assert_eq!(client.request(get("/panic")).unwrap().status(), 500);
        assert_eq!(client.request(get("/cut")).unwrap_err().to_string(), "broken");
    }

    #[test]
    fn w_129_head_has_no_body() {
        let response = WsgiClient::new(app).request(Request::head("/").body("").unwrap()).unwrap();
        assert!(response.body().is_empty() && response.is_complete());
    }

    #[test]
    fn w_13_body_is_closed_once_on_every_path() {
        let client = WsgiClient::new(app);
        let head = |path| RequestHead::new(get(path).into_parts().0);
        for (path, room, closes) in
            [("/", 9, 1), ("/blocks", 1, 1), ("/blocks", 0, 1), ("/cut", 9, 1), ("/early", 9, 0)]
        {
            let response = client.begin(head(path)).lose_after(room).run();
            assert_eq!(response.closes(), closes, "{path} {room}");
        }
    }

    #[test]
    fn input_of_a_test_reaches_the_application() {
        let client = WsgiClient::new(app);
        let head = || RequestHead::new(get("/echo").into_parts().0);
        let input = Input::new(&b"from a reader"[..], Some(6));
        assert_eq!(client.begin(head()).with_input(input).run().body(), "from a");
        let cut = Input::new(&b"cut"[..], Some(6));
        assert_eq!(client.begin(head()).with_input(cut).run().status(), 500);
    }
}

//! What a server tells an application about the connection it calls it for.

use http::{HeaderMap, Method};

use super::Receive;
use super::event::{Failure, ReceiveEvent, SendEvent};
use super::state::LifespanState;
use crate::error::{Error, UnsupportedScope};
use crate::request::RequestHead;

/// What an application is called for: one request, one WebSocket, or one lifespan (A-01, A-02).
///
/// Each is one pointer wide. An application that does not know a scope returns
/// [`UnsupportedScope`] without sending anything (A-05): the `into_` methods do.
///
/// ```
/// use gateway_iface::{Error, asgi};
///
/// async fn app(scope: asgi::Scope, _: asgi::Receive, mut send: asgi::Send) -> Result<(), Error> {
///     let request = scope.into_http()?;
///     send.text(200, format!("{} {}", request.method(), request.path()?)).await?;
///     Ok(())
/// }
/// # use gateway_iface::testing::{AsgiClient, block_on};
/// # use gateway_iface::http::Request;
/// # let response = block_on(AsgiClient::new(app).request(Request::get("/x").body("").unwrap())).unwrap();
/// # assert_eq!(response.body(), "GET /x");
/// ```
#[derive(Debug)]
#[non_exhaustive]
pub enum Scope {
    /// One request.
    Http(HttpScope),
    /// One WebSocket.
    WebSocket(WebSocketScope),
    /// From start-up to shutdown.
    Lifespan(LifespanScope),
}

impl Scope {
    /// The name of the protocol: `http`, `websocket` or `lifespan` (A-17, A-36, A-44).
    #[must_use]
    pub const fn protocol(&self) -> &'static str {
        match self {
            Self::Http(_) => "http",
            Self::WebSocket(_) => "websocket",
            Self::Lifespan(_) => "lifespan",
        }
    }

    /// The head of the request or handshake; `None` for a lifespan.
    #[must_use]
    pub fn head(&self) -> Option<&RequestHead> {
        match self {
            Self::Http(scope) => Some(scope.head()),
            Self::WebSocket(scope) => Some(scope.head()),
            Self::Lifespan(_) => None,
        }
    }

    /// The head, to change before an inner application is called (A-141, A-142).
    #[must_use]
    pub fn head_mut(&mut self) -> Option<&mut RequestHead> {
        match self {
            Self::Http(scope) => Some(scope.head_mut()),
            Self::WebSocket(scope) => Some(scope.head_mut()),
            Self::Lifespan(_) => None,
        }
    }

    /// What an application returns for this scope when it does not know it (A-05).
    #[must_use]
    pub const fn unsupported(&self) -> UnsupportedScope {
        UnsupportedScope::new(self.protocol())
    }

    /// The request.
    ///
    /// # Errors
    ///
    /// [`UnsupportedScope`] when it is something else.
    pub fn into_http(self) -> Result<HttpScope, UnsupportedScope> {
        match self {
            Self::Http(scope) => Ok(scope),
            other => Err(other.unsupported()),
        }
    }

    /// The WebSocket.
    ///
    /// # Errors
    ///
    /// [`UnsupportedScope`] when it is something else.
    pub fn into_websocket(self) -> Result<WebSocketScope, UnsupportedScope> {
        match self {
            Self::WebSocket(scope) => Ok(scope),
            other => Err(other.unsupported()),
        }
    }

    /// The lifespan.
    ///
    /// # Errors
    ///
    /// [`UnsupportedScope`] when it is something else.
    pub fn into_lifespan(self) -> Result<LifespanScope, UnsupportedScope> {
        match self {
            Self::Lifespan(scope) => Ok(scope),
            other => Err(other.unsupported()),
        }
    }
}

impl From<HttpScope> for Scope {
    fn from(scope: HttpScope) -> Self {
        Self::Http(scope)
    }
}

impl From<WebSocketScope> for Scope {
    fn from(scope: WebSocketScope) -> Self {
        Self::WebSocket(scope)
    }
}

impl From<LifespanScope> for Scope {
    fn from(scope: LifespanScope) -> Self {
        Self::Lifespan(scope)
    }
}

/// One request: its head, on one pointer (A-17 to A-35).
#[derive(Clone, Debug)]
pub struct HttpScope {
    head: Box<RequestHead>,
}

impl HttpScope {
    /// For the request with this head.
    #[must_use]
    pub fn new(head: impl Into<Box<RequestHead>>) -> Self {
        Self { head: head.into() }
    }

    /// The head: everything that is known of the request.
    #[must_use]
    pub const fn head(&self) -> &RequestHead {
        &self.head
    }

    /// The head, to change before an inner application is called (A-141, A-142).
    pub const fn head_mut(&mut self) -> &mut RequestHead {
        &mut self.head
    }

    /// Takes the head out, in its box.
    #[must_use]
    pub fn into_head(self) -> Box<RequestHead> {
        self.head
    }

    /// The method (A-19).
    #[must_use]
    pub const fn method(&self) -> &Method {
        self.head.method()
    }

    /// The header fields (A-26).
    #[must_use]
    pub const fn headers(&self) -> &HeaderMap {
        self.head.headers()
    }

    /// The whole path, decoded (A-21).
    ///
    /// # Errors
    ///
    /// [`InvalidPath`](crate::InvalidPath) when it is not valid percent-encoded UTF-8 (A-22).
    pub fn path(&self) -> Result<std::borrow::Cow<'_, str>, crate::InvalidPath> {
        self.head.path()
    }

    /// The path below the mount point, as received.
    #[must_use]
    pub fn path_info(&self) -> &str {
        self.head.path_info()
    }

    /// The query, still percent-encoded; empty when there is none (A-24).
    #[must_use]
    pub fn query_string(&self) -> &str {
        self.head.query_string()
    }
}

/// One WebSocket: the head of its handshake, on one pointer (A-36 to A-43).
#[derive(Clone, Debug)]
pub struct WebSocketScope {
    head: Box<RequestHead>,
}

impl WebSocketScope {
    /// For the handshake with this head.
    #[must_use]
    pub fn new(head: impl Into<Box<RequestHead>>) -> Self {
        Self { head: head.into() }
    }

    /// The head of the handshake.
    #[must_use]
    pub const fn head(&self) -> &RequestHead {
        &self.head
    }

    /// The head, to change before an inner application is called (A-141, A-142).
    pub const fn head_mut(&mut self) -> &mut RequestHead {
        &mut self.head
    }

    /// Takes the head out, in its box.
    #[must_use]
    pub fn into_head(self) -> Box<RequestHead> {
        self.head
    }

    /// What the client offers, in its order (A-42).
    pub fn subprotocols(&self) -> impl Iterator<Item = &str> {
        self.head
            .headers()
            .get_all("sec-websocket-protocol")
            .iter()
            .filter_map(|value| value.to_str().ok())
            .flat_map(|list| list.split(','))
            .map(str::trim)
            .filter(|token| !token.is_empty())
    }
}

/// From start-up to shutdown (A-44).
#[derive(Clone, Debug, Default)]
pub struct LifespanScope {
    state: LifespanState,
}

impl LifespanScope {
    /// With that state, which the server reads when start-up is complete.
    #[must_use]
    pub const fn new(state: LifespanState) -> Self {
        Self { state }
    }

    /// Where values for every request are stored (A-117).
    #[must_use]
    pub const fn state(&self) -> &LifespanState {
        &self.state
    }

    /// Runs `startup` when the server starts, waits while it serves, and runs `shutdown` when it stops.
    ///
    /// An error of either is told to the server with its message (A-110, A-114).
    ///
    /// # Errors
    ///
    /// As for [`asgi::Send::send`](super::Send::send).
    ///
    /// # Cancel safety
    ///
    /// Dropping the future drops whichever of the two is under way.
    ///
    /// # Examples
    ///
    /// ```
    /// use gateway_iface::{Error, asgi};
    ///
    /// async fn app(scope: asgi::Scope, receive: asgi::Receive, mut send: asgi::Send) -> Result<(), Error> {
    ///     match scope {
    ///         asgi::Scope::Lifespan(lifespan) => {
    ///             let state = lifespan.state().clone();
    ///             let startup = async move {
    ///                 state.insert("a pool of connections");
    ///                 Ok(())
    ///             };
    ///             lifespan.run(receive, send, startup, async { Ok(()) }).await
    ///         }
    ///         asgi::Scope::Http(request) => {
    ///             let pool = request.head().state().and_then(|state| state.get::<&str>());
    ///             send.text(200, pool.copied().unwrap_or("no lifespan")).await?;
    ///             Ok(())
    ///         }
    ///         other => Err(other.unsupported().into()),
    ///     }
    /// }
    /// # use gateway_iface::asgi::LifespanExchange;
    /// # use gateway_iface::testing::block_on;
    /// # let mut lifespan = LifespanExchange::new(&app);
    /// # assert_eq!(block_on(lifespan.startup()).unwrap().get(), Some(&"a pool of connections"));
    /// # block_on(lifespan.shutdown()).unwrap();
    /// ```
    pub async fn run(
        self,
        mut receive: Receive,
        mut send: super::Send,
        startup: impl Future<Output = Result<(), Error>> + Send,
        shutdown: impl Future<Output = Result<(), Error>> + Send,
    ) -> Result<(), Error> {
        while !matches!(receive.receive().await, ReceiveEvent::LifespanStartup) {}
        if let Err(error) = startup.await {
            return Ok(send.send(SendEvent::StartupFailed(Failure::new(error.to_string()))).await?);
        }
        send.send(SendEvent::StartupComplete).await?;
        while !matches!(receive.receive().await, ReceiveEvent::LifespanShutdown) {}
        let answer = match shutdown.await {
            Ok(()) => SendEvent::ShutdownComplete,
            Err(error) => SendEvent::ShutdownFailed(Failure::new(error.to_string())),
        };
        Ok(send.send(answer).await?)
    }
}

#[cfg(test)]
mod tests {
    use http::Request;

    use super::*;

    #[test]
    fn scope_payloads_are_one_pointer_wide() {
        assert_eq!(size_of::<HttpScope>(), size_of::<usize>());
        assert_eq!(size_of::<WebSocketScope>(), size_of::<usize>());
        assert_eq!(size_of::<LifespanScope>(), size_of::<usize>());
    }

    #[test]
    fn a_42_subprotocols_are_split_and_trimmed_in_order() {
        let request = Request::get("/")
            .header("sec-websocket-protocol", " a,b ,")
            .header("sec-websocket-protocol", "c")
            .body(());
        let scope = WebSocketScope::new(RequestHead::new(request.unwrap().into_parts().0));
        assert_eq!(scope.subprotocols().collect::<Vec<_>>(), ["a", "b", "c"]);
    }

    #[test]
    fn a_110_a_114_errors_of_run_are_told_with_their_message() {
        use crate::asgi::LifespanExchange;
        use crate::testing::block_on;

        let app = |startup: Option<&'static str>, shutdown: Option<&'static str>| {
            let result = |error: Option<&'static str>| error.map_or(Ok(()), |text| Err(Error::new(text)));
            move |scope: Scope, receive: Receive, send: crate::asgi::Send| async move {
                let (startup, shutdown) = (async move { result(startup) }, async move { result(shutdown) });
                scope.into_lifespan()?.run(receive, send, startup, shutdown).await
            }
        };
        let app_fails_early = app(Some("no database"), None);
        let error = block_on(LifespanExchange::new(&app_fails_early).startup()).unwrap_err();
        assert_eq!(error.to_string(), "the application failed: no database");
        let app_fails_late = app(None, Some("stuck"));
        let mut lifespan = LifespanExchange::new(&app_fails_late);
        block_on(lifespan.startup()).unwrap();
        assert_eq!(block_on(lifespan.shutdown()).unwrap_err().to_string(), "the application failed: stuck");
    }

    #[test]
    fn a_05_other_scope_is_unsupported_and_named() {
        let scope = Scope::from(LifespanScope::default());
        assert_eq!(scope.into_http().unwrap_err().protocol(), "lifespan");
    }
}

//! The middleware.

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::SystemTime;

use http::{HeaderValue, Method, Uri, Version, header};

use super::AccessEntry;
use crate::asgi::call::CallFuture;
use crate::error::Error;
use crate::outcome::{Observe, Outcome};
use crate::request::RequestHead;
use crate::{asgi, wsgi};

/// Gives a callback one [`AccessEntry`] for each exchange, when it is over.
///
/// # Contract
///
/// - One entry for each HTTP request and each WebSocket, on every path: completed, failed, lost, dropped
///   (it is an [observer's](Observe)). Lifespans are not told of (A-144).
/// - Nothing stands between the application and the server, and nothing waits. The callback runs where the
///   response is driven, so it must not block for long: hand the line to whatever writes it.
/// - It sees the request as it comes by, and the response as it leaves: outermost, as a client sees both. An
///   id or a user that is found further in is not seen; put that middleware outside.
///
/// It costs one allocation for each request, and one for each text that is not part of a shared buffer.
///
/// # Examples
///
/// ```
/// use std::sync::{Arc, Mutex};
/// use std::time::{Duration, SystemTime};
///
/// use gateway_iface::http::Request;
/// use gateway_iface::middleware::AccessLog;
/// use gateway_iface::testing::{AsgiClient, block_on};
/// use gateway_iface::{Error, asgi};
///
/// async fn app(scope: asgi::Scope, _: asgi::Receive, mut send: asgi::Send) -> Result<(), Error> {
///     scope.into_http()?;
///     send.text(200, "hello").await?;
///     Ok(())
/// }
///
/// let lines = Arc::new(Mutex::new(Vec::new()));
/// let log = lines.clone();
/// let app = AccessLog::new(app, move |entry| log.lock().unwrap().push(entry.to_string()))
///     .with_clock(|| SystemTime::UNIX_EPOCH + Duration::from_secs(971_186_136));
/// let request = Request::get("/a?b").header("user-agent", "curl \"7\"").body("")?;
/// block_on(AsgiClient::new(app).request(request))?;
/// let line = r#"- - - [10/Oct/2000:13:55:36 +0000] "GET /a?b HTTP/1.1" 200 5 "-" "curl \"7\"""#;
/// assert_eq!(*lines.lock().unwrap(), [line]);
/// # Ok::<(), Error>(())
/// ```
#[derive(Clone)]
pub struct AccessLog<A> {
    inner: A,
    hooks: Hooks,
}

#[derive(Clone)]
struct Hooks {
    tell: Arc<Tell>,
    clock: Arc<Clock>,
    user: Option<Arc<FindUser>>,
}

type Tell = dyn Fn(&AccessEntry<'_>) + Send + Sync;
type Clock = dyn Fn() -> SystemTime + Send + Sync;
type FindUser = dyn Fn(&RequestHead) -> Option<String> + Send + Sync;

impl<A> AccessLog<A> {
    /// Tells `tell` of what becomes of the requests of `inner`.
    #[must_use]
    pub fn new(inner: A, tell: impl Fn(&AccessEntry<'_>) + Send + Sync + 'static) -> Self {
        Self { inner, hooks: Hooks { tell: Arc::new(tell), clock: Arc::new(SystemTime::now), user: None } }
    }

    /// Takes the time from this.
    #[must_use]
    pub fn with_clock(mut self, clock: impl Fn() -> SystemTime + Send + Sync + 'static) -> Self {
        self.hooks.clock = Arc::new(clock);
        self
    }

    /// Finds the user of a request by this, as the request comes by; otherwise it is `REMOTE_USER` for
    /// a synchronous one, where someone has set it.
    #[must_use]
    pub fn with_user(
        mut self,
        user: impl Fn(&RequestHead) -> Option<String> + Send + Sync + 'static,
    ) -> Self {
        self.hooks.user = Some(Arc::new(user));
        self
    }

    /// The inner application.
    #[must_use]
    pub const fn get_ref(&self) -> &A {
        &self.inner
    }

    fn begin(&self, head: &RequestHead, user: Option<String>) -> Arc<dyn Observe> {
        let field = |name| head.headers().get(name).cloned();
        let user = match &self.hooks.user {
            Some(find) => find(head),
            None => user,
        };
        Arc::new(Pending {
            tell: Arc::clone(&self.hooks.tell),
            clock: Arc::clone(&self.hooks.clock),
            remote: head.client(),
            user,
            time: (self.hooks.clock)(),
            method: head.method().clone(),
            uri: head.uri().clone(),
            version: head.version(),
            referer: field(header::REFERER.as_str()),
            user_agent: field(header::USER_AGENT.as_str()),
            request_id: field("x-request-id"),
        })
    }
}

impl<A: asgi::Application> asgi::Application for AccessLog<A> {
    #[inline]
    fn call<'a, 'b>(&'a self, scope: asgi::Scope, receive: asgi::Receive, send: asgi::Send) -> CallFuture<'b>
    where
        'a: 'b,
        Self: 'b,
    {
        if let Some(head) = scope.head() {
            send.observe(self.begin(head, None));
        }
        self.inner.call(scope, receive, send)
    }
}

impl<A: wsgi::Application> wsgi::Application for AccessLog<A> {
    #[inline]
    fn call(
        &self,
        environ: wsgi::Environ,
        start_response: &mut dyn wsgi::StartResponse,
    ) -> Result<wsgi::Body, Error> {
        let user = environ.get("REMOTE_USER").map(|user| user.latin1().into_owned());
        start_response.observe(self.begin(environ.head(), user));
        self.inner.call(environ, start_response)
    }
}

impl<A: fmt::Debug> fmt::Debug for AccessLog<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AccessLog").field("inner", &self.inner).finish_non_exhaustive()
    }
}

/// An exchange that is not over.
struct Pending {
    tell: Arc<Tell>,
    clock: Arc<Clock>,
    remote: Option<SocketAddr>,
    user: Option<String>,
    time: SystemTime,
    method: Method,
    uri: Uri,
    version: Version,
    referer: Option<HeaderValue>,
    user_agent: Option<HeaderValue>,
    request_id: Option<HeaderValue>,
}

impl Observe for Pending {
    fn finished(&self, outcome: &Outcome) {
        let target = self.uri.path_and_query().map(http::uri::PathAndQuery::as_str);
        let authority = || self.uri.authority().map(http::uri::Authority::as_str);
        (self.tell)(&AccessEntry {
            remote: self.remote,
            user: self.user.as_deref(),
            time: self.time,
            method: &self.method,
            target: target.or_else(authority).unwrap_or_default(),
            version: self.version,
            status: outcome.status,
            bytes: outcome.bytes,
            referer: self.referer.as_ref(),
            user_agent: self.user_agent.as_ref(),
            request_id: self.request_id.as_ref(),
            // A clock may be set back.
            duration: (self.clock)().duration_since(self.time).unwrap_or_default(),
            complete: outcome.complete,
            disconnect: outcome.disconnect,
        });
    }
}

#[cfg(test)]
#[path = "log_tests.rs"]
mod tests;

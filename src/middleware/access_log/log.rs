//! The middleware.

use std::fmt;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use http::{HeaderValue, Method, Uri, Version, header};

use super::AccessEntry;
use crate::asgi::call::CallFuture;
use crate::error::Error;
use crate::outcome::{Observe, Outcome};
use crate::request::RequestHead;
use crate::user::{Learn, RemoteUser, Witness};
use crate::{asgi, host, wsgi};

/// Gives a callback one [`AccessEntry`] for each exchange, when it is over.
///
/// # Contract
///
/// - One entry for each HTTP request and each WebSocket, on every path: completed, failed, lost, dropped
///   (it is an [observer's](Observe)). Lifespans are not told of (A-144).
/// - Nothing stands between the application and the server, and nothing waits. The callback runs where the
///   response is driven, so it must not block for long: hand the line to whatever writes it.
/// - It sees the request as it comes by, and the response as it leaves: outermost, as a client sees both. An
///   id that is given further in is not seen; put that middleware outside.
/// - The user is the one that was verified last, further in too ([`RequestHead::set_user`]), as by
///   [`BasicAuth`](crate::middleware::BasicAuth); a framework's own request loses the track.
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

    /// Finds the user of a request by this, as the request comes by, in place of
    /// [`RequestHead::user`].
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

    fn begin(&self, head: &mut RequestHead) -> Arc<dyn Observe> {
        let field = |name| head.headers().get(name).cloned();
        let pending = Arc::new(Pending {
            tell: Arc::clone(&self.hooks.tell),
            clock: Arc::clone(&self.hooks.clock),
            remote: head.client(),
            host: host::field(head).cloned(),
            secure: head.is_secure(),
            found: self.hooks.user.as_ref().map(|find| find(head)),
            user: Mutex::new((head.user().cloned(), None)),
            time: (self.hooks.clock)(),
            method: head.method().clone(),
            uri: head.uri().clone(),
            version: head.version(),
            referer: field(header::REFERER.as_str()),
            user_agent: field(header::USER_AGENT.as_str()),
            request_id: field("x-request-id"),
        });
        if pending.found.is_none() {
            let outer = head.replace_witness(Witness::new(pending.clone()));
            pending.user.lock().unwrap_or_else(PoisonError::into_inner).1 = outer;
        }
        pending
    }
}

impl<A: asgi::Application> asgi::Application for AccessLog<A> {
    #[inline]
    fn call<'a, 'b>(
        &'a self,
        mut scope: asgi::Scope,
        receive: asgi::Receive,
        send: asgi::Send,
    ) -> CallFuture<'b>
    where
        'a: 'b,
        Self: 'b,
    {
        if let Some(head) = scope.head_mut() {
            send.observe(self.begin(head));
        }
        self.inner.call(scope, receive, send)
    }
}

impl<A: wsgi::Application> wsgi::Application for AccessLog<A> {
    #[inline]
    fn call(
        &self,
        mut environ: wsgi::Environ,
        start_response: &mut dyn wsgi::StartResponse,
    ) -> Result<wsgi::Body, Error> {
        start_response.observe(self.begin(environ.head_mut()));
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
    host: Option<HeaderValue>,
    secure: bool,
    /// What the user's own function found, where there is one.
    found: Option<Option<String>>,
    /// Who was verified, and who else is to know.
    user: Mutex<(Option<RemoteUser>, Option<Witness>)>,
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
        let verified = self.user.lock().unwrap_or_else(PoisonError::into_inner).0.clone();
        (self.tell)(&AccessEntry {
            remote: self.remote,
            host: authority().or_else(|| self.host.as_ref()?.to_str().ok()),
            secure: self.secure,
            user: match &self.found {
                Some(found) => found.as_deref(),
                None => verified.as_ref().map(RemoteUser::name),
            },
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

impl Learn for Pending {
    fn learn(&self, user: Option<&RemoteUser>) {
        let mut known = self.user.lock().unwrap_or_else(PoisonError::into_inner);
        known.0 = user.cloned();
        if let Some(outer) = &known.1 {
            outer.learn(user);
        }
    }
}

#[cfg(test)]
#[path = "log_tests.rs"]
mod tests;

//! The middleware.

use std::sync::Arc;

use http::StatusCode;

use super::readings;
use super::refusal::Refusal;
use super::rule::{Pattern, Reading, Rule};
use crate::asgi::call::CallFuture;
use crate::error::Error;
use crate::{asgi, wsgi};

/// Lets requests through to the inner application, or not, by their path.
///
/// The path is the one below the place where the guard stands, as received:
/// [`RequestHead::path_info`](crate::RequestHead::path_info). Around a [`Mount`](crate::middleware::Mount)
/// that is the whole; in an application that is mounted, or behind
/// [`ProxyHeaders::with_prefix`](crate::middleware::ProxyHeaders::with_prefix), it is without the mount point.
/// So an application with a guard of its own is guarded the same wherever it is mounted. The path is never
/// rewritten; the inner application sees it as it came.
///
/// # Policy
///
/// A path can be read in several ways, and which of them the inner application takes is not known
/// here: escapes decoded once, twice or not at all, `..` and `.` resolved before or after, `//` merged
/// or taken for a host, `\` as `/`, `;parameters` cut or kept, dots and spaces at the end of a segment
/// dropped, the rest after an encoded `?` or `#` cut. So every reading counts, towards the safe side:
///
/// | | [`deny`](Self::deny) | [`allow`](Self::allow) |
/// |---|---|---|
/// | passes | no rule matches any reading | under every reading some rule matches |
/// | without rules | all pass | none passes |
/// | case, unless [set](Self::case_sensitive) | ignored | counts |
/// | octets that are not UTF-8 | compared | refused |
/// | broken escape, control character (NUL), over-long UTF-8 | refused | refused |
/// | `..` above the root | refused | refused |
/// | more than 64 readings, or too many octets of them: eight times its own and 2 KiB, or 64 KiB | refused | refused |
///
/// What a file system makes of a name beyond that (links, short names, NTFS streams, Unicode
/// normalisation) is not known to it: an allow list is the better guard there.
///
/// HTTP requests that are refused get 404, unless asked for otherwise. A WebSocket gets the same status where
/// the server can answer it (A-125), else it is closed before it is open: 403 (A-89). Lifespans pass (A-144). A request that passes costs no allocation
/// where its path is plain.
///
/// # Rules
///
/// A rule is a path in plain text: `/a b`, where a request has `/a%20b`. Slashes at its end, and a
/// missing one at its front, make no difference. The path `*`, of `OPTIONS *`, is matched by a
/// predicate only.
///
/// # Examples
///
/// ```
/// use gateway_iface::http::{Request, StatusCode};
/// use gateway_iface::middleware::PathGuard;
/// use gateway_iface::testing::{AsgiClient, block_on};
/// use gateway_iface::{Error, asgi};
///
/// async fn app(scope: asgi::Scope, _: asgi::Receive, mut send: asgi::Send) -> Result<(), Error> {
///     scope.into_http()?;
///     send.text(200, "seen").await?;
///     Ok(())
/// }
///
/// let guard = PathGuard::deny(app).prefix("/admin").matching(|path| path.ends_with(".bak"));
/// let client = AsgiClient::new(guard.refuse_with(StatusCode::FORBIDDEN));
/// for (path, status) in [
///     ("/", 200),
///     ("/administer", 200),
///     ("/admin/users", 403),
///     ("/x/..%2FADMIN;v=1/users", 403),
///     ("/index.html%2ebak", 403),
/// ] {
///     assert_eq!(block_on(client.request(Request::get(path).body("")?))?.status(), status, "{path}");
/// }
/// # Ok::<(), Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct PathGuard<A, R = Refusal> {
    inner: A,
    refusal: R,
    socket_refusal: Refusal,
    rules: Vec<Rule>,
    allow: bool,
    fold: bool,
}

impl<A> PathGuard<A> {
    /// Refuses what a rule matches, under any reading.
    #[must_use]
    pub fn deny(inner: A) -> Self {
        Self::new(inner, false)
    }

    /// Refuses what no rule matches, under some reading.
    #[must_use]
    pub fn allow(inner: A) -> Self {
        Self::new(inner, true)
    }

    fn new(inner: A, allow: bool) -> Self {
        let refusal = Refusal::default();
        Self { inner, refusal, socket_refusal: refusal, rules: Vec::new(), allow, fold: !allow }
    }
}

impl<A, R> PathGuard<A, R> {
    /// With a rule that matches this path.
    #[must_use]
    pub fn exact(self, path: &str) -> Self {
        self.rule(Rule::Exact(Pattern::new(path)))
    }

    /// With a rule that matches this path and all below it: `/a` matches `/a` and `/a/b`, not `/ab`.
    #[must_use]
    pub fn prefix(self, path: &str) -> Self {
        self.rule(Rule::Prefix(Pattern::new(path)))
    }

    /// With a rule that is asked about every reading, the path as received among them.
    ///
    /// Where case is ignored, it matches when it says yes to the reading or to its lower-case form.
    /// Octets that are not UTF-8 are replaced.
    #[must_use]
    pub fn matching(self, predicate: impl Fn(&str) -> bool + Send + Sync + 'static) -> Self {
        self.rule(Rule::Matching(Arc::new(predicate)))
    }

    /// Whether letters that differ in case only are different: yes by default in an allow list only.
    #[must_use]
    pub const fn case_sensitive(mut self, case_sensitive: bool) -> Self {
        self.fold = !case_sensitive;
        self
    }

    /// Answers refused requests with this status, 200 to 599, and its reason as text.
    #[must_use]
    pub fn refuse_with(mut self, status: StatusCode) -> PathGuard<A> {
        self.socket_refusal = Refusal::new(status);
        let refusal = self.socket_refusal;
        self.refuse_by(refusal)
    }

    /// Has refused requests answered by an application; it is called for HTTP only.
    #[must_use]
    pub fn refuse_by<B>(self, application: B) -> PathGuard<A, B> {
        let Self { inner, socket_refusal, rules, allow, fold, .. } = self;
        PathGuard { inner, refusal: application, socket_refusal, rules, allow, fold }
    }

    /// Whether a request for this path below the guard's place, percent-encoded, passes.
    #[inline]
    #[must_use]
    pub fn permits(&self, path_info: &str) -> bool {
        if readings::is_plain(path_info) {
            return self.rules.iter().any(|rule| rule.matches_plain(path_info, self.fold)) == self.allow;
        }
        self.permits_every_reading(path_info)
    }

    /// The inner application.
    #[must_use]
    pub const fn get_ref(&self) -> &A {
        &self.inner
    }

    #[cold]
    fn permits_every_reading(&self, path_info: &str) -> bool {
        let Some(readings) = readings::all(path_info) else {
            return false;
        };
        if self.allow && readings.iter().any(|path| std::str::from_utf8(path).is_err()) {
            return false;
        }
        readings.iter().all(|path| {
            let reading = Reading::new(path);
            self.rules.iter().any(|rule| rule.matches(&reading, self.fold)) == self.allow
        })
    }

    fn rule(mut self, rule: Rule) -> Self {
        self.rules.push(rule);
        self
    }
}

impl<A: asgi::Application, R: asgi::Application> asgi::Application for PathGuard<A, R> {
    #[inline]
    fn call<'a, 'b>(&'a self, scope: asgi::Scope, receive: asgi::Receive, send: asgi::Send) -> CallFuture<'b>
    where
        'a: 'b,
        Self: 'b,
    {
        match &scope {
            asgi::Scope::Http(request) if !self.permits(request.path_info()) => {
                self.refusal.call(scope, receive, send)
            }
            asgi::Scope::WebSocket(socket) if !self.permits(socket.head().path_info()) => {
                self.socket_refusal.call(scope, receive, send)
            }
            _ => self.inner.call(scope, receive, send),
        }
    }
}

impl<A: wsgi::Application, R: wsgi::Application> wsgi::Application for PathGuard<A, R> {
    #[inline]
    fn call(
        &self,
        environ: wsgi::Environ,
        start_response: &mut dyn wsgi::StartResponse,
    ) -> Result<wsgi::Body, Error> {
        if self.permits(environ.path_info()) {
            self.inner.call(environ, start_response)
        } else {
            self.refusal.call(environ, start_response)
        }
    }
}

#[cfg(test)]
#[path = "guard_tests.rs"]
mod tests;

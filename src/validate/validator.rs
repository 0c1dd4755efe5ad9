//! What stands between a server and an application, and looks.

use std::fmt;
use std::sync::Arc;

use super::checks::is_known;
use super::pair::Lifespans;
use super::session::{Role, Settings};
use super::{Culprit, OnViolation, Violations};

/// Stands between any server and any application, and reports each rule that one of them breaks.
///
/// It is an application of the interface that its inner one is of. Nothing that passes through is
/// changed: events, their order, waiting, disconnects, capabilities, header fields, observers, the
/// lengths that a body knows. Only the outer one of a pair ([`around`](Self::around)) adds a value of a
/// private type to the head's extensions, by which the inner one finds it.
///
/// # Panics
///
/// With [`OnViolation::Panic`], the default: where a rule is broken, and again when the validator is
/// dropped while violations are left in its [`Violations`], unless the thread is panicking.
///
/// # Examples
///
/// ```
/// use gateway_iface::http::{HeaderMap, Request, StatusCode};
/// use gateway_iface::testing::{AsgiClient, block_on};
/// use gateway_iface::validate::{Culprit, OnViolation, Validator};
/// use gateway_iface::{Error, asgi};
///
/// async fn hasty(scope: asgi::Scope, _: asgi::Receive, mut send: asgi::Send) -> Result<(), Error> {
///     scope.into_http()?;
///     send.start(StatusCode::NO_CONTENT, HeaderMap::new()).await?;
///     send.last("no content").await?;
///     Ok(())
/// }
///
/// let app = Validator::new(hasty).on_violation(OnViolation::Collect);
/// let violations = app.violations();
/// block_on(AsgiClient::new(app).request(Request::get("/").body("")?))?;
/// let seen = violations.take();
/// assert_eq!((seen[0].rule(), seen[0].culprit()), ("H-77", Culprit::Application));
/// # Ok::<(), Error>(())
/// ```
#[doc(alias = "lint")]
pub struct Validator<A> {
    pub(super) inner: A,
    pub(super) settings: Arc<Settings>,
    alarm: Alarm,
}

impl<A> Validator<A> {
    /// Validates `inner`, and panics at the first violation.
    #[must_use]
    pub fn new(inner: A) -> Self {
        let violations = Violations::new();
        let settings = Settings {
            on_violation: OnViolation::Panic,
            violations: violations.clone(),
            outer: Culprit::Server,
            inner: Culprit::Application,
            except: Vec::new(),
            advice: true,
            cancels: false,
            http_only: false,
            role: Role::Single,
            lifespans: Lifespans::default(),
        };
        Self { inner, settings: Arc::new(settings), alarm: Alarm { violations: Some(violations) } }
    }

    /// What happens with a violation.
    #[must_use]
    pub fn on_violation(mut self, what: OnViolation) -> Self {
        self.settings_mut().on_violation = what;
        self.rearm()
    }

    /// Collects into these, which others may share.
    #[must_use]
    pub fn with_violations(mut self, violations: Violations) -> Self {
        self.settings_mut().violations = violations;
        self.rearm()
    }

    /// Who is meant by the outer side: the server, unless told otherwise.
    #[must_use]
    pub fn outer(mut self, culprit: Culprit) -> Self {
        self.settings_mut().outer = culprit;
        self
    }

    /// Who is meant by the inner side: the application, unless told otherwise.
    #[must_use]
    pub fn inner(mut self, culprit: Culprit) -> Self {
        self.settings_mut().inner = culprit;
        self
    }

    /// Without this rule, by its id: for a check that is stricter than what is validated means to be.
    ///
    /// # Panics
    ///
    /// When there is no check with this id, so that none is left on by a slip of the pen.
    #[must_use]
    #[track_caller]
    pub fn except(mut self, rule: &'static str) -> Self {
        assert!(is_known(rule), "the validator has no check with the id `{rule}`");
        self.settings_mut().except.push(rule);
        self
    }

    /// Without the checks that are advice: rules that say SHOULD to whom they blame, and what is taste.
    ///
    /// They are listed in the [module's documentation](super).
    ///
    /// # Examples
    ///
    /// ```
    /// use gateway_iface::http::{HeaderMap, Request, StatusCode};
    /// use gateway_iface::testing::{AsgiClient, block_on};
    /// use gateway_iface::validate::Validator;
    /// use gateway_iface::{Error, asgi};
    ///
    /// async fn terse(scope: asgi::Scope, _: asgi::Receive, mut send: asgi::Send) -> Result<(), Error> {
    ///     scope.into_http()?;
    ///     send.start(StatusCode::OK, HeaderMap::new()).await?;
    ///     send.last("content, and nobody knows of what type").await?;
    ///     Ok(())
    /// }
    ///
    /// let client = AsgiClient::new(Validator::new(terse).without_advice());
    /// block_on(client.request(Request::get("/").body("")?))?;
    /// # Ok::<(), Error>(())
    /// ```
    #[must_use]
    pub fn without_advice(mut self) -> Self {
        self.settings_mut().advice = false;
        self
    }

    /// Whether the server's operator has it cancel calls whose client is gone; A-06 otherwise forbids
    /// to drop one that was not told of a shutdown or a timeout.
    #[must_use]
    pub fn cancels_on_disconnect(mut self, cancels: bool) -> Self {
        self.settings_mut().cancels = cancels;
        self
    }

    /// A handle on what is collected.
    #[must_use]
    pub fn violations(&self) -> Violations {
        self.settings.violations.clone()
    }

    /// The inner application.
    #[must_use]
    pub const fn get_ref(&self) -> &A {
        &self.inner
    }

    /// Takes the inner application out.
    #[must_use]
    pub fn into_inner(self) -> A {
        self.inner
    }

    /// Gives this validator to `layer`, and puts another one around what that makes of it.
    ///
    /// What only the outer one sees of its inner side is then the middleware's, and so is what only the
    /// inner one sees of its outer side. By comparing both they also check what no single one can: W-130,
    /// A-146, W-26, W-121, W-132, W-133, W-134, W-136 and, for [`http_only`](Self::http_only), A-144. What
    /// the middleware did is told when the call, or the body that it returned, is over.
    ///
    /// Call [`on_violation`](Self::on_violation), [`except`](Self::except) and the others before: both
    /// validators are as this one is, and collect into the same. What is called after it changes the
    /// outer one only.
    ///
    /// # Examples
    ///
    /// ```
    /// use gateway_iface::http::{HeaderMap, HeaderValue, Request, StatusCode};
    /// use gateway_iface::testing::WsgiClient;
    /// use gateway_iface::validate::{Culprit, OnViolation, Validator};
    /// use gateway_iface::{Error, wsgi};
    ///
    /// fn app(_: wsgi::Environ, start_response: &mut dyn wsgi::StartResponse) -> Result<wsgi::Body, Error> {
    ///     let mut headers = HeaderMap::new();
    ///     headers.insert("content-type", HeaderValue::from_static("text/plain"));
    ///     headers.insert("content-length", HeaderValue::from_static("6"));
    ///     start_response.start(StatusCode::OK, headers)?;
    ///     Ok(wsgi::Body::blocks(["abc", "def"]))
    /// }
    ///
    /// struct Halve<A>(A);
    ///
    /// impl<A: wsgi::Application> wsgi::Application for Halve<A> {
    ///     fn call(
    ///         &self,
    ///         environ: wsgi::Environ,
    ///         start_response: &mut dyn wsgi::StartResponse,
    ///     ) -> Result<wsgi::Body, Error> {
    ///         Ok(self.0.call(environ, start_response)?.map(|block| Ok(block.slice(..block.len() / 2))))
    ///     }
    /// }
    ///
    /// let app = Validator::new(app).on_violation(OnViolation::Collect).around(Halve);
    /// let violations = app.violations();
    /// let _ = WsgiClient::new(app).request(Request::get("/").body("")?);
    /// let seen = violations.take();
    /// assert_eq!((seen[0].rule(), seen[0].culprit()), ("W-130", Culprit::Middleware));
    /// # Ok::<(), Error>(())
    /// ```
    #[must_use]
    pub fn around<W>(mut self, layer: impl FnOnce(Self) -> W) -> Validator<W> {
        let mut outer = (*self.settings).clone();
        (outer.role, outer.inner) = (Role::Outer, Culprit::Middleware);
        let alarm = Alarm { violations: self.alarm.violations.take() };
        let inner = self.settings_mut();
        (inner.role, inner.outer) = (Role::Inner, Culprit::Middleware);
        Validator { inner: layer(self), settings: Arc::new(outer), alarm }
    }

    /// Says that the middleware [`around`](Self::around) which this is put is about HTTP only: scopes
    /// and events of the other protocols pass it untouched (A-144).
    #[must_use]
    pub fn http_only(mut self) -> Self {
        self.settings_mut().http_only = true;
        self
    }

    fn settings_mut(&mut self) -> &mut Settings {
        Arc::make_mut(&mut self.settings)
    }

    fn rearm(mut self) -> Self {
        let panics = self.settings.on_violation == OnViolation::Panic;
        self.alarm.violations = panics.then(|| self.settings.violations.clone());
        self
    }
}

impl<A: fmt::Debug> fmt::Debug for Validator<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Validator").field("inner", &self.inner).field("settings", &self.settings).finish()
    }
}

/// Panics when it is dropped and something was seen: whoever caught the first panic did not tell.
struct Alarm {
    violations: Option<Violations>,
}

impl Drop for Alarm {
    fn drop(&mut self) {
        if let Some(listing) = self.violations.as_ref().and_then(Violations::listing)
            && !std::thread::panicking()
        {
            panic!("{listing}");
        }
    }
}

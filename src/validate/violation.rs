//! One broken rule.

use std::fmt;
use std::sync::Arc;

use super::checks::is_advice;

/// A rule that was broken, by whom, and what was seen of it.
///
/// It is an error, so that a call can fail with it ([`OnViolation::Error`](super::OnViolation::Error));
/// [`Error::find`](crate::Error::find) finds it there. A clone is cheap.
///
/// # Examples
///
/// ```
/// use gateway_iface::http::{HeaderMap, Request, StatusCode};
/// use gateway_iface::testing::WsgiClient;
/// use gateway_iface::validate::{Culprit, OnViolation, Validator, Violation};
/// use gateway_iface::{Error, wsgi};
///
/// fn twice(_: wsgi::Environ, start_response: &mut dyn wsgi::StartResponse) -> Result<wsgi::Body, Error> {
///     start_response.start(StatusCode::OK, HeaderMap::new())?;
///     start_response.start(StatusCode::OK, HeaderMap::new())?;
///     Ok(wsgi::Body::empty())
/// }
///
/// let client = WsgiClient::new(Validator::new(twice).on_violation(OnViolation::Error));
/// let response = client.request(Request::get("/").body("")?)?;
/// let violation = response.error().and_then(|error| error.find::<Violation>()).unwrap();
/// assert_eq!((violation.rule(), violation.culprit()), ("W-106", Culprit::Application));
/// # Ok::<(), Error>(())
/// ```
#[derive(Clone, Eq, PartialEq)]
pub struct Violation {
    inner: Arc<Inner>,
}

#[derive(Debug, Eq, PartialEq)]
struct Inner {
    rule: &'static str,
    culprit: Culprit,
    seen: String,
    exchange: String,
}

impl Violation {
    pub(super) fn new(rule: &'static str, culprit: Culprit, seen: String, exchange: &str) -> Self {
        Self { inner: Arc::new(Inner { rule, culprit, seen, exchange: exchange.to_owned() }) }
    }

    /// The id of the rule, such as `A-66`.
    #[must_use]
    pub fn rule(&self) -> &'static str {
        self.inner.rule
    }

    /// Whether it is advice: [`Validator::without_advice`](super::Validator::without_advice) leaves it out.
    #[must_use]
    pub fn is_advice(&self) -> bool {
        is_advice(self.inner.rule)
    }

    /// Who broke it.
    #[must_use]
    pub fn culprit(&self) -> Culprit {
        self.inner.culprit
    }

    /// What was seen, as a sentence.
    #[must_use]
    pub fn seen(&self) -> &str {
        &self.inner.seen
    }

    /// The exchange it was seen in, such as `GET /path`, or `lifespan`.
    #[must_use]
    pub fn exchange(&self) -> &str {
        &self.inner.exchange
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Inner { rule, culprit, seen, exchange } = &*self.inner;
        write!(f, "{rule} broken by the {culprit} ({exchange}): {seen}")
    }
}

impl fmt::Debug for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.inner, f)
    }
}

impl std::error::Error for Violation {}

/// Who broke a rule.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum Culprit {
    /// The server, gateway or adapter that calls.
    Server,
    /// The application that is called.
    Application,
    /// What stands between the two.
    Middleware,
}

impl fmt::Display for Culprit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Server => "server",
            Self::Application => "application",
            Self::Middleware => "middleware",
        })
    }
}

/// What happens with a violation; each is collected in any case.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub enum OnViolation {
    /// A panic where it is made: in the application's call, or in what the server or the application
    /// asks of the other. What a server does wrong before the call panics when the call's future is
    /// first polled.
    ///
    /// Servers and test clients catch panics of applications, so when the validator is dropped and
    /// violations are still in its [`Violations`](super::Violations), it panics again with a list.
    #[default]
    Panic,
    /// The call that makes it fails: a send, a start, a write, a read, else the application's call.
    Error,
    /// Nothing else.
    Collect,
}

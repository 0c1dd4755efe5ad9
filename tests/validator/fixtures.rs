//! What the tests have in common.

use gateway_iface::asgi::{self, Capabilities, Capability};
use gateway_iface::http::{HeaderMap, HeaderName, HeaderValue, Method, Request, StatusCode};
use gateway_iface::validate::{Culprit, OnViolation, Validator, Violations};
use gateway_iface::{Connection, Error, RequestHead};

pub(crate) use Culprit::{Application, Middleware, Server};

/// An application under a validator that collects, and what it collects.
pub(crate) fn collecting<A>(app: A) -> (Validator<A>, Violations) {
    let app = Validator::new(app).on_violation(OnViolation::Collect);
    let violations = app.violations();
    (app, violations)
}

/// Takes what was seen, as rule and culprit.
pub(crate) fn seen(violations: &Violations) -> Vec<(&'static str, Culprit)> {
    violations.take().iter().map(|violation| (violation.rule(), violation.culprit())).collect()
}

pub(crate) fn get(path: &str) -> Request<&'static str> {
    Request::get(path).body("").expect("a valid path")
}

pub(crate) fn head(method: Method, path: &str) -> RequestHead {
    RequestHead::new(
        Request::builder().method(method).uri(path).body(()).expect("a valid path").into_parts().0,
    )
}

pub(crate) fn head_on(connection: Connection, path: &str) -> RequestHead {
    RequestHead::on(Request::get(path).body(()).expect("a valid path").into_parts().0, connection.into())
}

pub(crate) fn fields(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
    pairs
        .iter()
        .map(|&(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)))
        .collect()
}

/// The fields of a plain text.
pub(crate) fn plain() -> HeaderMap {
    fields(&[("content-type", "text/plain")])
}

/// What was seen, as rule and culprit.
pub(crate) type Seen = Vec<(&'static str, Culprit)>;

/// Every capability, so that only the order of events is wrong.
pub(crate) fn everything() -> Capabilities {
    Capabilities::none()
        .with(Capability::Trailers)
        .with(Capability::EarlyHints)
        .with(Capability::Push)
        .with(Capability::PathSend)
        .with(Capability::Debug)
        .with(Capability::Vendor)
        .with(Capability::WebSocketDenial)
}

/// Starts a plain text.
pub(crate) async fn start(send: &mut asgi::Send) -> Result<(), Error> {
    Ok(send.start(StatusCode::OK, plain()).await?)
}

//! What a client of HTTP/2 sees, on connections that it begins with prior knowledge.

mod bodies;
mod heads;
mod interim;
mod losses;
mod malformed;
mod responses;
mod streams;
mod trailers;
mod uploads;

use gateway_iface::http::{HeaderName, HeaderValue, Request};

use crate::case::Case;

pub(super) const TABLES: &[&[Case]] = &[
    heads::CASES,
    malformed::CASES,
    uploads::CASES,
    responses::CASES,
    bodies::CASES,
    interim::CASES,
    trailers::CASES,
    streams::CASES,
    losses::CASES,
];

/// Adds a field to a request.
fn add<B>(request: &mut Request<B>, name: &'static str, value: &str) {
    let value = HeaderValue::from_bytes(value.as_bytes()).expect("the values of cases are valid");
    request.headers_mut().append(HeaderName::from_static(name), value);
}

//! Header fields, as applications of cases write them.

use gateway_iface::http::{HeaderMap, HeaderName, HeaderValue};

/// These fields; the names and values of cases are valid.
pub(super) fn fields<const N: usize>(pairs: [(&'static str, &'static str); N]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in pairs {
        headers.append(HeaderName::from_static(name), HeaderValue::from_static(value));
    }
    headers
}

/// The type of the bodies of most cases.
pub(super) fn text() -> HeaderMap {
    fields([("content-type", "text/plain; charset=utf-8")])
}

/// Text of a declared length.
pub(super) fn declared(length: &'static str) -> HeaderMap {
    fields([("content-type", "text/plain; charset=utf-8"), ("content-length", length)])
}

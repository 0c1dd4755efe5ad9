//! What a bridge answers without asking the application.

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, StatusCode, header};

/// Head and body of a short text.
pub(super) fn text(status: StatusCode) -> (HeaderMap, Bytes) {
    let mut headers = HeaderMap::new();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    let text = status.canonical_reason().unwrap_or("Error");
    (headers, Bytes::from_static(text.as_bytes()))
}

/// The status for this one out of an error: what it names, if that is an error too.
pub(super) fn status(named: Option<StatusCode>) -> StatusCode {
    named
        .filter(|status| status.is_client_error() || status.is_server_error())
        .unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}

//! The opening handshake: answering (S-15 to S-22).

use bytes::Bytes;
use gateway_iface::asgi::event::{Accept, DenialStart};
use http::header::{
    CONNECTION, CONTENT_TYPE, HeaderMap, HeaderValue, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_EXTENSIONS,
    SEC_WEBSOCKET_PROTOCOL, SEC_WEBSOCKET_VERSION, UPGRADE,
};
use http::{Response, StatusCode, Version};

use super::content::Content;
use super::handshake::{Handshake, is_multiplexed};

/// The server's own refusal of a request, in the version of HTTP that it has (S-01, S-07, S-21).
///
/// It tells the reason phrase, and nothing of the inside (W-139). On HTTP/1 the connection is closed after it. On HTTP/2,
/// where there is nothing to upgrade to, 426 becomes 400.
///
/// # Examples
///
/// ```
/// use http::{StatusCode, Version};
///
/// let refusal = gateway_websocket::refusal(Version::HTTP_11, StatusCode::UPGRADE_REQUIRED);
/// assert_eq!(refusal.headers()["sec-websocket-version"], "13");
/// assert_eq!(refusal.headers()["connection"], "upgrade, close");
/// assert_eq!(&refusal.body()[..], b"Upgrade Required");
/// ```
#[must_use]
pub fn refusal(version: Version, status: StatusCode) -> Response<Bytes> {
    let upgrades = status == StatusCode::UPGRADE_REQUIRED;
    let status = if upgrades && is_multiplexed(version) { StatusCode::BAD_REQUEST } else { status };
    let reason = status.canonical_reason().unwrap_or("Error");
    let mut response = Response::new(Bytes::from_static(reason.as_bytes()));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    if upgrades {
        headers.insert(SEC_WEBSOCKET_VERSION, HeaderValue::from_static("13"));
    }
    if !is_multiplexed(version) {
        headers
            .insert(CONNECTION, HeaderValue::from_static(if upgrades { "upgrade, close" } else { "close" }));
        if upgrades {
            headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
        }
    }
    response
}

/// The answer that opens a socket (S-16); on HTTP/2 it has nothing of a switch (S-63).
pub(super) fn opening(handshake: &Handshake, accept: Accept) -> Response<Bytes> {
    let mut response = Response::new(Bytes::new());
    if let Some(value) = &handshake.accept {
        *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
        let headers = response.headers_mut();
        headers.insert(CONNECTION, HeaderValue::from_static("Upgrade"));
        headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
        headers.insert(SEC_WEBSOCKET_ACCEPT, value.clone());
    }
    agreed(response.headers_mut(), handshake, accept);
    response
}

/// What is said of a socket that opens, in every version of HTTP (S-18 to S-20).
fn agreed(headers: &mut HeaderMap, handshake: &Handshake, accept: Accept) {
    if let Some(deflate) = handshake.deflate {
        headers.insert(SEC_WEBSOCKET_EXTENSIONS, deflate.to_value());
    }
    // It was offered in a field, so it can be one.
    if let Some(Ok(chosen)) = accept.subprotocol.map(HeaderValue::try_from) {
        headers.insert(SEC_WEBSOCKET_PROTOCOL, chosen);
    }
    let mut last = None;
    for (name, value) in accept.headers {
        last = name.or(last);
        if let Some(name) = &last {
            headers.append(name, value);
        }
    }
}

/// The application's own refusal (S-22): the server frames it, and closes the connection after it.
pub(super) fn denial(version: Version, start: DenialStart, content: Content) -> Response<Content> {
    let mut response = Response::new(content);
    *response.status_mut() = start.status;
    *response.headers_mut() = start.headers;
    let headers = response.headers_mut();
    // What is the connection's is the server's, as in every response (H-72, H-109).
    for name in ["connection", "keep-alive", "proxy-connection", "transfer-encoding", "upgrade"] {
        headers.remove(name);
    }
    if !is_multiplexed(version) {
        headers.insert(CONNECTION, HeaderValue::from_static("close"));
    }
    response
}

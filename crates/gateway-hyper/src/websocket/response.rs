//! The opening handshake: answering (S-15 to S-22).

use bytes::Bytes;
use gateway_iface::asgi::event::{Accept, DenialStart};
use http::header::{
    CONNECTION, HeaderMap, HeaderValue, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_EXTENSIONS,
    SEC_WEBSOCKET_PROTOCOL, SEC_WEBSOCKET_VERSION, UPGRADE,
};
use http::{Response, StatusCode};

use super::exchange::Denied;
use super::handshake::Handshake;
use crate::exchange::answer;

/// What an answer consists of beside its head.
#[derive(Debug)]
pub(crate) enum Content {
    Whole(Bytes),
    Denied(Denied),
}

/// The server's own refusal of a request; the connection is closed after it (S-01, S-07, S-21).
pub(crate) fn refusal(status: StatusCode) -> Response<Bytes> {
    let mut response = answer(status);
    let headers = response.headers_mut();
    headers.insert(CONNECTION, HeaderValue::from_static("close"));
    if status == StatusCode::UPGRADE_REQUIRED {
        headers.insert(CONNECTION, HeaderValue::from_static("upgrade, close"));
        headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
        headers.insert(SEC_WEBSOCKET_VERSION, HeaderValue::from_static("13"));
    }
    response
}

/// The answer that opens a socket, on HTTP/1.1 (S-16).
pub(super) fn switching(handshake: &Handshake, accept: Accept) -> Response<Bytes> {
    let mut response = Response::new(Bytes::new());
    *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    let headers = response.headers_mut();
    headers.insert(CONNECTION, HeaderValue::from_static("Upgrade"));
    headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
    if let Some(value) = &handshake.accept {
        headers.insert(SEC_WEBSOCKET_ACCEPT, value.clone());
    }
    agreed(headers, handshake, accept);
    response
}

/// The answer that opens a socket, on HTTP/2 (S-63).
pub(super) fn opening(handshake: &Handshake, accept: Accept) -> Response<Bytes> {
    let mut response = Response::new(Bytes::new());
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
pub(super) fn denial(start: DenialStart, denied: Denied) -> Response<Denied> {
    let mut response = Response::new(denied);
    *response.status_mut() = start.status;
    *response.headers_mut() = start.headers;
    let headers = response.headers_mut();
    // What is the connection's is the server's, as in every response (H-72, H-109).
    for name in ["keep-alive", "proxy-connection", "transfer-encoding", "upgrade"] {
        headers.remove(name);
    }
    headers.insert(CONNECTION, HeaderValue::from_static("close"));
    response
}

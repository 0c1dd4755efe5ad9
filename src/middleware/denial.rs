//! An answer in place of the inner application's.

use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderValue, Response, StatusCode};

use crate::asgi::{self, Capability, Handshake};
use crate::error::Error;
use crate::wsgi;

/// Answers with a status, its reason as text, and further fields; a WebSocket gets that answer where
/// the server can give one, else it is closed before it is open.
pub(super) async fn deny(
    scope: asgi::Scope,
    receive: asgi::Receive,
    mut send: asgi::Send,
    status: StatusCode,
    headers: HeaderMap,
) -> Result<(), Error> {
    let mut response = Response::new(reason(status));
    *response.status_mut() = status;
    *response.headers_mut() = as_text(headers);
    if let asgi::Scope::WebSocket(socket) = scope {
        let can_answer = socket.head().capabilities().contains(Capability::WebSocketDenial);
        let handshake = Handshake::begin(receive, send).await?;
        let refused = if can_answer { handshake.deny(response).await } else { handshake.close().await };
        return Ok(refused?);
    }
    Ok(send.respond(response).await?)
}

/// The same for the synchronous interface.
pub(super) fn deny_sync(
    start_response: &mut dyn wsgi::StartResponse,
    status: StatusCode,
    headers: HeaderMap,
) -> Result<wsgi::Body, Error> {
    start_response.start(status, as_text(headers))?;
    Ok(wsgi::Body::from(reason(status)))
}

fn reason(status: StatusCode) -> &'static str {
    status.canonical_reason().unwrap_or("Refused")
}

fn as_text(mut headers: HeaderMap) -> HeaderMap {
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    headers
}

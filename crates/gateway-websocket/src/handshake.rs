//! The opening handshake: reading (S-01 to S-14).

use gateway_iface::RequestHead;
use http::header::{
    CONNECTION, EXPECT, ORIGIN, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_PROTOCOL, SEC_WEBSOCKET_VERSION, UPGRADE,
};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Version};
use tungstenite::handshake::derive_accept_key;

use super::extensions::{self, Agreed};
use super::settings::Settings;

/// A handshake that is valid, so that the application may answer it.
#[derive(Clone, Debug)]
pub struct Handshake {
    pub(super) version: Version,
    /// `sec-websocket-accept` (S-17); there is none on HTTP/2.
    pub(super) accept: Option<HeaderValue>,
    pub(super) deflate: Option<Agreed>,
    /// Whether the client waits for 100 (S-13).
    pub(super) expects: bool,
}

/// Whether a request asks for a WebSocket on HTTP/1.1; what asks for nothing or for something else is ordinary
/// HTTP, and so is what HTTP/1.0 asks for (S-02, S-04, S-14).
///
/// On HTTP/2 it is the extended CONNECT that asks for one, whose `:protocol` is `websocket` (RFC 8441). That is no
/// field, so where it is to be found depends on who read the request.
#[must_use]
pub fn is_asked(head: &RequestHead) -> bool {
    head.version() == Version::HTTP_11 && lists(head.headers(), &UPGRADE, "websocket")
}

impl Handshake {
    /// Reads the handshake of a request that [asks](is_asked) for a WebSocket, or of an extended CONNECT of HTTP/2,
    /// whose method and body mean nothing here.
    ///
    /// # Errors
    ///
    /// The status that the request is [refused](crate::refusal) with where the handshake is not valid: 400, 403 (S-10)
    /// or 426 (S-07).
    pub fn read(head: &RequestHead, has_body: bool, settings: &Settings) -> Result<Self, StatusCode> {
        let headers = head.headers();
        let mut accept = None;
        if !is_multiplexed(head.version()) {
            if head.method() != Method::GET || has_body || !lists(headers, &CONNECTION, "upgrade") {
                return Err(StatusCode::BAD_REQUEST);
            }
            accept = Some(accept_key(headers).ok_or(StatusCode::BAD_REQUEST)?);
        }
        // Another version of the protocol is told which one there is (S-07).
        if one(headers, &SEC_WEBSOCKET_VERSION).ok_or(StatusCode::BAD_REQUEST)? != b"13" {
            return Err(StatusCode::UPGRADE_REQUIRED);
        }
        if !offers_tokens(headers) {
            return Err(StatusCode::BAD_REQUEST);
        }
        let settings = settings.values();
        let deflate =
            extensions::negotiate(headers, settings.deflate).map_err(|_| StatusCode::BAD_REQUEST)?;
        if !is_origin_allowed(headers, settings.origins.as_deref()) {
            return Err(StatusCode::FORBIDDEN);
        }
        Ok(Self { version: head.version(), accept, deflate, expects: headers.contains_key(EXPECT) })
    }
}

/// Whether a connection of this version goes on behind the answer, and nothing is said of it (S-63).
pub(super) fn is_multiplexed(version: Version) -> bool {
    version >= Version::HTTP_2
}

/// Whether a list, over all fields of that name, has this element; case means nothing (S-04, S-05).
fn lists(headers: &HeaderMap, name: &HeaderName, element: &str) -> bool {
    let values = headers.get_all(name).iter();
    values
        .flat_map(|value| value.as_bytes().split(|&octet| octet == b','))
        .any(|known| known.trim_ascii().eq_ignore_ascii_case(element.as_bytes()))
}

/// The value of a field that is there once.
fn one<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a [u8]> {
    let mut values = headers.get_all(name).iter();
    let value = values.next()?.as_bytes().trim_ascii();
    values.next().is_none().then_some(value)
}

/// The answer to the one valid key (S-06, S-17).
fn accept_key(headers: &HeaderMap) -> Option<HeaderValue> {
    let key = one(headers, &SEC_WEBSOCKET_KEY)?;
    let is_base64 = |octet: &u8| octet.is_ascii_alphanumeric() || matches!(octet, b'+' | b'/');
    let digits = key.strip_suffix(b"==").filter(|digits| digits.len() == KEY_DIGITS)?;
    if !digits.iter().all(is_base64) {
        return None;
    }
    HeaderValue::try_from(derive_accept_key(key)).ok()
}

/// Whether every subprotocol on offer is a token (S-08).
fn offers_tokens(headers: &HeaderMap) -> bool {
    headers.get_all(SEC_WEBSOCKET_PROTOCOL).iter().all(|value| {
        value.as_bytes().split(|&octet| octet == b',').all(|element| {
            let element = element.trim_ascii();
            !element.is_empty() && element.iter().all(|&octet| extensions::is_token(octet))
        })
    })
}

/// Whether the page may open a WebSocket here (S-10).
fn is_origin_allowed(headers: &HeaderMap, allowed: Option<&[String]>) -> bool {
    let Some(allowed) = allowed else {
        return true;
    };
    headers
        .get_all(ORIGIN)
        .iter()
        .all(|origin| allowed.iter().any(|known| origin.as_bytes().eq_ignore_ascii_case(known.as_bytes())))
}

/// Digits of a key before its padding: sixteen octets.
const KEY_DIGITS: usize = 22;

#[cfg(test)]
#[path = "handshake_tests.rs"]
mod tests;

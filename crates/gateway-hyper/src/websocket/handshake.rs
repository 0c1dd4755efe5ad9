//! The opening handshake: reading (S-01 to S-14).

use gateway_iface::RequestHead;
use http::header::{
    CONNECTION, EXPECT, ORIGIN, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_PROTOCOL, SEC_WEBSOCKET_VERSION, UPGRADE,
};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Version};
use tungstenite::handshake::derive_accept_key;

use super::extensions::{self, Agreed};
use super::settings::Settings;

/// A handshake that the application may answer.
#[derive(Clone, Debug)]
pub(crate) struct Handshake {
    /// `sec-websocket-accept` (S-17); there is none on HTTP/2.
    pub(super) accept: Option<HeaderValue>,
    pub(super) deflate: Option<Agreed>,
    /// Whether the client waits for 100 (S-13).
    pub(super) expects: bool,
}

/// Whether a request asks for a WebSocket; what asks for nothing or for something else is ordinary
/// HTTP, and so is what HTTP/1.0 asks for (S-02, S-04, S-14).
pub(crate) fn is_asked(head: &RequestHead) -> bool {
    head.version() == Version::HTTP_11 && lists(head.headers(), &UPGRADE, "websocket")
}

impl Handshake {
    /// Reads the handshake of a request that [asks](is_asked) for a WebSocket; the status that it is
    /// refused with where it is not valid.
    pub(crate) fn read(head: &RequestHead, has_body: bool, settings: &Settings) -> Result<Self, StatusCode> {
        let headers = head.headers();
        if head.method() != Method::GET || has_body || !lists(headers, &CONNECTION, "upgrade") {
            return Err(StatusCode::BAD_REQUEST);
        }
        let accept = accept_key(headers).ok_or(StatusCode::BAD_REQUEST)?;
        let this = Self::read_common(headers, settings)?;
        Ok(Self { accept: Some(accept), ..this })
    }

    /// Reads what a handshake says in every version of HTTP.
    pub(crate) fn read_common(headers: &HeaderMap, settings: &Settings) -> Result<Self, StatusCode> {
        // Another version of the protocol is told which one there is (S-07).
        if one(headers, &SEC_WEBSOCKET_VERSION).ok_or(StatusCode::BAD_REQUEST)? != b"13" {
            return Err(StatusCode::UPGRADE_REQUIRED);
        }
        if !offers_tokens(headers) {
            return Err(StatusCode::BAD_REQUEST);
        }
        let deflate =
            extensions::negotiate(headers, settings.deflate).map_err(|_| StatusCode::BAD_REQUEST)?;
        if !is_origin_allowed(headers, settings.origins.as_deref()) {
            return Err(StatusCode::FORBIDDEN);
        }
        Ok(Self { accept: None, deflate, expects: headers.contains_key(EXPECT) })
    }
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

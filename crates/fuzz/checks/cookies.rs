//! Cookies, and the middleware that bounds them.
//!
//! Input: a `cookie` field on each line.

use std::sync::{Arc, Mutex};

use gateway_iface::middleware::{CookieJar, Cookies, SetCookie};
use gateway_iface::testing::WsgiClient;
use gateway_iface::wsgi::{Body, Environ, StartResponse};
use gateway_iface::{Error, RequestHead};
use http::{HeaderMap, HeaderValue, Request, header};

use crate::input::lines;

/// Checks what must hold for all cookies.
pub(crate) fn check(data: &[u8]) {
    let mut headers = HeaderMap::new();
    for line in lines(data).take(64) {
        if let Ok(value) = HeaderValue::from_bytes(line) {
            headers.append(header::COOKIE, value);
        }
    }
    let pairs = check_jar(&headers);
    check_middleware(&headers, &pairs);
    for (name, value) in &pairs {
        check_written(name, value);
    }
}

/// The jar reads what its model reads; of one name the first is the one.
fn check_jar(headers: &HeaderMap) -> Vec<(String, String)> {
    let jar = CookieJar::of_headers(headers);
    let pairs: Vec<_> = jar.iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    let fields = headers.get_all(header::COOKIE).iter().map(HeaderValue::as_bytes);
    let model: Vec<_> =
        fields.flat_map(|field| field.split(|&octet| octet == b';')).filter_map(read).collect();
    assert_eq!(pairs, model);
    for (name, _) in &pairs {
        let values: Vec<_> = pairs.iter().filter(|(own, _)| own == name).map(|(_, value)| &**value).collect();
        assert_eq!(jar.get(name), Some(values[0]));
        assert!(jar.get_all(name).eq(values));
    }
    pairs
}

/// Within the limits the application sees the same cookies, in one field; beyond them it is not called.
fn check_middleware(headers: &HeaderMap, pairs: &[(String, String)]) {
    let seen = Arc::new(Mutex::new(None));
    let app = {
        let seen = Arc::clone(&seen);
        move |environ: Environ, start_response: &mut dyn StartResponse| -> Result<Body, Error> {
            *seen.lock().expect("nobody panics with it") = Some(environ.headers().clone());
            start_response.text(200, Body::empty())
        }
    };
    let app = Cookies::new(app).with_count_limit(COUNT).with_octet_limit(OCTETS);
    let mut request = Request::new(());
    *request.headers_mut() = headers.clone();
    let response = WsgiClient::new(app).begin(RequestHead::new(request.into_parts().0)).run();
    let fields: Vec<_> = headers.get_all(header::COOKIE).iter().map(HeaderValue::as_bytes).collect();
    let count = fields.iter().flat_map(|field| field.split(|&octet| octet == b';'));
    let count = count.filter(|pair| !pair.trim_ascii().is_empty()).count();
    let octets: usize = fields.iter().map(|field| field.len()).sum();
    let Some(seen) = seen.lock().expect("nobody panics with it").take() else {
        assert_eq!(response.status(), 431);
        assert!(count > COUNT || octets > OCTETS, "{count} cookies of {octets} octets are refused");
        return;
    };
    assert_eq!(response.status(), 200);
    assert!(count <= COUNT && octets <= OCTETS, "{count} cookies of {octets} octets are let through");
    assert!(seen.get_all(header::COOKIE).iter().count() <= 1, "H-112, W-37");
    let kept = CookieJar::of_headers(&seen);
    assert!(kept.iter().eq(pairs.iter().map(|(name, value)| (&**name, &**value))), "{headers:?}");
}

/// What is written is read again, and nothing beside it.
fn check_written(name: &str, value: &str) {
    let Ok(written) = SetCookie::new(name, value).build() else {
        return;
    };
    let written = written.as_bytes().split(|&octet| octet == b';').next().unwrap_or_default();
    let value = value.strip_prefix('"').and_then(|value| value.strip_suffix('"')).unwrap_or(value);
    assert_eq!(read(written), Some((name.to_owned(), value.to_owned())));
}

/// The model of the jar: a pair by octets.
fn read(pair: &[u8]) -> Option<(String, String)> {
    let text = std::str::from_utf8(pair).ok()?;
    let at = text.find('=')?;
    let blank = |letter: char| letter == ' ' || letter == '\t';
    let (name, mut value) = (text[..at].trim_matches(blank), text[at + 1..].trim_matches(blank));
    if value.len() >= 2 && value.starts_with('"') && value.ends_with('"') {
        value = &value[1..value.len() - 1];
    }
    let token = |octet: u8| octet.is_ascii_graphic() && !b"\"(),/:;<=>?@[\\]{}".contains(&octet);
    let fits = !name.is_empty() && name.bytes().all(token) && !value.chars().any(char::is_control);
    fits.then(|| (name.to_owned(), value.to_owned()))
}

/// Small, so that they are reached.
const COUNT: usize = 8;
const OCTETS: usize = 256;

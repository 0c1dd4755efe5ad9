//! A request's head, as a scope and as an environ.
//!
//! Input: `METHOD target`, fields, an empty line, the body.

use std::collections::BTreeMap;

use bytes::Bytes;
use gateway_iface::bridge::Inline;
use gateway_iface::testing::{AsgiClient, block_on};
use gateway_iface::validate::{Culprit, OnViolation, Validator};
use gateway_iface::wsgi::{Body, Environ, Input, StartResponse};
use gateway_iface::{Error, RequestHead, asgi};
use http::{HeaderValue, Method, Request, Uri, header};

use crate::fields::fields;
use crate::input::lines;

/// Checks what must hold for every request.
pub(crate) fn check(data: &[u8]) {
    let Some(request) = request(data) else {
        return;
    };
    check_scope(&request);
    check_variables(&environ(&request));
    check_changes(environ(&request));
    check_call(request);
}

fn request(data: &[u8]) -> Option<Request<Bytes>> {
    let end = data.windows(2).position(|window| window == b"\n\n").unwrap_or(data.len());
    let body = Bytes::copy_from_slice(data.get(end + 2..).unwrap_or_default());
    let mut lines = lines(&data[..end]);
    let line = lines.next()?;
    let space = line.iter().position(|&octet| octet == b' ')?;
    let mut request = Request::new(body);
    *request.method_mut() = Method::from_bytes(&line[..space]).ok()?;
    *request.uri_mut() = Uri::try_from(&line[space + 1..]).ok()?;
    *request.headers_mut() = fields(lines);
    Some(request)
}

fn head(request: &Request<Bytes>) -> RequestHead {
    RequestHead::new(request.clone().into_parts().0)
}

fn environ(request: &Request<Bytes>) -> Environ {
    Environ::new(Box::new(head(request)), Input::from_bytes(request.body().clone()))
}

/// The scope shows the request as it is.
fn check_scope(request: &Request<Bytes>) {
    let scope = asgi::HttpScope::new(head(request));
    assert_eq!((scope.method(), scope.headers()), (request.method(), request.headers()));
    assert_eq!(scope.head().raw_path(), request.uri().path());
    assert_eq!(scope.head().root_path(), "");
    assert_eq!(scope.path_info(), request.uri().path());
    assert_eq!(scope.query_string(), request.uri().query().unwrap_or_default());
    assert!(!scope.head().is_secure());
    let lengths: Vec<_> = request.headers().get_all(header::CONTENT_LENGTH).iter().collect();
    if let ([length], Some(read)) = (&lengths[..], scope.head().content_length()) {
        let digits =
            length.as_bytes().iter().skip_while(|&&digit| digit == b'0').copied().collect::<Vec<_>>();
        let read = if read == 0 { String::new() } else { read.to_string() };
        assert_eq!(digits, read.as_bytes(), "H-43, H-45");
    }
}

/// Every variable is there once, and those of fields show these fields (W-05, W-35 to W-39).
fn check_variables(environ: &Environ) {
    let mut seen = BTreeMap::new();
    for (key, value) in environ.iter() {
        assert_eq!(
            environ.get(&key).map(|value| value.into_bytes()).as_deref(),
            Some(value.as_bytes()),
            "{key}"
        );
        assert!(environ.contains(&key), "{key}");
        assert!(
            seen.insert(key.clone().into_owned(), value.into_bytes()).is_none(),
            "{key} is there twice: W-05"
        );
    }
    for (key, value) in &seen {
        let Some(rest) = key.strip_prefix("HTTP_") else {
            continue;
        };
        let name = rest.replace('_', "-").to_ascii_lowercase();
        let values: Vec<_> = environ.headers().get_all(&name).iter().map(HeaderValue::as_bytes).collect();
        let joined = match &*name {
            "host" => values[0].to_vec(),
            "cookie" => values.join(&b"; "[..]),
            _ => values.join(&b","[..]),
        };
        assert_eq!(value, &joined, "{key}: W-37");
        assert!(!matches!(&*name, "proxy" | "content-type" | "content-length"), "{key}: W-36, C-21");
    }
    let shown = |name: &str| name.bytes().all(|octet| octet.is_ascii_alphanumeric() || octet == b'-');
    let hidden = ["content-type", "content-length", "proxy"];
    for name in
        environ.headers().keys().filter(|name| shown(name.as_str()) && !hidden.contains(&name.as_str()))
    {
        let key = format!("HTTP_{}", name.as_str().replace('-', "_").to_ascii_uppercase());
        assert!(seen.contains_key(&key), "{key}: W-35");
    }
    assert!(!seen.contains_key("REMOTE_USER") && !seen.contains_key("AUTH_TYPE"), "W-42");
    if let Some(length) = seen.get("CONTENT_LENGTH") {
        assert!(length.iter().all(u8::is_ascii_digit) && !length.is_empty(), "W-30");
        assert!(!environ.headers().contains_key(header::TRANSFER_ENCODING), "W-31");
    }
}

/// What is set is there, and what is removed is not (W-04).
fn check_changes(mut environ: Environ) {
    let keys: Vec<_> = environ.iter().map(|(key, _)| key.into_owned()).collect();
    for key in &keys {
        let Some(value) = environ.get(key).map(|value| value.into_bytes()) else {
            continue;
        };
        if environ.set(key, value.clone()).is_ok() {
            assert_eq!(
                environ.get(key).map(|value| value.into_bytes()).as_ref(),
                Some(&value),
                "{key} was set"
            );
        }
    }
    for key in &keys {
        let value = environ.get(key).map(|value| value.into_bytes());
        assert_eq!(environ.remove(key).map(|value| value.into_bytes()), value, "{key}");
        assert!(environ.get(key).is_none(), "{key} was removed");
    }
}

/// The bridge and the client keep the contract, whatever the request.
fn check_call(request: Request<Bytes>) {
    let (is_head, len) = (request.method() == Method::HEAD, request.body().len());
    let announced = head(&request).content_length().unwrap_or_default();
    let app = Validator::new(Inline::new(count)).on_violation(OnViolation::Collect);
    let violations = app.violations();
    let response = block_on(AsgiClient::new(app).request(request)).expect("the application answers");
    if response.status() == 413 {
        // Not only what comes is counted, but what is announced.
        assert!(announced > len as u64, "{len} octets are refused");
    } else {
        assert_eq!(response.text(), if is_head { String::new() } else { len.to_string() });
    }
    let own = violations.iter().find(|violation| violation.culprit() != Culprit::Server);
    assert!(own.is_none(), "{own:?}");
}

/// Counts the octets of the body.
fn count(mut environ: Environ, start_response: &mut dyn StartResponse) -> Result<Body, Error> {
    let len = environ.input().read_all(usize::MAX)?.len();
    start_response.text(200, len.to_string().into())
}

//! What the head of a response must look like, for both interfaces.

use std::fmt;

use http::{HeaderMap, HeaderName, Method, StatusCode, header};

use super::session::Findings;

/// What the body of a response is checked against.
#[derive(Debug, Default)]
pub(super) struct Response {
    status: StatusCode,
    head_request: bool,
    has_type: bool,
    content: bool,
}

impl Response {
    pub(super) fn new(method: &Method, status: StatusCode, headers: &HeaderMap) -> Self {
        Self {
            status,
            head_request: method == Method::HEAD,
            has_type: headers.contains_key(header::CONTENT_TYPE),
            content: false,
        }
    }

    /// Octets of the body; the first that there are say what was wrong with the head.
    pub(super) fn content(&mut self, len: u64, found: &mut Findings) {
        if len > 0 {
            self.begun(format_args!("{len} octets of body"), found);
        }
    }

    /// A file for the whole body.
    pub(super) fn file(&mut self, found: &mut Findings) {
        self.begun(format_args!("a file for a body"), found);
    }

    /// Fields after the body.
    pub(super) fn trailers(&self, headers: &HeaderMap, found: &mut Findings) {
        let status = self.status.as_u16();
        match status {
            _ if headers.is_empty() => {}
            204 | 304 => found.inner("H-77", format!("trailers with status {status}")),
            _ if self.head_request => found.inner("V-06", "trailers in answer to HEAD"),
            _ => {}
        }
    }

    fn begun(&mut self, what: fmt::Arguments<'_>, found: &mut Findings) {
        if std::mem::replace(&mut self.content, true) {
            return;
        }
        let status = self.status.as_u16();
        match status {
            204 | 304 => found.inner("H-77", format!("{what} with status {status}")),
            205 => found.inner("H-80", format!("{what} with status 205")),
            _ if self.head_request => found.inner("V-06", format!("{what} in answer to HEAD")),
            _ if !self.has_type => found.inner("H-73", "content without `content-type`"),
            _ => {}
        }
    }
}

/// Checks what no server refuses.
pub(super) fn check_head(status: StatusCode, headers: &HeaderMap, found: &mut Findings) {
    check_fields(headers, found);
    let code = status.as_u16();
    let required = match code {
        401 => Some(header::WWW_AUTHENTICATE),
        405 => Some(header::ALLOW),
        407 => Some(header::PROXY_AUTHENTICATE),
        _ => None,
    };
    if let Some(name) = required.filter(|name| !headers.contains_key(name)) {
        found.inner("H-74", format!("status {code} without `{name}`"));
    }
    if matches!(code, 301 | 302 | 307 | 308) && !headers.contains_key(header::LOCATION) {
        found.inner("H-75", format!("status {code} without `location`"));
    }
    if code == 204 && headers.contains_key(header::CONTENT_LENGTH) {
        found.inner("H-76", "`content-length` with status 204");
    }
    if matches!(code, 204 | 304) && headers.contains_key(header::CONTENT_TYPE) {
        found.inner("V-05", format!("`content-type` with status {code}"));
    }
    if code == 304 && headers.contains_key(header::CONTENT_LENGTH) {
        found.inner("V-05", "`content-length` with status 304");
    }
}

/// Checks fields, whatever they belong to.
pub(super) fn check_fields(headers: &HeaderMap, found: &mut Findings) {
    for name in headers.keys() {
        check_name(name, found);
        if SINGLE.contains(name) && headers.get_all(name).iter().nth(1).is_some() {
            found.inner("H-69", format!("`{name}` is there more than once"));
        }
    }
}

fn check_name(name: &HeaderName, found: &mut Findings) {
    let text = name.as_str();
    if text == "status" {
        found.inner("V-03", "a field named `status`");
        return;
    }
    let plain = |octet: u8| octet.is_ascii_alphanumeric() || matches!(octet, b'-' | b'_');
    let (first, last) = (text.as_bytes().first(), text.as_bytes().last());
    let begins = first.is_some_and(u8::is_ascii_alphabetic);
    let ends = last.is_some_and(u8::is_ascii_alphanumeric);
    if !(begins && ends && text.bytes().all(plain)) {
        found.inner("V-04", format!("a field named `{name}`"));
    }
}

/// Checks fields that come after the body (H-89).
pub(super) fn check_trailers(headers: &HeaderMap, found: &mut Findings) {
    for name in headers.keys() {
        check_name(name, found);
        if NO_TRAILER.contains(&name.as_str()) {
            found.inner("H-89", format!("`{name}` among the trailers"));
        }
    }
}

/// Those of which there is one (H-69).
const SINGLE: [HeaderName; 9] = [
    header::AGE,
    header::CONTENT_LENGTH,
    header::CONTENT_TYPE,
    header::DATE,
    header::ETAG,
    header::EXPIRES,
    header::LAST_MODIFIED,
    header::LOCATION,
    header::RETRY_AFTER,
];

const NO_TRAILER: [&str; 26] = [
    "authorization",
    "age",
    "cache-control",
    "connection",
    "content-encoding",
    "content-length",
    "content-range",
    "content-type",
    "cookie",
    "date",
    "expect",
    "expires",
    "host",
    "if-match",
    "if-none-match",
    "if-range",
    "location",
    "max-forwards",
    "proxy-authenticate",
    "range",
    "retry-after",
    "set-cookie",
    "te",
    "trailer",
    "transfer-encoding",
    "vary",
];

//! Requests that hyper lets through and HTTP forbids.

use gateway_iface::RequestHead;
use http::uri::Authority;
use http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, Version, header};

use crate::host::is_host;

/// What a request is refused with, before the application is called (H-22); `chunked` is how hyper
/// reads its body.
///
/// The connection is closed after the answer.
#[inline]
pub(crate) fn refusal(head: &RequestHead, chunked: bool) -> Option<StatusCode> {
    let (method, uri) = (head.method(), head.uri());
    if chunked && let Some(status) = refused_coding(head.headers()) {
        return Some(status);
    }
    if method == Method::CONNECT {
        // An origin server has nothing to connect to (H-14).
        let named = uri.scheme().is_none() && uri.authority().is_some_and(is_address);
        return Some(if named { StatusCode::NOT_IMPLEMENTED } else { StatusCode::BAD_REQUEST });
    }
    let usual = method == Method::GET || method == Method::POST;
    if !usual && !is_method(method.as_str()) {
        return Some(StatusCode::NOT_IMPLEMENTED);
    }
    if !is_target(method, uri) || !has_one_host(head.headers(), head.version()) {
        return Some(StatusCode::BAD_REQUEST);
    }
    match uri.scheme_str() {
        None | Some("http") => None,
        Some("https") if head.is_secure() => None,
        // Nothing else is served here (H-21).
        Some(_) => Some(StatusCode::MISDIRECTED_REQUEST),
    }
}

/// What a request is refused with whose body is announced to be larger than it may be (H-48).
#[inline]
pub(crate) fn too_large(head: &RequestHead, limit: Option<u64>) -> Option<StatusCode> {
    let limit = limit?;
    head.content_length().filter(|&length| length > limit).map(|_| StatusCode::PAYLOAD_TOO_LARGE)
}

/// The authority of the target replaces `host` for everything downstream (A-35, H-12).
#[inline]
pub(crate) fn replace_host(head: &mut RequestHead) {
    let authority = head.uri().authority().map(|authority| HeaderValue::from_str(authority.as_str()));
    if let Some(Ok(host)) = authority {
        head.headers_mut().insert(header::HOST, host);
    }
}

/// Makes `:authority` the `host`; what a request is refused with whose `host` is another one (H-111).
pub(crate) fn take_authority(head: &mut RequestHead) -> Option<StatusCode> {
    let authority = head.uri().authority()?.as_str().as_bytes();
    if head.headers().get_all(header::HOST).iter().any(|host| host.as_bytes() != authority) {
        return Some(StatusCode::BAD_REQUEST);
    }
    replace_host(head);
    None
}

/// What a body is refused with that hyper takes for chunked because that is its last coding
/// (H-39, H-40, H-41).
fn refused_coding(headers: &HeaderMap) -> Option<StatusCode> {
    let values = headers.get_all(header::TRANSFER_ENCODING).iter();
    let codings = values.flat_map(|value| value.as_bytes().split(|&octet| octet == b','));
    // Empty elements of a list are none (H-31).
    let mut codings = codings.map(<[u8]>::trim_ascii).filter(|coding| !coding.is_empty());
    let first = codings.next()?;
    let another = codings.next().is_some();
    if !first.eq_ignore_ascii_case(b"chunked") {
        return Some(StatusCode::NOT_IMPLEMENTED);
    }
    another.then_some(StatusCode::BAD_REQUEST)
}

/// Whether this names a host and a port to connect to (H-14).
fn is_address(authority: &Authority) -> bool {
    let text = authority.as_str().as_bytes();
    !text.starts_with(b":") && is_host(text) && authority.port_u16().is_some()
}

/// Whether an application may see this method: in lower case it is not the one that it looks like.
fn is_method(method: &str) -> bool {
    method.len() <= MAX_METHOD && !method.bytes().any(|octet| octet.is_ascii_lowercase())
}

/// Whether the target has a form that goes with the method (H-13, H-15).
fn is_target(method: &Method, uri: &Uri) -> bool {
    let path = match uri.path() {
        "*" => return method == Method::OPTIONS,
        path => path.starts_with('/'),
    };
    path && uri.authority().is_none_or(|authority| {
        let authority = authority.as_str().as_bytes();
        uri.scheme().is_some() && !authority.starts_with(b":") && is_host(authority)
    })
}

/// Whether there is one valid `host`, or none where the version allows it (H-18, H-19).
fn has_one_host(headers: &HeaderMap, version: Version) -> bool {
    // It is among the first fields of nearly every request, so that to look for it takes less than a hash.
    let Some((_, host)) = headers.iter().find(|(name, _)| **name == header::HOST) else {
        return version < Version::HTTP_11;
    };
    let repeated = headers.len() != headers.keys_len() && headers.get_all(header::HOST).iter().count() > 1;
    !repeated && is_host(host.as_bytes())
}

/// Octets of a method, at the most; a longer one is no one's (H-08).
const MAX_METHOD: usize = 64;

#[cfg(test)]
mod tests {
    use http::Request;

    use super::*;

    fn refused(version: Version, method: &str, target: &str, hosts: &[&str]) -> Option<u16> {
        let mut request = Request::builder().method(method).uri(target).version(version);
        for host in hosts {
            request = request.header(header::HOST, *host);
        }
        refusal(&RequestHead::new(request.body(()).unwrap().into_parts().0), false)
            .map(|status| status.as_u16())
    }

    #[test]
    fn h_31_h_39_h_40_h_41_the_one_coding_is_chunked() {
        for (lines, status) in [
            (&["chunked"][..], None),
            (&["Chunked"], None),
            (&[" , chunked,"], None),
            (&["", "chunked"], None),
            (&["chunked, chunked"], Some(400)),
            (&["chunked", "chunked"], Some(400)),
            (&["chunked, gzip"], Some(400)),
            (&["identity, chunked"], Some(501)),
            (&["gzip", "chunked"], Some(501)),
            (&["xchunked"], Some(501)),
            (&["chunked;x=1"], Some(501)),
        ] {
            let mut request = Request::post("/").header(header::HOST, "test");
            for line in lines {
                request = request.header(header::TRANSFER_ENCODING, *line);
            }
            let head = RequestHead::new(request.body(()).unwrap().into_parts().0);
            assert_eq!(refusal(&head, true).map(|status| status.as_u16()), status, "{lines:?}");
        }
    }

    /// a method in lower case is not the one it looks like.
    #[test]
    fn h_13_h_14_h_15_h_21_forms_of_the_target_go_with_the_method() {
        for (method, target, status) in [
            ("GET", "/", None),
            ("GET", "/a?b", None),
            ("GET", "//a", None),
            ("OPTIONS", "*", None),
            ("GET", "http://example.com/x", None),
            ("GET", "http://example.com:80", None),
            ("GET", "http://[::1]:80/", None),
            ("GET", "*", Some(400)),
            ("GET", "example.com:80", Some(400)),
            ("GET", "http://user@example.com/", Some(400)),
            ("GET", "http://user:password@example.com/", Some(400)),
            ("GET", "http://example.com:port/", Some(400)),
            ("GET", "http://:80/", Some(400)),
            ("GET", "http://a,b/", Some(400)),
            ("GET", "https://example.com/", Some(421)),
            ("GET", "ftp://example.com/", Some(421)),
            ("CONNECT", "example.com:80", Some(501)),
            ("CONNECT", "example.com", Some(400)),
            ("CONNECT", ":80", Some(400)),
            ("CONNECT", "example.com:+80", Some(400)),
            ("CONNECT", "http://example.com:80/", Some(400)),
            ("get", "/", Some(501)),
            ("PURGE", "/", None),
            (&"A".repeat(64), "/", None),
            (&"A".repeat(65), "/", Some(501)),
        ] {
            assert_eq!(refused(Version::HTTP_11, method, target, &["test"]), status, "{method} {target}");
        }
    }

    #[test]
    fn h_18_h_19_there_is_one_valid_host() {
        for (hosts, status) in [
            (&["test"][..], None),
            (&["test:80"], None),
            (&["[::1]:80"], None),
            (&[""], None),
            (&[], Some(400)),
            (&["a", "a"], Some(400)),
            (&["a, b"], Some(400)),
            (&["a,b"], Some(400)),
            (&["a/b"], Some(400)),
            (&["user@a"], Some(400)),
            (&["a b"], Some(400)),
            (&["a?b"], Some(400)),
        ] {
            assert_eq!(refused(Version::HTTP_11, "GET", "/", hosts), status, "{hosts:?}");
        }
        assert_eq!(refused(Version::HTTP_10, "GET", "/", &[]), None);
        assert_eq!(refused(Version::HTTP_10, "GET", "/", &["a", "b"]), Some(400));
    }
}

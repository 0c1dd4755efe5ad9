//! The host that a client asked for.

use std::net::Ipv6Addr;

use http::{HeaderValue, header};

use crate::request::RequestHead;

/// What the client asked for, with its port: the authority of the target, else the one `host` field
/// (H-12, H-111).
pub(crate) fn requested(head: &RequestHead) -> Option<&str> {
    if let Some(authority) = head.uri().authority() {
        return Some(authority.as_str());
    }
    field(head)?.to_str().ok()
}

/// The `host` field, where there is one and no more.
pub(crate) fn field(head: &RequestHead) -> Option<&HeaderValue> {
    let mut fields = head.headers().get_all(header::HOST).iter();
    let first = fields.next()?;
    fields.next().is_none().then_some(first)
}

/// Name and port of `name`, `name:` and `name:80`; a name in brackets keeps them.
pub(crate) fn split(host: &str) -> Option<(&str, Option<&str>)> {
    let end = if host.starts_with('[') { host.find(']')? + 1 } else { host.find(':').unwrap_or(host.len()) };
    let (name, port) = host.split_at(end);
    let port = match port.strip_prefix(':') {
        Some(port) if port.bytes().all(|octet| octet.is_ascii_digit()) => port,
        None if port.is_empty() => port,
        _ => return None,
    };
    let valid = !name.is_empty() && name.bytes().all(|octet| octet.is_ascii_graphic());
    valid.then_some((name, Some(port).filter(|port| !port.is_empty())))
}

/// The address of an IPv6 literal in brackets.
pub(crate) fn literal(name: &str) -> Option<Ipv6Addr> {
    name.strip_prefix('[')?.strip_suffix(']')?.parse().ok()
}

/// Whether a name is made of labels: letters, digits, `-` and `_`, with single dots between.
pub(crate) fn is_name(name: &str) -> bool {
    let inside = |octet: u8| octet.is_ascii_alphanumeric() || matches!(octet, b'-' | b'_');
    name.split('.').all(|label| !label.is_empty() && label.bytes().all(inside))
}

#[cfg(test)]
mod tests {
    use http::Request;

    use super::*;

    #[test]
    fn h_12_h_111_authority_of_the_target_comes_before_the_field() {
        for (target, hosts, host) in [
            ("/", &[][..], None),
            ("/", &["a:80"], Some("a:80")),
            ("http://b/", &["a"], Some("b")),
            ("/", &["a", "a"], None),
            ("/", &["a\u{E9}"], None),
        ] {
            let mut request = Request::get(target);
            for host in hosts {
                request = request.header("host", *host);
            }
            let head = RequestHead::new(request.body(()).unwrap().into_parts().0);
            assert_eq!(requested(&head), host, "{target} {hosts:?}");
        }
    }

    #[test]
    fn hosts_are_split_at_the_port() {
        for (host, parts) in [
            ("a", Some(("a", None))),
            ("a:", Some(("a", None))),
            ("a:80", Some(("a", Some("80")))),
            ("[::1]:80", Some(("[::1]", Some("80")))),
            ("[::1]", Some(("[::1]", None))),
            ("[::1", None),
            ("[::1]x", None),
            ("::1", None),
            ("a:b", None),
            ("a:80:90", None),
            (":80", None),
            ("", None),
            ("a b", None),
        ] {
            assert_eq!(split(host), parts, "{host:?}");
        }
    }
}

//! What the head of a request must look like, for both interfaces.

use std::net::Ipv6Addr;

use http::{Method, Version, header};

use super::session::Findings;
use crate::connection::ServerAddr;
use crate::request::{RequestHead, parse_length};

/// Checks what a server tells of a request.
pub(super) fn check_head(head: &RequestHead, found: &mut Findings) {
    let (method, path) = (head.method(), head.raw_path());
    let target = match path {
        "*" => method == Method::OPTIONS,
        "" => method == Method::CONNECT,
        path => path.starts_with('/'),
    };
    if !target {
        found.outer("H-13", format!("the path `{path}` with the method {method}"));
    }
    if head.version() == Version::HTTP_09 {
        found.outer("A-18", "the protocol version HTTP/0.9");
    }
    check_framing(head, found);
    check_host(head, found);
    if head.tls().is_some() && !head.is_secure() {
        found.outer("A-46", "what is known of TLS, on a connection that is not secure");
    }
    if head.tls().is_some_and(|tls| !tls.client_cert_chain.is_empty() && tls.client_cert_name.is_none()) {
        found.outer("A-49", "a client certificate without its name");
    }
}

/// Whether the method is written as most are: in upper case.
pub(super) fn is_upper_case(method: &Method) -> bool {
    !method.as_str().bytes().any(|octet| octet.is_ascii_lowercase())
}

fn check_framing(head: &RequestHead, found: &mut Findings) {
    let headers = head.headers();
    let mut lengths = headers.get_all(header::CONTENT_LENGTH).iter();
    if let Some(length) = lengths.next() {
        if parse_length(length.as_bytes()).is_none() {
            found.outer("H-43", format!("the `content-length` {length:?}"));
        }
        if lengths.next().is_some() {
            found.outer("H-44", "more than one `content-length`");
        }
        if headers.contains_key(header::TRANSFER_ENCODING) {
            found.outer("H-37", "`content-length` beside `transfer-encoding`");
        }
    }
    if matches!(head.version(), Version::HTTP_2 | Version::HTTP_3) {
        for name in ["connection", "keep-alive", "proxy-connection", "transfer-encoding", "upgrade"] {
            if headers.contains_key(name) {
                found.outer("H-109", format!("`{name}` in a request of {:?}", head.version()));
            }
        }
    }
}

fn check_host(head: &RequestHead, found: &mut Findings) {
    let mut hosts = head.headers().get_all(header::HOST).iter();
    if let Some(host) = hosts.next() {
        if !is_authority(host.as_bytes()) {
            found.outer("H-18", format!("the `host` {host:?}"));
        }
        if hosts.next().is_some() {
            found.outer("H-18", "more than one `host`");
        }
    }
    if let Some(ServerAddr::Name(name, _)) = head.server()
        && !is_host(name.as_bytes())
    {
        found.outer("W-32", format!("the server's name `{name}`"));
    }
}

/// `host [ ":" port ]`, or nothing.
pub(super) fn is_authority(value: &[u8]) -> bool {
    let bracket = value.iter().rposition(|&octet| octet == b']').map_or(0, |at| at + 1);
    let (host, port) = match value[bracket..].iter().position(|&octet| octet == b':') {
        Some(at) => (&value[..bracket + at], &value[bracket + at + 1..]),
        None => (value, &b""[..]),
    };
    (host.is_empty() || is_host(host)) && port.iter().all(u8::is_ascii_digit)
}

/// A name or an address as RFC 3986 writes it, not empty.
pub(super) fn is_host(host: &[u8]) -> bool {
    if let Some(inside) = host.strip_prefix(b"[").and_then(|rest| rest.strip_suffix(b"]")) {
        let text = std::str::from_utf8(inside).unwrap_or_default();
        return text.starts_with('v') || text.parse::<Ipv6Addr>().is_ok();
    }
    let plain = |&octet: &u8| octet.is_ascii_alphanumeric() || b"-._~!$&'()*+;=%".contains(&octet);
    !host.is_empty() && host.iter().all(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn h_18_host_syntax() {
        for (host, ok) in [
            ("", true),
            ("example.org", true),
            ("example.org:80", true),
            ("[::1]:80", true),
            ("[::1]", true),
            ("::1", false),
            ("[::g]", false),
            ("a b", false),
            ("a,b", false),
            ("a:b", false),
            ("a/b", false),
            ("user@host", false),
        ] {
            assert_eq!(is_authority(host.as_bytes()), ok, "{host:?}");
        }
    }
}

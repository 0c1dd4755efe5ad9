//! Who a proxy had a request from.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};

/// One hop, as the proxy after it names it (RFC 7239, section 6).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Node {
    /// An address; port 0 if it was not told.
    Addr(SocketAddr),
    /// `unknown`, or a name that means something to the proxy only.
    Hidden,
}

impl Node {
    /// Reads a node, without quotes around it; nothing where it is malformed.
    pub(super) fn parse(text: &str) -> Option<Self> {
        if let Ok(addr) = text.parse::<IpAddr>() {
            return Some(Self::addr(addr, 0));
        }
        if let Some(rest) = text.strip_prefix('[') {
            let (addr, port) = rest.split_once(']')?;
            let addr: Ipv6Addr = addr.parse().ok()?;
            let port = if port.is_empty() { 0 } else { parse_port(port.strip_prefix(':')?)? };
            return Some(Self::addr(addr.into(), port));
        }
        let (name, port) = match text.split_once(':') {
            Some((name, port)) => (name, parse_port(port)?),
            None => (text, 0),
        };
        if name.eq_ignore_ascii_case("unknown") || is_obfuscated(name) {
            return Some(Self::Hidden);
        }
        name.parse().ok().map(|addr| Self::addr(IpAddr::V4(addr), port))
    }

    /// IPv4 in IPv6 is IPv4.
    fn addr(addr: IpAddr, port: u16) -> Self {
        Self::Addr(SocketAddr::new(addr.to_canonical(), port))
    }
}

/// A hidden port is no port.
fn parse_port(text: &str) -> Option<u16> {
    if is_obfuscated(text) {
        return Some(0);
    }
    let is_number = (1..=5).contains(&text.len()) && text.bytes().all(|octet| octet.is_ascii_digit());
    text.parse().ok().filter(|_| is_number)
}

fn is_obfuscated(text: &str) -> bool {
    let inside = |octet: u8| octet.is_ascii_alphanumeric() || b"._-".contains(&octet);
    text.strip_prefix('_').is_some_and(|rest| !rest.is_empty() && rest.bytes().all(inside))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nodes_are_addresses_hidden_or_malformed() {
        for (text, addr) in [
            ("192.0.2.1", "192.0.2.1:0"),
            ("192.0.2.1:80", "192.0.2.1:80"),
            ("192.0.2.1:_p", "192.0.2.1:0"),
            ("2001:db8::1", "[2001:db8::1]:0"),
            ("[2001:db8::1]", "[2001:db8::1]:0"),
            ("[2001:db8::1]:65535", "[2001:db8::1]:65535"),
            ("::ffff:192.0.2.1", "192.0.2.1:0"),
            ("[::ffff:192.0.2.1]:80", "192.0.2.1:80"),
        ] {
            assert_eq!(Node::parse(text), Some(Node::Addr(addr.parse().unwrap())), "{text}");
        }
        for text in ["unknown", "UNKNOWN", "unknown:80", "_hidden", "_a.b-c_", "_hidden:_p"] {
            assert_eq!(Node::parse(text), Some(Node::Hidden), "{text}");
        }
        for text in [
            "",
            "_",
            "_a b",
            "x",
            "localhost",
            "192.0.2",
            "192.0.2.1.",
            "192.0.2.01",
            "192.0.2.256",
            "192.0.2.1:",
            "192.0.2.1:x",
            "192.0.2.1:65536",
            "192.0.2.1:+80",
            "192.0.2.1:000080",
            "[192.0.2.1]",
            "[::1",
            "::1]",
            "[::1]80",
            "[::1]:",
            "[fe80::1%eth0]",
            "fe80::1%1",
            "\"192.0.2.1\"",
            " 192.0.2.1",
            "192.0.2.1 ",
            "0x7f.1",
            "192.0.2.1/32",
        ] {
            assert_eq!(Node::parse(text), None, "{text}");
        }
    }
}

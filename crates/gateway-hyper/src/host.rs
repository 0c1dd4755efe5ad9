//! What a client may ask for as a host.

use std::net::Ipv6Addr;

/// Whether this is a name or an address, with a port or without; nothing is valid too, as a `host` (H-18).
///
/// It is no list (H-19), and has no user before it.
#[inline]
pub(crate) fn is_host(value: &[u8]) -> bool {
    let end = value.iter().position(|&octet| !NAME[usize::from(octet)]).unwrap_or(value.len());
    match &value[end..] {
        [] => true,
        [b':', port @ ..] => is_port(port),
        _ => is_unusual(value),
    }
}

/// The same, for an address in brackets and for a name with escapes.
#[cold]
fn is_unusual(value: &[u8]) -> bool {
    let end = if value.first() == Some(&b'[') { address_len(value) } else { name_len(value) };
    match &value[end..] {
        [] => true,
        [b':', port @ ..] => is_port(port),
        _ => false,
    }
}

/// How far the name goes that a value begins with.
fn name_len(value: &[u8]) -> usize {
    let mut end = 0;
    while let Some(&octet) = value.get(end) {
        end += match octet {
            octet if NAME[usize::from(octet)] => 1,
            b'%' if value.get(end + 1..end + 3).is_some_and(|hex| hex.iter().all(u8::is_ascii_hexdigit)) => 3,
            _ => break,
        };
    }
    end
}

/// How far the address in brackets goes that a value begins with. There is no later version of addresses
/// that anyone could serve.
fn address_len(value: &[u8]) -> usize {
    let end = value.iter().position(|&octet| octet == b']').unwrap_or(0);
    let address = value.get(1..end).and_then(|inside| std::str::from_utf8(inside).ok());
    if address.is_some_and(|address| address.parse::<Ipv6Addr>().is_ok()) { end + 1 } else { 0 }
}

fn is_port(port: &[u8]) -> bool {
    let mut number = 0_u32;
    for &digit in port {
        if !digit.is_ascii_digit() {
            return false;
        }
        // What is too large stays so.
        number = (number * 10 + u32::from(digit - b'0')).min(TOO_LARGE);
    }
    number < TOO_LARGE
}

/// The first number beyond those of ports.
const TOO_LARGE: u32 = 65_536;

/// The octets of a name, as RFC 3986 has them.
const NAME: [bool; 256] = {
    let mut name = [false; 256];
    let mut octet = 0;
    while octet < 256 {
        name[octet] = match octet as u8 {
            b'-' | b'.' | b'_' | b'~' | b'!' | b'$' | b'&' | b'\'' | b'(' | b')' | b'*' | b'+' | b';'
            | b'=' => true,
            octet => octet.is_ascii_alphanumeric(),
        };
        octet += 1;
    }
    name
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn h_18_h_19_hosts_are_names_or_addresses_with_a_port_or_without() {
        for host in [
            "",
            "test",
            "a_b.c",
            "a%20b",
            "test:",
            "test:80",
            "test:65535",
            "test:0000080",
            ":80",
            "[::1]",
            "[::1]:80",
        ] {
            assert!(is_host(host.as_bytes()), "{host}");
        }
        for host in [
            "a b",
            "a,b",
            "a/b",
            "a?b",
            "a#b",
            "user@a",
            "a\\b",
            "a|b",
            "a%",
            "a%2",
            "a%zz",
            "\u{e9}",
            "a:b",
            "a:+80",
            "a:-1",
            "a:65536",
            "a:4294967376",
            "a:99999999999999999999",
            "a:80:81",
            "a::80",
            "::1",
            "[::1",
            "::1]",
            "[::1]a",
            "a[::1]",
            "[::1]:a",
            "[::g]",
            "[]",
            "[a]",
            "[127.0.0.1]",
            "[fe80::1%25eth0]",
            "[v1.a]",
            "[[::1]]",
            "[",
            "]",
        ] {
            assert!(!is_host(host.as_bytes()), "{host}");
        }
    }
}

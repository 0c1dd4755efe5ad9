//! The field `forwarded`: RFC 7239.

use std::borrow::Cow;

use http::HeaderMap;
use http::header::FORWARDED;

use super::node::Node;
use super::proxy::ProxyHeaders;
use super::verified::{Verified, is_secure};

/// What it says, as far as it can be trusted.
pub(super) fn read<A>(proxies: &ProxyHeaders<A>, headers: &HeaderMap) -> Verified {
    let mut verified = Verified::default();
    for element in from_the_right(headers).take(proxies.hop_limit) {
        let Some(element) = Element::parse(element) else {
            break;
        };
        // Whoever is nearer to the client knows better what it asked for.
        verified.secure = element.proto.as_deref().and_then(is_secure).or(verified.secure);
        if proxies.host
            && let Some(host) = element.host
        {
            verified.host = Some(host.into_owned());
        }
        match element.node {
            Some(Node::Addr(addr)) => {
                verified.client = Some(Some(addr));
                if !proxies.trusts(addr.ip()) {
                    break;
                }
            }
            Some(Node::Hidden) => {
                verified.client = Some(None);
                break;
            }
            None => break,
        }
    }
    verified
}

/// What one proxy said.
#[derive(Debug, Default)]
struct Element<'a> {
    node: Option<Node>,
    proto: Option<Cow<'a, str>>,
    host: Option<Cow<'a, str>>,
}

impl<'a> Element<'a> {
    /// Reads `for=…;proto=…`; nothing where any of it is malformed or said twice.
    fn parse(element: &'a [u8]) -> Option<Self> {
        let mut rest = std::str::from_utf8(element).ok()?;
        let (mut found, mut seen) = (Self::default(), [false; 4]);
        loop {
            let (name, after) = rest.split_once('=')?;
            let (value, after) = split_value(after)?;
            let name = name.trim_start_matches([' ', '\t']);
            if !is_token(name) {
                return None;
            }
            if let Some(at) = NAMES.iter().position(|own| own.eq_ignore_ascii_case(name)) {
                if std::mem::replace(&mut seen[at], true) {
                    return None;
                }
                match NAMES[at] {
                    "for" => found.node = Some(Node::parse(&value)?),
                    "proto" => found.proto = Some(value),
                    "host" => found.host = Some(value),
                    _ => {}
                }
            }
            let after = after.trim_start_matches([' ', '\t']);
            rest = match after.strip_prefix(';') {
                Some(rest) => rest,
                None if after.is_empty() => return Some(found),
                None => return None,
            };
        }
    }
}

/// A token or a quoted string, and what comes after it.
fn split_value(text: &str) -> Option<(Cow<'_, str>, &str)> {
    let Some(quoted) = text.strip_prefix('"') else {
        let end = text.find([';', ' ', '\t']).unwrap_or(text.len());
        let (value, rest) = text.split_at(end);
        return is_token(value).then_some((Cow::Borrowed(value), rest));
    };
    let mut value = String::new();
    let mut letters = quoted.char_indices();
    while let Some((at, letter)) = letters.next() {
        match letter {
            '"' => return Some((Cow::Owned(value), &quoted[at + 1..])),
            '\\' => value.push(letters.next()?.1),
            _ => value.push(letter),
        }
    }
    None
}

/// The elements of all fields, the last one first.
///
/// Quotes are followed from the right as well, so that one that is open in what a client sent does not
/// swallow what a proxy added after it.
fn from_the_right(headers: &HeaderMap) -> impl Iterator<Item = &[u8]> {
    let fields = headers.get_all(FORWARDED).iter().rev();
    fields
        .flat_map(|field| {
            let mut rest = Some(field.as_bytes());
            std::iter::from_fn(move || {
                let value = rest?;
                let (before, element) = split_last(value);
                rest = before;
                Some(element.trim_ascii())
            })
        })
        .filter(|element| !element.is_empty())
}

/// What is before the last comma outside of quotes, if there is one, and what is after it.
fn split_last(value: &[u8]) -> (Option<&[u8]>, &[u8]) {
    let (mut in_quotes, mut at) = (false, value.len());
    while let Some(before) = at.checked_sub(1) {
        at = before;
        match value[at] {
            b'"' => {
                let escapes = value[..at].iter().rev().take_while(|&&octet| octet == b'\\').count();
                if !in_quotes || escapes % 2 == 0 {
                    in_quotes = !in_quotes;
                }
            }
            b',' if !in_quotes => return (Some(&value[..at]), &value[at + 1..]),
            _ => {}
        }
    }
    (None, value)
}

fn is_token(text: &str) -> bool {
    let inside = |octet: u8| octet.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&octet);
    !text.is_empty() && text.bytes().all(inside)
}

const NAMES: [&str; 4] = ["for", "by", "proto", "host"];

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn elements_are_cut_from_the_right_and_quotes_kept_together() {
        for (fields, elements) in [
            (&["a, b,c"][..], &["c", "b", "a"][..]),
            (&["a", "b, c"], &["c", "b", "a"]),
            (&[", ,a,,"], &["a"]),
            (&["a=\"x,y\", b"], &["b", "a=\"x,y\""]),
            (&["a=\"x\\\",y\", b"], &["b", "a=\"x\\\",y\""]),
            (&["a=\"x,y\\\"z\", b"], &["b", "a=\"x,y\\\"z\""]),
            (&["a=\"x\\\\\",b"], &["b", "a=\"x\\\\\""]),
            (&["for=\"open, b=\"x,y\""], &["b=\"x,y\"", "for=\"open"]),
            (&["for=\"open, b"], &["b", "for=\"open"]),
            (&["for=open\\, b"], &["b", "for=open\\"]),
            (&["\"", "a"], &["a", "\""]),
        ] {
            let mut headers = HeaderMap::new();
            for field in fields {
                headers.append(FORWARDED, HeaderValue::from_str(field).unwrap());
            }
            let found: Vec<_> =
                from_the_right(&headers).map(|element| std::str::from_utf8(element).unwrap()).collect();
            assert_eq!(found, elements, "{fields:?}");
        }
    }

    #[test]
    fn elements_are_read_whole_or_not_at_all() {
        let read = |text: &'static str| Element::parse(text.as_bytes());
        let all = read("For=\"[2001:db8::1]:80\" ; proto=https;BY=_x;host=\"a:\\8\";ext=1").unwrap();
        assert_eq!(all.node, Node::parse("[2001:db8::1]:80"));
        assert_eq!((all.proto.as_deref(), all.host.as_deref()), (Some("https"), Some("a:8")));
        assert!(read("proto=http").unwrap().node.is_none());
        for text in [
            "",
            "for",
            "for=",
            "=1",
            "for=1.2.3.4;",
            "for=1.2.3.4;;proto=http",
            "for=1.2.3.4;for=1.2.3.5",
            "for=1.2.3.4;FOR=1.2.3.4",
            "proto=http;proto=http",
            "for=\"1.2.3.4",
            "for=1.2.3.4\"",
            "for=1.2.3.4:80",
            "for=[::1]",
            "for=\"\"",
            "for=\"1.2.3.4\"x",
            "for= 1.2.3.4",
            "for =1.2.3.4",
            "f(r=1",
            "for=1.2.3.4 x",
            "for=\"1.2.3.4\\",
            "for=evil",
            "for=1.2.3.4;host=a:b",
        ] {
            assert!(read(text).is_none(), "{text}");
        }
    }
}

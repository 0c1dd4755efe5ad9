//! The fields `x-forwarded-…`, which no standard describes.

use http::HeaderMap;

use super::node::Node;
use super::proxy::ProxyHeaders;
use super::verified::{Verified, is_secure};

/// What they say, as far as it can be trusted.
pub(super) fn read<A>(proxies: &ProxyHeaders<A>, headers: &HeaderMap) -> Verified {
    let mut verified = Verified {
        secure: last(headers, "x-forwarded-proto").and_then(is_secure),
        host: last(headers, "x-forwarded-host").filter(|_| proxies.host).map(str::to_owned),
        port: last(headers, "x-forwarded-port").filter(|_| proxies.port).and_then(parse_port),
        prefix: last(headers, "x-forwarded-prefix").filter(|_| proxies.prefix).map(str::to_owned),
        ..Verified::default()
    };
    let hops = from_the_right(headers, "x-forwarded-for").filter(|element| !element.is_empty());
    for element in hops.take(proxies.hop_limit) {
        let Some(node) = std::str::from_utf8(element).ok().map(unquote).and_then(Node::parse) else {
            break;
        };
        match node {
            Node::Addr(addr) => {
                verified.client = Some(Some(addr));
                if !proxies.trusts(addr.ip()) {
                    break;
                }
            }
            Node::Hidden => {
                verified.client = Some(None);
                break;
            }
        }
    }
    verified
}

/// The elements of all lists of one name, the last one first.
///
/// They are cut out as octets, so that none can spoil one that stands right of it.
fn from_the_right<'a>(headers: &'a HeaderMap, name: &str) -> impl Iterator<Item = &'a [u8]> + use<'a> {
    let fields = headers.get_all(name).iter().rev();
    let elements = fields.flat_map(|field| field.as_bytes().rsplit(|&octet| octet == b','));
    elements.map(<[u8]>::trim_ascii)
}

/// What the proxy that this server talks to has written, or added to what others had; if that is nothing,
/// what others had counts no more.
fn last<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    std::str::from_utf8(from_the_right(headers, name).next()?).ok()
}

fn unquote(element: &str) -> &str {
    element.strip_prefix('"').and_then(|element| element.strip_suffix('"')).unwrap_or(element)
}

fn parse_port(text: &str) -> Option<u16> {
    let is_number = text.bytes().all(|octet| octet.is_ascii_digit());
    text.parse().ok().filter(|&port| is_number && port != 0)
}

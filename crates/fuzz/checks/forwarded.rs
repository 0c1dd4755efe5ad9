//! What proxies say about the client.
//!
//! Input: which family of fields is read and the peer, `x 10.0.0.1` or `f 192.0.2.1`; then fields. Trusted
//! are `10.0.0.0/8` and `fd00::/8`.

use std::collections::HashSet;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex};

use gateway_iface::middleware::{ForwardingFields, Network, ProxyHeaders};
use gateway_iface::testing::WsgiClient;
use gateway_iface::wsgi::{Body, Environ, StartResponse};
use gateway_iface::{Connection, Error, RequestHead};
use http::{HeaderMap, HeaderName, HeaderValue, Request};

use crate::fields::fields;
use crate::input::lines;

/// Checks what must hold for whatever a proxy, or one who poses as a proxy, says.
pub(crate) fn check(data: &[u8]) {
    let mut lines = lines(data);
    let Some(line) = lines.next().and_then(|line| std::str::from_utf8(line).ok()) else {
        return;
    };
    let (family, peer) = line.split_once(' ').unwrap_or((line, "10.0.0.1"));
    let family = if family == "f" { ForwardingFields::Forwarded } else { ForwardingFields::XForwarded };
    let Ok(peer) = peer.parse::<IpAddr>() else {
        return;
    };
    let proxy = Proxy { family, peer: SocketAddr::new(peer, 4711) };
    let fields = fields(lines);
    let verified = proxy.verify(&fields);
    check_removed(&verified.fields);
    if !is_trusted(peer) {
        let untouched = proxy.verify(&HeaderMap::new());
        assert_eq!(verified.what(), untouched.what(), "an untrusted peer is believed: H-21");
        return;
    }
    check_client(&proxy, &verified, &fields);
    check_appended(&proxy, &fields);
    if verified.client.is_none_or(|client| !is_trusted(client.ip())) {
        check_spoofed(&proxy, &verified, &fields);
    }
}

/// A peer, and what it is asked about.
struct Proxy {
    family: ForwardingFields,
    peer: SocketAddr,
}

/// What the inner application sees.
#[derive(Clone, Debug, Default)]
struct Seen {
    client: Option<SocketAddr>,
    secure: bool,
    host: Option<HeaderValue>,
    root_path: String,
    path_info: String,
    fields: HeaderMap,
}

impl Seen {
    fn what(&self) -> (Option<SocketAddr>, bool, Option<&HeaderValue>, &str, &str) {
        (self.client, self.secure, self.host.as_ref(), &self.root_path, &self.path_info)
    }
}

impl Proxy {
    fn verify(&self, fields: &HeaderMap) -> Seen {
        let seen = Arc::new(Mutex::new(Seen::default()));
        let app = {
            let seen = Arc::clone(&seen);
            move |environ: Environ, start_response: &mut dyn StartResponse| -> Result<Body, Error> {
                let head = environ.head();
                *seen.lock().expect("nobody panics with it") = Seen {
                    client: head.client(),
                    secure: head.is_secure(),
                    host: head.headers().get("host").cloned(),
                    root_path: head.root_path().to_owned(),
                    path_info: head.path_info().to_owned(),
                    fields: head.headers().clone(),
                };
                start_response.text(200, Body::empty())
            }
        };
        let app =
            ProxyHeaders::new(app).with_fields(self.family).with_host(true).with_port(true).with_prefix(true);
        let app = networks().into_iter().fold(app, |app, network| app.trust_network(network));
        let mut request = Request::new(());
        *request.uri_mut() = http::Uri::from_static("/a/b?c");
        *request.headers_mut() = fields.clone();
        request.headers_mut().insert("host", HeaderValue::from_static("inner"));
        let connection = Arc::new(Connection::new().with_client(self.peer));
        let head = RequestHead::on(request.into_parts().0, connection);
        assert_eq!(WsgiClient::new(app).begin(head).run().status(), 200);
        seen.lock().expect("nobody panics with it").clone()
    }

    /// The field that the hops are in.
    fn name(&self) -> HeaderName {
        match self.family {
            ForwardingFields::Forwarded => http::header::FORWARDED,
            _ => HeaderName::from_static("x-forwarded-for"),
        }
    }
}

/// No field by which a proxy tells something goes further.
fn check_removed(fields: &HeaderMap) {
    for name in fields.keys() {
        let plain = name.as_str().replace('_', "-");
        assert!(!plain.starts_with("x-forwarded-") && !REMOVED.contains(&&*plain), "{name} is left");
    }
}

/// The client is the peer, nobody, or one that the fields name.
fn check_client(proxy: &Proxy, verified: &Seen, fields: &HeaderMap) {
    if let Some(client) = verified.client.filter(|client| *client != proxy.peer) {
        let named: HashSet<_> = fields.get_all(proxy.name()).iter().flat_map(addresses).collect();
        assert!(named.contains(&client.ip()), "{client} is not in {fields:?}");
    }
    assert!(verified.path_info == "/a/b", "{verified:?}");
    let root = &verified.root_path;
    assert!(root.is_empty() || root.starts_with('/') && !root.ends_with('/'), "{root}");
}

/// What the peer itself adds at the right counts, whatever stands left of it.
fn check_appended(proxy: &Proxy, fields: &HeaderMap) {
    let hop = match proxy.family {
        ForwardingFields::Forwarded => "for=\"198.51.100.7\";ext=\"a, \\\"b\"",
        _ => "198.51.100.7",
    };
    let mut after = fields.clone();
    after.append(proxy.name(), HeaderValue::from_static(hop));
    let mut values: Vec<_> = fields.get_all(proxy.name()).iter().cloned().collect();
    let mut joined = fields.clone();
    joined.remove(proxy.name());
    if let Some(last) = values.pop() {
        values.push(join(last.as_bytes(), hop.as_bytes()));
    }
    for value in values {
        joined.append(proxy.name(), value);
    }
    let joined = Some(joined).filter(|joined| joined.contains_key(proxy.name()));
    for fields in [Some(after), joined].into_iter().flatten() {
        let client = proxy.verify(&fields).client;
        assert_eq!(client, Some(SocketAddr::from(([198, 51, 100, 7], 0))), "{fields:?}");
    }
}

/// Whatever stands left of a hop that is not trusted changes nothing: a client may have made it up.
fn check_spoofed(proxy: &Proxy, verified: &Seen, fields: &HeaderMap) {
    let (name, spoofs) = match proxy.family {
        ForwardingFields::Forwarded => ("forwarded", &SPOOFS_FORWARDED[..]),
        _ => ("x-forwarded-for", &SPOOFS[..]),
    };
    for spoof in spoofs {
        let own: Vec<_> = fields.get_all(name).iter().cloned().collect();
        let mut before = fields.clone();
        before.remove(name);
        before.append(proxy.name(), HeaderValue::from_static(spoof));
        let mut joined = fields.clone();
        joined.remove(name);
        for (place, value) in own.into_iter().enumerate() {
            before.append(proxy.name(), value.clone());
            let value = if place > 0 { value } else { join(spoof.as_bytes(), value.as_bytes()) };
            joined.append(proxy.name(), value);
        }
        for fields in [before, joined] {
            assert_eq!(proxy.verify(&fields).what(), verified.what(), "spoofed by {spoof}: {fields:?}");
        }
    }
}

fn join(left: &[u8], right: &[u8]) -> HeaderValue {
    let value = [left, b", ", right].concat();
    HeaderValue::from_bytes(&value).expect("two valid values are one")
}

/// Everything in a value that is an address.
fn addresses(value: &HeaderValue) -> Vec<IpAddr> {
    let text: String = String::from_utf8_lossy(value.as_bytes()).replace('\\', "");
    let pieces = text.split(|letter: char| !letter.is_ascii_hexdigit() && letter != ':' && letter != '.');
    let with_port = pieces.flat_map(|piece| [Some(piece), piece.rsplit_once(':').map(|(addr, _)| addr)]);
    with_port
        .flatten()
        .filter_map(|piece| piece.parse::<IpAddr>().ok())
        .map(|addr| addr.to_canonical())
        .collect()
}

fn networks() -> Vec<Network> {
    let network = |text: &str| text.parse().expect("a network");
    vec![network("10.0.0.0/8"), network("fd00::/8")]
}

fn is_trusted(addr: IpAddr) -> bool {
    match addr.to_canonical() {
        IpAddr::V4(addr) => addr.octets()[0] == 10,
        IpAddr::V6(addr) => addr.octets()[0] == 0xfd,
    }
}

const SPOOFS: [&str; 3] = ["203.0.113.9", "\"203.0.113.9", "10.0.0.9"];
const SPOOFS_FORWARDED: [&str; 3] =
    ["for=203.0.113.9;proto=https;host=evil", "for=\"203.0.113.9", "for=10.0.0.9;proto=https;host=evil"];
const REMOVED: [&str; 7] = [
    "forwarded",
    "x-forwarded",
    "x-real-ip",
    "x-client-ip",
    "x-cluster-client-ip",
    "true-client-ip",
    "cf-connecting-ip",
];

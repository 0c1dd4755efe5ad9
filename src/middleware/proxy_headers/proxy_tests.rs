//! Whom to believe, what is believed, and what is left of the fields.

use std::net::SocketAddr;
use std::path::Path;

use http::{HeaderValue, Request};

use super::*;
use crate::Connection;
use crate::asgi::event::{Accept, Message};
use crate::asgi::{Handshake, LifespanError, LifespanExchange};
use crate::middleware::proxy_headers::model::{self, WORDS};
use crate::middleware::random::Random;
use crate::testing::{AsgiClient, WsgiClient, block_on};
use crate::validate::Validator;

const PEER: &str = "10.0.0.1:5000";

fn proxies() -> ProxyHeaders<()> {
    let proxies = ProxyHeaders::new(()).trust("10.0.0.0/8").unwrap().trust("fd00::/8").unwrap();
    proxies.with_host(true).with_port(true).with_prefix(true)
}

fn forwarded() -> ProxyHeaders<()> {
    proxies().with_fields(ForwardingFields::Forwarded)
}

fn head(target: &str, peer: &str, fields: &[(&str, &str)]) -> RequestHead {
    let mut request = Request::get(target).header("host", "inner:8080");
    for (name, value) in fields {
        request = request.header(*name, HeaderValue::from_bytes(value.as_bytes()).unwrap());
    }
    let connection = Connection::new().with_client(peer.parse().unwrap());
    RequestHead::on(request.body(()).unwrap().into_parts().0, connection.into())
}

fn adapted(proxies: &ProxyHeaders<()>, fields: &[(&str, &str)]) -> RequestHead {
    let mut head = head("/x?q", PEER, fields);
    proxies.adapt(&mut head);
    assert!(!head.headers().keys().any(is_forwarding));
    head
}

fn client(proxies: &ProxyHeaders<()>, fields: &[(&str, &str)]) -> String {
    adapted(proxies, fields).client().map_or_else(|| "-".into(), |addr| addr.to_string())
}

fn host(proxies: &ProxyHeaders<()>, fields: &[(&str, &str)]) -> String {
    adapted(proxies, fields).headers()["host"].to_str().unwrap().to_owned()
}

fn paths(proxies: &ProxyHeaders<()>, fields: &[(&str, &str)]) -> (String, String) {
    let head = adapted(proxies, fields);
    assert_eq!(format!("{}{}", head.root_path(), head.path_info()), head.raw_path(), "W-26");
    assert_eq!(head.query_string(), "q");
    (head.root_path().to_owned(), head.path_info().to_owned())
}

#[test]
fn h_21_right_most_hop_that_is_not_trusted_is_the_client() {
    for (list, addr) in [
        ("192.0.2.7", "192.0.2.7:0"),
        ("192.0.2.7:4711", "192.0.2.7:4711"),
        ("2001:db8::1", "[2001:db8::1]:0"),
        ("\"[2001:db8::1]:80\"", "[2001:db8::1]:80"),
        ("1.1.1.1, 192.0.2.7", "192.0.2.7:0"),
        ("1.1.1.1, 192.0.2.7, 10.0.0.2", "192.0.2.7:0"),
        ("1.1.1.1,192.0.2.7,fd00::2,::ffff:10.0.0.2", "192.0.2.7:0"),
        ("10.0.0.3, 10.0.0.2", "10.0.0.3:0"),
        ("10.0.0.3, 192.0.2.7", "192.0.2.7:0"),
        ("192.0.2.7, ,", "192.0.2.7:0"),
        ("", PEER),
        (" , ", PEER),
        ("evil", PEER),
        ("192.0.2.7, evil", PEER),
        ("192.0.2.7, evil, 10.0.0.2", "10.0.0.2:0"),
        ("127.0.0.1, 192.0.2.7", "192.0.2.7:0"),
        ("evil, 192.0.2.7", "192.0.2.7:0"),
        ("\u{E9}, 192.0.2.7", "192.0.2.7:0"),
        ("\", 192.0.2.7", "192.0.2.7:0"),
        ("192.0.2.7, unknown", "-"),
        ("192.0.2.7, _secret", "-"),
        ("unknown, 192.0.2.7", "192.0.2.7:0"),
    ] {
        assert_eq!(client(&proxies(), &[("x-forwarded-for", list)]), addr, "{list}");
    }
    let two = [("x-forwarded-for", "1.1.1.1"), ("x-forwarded-for", "192.0.2.7, 10.0.0.2")];
    assert_eq!(client(&proxies(), &two), "192.0.2.7:0");
}

#[test]
fn h_21_right_most_hop_of_forwarded_is_found_whatever_stands_left_of_it() {
    for (list, addr) in [
        ("for=192.0.2.7", "192.0.2.7:0"),
        ("For=\"192.0.2.7:80\";Proto=http;by=10.0.0.1", "192.0.2.7:80"),
        ("for=1.1.1.1, for=192.0.2.7, for=10.0.0.2", "192.0.2.7:0"),
        ("for=192.0.2.7, for=\"[fd00::1]\"", "192.0.2.7:0"),
        ("for=\"192.0.2.7, for=192.0.2.8", "192.0.2.8:0"),
        ("for=\"a\\\", for=192.0.2.8", "192.0.2.8:0"),
        ("for=evil;x=\", for=192.0.2.8", "192.0.2.8:0"),
        ("\u{E9}, for=192.0.2.8", "192.0.2.8:0"),
        ("for=192.0.2.7, for=unknown", "-"),
        ("for=192.0.2.7, for=_x", "-"),
        ("for=192.0.2.7, proto=https", PEER),
        ("for=192.0.2.7, for=1.1.1.1;for=2.2.2.2", PEER),
        ("for=192.0.2.7, for=evil", PEER),
        ("for=\"192.0.2.7,for=10.0.0.9\"", PEER),
    ] {
        assert_eq!(client(&forwarded(), &[("forwarded", list)]), addr, "{list}");
    }
}

#[test]
fn h_21_nothing_is_believed_from_a_peer_that_is_not_trusted() {
    let fields = [
        ("x-forwarded-for", "10.0.0.9"),
        ("x-forwarded-proto", "https"),
        ("x-forwarded-host", "evil.test"),
        ("x-forwarded-port", "99"),
        ("x-forwarded-prefix", "/evil"),
        ("x-forwarded-anything", "1"),
        ("x-real-ip", "10.0.0.9"),
        ("x_forwarded_for", "10.0.0.9"),
        ("x-cluster_client-ip", "10.0.0.9"),
        ("x-client-ip", "10.0.0.9"),
        ("true-client-ip", "10.0.0.9"),
        ("cf-connecting-ip", "10.0.0.9"),
        ("forwarded", "for=10.0.0.9;proto=https;host=evil.test"),
        ("accept", "text/html"),
    ];
    for peer in
        ["192.0.2.7:1", "11.0.0.1:1", "[::1]:1", "[fc00::1]:1", "[::ffff:11.0.0.1]:1", "[::10.0.0.1]:1"]
    {
        for proxies in [proxies(), forwarded(), ProxyHeaders::new(()).with_unix(true)] {
            let mut head = head("/x?q", peer, &fields);
            proxies.adapt(&mut head);
            assert_eq!(head.client(), Some(peer.parse().unwrap()));
            assert!(!head.is_secure());
            assert_eq!((head.root_path(), head.path_info()), ("", "/x"));
            let left: Vec<_> = head.headers().keys().map(HeaderName::as_str).collect();
            assert_eq!(left, ["host", "accept"]);
            assert_eq!(head.headers()["host"], "inner:8080");
        }
    }
}

#[test]
fn h_21_peers_in_every_spelling_of_a_trusted_address_are_trusted() {
    for peer in ["10.255.0.1:1", "[::ffff:10.0.0.1]:1", "[fd12::1]:1"] {
        let mut head = head("/", peer, &[("x-forwarded-for", "192.0.2.7")]);
        proxies().adapt(&mut head);
        assert_eq!(head.client().map(|addr| addr.ip().to_string()).as_deref(), Some("192.0.2.7"), "{peer}");
    }
}

#[test]
fn h_21_unix_sockets_are_trusted_where_that_was_said() {
    let connection = Connection::new().with_server(Path::new("/run/app.sock"));
    for (proxies, connection, client) in [
        (proxies().with_unix(true), connection.clone(), Some("192.0.2.7:0")),
        (proxies(), connection.clone(), None),
        (proxies().with_unix(true), Connection::new(), None),
        (
            proxies().with_unix(true),
            Connection::new().with_server("10.0.0.1:80".parse::<SocketAddr>().unwrap()),
            None,
        ),
    ] {
        let request = Request::get("/").header("x-forwarded-for", "192.0.2.7").body(()).unwrap();
        let mut head = RequestHead::on(request.into_parts().0, connection.into());
        proxies.adapt(&mut head);
        assert_eq!(head.client(), client.map(|client| client.parse().unwrap()));
    }
}

#[test]
fn h_21_one_family_is_read_and_the_other_removed() {
    let both = [("x-forwarded-for", "192.0.2.1"), ("forwarded", "for=192.0.2.2;proto=https")];
    assert_eq!(client(&proxies(), &both), "192.0.2.1:0");
    assert!(!adapted(&proxies(), &both).is_secure());
    assert_eq!(client(&forwarded(), &both), "192.0.2.2:0");
    assert_eq!(client(&forwarded(), &both[..1]), PEER);
    assert_eq!(client(&proxies(), &both[1..]), PEER);
}

#[test]
fn h_21_scheme_is_what_the_nearest_proxy_wrote() {
    let secure = |value| adapted(&proxies(), &[("x-forwarded-proto", value)]).is_secure();
    for value in ["https", "HTTPS", "wss", "http, https", " https "] {
        assert!(secure(value), "{value}");
    }
    for value in ["http", "ws", "https, http", "httpss", "https;x", "on", "", "https, x"] {
        assert!(!secure(value), "{value}");
    }
    let mut head = head("/", PEER, &[("x-forwarded-proto", "http")]);
    head.connection_mut().set_secure(true);
    proxies().adapt(&mut head);
    assert!(!head.is_secure());
    for (list, secure) in [
        ("for=192.0.2.7;proto=https, for=10.0.0.2;proto=http", true),
        ("for=192.0.2.7, for=10.0.0.2;proto=https", true),
        ("for=1.1.1.1;proto=https, for=192.0.2.7;proto=http", false),
        ("for=1.1.1.1;proto=https, for=192.0.2.7", false),
    ] {
        assert_eq!(adapted(&forwarded(), &[("forwarded", list)]).is_secure(), secure, "{list}");
    }
}

#[test]
fn h_18_h_19_host_and_port_are_taken_if_they_are_valid() {
    for (value, seen) in [
        ("example.org", "example.org"),
        ("example.org:8443", "example.org:8443"),
        ("evil.test, example.org", "example.org"),
        ("[2001:db8::1]:80", "[2001:db8::1]:80"),
        ("example.org, evil test", "inner:8080"),
        ("evil.test,", "inner:8080"),
        ("user@example.org", "inner:8080"),
        ("example.org/path", "inner:8080"),
        ("example.org:x", "inner:8080"),
        ("example.org:99999", "inner:8080"),
        ("\u{E9}.test", "inner:8080"),
        ("a..b", "inner:8080"),
        ("", "inner:8080"),
    ] {
        assert_eq!(host(&proxies(), &[("x-forwarded-host", value)]), seen, "{value}");
    }
    for (port, scheme, seen) in [
        ("8443", "https", "a:8443"),
        ("443", "https", "a"),
        ("443", "http", "a:443"),
        ("80", "http", "a"),
        ("1, 80", "http", "a"),
        ("0", "http", "a:1"),
        ("65536", "http", "a:1"),
        ("+80", "http", "a:1"),
        ("x", "http", "a:1"),
    ] {
        let fields = [("x-forwarded-host", "a:1"), ("x-forwarded-port", port), ("x-forwarded-proto", scheme)];
        assert_eq!(host(&proxies(), &fields), seen, "{port} {scheme}");
    }
    let list = "for=1.1.1.1;host=evil.test, for=192.0.2.7;host=\"example.org:80\", for=10.0.0.2;host=inner";
    assert_eq!(host(&forwarded(), &[("forwarded", list)]), "example.org:80");
}

#[test]
fn h_111_host_of_an_absolute_target_is_replaced_too() {
    let mut head = head("http://inner/x", PEER, &[("x-forwarded-host", "example.org")]);
    proxies().adapt(&mut head);
    assert_eq!(head.uri(), "http://example.org/x");
    assert_eq!(head.headers()["host"], "example.org");
}

#[test]
fn w_26_w_161_prefix_is_where_the_application_is_mounted() {
    let paths = |value| paths(&proxies(), &[("x-forwarded-prefix", value)]);
    for (value, root) in [
        ("/app", "/app"),
        ("/app/", "/app"),
        ("/a/b%20c", "/a/b%20c"),
        ("/evil, /app", "/app"),
        ("/", ""),
        ("", ""),
        ("app", ""),
        ("//evil.test", ""),
        ("/a//b", ""),
        ("/a/..", ""),
        ("/%2e%2e/a", ""),
        ("/./a", ""),
        ("/a?b", ""),
        ("/a#b", ""),
        ("/a b", ""),
        ("/a\\b", ""),
        ("/a%", ""),
        ("/\u{E9}", ""),
        ("http://a/b", ""),
    ] {
        assert_eq!(paths(value), (root.to_owned(), "/x".to_owned()), "{value}");
    }
    let mut mounted = head("/m/x?q", PEER, &[("x-forwarded-prefix", "/app")]);
    mounted.mount(2).unwrap();
    proxies().adapt(&mut mounted);
    assert_eq!((mounted.root_path(), mounted.path_info()), ("/app/m", "/x"));
}

#[test]
fn host_port_and_prefix_count_only_where_that_was_said() {
    let careful = ProxyHeaders::new(()).trust("10.0.0.1").unwrap();
    let fields = [
        ("x-forwarded-for", "192.0.2.7"),
        ("x-forwarded-host", "evil.test"),
        ("x-forwarded-port", "99"),
        ("x-forwarded-prefix", "/evil"),
    ];
    assert_eq!(host(&careful, &fields), "inner:8080");
    assert_eq!(paths(&careful, &fields), (String::new(), "/x".to_owned()));
    assert_eq!(client(&careful, &fields), "192.0.2.7:0");
    let careful = careful.with_fields(ForwardingFields::Forwarded);
    assert_eq!(host(&careful, &[("forwarded", "for=192.0.2.7;host=evil.test")]), "inner:8080");
}

#[test]
fn work_for_one_list_is_bounded() {
    let list = format!("192.0.2.7{}", ", 10.0.0.2".repeat(ProxyHeaders::<()>::HOP_LIMIT));
    assert_eq!(client(&proxies(), &[("x-forwarded-for", &list)]), "10.0.0.2:0");
    assert_eq!(client(&proxies().with_hop_limit(17), &[("x-forwarded-for", &list)]), "192.0.2.7:0");
    assert_eq!(client(&proxies().with_hop_limit(0), &[("x-forwarded-for", &list)]), PEER);
    let list = format!("for=192.0.2.7{}", ", for=10.0.0.2".repeat(ProxyHeaders::<()>::HOP_LIMIT));
    assert_eq!(client(&forwarded(), &[("forwarded", &list)]), "10.0.0.2:0");
}

#[test]
fn a_34_other_requests_of_the_connection_keep_theirs() {
    let one = head("/", PEER, &[("x-forwarded-for", "192.0.2.7")]);
    let mut two = one.clone();
    proxies().adapt(&mut two);
    assert_ne!(one.client(), two.client());
}

#[test]
fn w_41_w_42_variables_tell_what_was_verified() {
    let show = |environ: wsgi::Environ, start_response: &mut dyn wsgi::StartResponse| {
        let keys = ["REMOTE_ADDR", "REMOTE_PORT", "wsgi.url_scheme", "HTTP_HOST", "SCRIPT_NAME", "PATH_INFO"];
        let values =
            keys.map(|key| environ.get(key).map_or_else(|| "-".into(), |value| value.latin1().into_owned()));
        assert!(!environ.contains("HTTP_X_FORWARDED_FOR"));
        start_response.text(200, values.join(" ").into())
    };
    let trusting = |app| ProxyHeaders::new(app).trust("10.0.0.1").unwrap().with_host(true).with_prefix(true);
    let app = Validator::new(show).around(trusting);
    let client = WsgiClient::new(app).with_connection(Connection::new().with_client(PEER.parse().unwrap()));
    let request =
        Request::get("/x").header("x-forwarded-for", "192.0.2.7").header("x-forwarded-proto", "https");
    let request = request.header("x-forwarded-host", "example.org").header("x-forwarded-prefix", "/app");
    let response = client.request(request.body("").unwrap()).unwrap();
    assert_eq!(response.body(), "192.0.2.7 - https example.org /app /x");
}

#[test]
fn a_144_sockets_are_told_and_lifespan_passes() {
    async fn app(scope: asgi::Scope, receive: asgi::Receive, send: asgi::Send) -> Result<(), Error> {
        let client = scope.into_websocket()?.head().client().map(|addr| addr.to_string());
        let mut socket = Handshake::begin(receive, send).await?.accept(Accept::new()).await?;
        Ok(socket.send(client.unwrap_or_default()).await?)
    }
    let app = Validator::new(app).around(|app| ProxyHeaders::new(app).trust("10.0.0.1").unwrap());
    let unsupported = block_on(LifespanExchange::new(&app).startup());
    assert!(matches!(unsupported, Err(LifespanError::Unsupported)));
    let client = AsgiClient::new(app).with_connection(Connection::new().with_client(PEER.parse().unwrap()));
    let mut socket =
        client.websocket(Request::get("/").header("x-forwarded-for", "192.0.2.7:9").body(()).unwrap());
    block_on(socket.connect()).unwrap();
    assert_eq!(block_on(socket.next()), Some(Message::from("192.0.2.7:9")));
}

#[test]
fn client_agrees_with_a_plain_model_on_random_lists() {
    let mut random = Random(11);
    let (mut changed, mut kept) = (0, 0);
    for _ in 0..20_000 {
        let peer = ["10.0.0.1:5000", "10.0.0.1:5000", "192.0.2.9:1"][random.below(3)];
        let limit = 1 + random.below(5);
        // Proxies are more likely on the right.
        let words: Vec<&str> = (0..random.below(7))
            .map(|_| if random.below(3) == 0 { random.below(4) } else { random.below(WORDS.len()) })
            .map(|at| WORDS[at].0)
            .collect();
        let expected = model::client(peer, &words.join(","), limit);
        // The same list as one field or several, in both families.
        let cut = random.below(words.len() + 1);
        let (left, right) = words.split_at(cut);
        let element = |word: &&str| format!("for=\"{word}\"");
        let lists = [left, right].map(|part| {
            let space = [",", ", ", " ,, "][random.below(3)];
            (part.join(space), part.iter().map(element).collect::<Vec<_>>().join(space))
        });
        for (family, name) in
            [(ForwardingFields::XForwarded, "x-forwarded-for"), (ForwardingFields::Forwarded, "forwarded")]
        {
            let value =
                |part: &(String, String)| if name == "forwarded" { part.1.clone() } else { part.0.clone() };
            let (left, right) = (value(&lists[0]), value(&lists[1]));
            let mut head = head("/", peer, &[(name, &left), (name, &right)]);
            proxies().with_fields(family).with_hop_limit(limit).adapt(&mut head);
            let seen = head.client().map_or_else(|| "-".to_owned(), |addr| addr.ip().to_string());
            let peer_addr = peer.parse::<SocketAddr>().unwrap().ip().to_string();
            assert_eq!(
                seen,
                expected.clone().unwrap_or(peer_addr),
                "{peer} {left} | {right} at most {limit}"
            );
        }
        *(if expected.is_some() { &mut changed } else { &mut kept }) += 1;
    }
    assert!(changed > 4000 && kept > 4000, "{changed} {kept}");
}

//! Where a request goes, known ways around it, random paths, and what is refused.

use http::{Request, StatusCode};

use super::*;
use crate::asgi::event::Accept;
use crate::asgi::{Handshake, Receive, Scope};
use crate::middleware::mount::model;
use crate::middleware::random::Random;
use crate::testing::{AsgiClient, WsgiClient, block_on};
use crate::validate::Validator;

/// Tells its name, and where it is mounted.
fn named(name: &'static str) -> impl asgi::Application + Clone {
    move |scope: Scope, receive: Receive, mut send: asgi::Send| async move {
        if matches!(scope, Scope::WebSocket(_)) {
            let mut socket = Handshake::begin(receive, send).await?.accept(Accept::new()).await?;
            return Ok(socket.send(name).await?);
        }
        let request = scope.into_http()?;
        let (root, rest) = (request.head().root_path(), request.head().path_info());
        assert_eq!(format!("{root}{rest}"), request.head().raw_path(), "W-26");
        send.text(200, format!("{name} {root} {rest}")).await?;
        Ok(())
    }
}

fn tree() -> Mount {
    let users = Mount::new().at("/users", named("users")).unwrap().fallback(named("api"));
    Mount::new()
        .at("/api", users)
        .and_then(|mount| mount.at("/api/v2", named("v2")))
        .and_then(|mount| mount.at("/caf\u{E9}", named("cafe")))
        .and_then(|mount| mount.host("www.example.org", named("www")))
        .and_then(|mount| mount.host("*.example.org", named("any")))
        .and_then(|mount| mount.host("*.deep.example.org", named("deep")))
        .and_then(|mount| mount.host("[2001:db8::1]", named("six")))
        .unwrap()
        .fallback(named("rest"))
}

fn ask(path: &str) -> String {
    let response =
        block_on(AsgiClient::new(Validator::new(tree())).request(Request::get(path).body("").unwrap()))
            .unwrap();
    response.text().into_owned()
}

fn ask_host(target: &str, host: &str) -> String {
    let request = Request::get(target).header("host", host).body("").unwrap();
    let response = block_on(AsgiClient::new(tree()).request(request)).unwrap();
    response.text().split(' ').next().unwrap().to_owned()
}

#[test]
fn w_26_w_161_a_147_a_151_longest_prefix_wins_at_a_segment_border() {
    for (path, seen) in [
        ("/", "rest  /"),
        ("/api", "api /api "),
        ("/api/", "api /api /"),
        ("/apiary", "rest  /apiary"),
        ("/ap", "rest  /ap"),
        ("/api/v2", "v2 /api/v2 "),
        ("/api/v2/x", "v2 /api/v2 /x"),
        ("/api/v20", "api /api /v20"),
        ("/api/users/7", "users /api/users /7"),
        ("/api/usersx", "api /api /usersx"),
        ("/caf%C3%A9/x", "cafe /caf%C3%A9 /x"),
    ] {
        assert_eq!(ask(path), seen, "{path}");
    }
}

#[test]
fn spellings_of_one_prefix_reach_one_application_and_no_others_do() {
    for (path, seen) in [
        ("/%61pi/x", "api /%61pi /x"),
        ("/%61%70%69", "api /%61%70%69 "),
        ("/api/%76%32/x", "v2 /api/%76%32 /x"),
        ("/api/%75sers/7", "users /api/%75sers /7"),
        ("/caf%c3%a9", "cafe /caf%c3%a9 "),
        ("/api//x", "api /api //x"),
        ("/api/../x", "api /api /../x"),
        ("/api/%2e%2e/x", "api /api /%2e%2e/x"),
        ("/api//v2", "api /api //v2"),
        ("/api/./v2", "api /api /./v2"),
        ("/api/v2%2Fx", "api /api /v2%2Fx"),
        ("/api;v=1/x", "rest  /api;v=1/x"),
        ("//api", "rest  //api"),
        ("/./api", "rest  /./api"),
        ("/%2e/api", "rest  /%2e/api"),
        ("/x/../api", "rest  /x/../api"),
        ("/x/%2e%2e/api", "rest  /x/%2e%2e/api"),
        ("/api%2Fx", "rest  /api%2Fx"),
        ("/api%2f", "rest  /api%2f"),
        ("/api%2Fv2", "rest  /api%2Fv2"),
        ("/%2Fapi", "rest  /%2Fapi"),
        ("/API", "rest  /API"),
        ("/api.", "rest  /api."),
        ("/api%20", "rest  /api%20"),
        ("/api%00", "rest  /api%00"),
        ("/api%", "rest  /api%"),
        ("/api%zz", "rest  /api%zz"),
        ("/%2561pi", "rest  /%2561pi"),
        ("/caf%E9", "rest  /caf%E9"),
        ("/caf%C3", "rest  /caf%C3"),
    ] {
        assert_eq!(ask(path), seen, "{path}");
    }
}

#[test]
fn h_12_h_111_hosts_are_compared_as_clients_spell_them() {
    for (host, name) in [
        ("www.example.org", "www"),
        ("WWW.Example.ORG", "www"),
        ("www.example.org:8080", "www"),
        ("www.example.org:", "www"),
        ("www.example.org.", "www"),
        ("www.example.org.:443", "www"),
        ("a.example.org", "any"),
        ("a.b.example.org", "any"),
        ("a.deep.example.org", "deep"),
        ("deep.example.org", "any"),
        ("[2001:db8::1]", "six"),
        ("[2001:DB8:0:0:0:0:0:1]:80", "six"),
        ("example.org", "rest"),
        ("www.example.org..", "rest"),
        (".example.org", "rest"),
        ("a..example.org", "rest"),
        ("aexample.org", "rest"),
        ("www.example.org.evil.test", "rest"),
        ("www.example.org@evil.test", "rest"),
        ("evil.test@www.example.org", "rest"),
        ("u:p@www.example.org", "rest"),
        ("evil.test/.example.org", "rest"),
        ("evil.test,www.example.org", "rest"),
        ("evil.test:80.example.org", "rest"),
        ("www.example.org:x", "rest"),
        ("www.example.org:80:80", "rest"),
        ("%77ww.example.org", "rest"),
        ("www.example.org%00", "rest"),
        ("[2001:db8::1", "rest"),
        ("2001:db8::1", "rest"),
        ("[2001:db8::1]x", "rest"),
        ("[2001:db8::1%25eth0]", "rest"),
        ("", "rest"),
    ] {
        assert_eq!(ask_host("/", host), name, "{host}");
    }
    assert_eq!(ask_host("http://www.example.org/", "evil.test"), "www");
    assert_eq!(ask_host("http://evil.test/", "www.example.org"), "rest");
    assert_eq!(ask_host("/api", "www.example.org"), "www");
    assert_eq!(ask_host("/api", "evil.test"), "api");
}

#[test]
fn h_18_request_with_several_hosts_has_none() {
    let request = Request::get("/").header("host", "www.example.org").header("host", "www.example.org");
    let response = block_on(AsgiClient::new(tree()).request(request.body("").unwrap())).unwrap();
    assert_eq!(response.body(), "rest  /");
}

#[test]
fn a_89_what_nobody_is_mounted_for_gets_404_and_sockets_are_closed() {
    let client =
        AsgiClient::new(Validator::new(Mount::new().at("/chat", Validator::new(named("chat"))).unwrap()));
    let get = |path| Request::get(path).body("").unwrap();
    assert_eq!(block_on(client.request(get("/x"))).unwrap().status(), StatusCode::NOT_FOUND);
    let mut socket = client.websocket(get("/chat"));
    block_on(socket.connect()).unwrap();
    assert_eq!(block_on(socket.next()), Some("chat".into()));
    assert_eq!(block_on(client.websocket(get("/x")).connect()).unwrap_err().status(), 403);
}

#[test]
fn asterisk_is_below_no_prefix() {
    let request = Request::options("*").body("").unwrap();
    let client = AsgiClient::new(Validator::new(Mount::new().at("/", named("root")).unwrap()));
    assert_eq!(block_on(client.request(request)).unwrap().status(), 404);
    assert_eq!(block_on(client.request(Request::get("/x").body("").unwrap())).unwrap().body(), "root  /x");
}

#[test]
fn places_that_are_taken_or_impossible_are_errors() {
    for place in ["/api", "api", "/api/", "/%61pi", "/x//y", "/x/../y", "/x?y"] {
        let error = tree().at(place, named("two")).unwrap_err().to_string();
        assert!(error.contains(place), "{error}");
    }
    for place in ["www.example.org", "WWW.example.org.", "*.example.org", "a:80", "[2001:db8:0::1]", "*"] {
        assert!(tree().host(place, named("two")).is_err(), "{place}");
    }
}

#[test]
fn w_22_w_26_synchronous_tree_tells_both_halves_of_the_path() {
    let show = |environ: wsgi::Environ, start_response: &mut dyn wsgi::StartResponse| {
        let get = |key| environ.get(key).map(|value| value.latin1().into_owned()).unwrap_or_default();
        start_response.text(200, format!("{}|{}", get("SCRIPT_NAME"), get("PATH_INFO")).into())
    };
    let inner = Mount::wsgi().at("/b c", Validator::new(show)).unwrap();
    let tree = Mount::wsgi().at("/a", inner).unwrap().host("h", show).unwrap();
    let client = WsgiClient::new(Validator::new(tree));
    let get = |path: &str| client.request(Request::get(path).body("").unwrap()).unwrap();
    assert_eq!(get("/%61/b%20c/d%2Fe").body(), "/a/b c|/d/e");
    assert_eq!(get("/a/b").status(), 404);
    assert_eq!(get("http://h/a").body(), "|/a");
}

#[test]
fn mount_agrees_with_a_plain_model_on_random_paths() {
    const PREFIXES: [&str; 7] = ["/a", "/a/b", "/a/b/c", "/ab", "/b", "/b/a b", "/c/a"];
    const PIECES: [&str; 22] = [
        "/", "/", "/", "/", "/", "/", "/", "a", "a", "b", "b", "c", "%61", "%62", "%63", "%2F", "%20", "%",
        ".", "..", "%2e", "ab",
    ];
    let mut mount = Mount::new();
    for prefix in PREFIXES {
        mount = mount.at(prefix, Validator::new(named(prefix))).unwrap();
    }
    let client = AsgiClient::new(Validator::new(mount));
    let mut random = Random(7);
    let mut matched = 0;
    for _ in 0..20_000 {
        let mut path = String::from(["/", "/a", "/%61"][random.below(3)]);
        for _ in 0..random.below(9) {
            path.push_str(PIECES[random.below(PIECES.len())]);
        }
        let response = block_on(client.request(Request::get(&path).body("").unwrap())).unwrap();
        let expected = model::route(&path, &PREFIXES);
        let seen = expected.map_or_else(
            || "Not Found".to_owned(),
            |(prefix, len)| format!("{prefix} {} {}", &path[..len], &path[len..]),
        );
        assert_eq!(response.text(), seen, "{path}");
        matched += usize::from(expected.is_some());
    }
    assert!((3000..17_000).contains(&matched), "{matched}");
}

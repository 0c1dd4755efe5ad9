//! Known ways around path checks, random disguises, and what a refused request gets.

use http::{HeaderMap, Request};

use super::*;
use crate::asgi::{LifespanError, LifespanExchange};
use crate::middleware::random::Random;
use crate::testing::{AsgiClient, WsgiClient, block_on};

fn deny() -> PathGuard<()> {
    PathGuard::deny(()).prefix("/admin").exact("/secret/key.txt")
}

fn allow() -> PathGuard<()> {
    PathGuard::allow(()).prefix("/public").exact("/").exact("/health")
}

/// Each leads to `/admin/x` in some router, proxy or file system.
const BYPASSES: &[&str] = &[
    "/admin/x",
    "/ADMIN/x",
    "/aDmIn/x",
    "//admin/x",
    "///admin///x",
    "/./admin/x",
    "/admin/./x",
    "/public/../admin/x",
    "/public/%2e%2e/admin/x",
    "/public/%2E%2e/admin/x",
    "/public/.%2e/admin/x",
    "/public/..%2Fadmin/x",
    "/public%2F..%2Fadmin%2Fx",
    "/public%252F..%252Fadmin%252Fx",
    "/public/%252e%252e/admin/x",
    "/public/%25252e%25252e/admin/x",
    "/public/..\\admin/x",
    "/public/..%5cadmin/x",
    "/public/..%255cadmin/x",
    "/\\admin/x",
    "/%5cadmin%5cx",
    "/public/..;/admin/x",
    "/public/..;v=1/admin/x",
    "/public/%2e%2e%3b/admin/x",
    "/public/;/../../admin/x",
    "/;a=b/admin/x",
    "/admin;a=b/x",
    "/admin%3ba=b/x",
    "/%61dmin/x",
    "/%61%64%6D%69%6e/x",
    "/%2561dmin/x",
    "/adm%69n/x",
    "/admin./x",
    "/admin.../x",
    "/admin%20/x",
    "/admin%2e/x",
    "/admin%2f/x",
    "/admin%2fx",
    "/admin%3fx",
    "/admin%23x",
    "/admin%253fx",
    "//host/admin/x",
    "///host/admin/x",
    "/%2fhost/admin/x",
    "/\\host/admin/x",
    "/public//../../admin/x",
    "/public/%2e%2e%2fadmin/x",
    "/admin/../admin/x",
    "/admin/%2e%2e/public",
    "/%C4%B1/../admin/x",
    "/admin;/../x",
    // No reading leads there for sure, but nobody can be trusted with these.
    "/admin%00/x",
    "/%00/admin/x",
    "/public/..%20/admin/x",
    "/public/.../admin/x",
    "/public%00",
    "/public%2500",
    "/admin%0a/x",
    "/%c0%afadmin/x",
    "/public/%c0%ae%c0%ae/admin/x",
    "/%e0%80%afadmin/x",
    "/%f0%80%80%afadmin",
    "/%zz/admin/x",
    "/%u002fadmin/x",
    "/admin%",
    "/public/%2",
    "/../admin/x",
    "/%2e%2e/public",
    "/public/../../public/x",
];

#[test]
fn known_ways_around_a_deny_list_are_refused() {
    for path in BYPASSES {
        assert!(!deny().permits(path), "{path}");
    }
    for path in
        ["/secret/key.txt", "/secret/key.txt/", "/secret//key%2Etxt", "/secret/key.txt;x", "/secret/KEY.TXT."]
    {
        assert!(!deny().permits(path), "{path}");
    }
}

#[test]
fn known_ways_out_of_an_allow_list_are_refused() {
    for path in BYPASSES.iter() {
        assert!(!allow().permits(path), "{path}");
    }
    for path in [
        "/PUBLIC/x",
        "/publicly",
        "/public%2Fx",
        "/public;a/x",
        "/public\\x",
        "/pub",
        "/public.",
        "/caf%E9",
        "/public/%E9",
    ] {
        assert!(!allow().permits(path), "{path}");
    }
}

#[test]
fn paths_that_mean_well_pass() {
    for path in [
        "/",
        "",
        "*",
        "/administer",
        "/admi",
        "/x/admin",
        "/a.b/c..d",
        "/.well-known/x",
        "/caf%C3%A9",
        "/caf%E9",
        "/100%25",
        "/a%20b;v=1/c",
        "/secret",
        "/secret/key.txt/more",
        "/secret/key.txtx",
        "/x/./y/../z",
        "/%7Euser",
        "/a//b",
    ] {
        assert!(deny().permits(path), "{path}");
    }
    for path in [
        "/",
        "",
        "/public",
        "/public/",
        "/public/a.css",
        "/public//a",
        "/public/a/../b",
        "/public/caf%C3%A9",
        "/health",
        "/health/",
        "/%70ublic/x",
        "/public/a;v=1",
        "/public/100%25",
        "/public/.hidden",
        "/public/a%2Fb",
    ] {
        assert!(allow().permits(path), "{path}");
    }
}

#[test]
fn lists_without_rules_permit_everything_or_nothing() {
    assert!(PathGuard::deny(()).permits("/x"));
    assert!(!PathGuard::allow(()).permits("/"));
    assert!(!PathGuard::deny(()).prefix("/").permits("/x"));
    assert!(PathGuard::allow(()).prefix("").permits("/x"));
}

#[test]
fn case_counts_where_it_is_set() {
    assert!(deny().case_sensitive(true).permits("/ADMIN"));
    assert!(!deny().case_sensitive(true).permits("/%61dmin"));
    assert!(allow().case_sensitive(false).permits("/PUBLIC/x"));
    let guard = PathGuard::deny(()).prefix("/STRASSE/Ärger");
    for path in ["/strasse/%C3%A4rger", "/stra%C3%9Fe/%C3%84RGER", "/stra\u{17F}\u{17F}e/ärger"] {
        assert!(!guard.permits(path), "{path}");
    }
}

#[test]
fn rules_are_read_as_plain_paths_however_they_are_written() {
    for rule in ["/a b", "a b", "/a b/", "//a b", "/a%20b", "/x/../a b", "/a%2520b"] {
        let guard = PathGuard::deny(()).exact(rule);
        assert!(!guard.permits("/a%20b") && guard.permits("/a"), "{rule}");
    }
}

#[test]
fn predicates_are_asked_about_every_reading() {
    let guard = PathGuard::deny(()).matching(|path| path.ends_with(".bak"));
    for path in ["/x.bak", "/x%2ebak", "/x.bak;v=1", "/x.BAK", "/x.b%61k", "/x.bak%3f"] {
        assert!(!guard.permits(path), "{path}");
    }
    assert!(guard.permits("/x.bak/y"));
    let guard = PathGuard::allow(()).matching(|path| !path.contains("..")).case_sensitive(false);
    assert!(guard.permits("/a") && guard.permits("/A"));
    assert!(!guard.permits("/a/%2e%2e/b"));
}

#[test]
fn work_for_one_path_is_bounded() {
    for path in [
        format!("/%{}41", "25".repeat(20_000)),
        format!("/%{}41", "25".repeat(200)),
        format!("/{}admin", "%2e%2e%2f;\\//".repeat(500)),
        format!("/{}", "a;/..%2f".repeat(10_000)),
    ] {
        assert!(!deny().permits(&path) && !allow().permits(&path), "{path:.40}");
    }
    assert!(deny().permits(&format!("/{}", "%E3%81%82".repeat(700))));
}

#[test]
fn every_disguise_of_a_denied_path_is_refused() {
    let mut random = Random(1);
    for round in 0..10_000 {
        let mut path = String::from(random.pick(&["/admin", "/admin/x", "/secret/key.txt"]));
        let mut log = vec![path.clone()];
        for _ in 0..random.below(5) {
            path = disguise(&path, &mut random);
            log.push(path.clone());
        }
        assert!(!deny().permits(&path), "round {round}: {log:?}");
        assert!(!allow().permits(&path), "round {round}: {log:?}");
    }
}

/// One change that some reader of paths undoes.
fn disguise(path: &str, random: &mut Random) -> String {
    let slashes: Vec<usize> = path.match_indices('/').map(|(at, _)| at).collect();
    let slash = slashes[random.below(slashes.len())];
    let (before, after) = path.split_at(slash);
    let letters: Vec<(usize, char)> =
        path.char_indices().skip(1).filter(|(_, letter)| letter.is_ascii()).collect();
    match random.below(9) {
        0 => format!("{before}/{after}"),
        // Whoever resolves these dots does so with all the others in the same step, so they must not
        // stand before a slash that is still to be merged or to begin a host.
        1 if !path.contains("//") => format!("{before}/.{after}"),
        2 if !path.contains("//") => format!("{before}/{}/..{after}", random.pick(&["x", "y", "admin2"])),
        3 if slash > 0 => format!("{before};{}{after}", random.pick(&["", "a=b", "x"])),
        4 if slash > 0 => format!("{before}\\{}", &after[1..]),
        5 if slash > 0 && !before.ends_with(['/', '.']) => {
            format!("{before}{}{after}", random.pick(&[".", "%20", ".."]))
        }
        6 => format!("//host{path}"),
        7 => path.chars().map(|c| if random.below(2) == 0 { c.to_ascii_uppercase() } else { c }).collect(),
        _ => {
            let Some(&(at, letter)) = letters.get(random.below(letters.len().max(1))) else {
                return path.to_owned();
            };
            format!("{}%{:02X}{}", &path[..at], u32::from(letter), &path[at + 1..])
        }
    }
}

#[test]
fn guard_agrees_with_a_plain_model_on_random_paths() {
    let mut random = Random(2);
    let pieces = [
        "/", "/", "/", "admin", "ADMIN", "public", "secret", "key.txt", "x", "..", ".", "%2e", "%2F", "%5c",
        "\\", ";", ";a=b", "%3b", "%25", "2e", "2f", "%61", "%", "%00", "%C3%A9", "%E9", "%c0%af", "%20",
        "%3f", "//", "a.b", "-_~",
    ];
    let (mut refused, mut permitted) = (0, 0);
    for _ in 0..10_000 {
        let mut path = String::from("/");
        for _ in 0..random.below(8) {
            path.push_str(random.pick(&pieces));
        }
        let expected = crate::middleware::path_guard::model::verdicts(&path);
        assert_eq!((deny().permits(&path), allow().permits(&path)), expected, "{path}");
        *(if expected.0 { &mut permitted } else { &mut refused }) += 1;
    }
    assert!(refused > 1000 && permitted > 1000, "{refused} {permitted}");
}

async fn app(scope: asgi::Scope, receive: asgi::Receive, mut send: asgi::Send) -> Result<(), Error> {
    use crate::asgi::event::Accept;
    if matches!(scope, asgi::Scope::WebSocket(_)) {
        asgi::Handshake::begin(receive, send).await?.accept(Accept::new()).await?;
        return Ok(());
    }
    let scope = scope.into_http()?;
    send.text(200, scope.head().raw_path().to_owned()).await?;
    Ok(())
}

fn get(path: &str) -> Request<&'static str> {
    Request::get(path).body("").unwrap()
}

#[test]
fn path_of_a_request_that_passes_is_not_rewritten() {
    let client = AsgiClient::new(PathGuard::deny(app).prefix("/admin"));
    let path = "/a//b/%2e/c;v=1";
    assert_eq!(block_on(client.request(get(path))).unwrap().body(), path);
}

#[test]
fn refused_requests_get_what_was_asked_for() {
    async fn login(scope: asgi::Scope, _: asgi::Receive, mut send: asgi::Send) -> Result<(), Error> {
        scope.into_http()?;
        send.text(401, "log in").await?;
        Ok(())
    }
    let guard = || PathGuard::deny(app).prefix("/admin");
    let default = block_on(AsgiClient::new(guard()).request(get("/admin"))).unwrap();
    assert_eq!((default.status(), default.text().as_ref()), (StatusCode::NOT_FOUND, "Not Found"));
    let client = AsgiClient::new(guard().refuse_with(StatusCode::FORBIDDEN));
    assert_eq!(block_on(client.request(get("/admin"))).unwrap().status(), 403);
    let client = AsgiClient::new(guard().refuse_by(login));
    assert_eq!(block_on(client.request(get("/admin"))).unwrap().body(), "log in");
    assert_eq!(block_on(client.request(get("/x"))).unwrap().status(), 200);
}

#[test]
fn a_89_a_144_refused_websocket_is_closed_and_lifespan_passes() {
    let guard = PathGuard::allow(app).exact("/open").refuse_by(app);
    let lifespan = block_on(LifespanExchange::new(&guard).startup());
    assert!(matches!(lifespan, Err(LifespanError::Unsupported)));
    let client = AsgiClient::new(guard);
    let connect = |path| block_on(client.websocket(get(path)).connect());
    assert!(connect("/open").is_ok());
    assert_eq!(connect("/other").unwrap_err().status(), 403);
}

#[test]
fn a_125_refused_websocket_gets_the_status_where_that_can_be_said() {
    use crate::asgi::{Capabilities, Capability};
    let guard = PathGuard::allow(app).exact("/open");
    let gone = guard.clone().refuse_with(StatusCode::GONE);
    for (guard, status) in [(guard, 404), (gone, 410)] {
        let denial = Capabilities::none().with(Capability::WebSocketDenial);
        let client = AsgiClient::new(guard).with_capabilities(denial);
        let refused = block_on(client.websocket(get("/other")).connect()).unwrap_err();
        assert_eq!(refused.status(), status);
    }
}

#[test]
fn synchronous_requests_are_guarded_the_same() {
    let client = WsgiClient::new(PathGuard::allow(sync_app).exact("/"));
    assert_eq!(client.request(get("/")).unwrap().body(), "seen");
    assert_eq!(client.request(get("/x")).unwrap().status(), 404);
}

fn sync_app(_: wsgi::Environ, start_response: &mut dyn wsgi::StartResponse) -> Result<wsgi::Body, Error> {
    start_response.start(StatusCode::OK, HeaderMap::new())?;
    Ok(wsgi::Body::from("seen"))
}

#[test]
fn guard_protects_an_application_wherever_it_is_mounted() {
    use crate::middleware::{Mount, ProxyHeaders};
    let guard = PathGuard::deny(app).prefix("/admin").case_sensitive(true);
    let mount = Mount::new().at("/shop", guard.clone()).unwrap().at("/a/b", guard.clone()).unwrap();
    let outside = PathGuard::deny(mount.clone()).prefix("/shop/admin");
    let proxied = ProxyHeaders::new(guard.clone()).trust("10.0.0.1").unwrap().with_prefix(true);
    let connection = crate::Connection::new().with_client("10.0.0.1:9".parse().unwrap());
    let client = |app| AsgiClient::new(app).with_connection(connection.clone());
    let [guard, mount, outside, proxied] = [
        Box::new(guard) as Box<dyn asgi::Application>,
        Box::new(mount),
        Box::new(outside),
        Box::new(proxied),
    ]
    .map(client);
    for (app, path, status) in [
        (&guard, "/admin", 404),
        (&mount, "/shop/admin", 404),
        (&mount, "/%73hop/%61dmin/x", 404),
        (&mount, "/a/b/admin", 404),
        (&mount, "/shop/../admin", 404),
        (&mount, "/shop/..%2fadmin", 404),
        (&mount, "/shop//admin", 404),
        (&mount, "/shop", 200),
        (&mount, "/shop/", 200),
        (&mount, "/shop/x/admin", 200),
        (&outside, "/shop/admin", 404),
        (&proxied, "/admin", 404),
        (&proxied, "/x/admin", 200),
    ] {
        let request = Request::get(path).header("x-forwarded-prefix", "/x").body("").unwrap();
        assert_eq!(block_on(app.request(request)).unwrap().status().as_u16(), status, "{path}");
    }
    let mounted = Mount::wsgi().at("/shop", PathGuard::allow(sync_app).prefix("/public")).unwrap();
    let client = WsgiClient::new(mounted);
    assert_eq!(client.request(get("/shop/public/x")).unwrap().status(), 200);
    assert_eq!(client.request(get("/shop/x")).unwrap().status(), 404);
}

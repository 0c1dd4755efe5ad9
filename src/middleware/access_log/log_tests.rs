use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use http::{Request, StatusCode};

use super::*;
use crate::asgi::event::Accept;
use crate::asgi::{Disconnect, Handshake, Receive, Scope, Send};
use crate::connection::Connection;
use crate::middleware::RequestId;
use crate::middleware::fixtures::{self, get, head};
use crate::testing::{AsgiClient, WsgiClient, block_on};
use crate::validate::Validator;
use crate::wsgi::{Body, Environ, StartResponse};

type Lines = Arc<Mutex<Vec<String>>>;

/// Logs lines without their time, then duration, end and id.
fn logging<A>(app: A) -> (Validator<AccessLog<Validator<A>>>, Lines) {
    let lines = Lines::default();
    let log = Arc::clone(&lines);
    let ticks = AtomicU64::new(0);
    let app = Validator::new(app).except("A-65").except("A-66").except("W-07").around(|app| {
        let clock =
            move || SystemTime::UNIX_EPOCH + Duration::from_secs(ticks.fetch_add(5, Ordering::Relaxed));
        AccessLog::new(app, move |entry| {
            let line = entry.to_string();
            let (before, after) = line.split_once('[').unwrap();
            let after = after.split_once("] ").unwrap().1;
            let id = entry.request_id.map_or("-", |id| id.to_str().unwrap());
            let end = (entry.complete, entry.disconnect);
            log.lock().unwrap().push(format!("{before}{after} {:?} {end:?} {id}", entry.duration));
        })
        .with_clock(clock)
    });
    (app, lines)
}

fn take(lines: &Lines) -> Vec<String> {
    std::mem::take(&mut *lines.lock().unwrap())
}

async fn app(scope: Scope, receive: Receive, mut send: Send) -> Result<(), Error> {
    let scope = match scope {
        Scope::WebSocket(scope) => {
            let handshake = Handshake::begin(receive, send).await?;
            if scope.head().path_info() == "/refuse" {
                return Ok(handshake.close().await?);
            }
            return Ok(handshake.accept(Accept::new()).await?.send("four").await?);
        }
        other => other.into_http()?,
    };
    match scope.path_info() {
        "/fail" => return Err(Error::new("broken").with_status(StatusCode::IM_A_TEAPOT)),
        "/panic" => std::panic::resume_unwind(Box::new("broken")),
        _ => {}
    }
    send.start(StatusCode::OK, fixtures::text_headers()).await?;
    send.block("one").await?;
    Ok(send.last("four").await?)
}

#[test]
fn a_144_nothing_is_changed() {
    fixtures::passes_what_is_not_its_own(|app| AccessLog::new(app, |_| ()), true);
    fixtures::passes_what_is_synchronous(|app| AccessLog::new(app, |_| ()));
}

#[test]
fn one_line_for_each_exchange_on_every_path() {
    let (app, lines) = logging(app);
    let client = AsgiClient::new(app);
    for (path, line) in [
        ("/a?b", "- - - \"GET /a?b HTTP/1.1\" 200 7 \"-\" \"-\" 5s (true, None) -"),
        ("/fail", "- - - \"GET /fail HTTP/1.1\" 418 - \"-\" \"-\" 5s (false, None) -"),
        ("/panic", "- - - \"GET /panic HTTP/1.1\" 500 - \"-\" \"-\" 5s (false, None) -"),
    ] {
        block_on(client.request(get(path))).unwrap();
        assert_eq!(take(&lines), [line]);
    }
    let mut lost = client.begin(head("/lost"));
    lost.feed("", false);
    block_on(lost.next_event()).unwrap();
    block_on(lost.next_event()).unwrap();
    assert!(take(&lines).is_empty());
    lost.disconnect(Disconnect::Client);
    block_on(lost.finish()).unwrap_err();
    drop(lost);
    assert_eq!(take(&lines), ["- - - \"GET /lost HTTP/1.1\" 200 3 \"-\" \"-\" 5s (false, Some(Client)) -"]);
}

#[test]
fn call_that_is_dropped_has_its_line() {
    let lines = Lines::default();
    let log = Arc::clone(&lines);
    let app =
        AccessLog::new(fixtures::stalls, move |entry| log.lock().unwrap().push(entry.target.to_owned()));
    let client = AsgiClient::new(app);
    drop(client.begin(head("/begun")));
    let mut exchange = client.begin(head("/stalled"));
    block_on(exchange.next_event()).unwrap();
    exchange.drop_application();
    drop(exchange);
    assert_eq!(take(&lines), ["/begun", "/stalled"]);
}

#[test]
fn websocket_has_its_line_at_its_end_and_lifespan_none() {
    let (app, lines) = logging(app);
    let client = AsgiClient::new(app);
    let mut socket = client.websocket(get("/open"));
    block_on(socket.connect()).unwrap();
    assert!(take(&lines).is_empty());
    block_on(socket.finish()).unwrap();
    assert_eq!(take(&lines), ["- - - \"GET /open HTTP/1.1\" 101 4 \"-\" \"-\" 5s (false, None) -"]);
    assert!(block_on(client.websocket(get("/refuse")).connect()).is_err());
    assert_eq!(take(&lines), ["- - - \"GET /refuse HTTP/1.1\" 403 - \"-\" \"-\" 5s (true, None) -"]);
    let _ = block_on(client.lifespan().startup());
    assert!(take(&lines).is_empty());
}

#[test]
fn what_the_request_tells_is_in_the_line() {
    let lines = Lines::default();
    let log = Arc::clone(&lines);
    let app = AccessLog::new(app, move |entry| {
        let id = entry.request_id.unwrap().to_str().unwrap();
        log.lock().unwrap().push(format!("{id} {entry}"));
    })
    .with_clock(|| SystemTime::UNIX_EPOCH)
    .with_user(|head| head.headers().get("x-user").map(|user| user.to_str().unwrap().to_owned()));
    let app = RequestId::new(app).with_generator(|| "id-1".into());
    let connection = Connection::new().with_client("192.0.2.7:4000".parse().unwrap());
    let client = AsgiClient::new(app).with_connection(connection);
    let request = Request::delete("/x").header("x-user", "ada").header("referer", "http://r/");
    let request = request.header("user-agent", "ua\"").version(Version::HTTP_2).body("").unwrap();
    block_on(client.request(request)).unwrap();
    assert_eq!(
        take(&lines),
        [
            r#"id-1 192.0.2.7 - ada [01/Jan/1970:00:00:00 +0000] "DELETE /x HTTP/2.0" 200 7 "http://r/" "ua\"""#
        ]
    );
}

#[test]
fn user_who_is_verified_further_in_is_logged_as_well_as_one_from_outside() {
    use crate::middleware::{BasicAuth, Users};
    let users = || Users::new().with("\u{E9}va", "p");
    let lines = Lines::default();
    let log = |place: &'static str| {
        let lines = Arc::clone(&lines);
        move |entry: &AccessEntry<'_>| {
            let escaped = entry.to_string().starts_with("- - \\xc3\\xa9va [");
            lines.lock().unwrap().push(format!("{place} {} {escaped}", entry.user.unwrap_or("-")));
        }
    };
    let request = |field: &str| Request::get("/").header("authorization", field).body("").unwrap();
    let (right, wrong) = ("Basic w6l2YTpw", "Basic w6l2YTpx");
    let inner = AccessLog::new(app, log("inner"));
    let middle = AccessLog::new(BasicAuth::new(inner, users()), log("middle"));
    let client = AsgiClient::new(AccessLog::new(middle, log("outer")));
    block_on(client.request(request(right))).unwrap();
    let mut told = take(&lines);
    told.sort();
    assert_eq!(told, ["inner \u{E9}va true", "middle \u{E9}va true", "outer \u{E9}va true"]);
    block_on(client.request(request(wrong))).unwrap();
    assert_eq!(take(&lines).iter().filter(|line| line.ends_with("- false")).count(), 2);
    let inner = AccessLog::new(sync_app, log("inner"));
    let client = WsgiClient::new(AccessLog::new(BasicAuth::new(inner, users()), log("outer")));
    client.request(request(right)).unwrap();
    assert_eq!(take(&lines).iter().filter(|line| line.ends_with(" \u{E9}va true")).count(), 2);
}

#[test]
fn h_12_h_111_host_and_scheme_are_told() {
    let lines = Lines::default();
    let log = Arc::clone(&lines);
    let app = AccessLog::new(app, move |entry| {
        log.lock().unwrap().push(format!("{} {}", entry.host.unwrap_or("-"), entry.secure));
    });
    let client = AsgiClient::new(app).with_connection(Connection::new().with_secure(true));
    for (target, hosts, told) in [
        ("/", &["a:80"][..], "a:80 true"),
        ("http://b/", &["a"], "b true"),
        ("/", &["a", "b"], "- true"),
        ("/", &[], "- true"),
    ] {
        let request = hosts.iter().fold(Request::get(target), |request, host| request.header("host", *host));
        block_on(client.request(request.body("").unwrap())).unwrap();
        assert_eq!(take(&lines), [told], "{target} {hosts:?}");
    }
}

#[test]
fn clock_that_is_set_back_gives_no_time_at_all() {
    let lines = Lines::default();
    let log = Arc::clone(&lines);
    let left = AtomicU64::new(9);
    let app = AccessLog::new(app, move |entry| log.lock().unwrap().push(format!("{:?}", entry.duration)))
        .with_clock(move || {
            SystemTime::UNIX_EPOCH + Duration::from_secs(left.fetch_sub(1, Ordering::Relaxed))
        });
    block_on(AsgiClient::new(app).request(get("/"))).unwrap();
    assert_eq!(take(&lines), ["0ns"]);
}

fn sync_app(environ: Environ, start_response: &mut dyn StartResponse) -> Result<Body, Error> {
    match environ.into_head().path_info() {
        "/fail" => return Err(Error::new("broken")),
        "/panic" => std::panic::resume_unwind(Box::new("broken")),
        _ => start_response.start(StatusCode::OK, fixtures::text_headers())?,
    }
    Ok(Body::blocks(["one", "four"]))
}

#[test]
fn synchronous_exchange_has_one_line_on_every_path() {
    let (app, lines) = logging(sync_app);
    let client = WsgiClient::new(app);
    for (path, room, line) in [
        ("/", 9, "- - ada \"GET / HTTP/1.1\" 200 7 \"-\" \"-\" 5s (true, None) -"),
        ("/fail", 9, "- - ada \"GET /fail HTTP/1.1\" 500 - \"-\" \"-\" 5s (false, None) -"),
        ("/panic", 9, "- - ada \"GET /panic HTTP/1.1\" 500 - \"-\" \"-\" 5s (false, None) -"),
        ("/lost", 0, "- - ada \"GET /lost HTTP/1.1\" 200 3 \"-\" \"-\" 5s (false, Some(Client)) -"),
    ] {
        let mut exchange = client.begin(head(path)).lose_after(room);
        exchange.environ_mut().set("REMOTE_USER", "ada").unwrap();
        let _ = exchange.run();
        assert_eq!(take(&lines), [line]);
    }
}

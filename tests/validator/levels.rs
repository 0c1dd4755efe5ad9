//! How much a check weighs, and the checks of bodies that are not blocks.

use std::fs::File;
use std::sync::Arc;

use gateway_iface::Error;
use gateway_iface::asgi::event::{
    Accept, DenialStart, PathSend, ResponseBody, ResponseStart, ResponseTrailers, SendEvent, ZeroCopySend,
};
use gateway_iface::asgi::{self, Capability, Receive, Scope};
use gateway_iface::http::{HeaderMap, HeaderValue, Method, Request, StatusCode};
use gateway_iface::testing::{AsgiClient, block_on};
use gateway_iface::validate::{OnViolation, Validator};

use crate::fixtures::{Application, Seen, collecting, everything, fields, get, plain, seen};
use crate::script::{Script, call};

#[test]
fn h_73_v_06_advice_is_left_out_and_what_must_be_is_not() {
    let app = |_: Scope, _: Receive, mut send: asgi::Send| async move {
        send.start(StatusCode::NO_CONTENT, fields(&[("content-type", "text/plain"), ("status", "204")]))
            .await?;
        Ok::<(), Error>(send.last("content").await?)
    };
    for (advice, rules) in [(true, &["V-05", "V-03", "H-77"][..]), (false, &["H-77"])] {
        let app = Validator::new(app).on_violation(OnViolation::Collect);
        let app = if advice { app } else { app.without_advice() };
        let violations = app.violations();
        block_on(AsgiClient::new(app).request(get("/"))).unwrap();
        let seen = violations.take();
        let mut told: Vec<_> = seen.iter().map(|violation| violation.rule()).collect();
        let mut rules = rules.to_vec();
        told.sort_unstable();
        rules.sort_unstable();
        assert_eq!(told, rules);
        assert!(seen.iter().all(|violation| violation.is_advice() == violation.rule().starts_with('V')));
    }
}

fn trailers(method: Method, status: u16) -> Seen {
    let app = move |_: Scope, _: Receive, mut send: asgi::Send| async move {
        let mut start = ResponseStart::new(StatusCode::from_u16(status)?, HeaderMap::new());
        start.trailers = true;
        send.send(start).await?;
        send.last("").await?;
        Ok::<(), Error>(send.send(ResponseTrailers::last(fields(&[("x-sum", "1")]))).await?)
    };
    let (app, violations) = collecting(app);
    let request = Request::builder().method(method).uri("/").body("").unwrap();
    let _ = block_on(AsgiClient::new(app).with_capabilities(everything()).request(request));
    seen(&violations)
}

#[test]
fn h_77_trailers_where_there_is_no_body() {
    assert_eq!(trailers(Method::GET, 200), []);
    assert_eq!(trailers(Method::GET, 204), [("H-77", Application)]);
    assert_eq!(trailers(Method::GET, 304), [("H-77", Application)]);
    assert_eq!(trailers(Method::HEAD, 200), [("V-06", Application)]);
}

/// What is seen of a response with this status and type whose body is a file.
fn file(status: u16, headers: HeaderMap, event: impl Fn() -> SendEvent + Send + Sync + 'static) -> Seen {
    let (app, violations) = collecting(move |_: Scope, _: Receive, mut send: asgi::Send| {
        let (headers, event) = (headers.clone(), event());
        async move {
            send.start(StatusCode::from_u16(status)?, headers).await?;
            Ok::<(), Error>(send.send(event).await?)
        }
    });
    let client = AsgiClient::new(app).with_capabilities(everything().with(Capability::ZeroCopySend));
    let _ = block_on(client.request(get("/")));
    seen(&violations)
}

#[test]
fn h_73_h_77_h_80_file_is_content() {
    let path = || SendEvent::from(PathSend::new(env!("CARGO_MANIFEST_PATH")));
    let zero = || {
        let mut event = ZeroCopySend::new(Arc::new(File::open(env!("CARGO_MANIFEST_PATH")).unwrap()));
        event.count = Some(3);
        SendEvent::from(event)
    };
    for (name, event) in [("by path", path as fn() -> SendEvent), ("zero copy", zero)] {
        assert_eq!(file(200, plain(), event), [], "{name}");
        assert_eq!(file(200, HeaderMap::new(), event), [("H-73", Application)], "{name}");
        assert_eq!(file(204, HeaderMap::new(), event), [("H-77", Application)], "{name}");
        assert_eq!(file(205, plain(), event), [("H-80", Application)], "{name}");
    }
}

/// What is seen of an application that answers a handshake with these events.
fn handshake(events: Vec<SendEvent>) -> Seen {
    let (app, violations) = collecting(move |_: Scope, mut receive: Receive, mut send: asgi::Send| {
        let events = events.clone();
        async move {
            receive.receive().await;
            for event in events {
                send.send(event).await?;
            }
            Ok::<(), Error>(())
        }
    });
    let client = AsgiClient::new(app).with_capabilities(everything());
    let mut socket = client.websocket(get("/"));
    let _ = block_on(socket.connect());
    let _ = block_on(socket.finish());
    drop(socket);
    seen(&violations)
}

#[test]
fn a_74_h_73_h_77_denials_are_responses() {
    let denial = |status, pairs: &[(&'static str, &'static str)], blocks: &[&'static str]| {
        let status = StatusCode::from_u16(status).unwrap();
        let mut events = vec![SendEvent::from(DenialStart::new(status, fields(pairs)))];
        for (index, block) in blocks.iter().enumerate() {
            let last = index + 1 == blocks.len();
            let block = if last { ResponseBody::last(*block) } else { ResponseBody::block(*block) };
            events.push(SendEvent::WebSocketDenialBody(block));
        }
        handshake(events)
    };
    let typed = ("content-type", "text/plain");
    assert_eq!(denial(403, &[typed, ("content-length", "4")], &["no", "pe"]), []);
    assert_eq!(denial(403, &[typed, ("content-length", "4")], &["no"]), [("A-74", Application)]);
    assert_eq!(denial(403, &[typed, ("content-length", "1")], &["no", "pe"]), [("A-74", Application)]);
    assert_eq!(denial(403, &[], &["no"]), [("H-73", Application)]);
    assert_eq!(denial(304, &[], &["no"]), [("H-77", Application)]);
}

#[test]
fn v_03_h_69_fields_of_an_accepted_handshake() {
    let accept = |headers: HeaderMap| {
        let mut accept = Accept::new();
        accept.headers = headers;
        handshake(vec![SendEvent::from(accept)])
    };
    assert_eq!(accept(fields(&[("x-fine", "1")])), []);
    assert_eq!(accept(fields(&[("status", "101")])), [("V-03", Application)]);
    let mut twice = fields(&[("date", "1")]);
    twice.append("date", HeaderValue::from_static("2"));
    assert_eq!(accept(twice), [("H-69", Application)]);
}

#[test]
fn a_66_return_in_the_middle_of_a_response_is_not_taken_for_one_without_content() {
    for (blocks, rule) in [(0, "A-65"), (1, "A-66")] {
        let app = match blocks {
            0 => |_: Receive, mut send: asgi::Send| -> CallOf {
                Box::pin(async move { started(&mut send).await })
            },
            _ => |_: Receive, mut send: asgi::Send| -> CallOf {
                Box::pin(async move {
                    started(&mut send).await?;
                    Ok(send.block("one").await?)
                })
            },
        };
        assert_eq!(call(crate::script::http(), Script::new([]), app), [(rule, Application)]);
    }
}

type CallOf = std::pin::Pin<Box<dyn Future<Output = Result<(), Error>> + Send>>;

async fn started(send: &mut asgi::Send) -> Result<(), Error> {
    Ok(send.start(StatusCode::OK, plain()).await?)
}

//! Applications that break one rule of WebSockets or lifespans each, and what becomes of a violation.

use std::future::Future;

use gateway_iface::asgi::event::{Accept, Close, DenialStart, ResponseBody, SendEvent};
use gateway_iface::asgi::{self, Receive, Scope, SendError};
use gateway_iface::http::{HeaderMap, HeaderValue, Request, StatusCode};
use gateway_iface::testing::{AsgiClient, block_on};
use gateway_iface::validate::{Culprit, OnViolation, Validator, Violation, Violations};
use gateway_iface::{Connection, Error};

use crate::fixtures::{Application, Seen, collecting, everything, fields, get, head_on, plain, seen, start};

/// What is seen of an application that answers a handshake so.
fn socket<F>(wrong: fn(Receive, asgi::Send) -> F) -> Seen
where
    F: Future<Output = Result<(), Error>> + Send + 'static,
{
    let (app, violations) =
        collecting(move |_: Scope, receive: Receive, send: asgi::Send| wrong(receive, send));
    let client = AsgiClient::new(app).with_capabilities(everything());
    let mut socket =
        client.websocket(Request::get("/").header("sec-websocket-protocol", "a").body("").unwrap());
    let _ = block_on(socket.finish());
    seen(&violations)
}

#[test]
fn a_91_answer_before_connect_was_received() {
    let wrong = socket(|_, mut send| async move {
        send.send(Accept::new()).await?;
        Ok(send.send(Close::default()).await?)
    });
    assert_eq!(wrong, [("A-91", Application)]);
}

#[test]
fn a_88_socket_that_is_neither_accepted_nor_closed() {
    let wrong = socket(|mut receive, _| async move {
        receive.receive().await;
        Ok(())
    });
    assert_eq!(wrong, [("A-88", Application)]);
    let wrong = socket(|mut receive, mut send| async move {
        receive.receive().await;
        Ok(send.send(DenialStart::new(StatusCode::FORBIDDEN, plain())).await?)
    });
    assert_eq!(wrong, [("A-88", Application)]);
}

#[test]
fn a_79_a_80_a_86_a_88_answers_that_are_refused() {
    for (rule, events) in [
        ("A-79", vec![SendEvent::from(Accept::new().with_subprotocol("b"))]),
        ("A-80", vec![SendEvent::from(Accept::new().with_headers(fields(&[("upgrade", "x")])))]),
        ("A-88", vec![SendEvent::WebSocketSend("early".into())]),
        ("A-86", vec![SendEvent::from(Close::new(1005))]),
        ("A-60", vec![SendEvent::from(DenialStart::new(StatusCode::CONTINUE, HeaderMap::new()))]),
        ("A-88", vec![SendEvent::WebSocketDenialBody(ResponseBody::last(""))]),
        ("A-88", vec![SendEvent::from(Accept::new()), SendEvent::from(Accept::new())]),
        ("A-07", vec![SendEvent::from(ResponseBody::last(""))]),
    ] {
        let app = move |_: Scope, mut receive: Receive, mut send: asgi::Send| {
            let events = events.clone();
            async move {
                receive.receive().await;
                for event in events {
                    let _ = send.send(event).await;
                }
                Ok::<(), Error>(send.send(Close::default()).await?)
            }
        };
        let (app, violations) = collecting(app);
        let client = AsgiClient::new(app).with_capabilities(everything());
        let mut socket =
            client.websocket(Request::get("/").header("sec-websocket-protocol", "a").body("").unwrap());
        let _ = block_on(socket.finish());
        assert_eq!(seen(&violations), [(rule, Application)]);
    }
}

/// What is seen of an application with this lifespan.
fn lifespan<F>(wrong: fn(Receive, asgi::Send) -> F) -> Seen
where
    F: Future<Output = Result<(), Error>> + Send + 'static,
{
    let (app, violations) =
        collecting(move |_: Scope, receive: Receive, send: asgi::Send| wrong(receive, send));
    let client = AsgiClient::new(app);
    let mut lifespan = client.lifespan();
    if block_on(lifespan.startup()).is_ok() {
        let _ = block_on(lifespan.shutdown());
    }
    drop(lifespan);
    seen(&violations)
}

#[test]
fn a_05_lifespan_that_ends_without_an_answer() {
    assert_eq!(lifespan(|_, _| async { Ok(()) }), [("A-05", Application)]);
}

#[test]
fn a_109_a_116_answers_of_a_lifespan_at_the_wrong_time() {
    let early = lifespan(|mut receive, mut send| async move {
        send.send(SendEvent::StartupComplete).await?;
        receive.receive().await;
        receive.receive().await;
        Ok(send.send(SendEvent::ShutdownComplete).await?)
    });
    assert_eq!(early, [("A-109", Application)]);
    let twice = lifespan(|mut receive, mut send| async move {
        receive.receive().await;
        send.send(SendEvent::StartupComplete).await?;
        send.send(SendEvent::StartupComplete).await.unwrap_err();
        receive.receive().await;
        Ok(send.send(SendEvent::ShutdownComplete).await?)
    });
    assert_eq!(twice, [("A-116", Application)]);
}

async fn twice(_: Scope, _: Receive, mut send: asgi::Send) -> Result<(), Error> {
    start(&mut send).await?;
    start(&mut send).await?;
    Ok(())
}

async fn untyped(_: Scope, _: Receive, mut send: asgi::Send) -> Result<(), Error> {
    let headers = fields(&[("status", "200")]);
    send.start(StatusCode::OK, headers).await?;
    Ok(())
}

#[test]
fn errors_fail_the_send_with_the_violation_inside() {
    for (rule, app) in [("A-66", Box::new(twice) as Box<dyn asgi::Application>), ("V-03", Box::new(untyped))]
    {
        let client = AsgiClient::new(Validator::new(app).on_violation(OnViolation::Error));
        let response = block_on(client.request(get("/"))).unwrap();
        let violation = response.error().unwrap().find::<Violation>().unwrap();
        assert_eq!((violation.rule(), violation.culprit()), (rule, Application));
        assert_eq!(violation.exchange(), "GET /");
        assert_eq!(response.status(), 500);
    }
}

#[test]
fn culprits_are_called_as_they_are_named_and_lists_can_be_shared() {
    let violations = Violations::new();
    for (outer, inner) in [(Culprit::Server, Culprit::Middleware), (Culprit::Middleware, Culprit::Server)] {
        let app = Validator::new(untyped).on_violation(OnViolation::Collect);
        let app = app.with_violations(violations.clone()).outer(outer).inner(inner);
        let client = AsgiClient::new(app.except("A-65"));
        let mut wrong = head_on(Connection::new(), "/");
        wrong.headers_mut().insert("host", HeaderValue::from_static("a b"));
        block_on(client.begin(wrong).finish()).unwrap();
        assert_eq!(seen(&violations), [("H-18", outer), ("V-03", inner)]);
    }
}

#[test]
fn invalid_event_knows_the_rule_that_a_validator_refused_it_for() {
    let app = |_: Scope, _: Receive, mut send: asgi::Send| async move {
        let headers = fields(&[("status", "200")]);
        let Err(SendError::Invalid(event)) = send.start(StatusCode::OK, headers).await else {
            panic!("it is refused");
        };
        assert_eq!((event.event(), event.rule()), ("http.response.start", Some("V-03")));
        Ok::<(), Error>(send.text(200, "hello").await?)
    };
    let client = AsgiClient::new(Validator::new(app).on_violation(OnViolation::Error));
    assert_eq!(block_on(client.request(get("/"))).unwrap().body(), "hello");
}

#[test]
#[should_panic(expected = "A-66 broken by the application (GET /)")]
fn panics_that_a_client_caught_come_again_when_the_validator_is_dropped() {
    let client = AsgiClient::new(Validator::new(twice));
    let response = block_on(client.request(get("/"))).unwrap();
    assert!(response.error().unwrap().to_string().contains("A-66"));
}

#[test]
fn rules_that_are_left_out_are_not_reported() {
    let app = Validator::new(untyped).on_violation(OnViolation::Collect).except("V-03").except("A-65");
    let violations = app.violations();
    let client = AsgiClient::new(app);
    let mut exchange = client.begin(head_on(Connection::new(), "/"));
    exchange.feed("", false);
    block_on(exchange.finish()).unwrap();
    violations.assert_none();
}

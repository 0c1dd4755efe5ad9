//! Asynchronous servers that break one rule each.

use std::collections::VecDeque;
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};

use gateway_iface::asgi::event::{
    Accept, Close, Message, ReceiveEvent, RequestBody, ResponseTrailers, SendEvent, WebSocketDisconnect,
};
use gateway_iface::asgi::{
    self, Application as _, Disconnect, Exchange, InvalidEvent, LifespanScope, Receive, Scope, SendError,
    Tls, WebSocketScope,
};
use gateway_iface::http::{HeaderMap, HeaderValue, Method, Request, StatusCode, Version};
use gateway_iface::validate::{Culprit, OnViolation, Validator, Violation};
use gateway_iface::{Connection, Error, Observe, Observers, RequestHead, ServerAddr};

use crate::fixtures::{Application, Server, collecting, fields, head, head_on, plain, seen};

type Seen = Vec<(&'static str, Culprit)>;
type Answer = Poll<Result<(), SendError>>;

/// A server that does what its script says.
struct Script {
    /// What `receive` gives, one after the other; nothing is a wait.
    events: Mutex<VecDeque<Option<ReceiveEvent>>>,
    disconnect: Option<Disconnect>,
    answer: fn(&mut Option<SendEvent>) -> Answer,
    observers: Mutex<Observers>,
}

impl Script {
    fn new<const N: usize>(events: [Option<ReceiveEvent>; N]) -> Self {
        Self {
            events: Mutex::new(events.into()),
            disconnect: None,
            answer: accept,
            observers: Mutex::default(),
        }
    }

    fn answering(answer: fn(&mut Option<SendEvent>) -> Answer) -> Self {
        Self { answer, ..Self::new([]) }
    }
}

impl Exchange for Script {
    fn poll_receive(&self, _: &mut Context<'_>) -> Poll<ReceiveEvent> {
        self.events.lock().unwrap().pop_front().flatten().map_or(Poll::Pending, Poll::Ready)
    }

    fn poll_disconnect(&self, _: &mut Context<'_>) -> Poll<Disconnect> {
        self.disconnect.map_or(Poll::Pending, Poll::Ready)
    }

    fn poll_send(&self, _: &mut Context<'_>, slot: &mut Option<SendEvent>) -> Answer {
        (self.answer)(slot)
    }

    fn poll_flush(&self, _: &mut Context<'_>) -> Answer {
        Poll::Ready(Ok(()))
    }

    fn observe(&self, observer: Arc<dyn Observe>) {
        self.observers.lock().unwrap().add(observer);
    }
}

fn accept(slot: &mut Option<SendEvent>) -> Answer {
    *slot = None;
    Poll::Ready(Ok(()))
}

fn refuse(slot: &mut Option<SendEvent>) -> Answer {
    let name = slot.take().map_or("", |event| event.name());
    Poll::Ready(Err(InvalidEvent::new(name, "because").into()))
}

/// What is seen while an application is called by that server, polled twice, and dropped.
fn call<F>(scope: impl Into<Scope>, server: Script, app: fn(Receive, asgi::Send) -> F) -> Seen
where
    F: Future<Output = Result<(), Error>> + Send + 'static,
{
    let (app, violations) =
        collecting(move |_: Scope, receive: Receive, send: asgi::Send| app(receive, send));
    let server = Arc::new(server);
    let call = app.call(scope.into(), Receive::shared(server.clone()), asgi::Send::shared(server));
    let mut call = Some(call);
    for _ in 0..2 {
        let polled = call.as_mut().map(|call| call.as_mut().poll(&mut Context::from_waker(Waker::noop())));
        if polled.is_some_and(|polled| polled.is_ready()) {
            call = None;
        }
    }
    drop(call);
    // With the last half the server is gone, and has told its observers.
    seen(&violations)
}

fn http() -> Scope {
    asgi::HttpScope::new(head(Method::GET, "/")).into()
}

fn upload(length: &'static str) -> Scope {
    let mut head = head(Method::POST, "/");
    head.headers_mut().insert("content-length", HeaderValue::from_static(length));
    asgi::HttpScope::new(head).into()
}

fn socket() -> Scope {
    WebSocketScope::new(head(Method::GET, "/")).into()
}

fn lifespan() -> Scope {
    LifespanScope::default().into()
}

fn request(block: &'static str, more: bool) -> Option<ReceiveEvent> {
    Some(ReceiveEvent::HttpRequest(if more { RequestBody::block(block) } else { RequestBody::last(block) }))
}

fn gone(reason: Disconnect) -> Option<ReceiveEvent> {
    Some(ReceiveEvent::HttpDisconnect(reason))
}

fn closed(code: u16) -> Option<ReceiveEvent> {
    Some(ReceiveEvent::WebSocketDisconnect(WebSocketDisconnect::new(code, Disconnect::Client)))
}

/// Asks for an event, and takes a wait for an answer.
async fn ask(receive: &mut Receive) {
    poll_fn(|cx| {
        let _ = receive.poll_receive(cx);
        Poll::Ready(())
    })
    .await;
}

async fn ask_thrice(mut receive: Receive, mut send: asgi::Send) -> Result<(), Error> {
    for _ in 0..3 {
        ask(&mut receive).await;
    }
    let _ = send.text(200, "done").await;
    Ok(())
}

async fn hello(_: Receive, mut send: asgi::Send) -> Result<(), Error> {
    Ok(send.text(200, "hello").await?)
}

async fn accept_socket(mut receive: Receive, mut send: asgi::Send) -> Result<(), Error> {
    ask(&mut receive).await;
    send.send(Accept::new()).await?;
    for _ in 0..3 {
        ask(&mut receive).await;
    }
    Ok(())
}

async fn serve_lifespan(mut receive: Receive, mut send: asgi::Send) -> Result<(), Error> {
    ask(&mut receive).await;
    let _ = send.send(SendEvent::StartupComplete).await;
    ask(&mut receive).await;
    let _ = send.send(SendEvent::ShutdownComplete).await;
    ask(&mut receive).await;
    Ok(())
}

#[test]
fn right_script_is_silent() {
    assert_eq!(call(http(), Script::new([]), hello), []);
    let events = [request("", false), None, None];
    assert_eq!(call(http(), Script::new(events), ask_thrice), []);
    let events = [Some(ReceiveEvent::WebSocketConnect), None, closed(1001), closed(1001)];
    assert_eq!(call(socket(), Script::new(events), accept_socket), []);
    let events = [Some(ReceiveEvent::LifespanStartup), Some(ReceiveEvent::LifespanShutdown)];
    assert_eq!(call(lifespan(), Script::new(events), serve_lifespan), []);
}

#[test]
fn a_66_server_that_accepts_a_start_for_the_second_time() {
    let wrong = call(http(), Script::new([]), |_, mut send| async move {
        send.start(StatusCode::OK, plain()).await?;
        send.start(StatusCode::OK, plain()).await?;
        Ok(send.last("").await?)
    });
    assert_eq!(wrong, [("A-66", Application), ("A-66", Server)]);
}

#[test]
fn a_66_server_that_refuses_what_the_table_allows() {
    let wrong = call(http(), Script::answering(refuse), |_, mut send| async move {
        let _ = send.start(StatusCode::OK, plain()).await;
        Ok(())
    });
    assert_eq!(wrong, [("A-66", Server)]);
    assert_eq!(
        call(http(), Script::answering(refuse), |_, mut send| async move {
            let _ = send.text(200, "whole").await;
            Ok(())
        }),
        [("A-66", Server)]
    );
}

#[test]
fn a_122_server_that_accepts_what_it_did_not_advertise() {
    let wrong = call(http(), Script::new([]), |_, mut send| async move {
        send.start(StatusCode::OK, plain()).await?;
        send.send(ResponseTrailers::last(HeaderMap::new())).await?;
        Ok(())
    });
    assert_eq!(wrong, [("A-123", Application), ("A-122", Server)]);
}

#[test]
fn a_74_server_that_accepts_more_than_was_declared() {
    let wrong = call(http(), Script::new([]), |_, mut send| async move {
        let headers = fields(&[("content-type", "text/plain"), ("content-length", "1")]);
        send.start(StatusCode::OK, headers).await?;
        send.last("too long").await?;
        Ok(())
    });
    assert_eq!(wrong, [("A-74", Application), ("A-74", Server)]);
}

#[test]
fn a_107_server_that_refuses_events_after_the_end() {
    let server = Script::answering(|slot| match slot {
        Some(SendEvent::ResponseBody(block)) if block.body == "more" => refuse(slot),
        _ => accept(slot),
    });
    let wrong = call(http(), server, |_, mut send| async move {
        send.text(200, "done").await?;
        let _ = send.block("more").await;
        Ok(())
    });
    assert_eq!(wrong, [("A-107", Server)]);
}

#[test]
fn a_67_server_that_gives_the_request_again_after_its_end() {
    let events = [request("a", false), request("a", false), None];
    assert_eq!(call(http(), Script::new(events), ask_thrice), [("A-67", Server)]);
}

#[test]
fn a_67_server_that_gives_the_request_after_the_response() {
    let wrong = call(http(), Script::new([request("a", false)]), |mut receive, mut send| async move {
        send.text(200, "done").await?;
        ask(&mut receive).await;
        Ok(())
    });
    assert_eq!(wrong, [("A-67", Server)]);
}

#[test]
fn a_67_server_that_calls_an_open_response_complete() {
    let events = [gone(Disconnect::Complete), gone(Disconnect::Complete), gone(Disconnect::Complete)];
    let wrong = call(http(), Script::new(events), |mut receive, mut send| async move {
        ask(&mut receive).await;
        Ok(send.text(200, "hello").await?)
    });
    assert_eq!(wrong, [("A-67", Server)]);
}

#[test]
fn a_53_server_that_gives_another_length_than_it_announced() {
    for events in [
        [request("four", true), request("more", false), None],
        [request("four", false), None, None],
        [request("", true), request("fours", true), None],
    ] {
        let length = if matches!(&events[1], None) { "5" } else { "4" };
        assert_eq!(call(upload(length), Script::new(events), ask_thrice), [("A-53", Server)]);
    }
}

#[test]
fn a_99_server_that_changes_its_mind_about_the_end() {
    let events = [gone(Disconnect::Client), gone(Disconnect::Timeout), gone(Disconnect::Client)];
    let server = Script { answer: |slot| lose(slot, Disconnect::Client), ..Script::new(events) };
    assert_eq!(call(http(), server, ask_thrice), [("A-99", Server)]);
    // A shutdown leaves time for another end.
    let events = [gone(Disconnect::Shutdown), gone(Disconnect::Client), gone(Disconnect::Client)];
    let server = Script { answer: |slot| lose(slot, Disconnect::Client), ..Script::new(events) };
    assert_eq!(call(http(), server, ask_thrice), []);
}

fn lose(slot: &mut Option<SendEvent>, reason: Disconnect) -> Answer {
    *slot = None;
    Poll::Ready(Err(reason.into()))
}

#[test]
fn a_99_server_that_goes_on_after_the_end() {
    let events = [gone(Disconnect::Client), request("a", false), gone(Disconnect::Client)];
    let server = Script { answer: |slot| lose(slot, Disconnect::Client), ..Script::new(events) };
    assert_eq!(call(http(), server, ask_thrice), [("A-99", Server)]);
}

#[test]
fn a_99_server_that_never_tells_the_end() {
    let wrong = call(http(), Script::new([]), |mut receive, mut send| async move {
        send.text(200, "done").await?;
        ask(&mut receive).await;
        ask(&mut receive).await;
        Ok(())
    });
    assert_eq!(wrong, [("A-99", Server)]);
    let server = Script::answering(|slot| lose(slot, Disconnect::Client));
    let wrong = call(http(), server, |mut receive, mut send| async move {
        let _ = send.text(200, "lost").await;
        ask(&mut receive).await;
        Ok(())
    });
    assert_eq!(wrong, [("A-99", Server)]);
}

#[test]
fn a_95_server_that_accepts_events_of_a_lost_exchange() {
    let events = [gone(Disconnect::Client), gone(Disconnect::Client), gone(Disconnect::Client)];
    assert_eq!(call(http(), Script::new(events), ask_thrice), [("A-95", Server)]);
}

#[test]
fn v_01_server_that_leaves_its_slot_full() {
    let wrong = call(http(), Script::answering(|_| Poll::Ready(Ok(()))), |_, mut send| async move {
        send.start(StatusCode::OK, plain()).await?;
        Err(Error::new("enough"))
    });
    assert_eq!(wrong, [("V-01", Server)]);
}

#[test]
fn v_01_server_that_takes_an_event_and_waits() {
    let server = Script {
        disconnect: Some(Disconnect::Shutdown),
        ..Script::answering(|slot| {
            *slot = None;
            Poll::Pending
        })
    };
    // An empty slot is nothing to send, so that it is seen once.
    let wrong = call(http(), server, |receive, mut send| async move {
        send.start(StatusCode::OK, plain()).await?;
        drop(receive);
        Ok(())
    });
    assert_eq!(wrong, [("V-01", Server)]);
}

#[test]
fn a_06_server_that_drops_a_call() {
    let wait = |mut receive: Receive, _: asgi::Send| async move {
        receive.receive().await;
        Ok(())
    };
    assert_eq!(call(http(), Script::new([]), wait), [("A-06", Server)]);
    assert_eq!(call(socket(), Script::new([]), wait), [("A-06", Server)]);
    let events = [Some(ReceiveEvent::LifespanStartup)];
    let serving = call(lifespan(), Script::new(events), |mut receive, mut send| async move {
        receive.receive().await;
        send.send(SendEvent::StartupComplete).await?;
        receive.receive().await;
        Ok(())
    });
    assert_eq!(serving, [("A-06", Server)]);
    for (reason, expected) in [
        (Disconnect::Client, &[("A-06", Server)][..]),
        (Disconnect::Timeout, &[]),
        (Disconnect::Shutdown, &[]),
    ] {
        let server = Script { disconnect: Some(reason), ..Script::new([]) };
        assert_eq!(call(http(), server, wait), expected, "{reason}");
    }
}

#[test]
fn a_06_drop_whose_reason_only_observers_are_told_may_be() {
    for (reason, expected) in [(Disconnect::Client, &[("A-06", Server)][..]), (Disconnect::Shutdown, &[])] {
        let (app, violations) = collecting(|_: Scope, receive: Receive, mut send: asgi::Send| async move {
            drop(receive);
            send.text(200, "done").await?;
            std::future::pending::<Result<(), Error>>().await
        });
        let server = Arc::new(Script::new([]));
        let halves = (Receive::shared(server.clone()), asgi::Send::shared(server.clone()));
        let mut call = app.call(http(), halves.0, halves.1);
        assert!(call.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
        drop(call);
        violations.assert_none();
        server.observers.lock().unwrap().finish(Some(reason));
        assert_eq!(seen(&violations), expected, "{reason}");
    }
}

#[test]
fn v_10_server_that_forgets_its_observers() {
    struct Forgets(Script);
    impl Exchange for Forgets {
        fn poll_receive(&self, cx: &mut Context<'_>) -> Poll<ReceiveEvent> {
            self.0.poll_receive(cx)
        }
        fn poll_disconnect(&self, cx: &mut Context<'_>) -> Poll<Disconnect> {
            self.0.poll_disconnect(cx)
        }
        fn poll_send(&self, cx: &mut Context<'_>, slot: &mut Option<SendEvent>) -> Answer {
            self.0.poll_send(cx, slot)
        }
        fn poll_flush(&self, cx: &mut Context<'_>) -> Answer {
            self.0.poll_flush(cx)
        }
        fn observe(&self, _: Arc<dyn Observe>) {}
    }
    let (app, violations) = collecting(|_: Scope, receive: Receive, send: asgi::Send| hello(receive, send));
    let server = Arc::new(Forgets(Script::new([])));
    let call = app.call(http(), Receive::shared(server.clone()), asgi::Send::shared(server));
    gateway_iface::testing::block_on(call).unwrap();
    assert_eq!(seen(&violations), [("V-10", Server)]);
}

#[test]
fn a_07_server_that_gives_events_of_another_protocol() {
    let events = || Script::new([Some(ReceiveEvent::LifespanShutdown), None, None]);
    assert_eq!(call(http(), events(), ask_thrice), [("A-07", Server)]);
    let events = [Some(ReceiveEvent::WebSocketConnect), request("", false)];
    assert_eq!(call(socket(), Script::new(events), accept_socket), [("A-07", Server)]);
}

#[test]
fn a_77_server_that_connects_twice_or_never() {
    let connect = || Some(ReceiveEvent::WebSocketConnect);
    assert_eq!(call(socket(), Script::new([connect(), connect()]), accept_socket), [("A-77", Server)]);
    assert_eq!(
        call(socket(), Script::new([closed(1006), None]), |mut receive, _| async move {
            ask(&mut receive).await;
            Ok(())
        }),
        [("A-77", Server)]
    );
}

#[test]
fn a_92_server_that_gives_a_message_before_the_socket_is_open() {
    let message = Some(ReceiveEvent::WebSocketReceive(Message::from("early")));
    let events = [Some(ReceiveEvent::WebSocketConnect), message];
    let wrong = call(socket(), Script::new(events), |mut receive, mut send| async move {
        ask(&mut receive).await;
        ask(&mut receive).await;
        Ok(send.send(Close::default()).await?)
    });
    assert_eq!(wrong, [("A-92", Server)]);
}

#[test]
fn a_88_a_83_server_that_tells_another_close_or_none() {
    let connect = || Some(ReceiveEvent::WebSocketConnect);
    let events = [connect(), closed(1001), closed(1000)];
    assert_eq!(call(socket(), Script::new(events), accept_socket), [("A-88", Server), ("A-99", Server)]);
    let events = [connect(), closed(7), closed(7), closed(7)];
    assert_eq!(
        call(socket(), Script::new(events), |mut receive, mut send| async move {
            ask(&mut receive).await;
            send.send(Accept::new()).await?;
            ask(&mut receive).await;
            Ok(())
        }),
        [("A-83", Server)]
    );
}

#[test]
fn a_79_server_that_accepts_a_subprotocol_nobody_offered() {
    let events = [Some(ReceiveEvent::WebSocketConnect)];
    let wrong = call(socket(), Script::new(events), |mut receive, mut send| async move {
        ask(&mut receive).await;
        Ok(send.send(Accept::new().with_subprotocol("chat")).await?)
    });
    assert_eq!(wrong, [("A-79", Application), ("A-79", Server)]);
}

#[test]
fn a_108_a_112_a_116_servers_with_a_lifespan_out_of_order() {
    let (startup, shutdown) = (ReceiveEvent::LifespanStartup, ReceiveEvent::LifespanShutdown);
    let twice = [Some(startup.clone()), Some(startup.clone()), Some(shutdown.clone())];
    assert_eq!(
        call(lifespan(), Script::new(twice), |mut receive, mut send| async move {
            ask(&mut receive).await;
            ask(&mut receive).await;
            send.send(SendEvent::StartupComplete).await?;
            ask(&mut receive).await;
            Ok(send.send(SendEvent::ShutdownComplete).await?)
        }),
        [("A-108", Server)]
    );
    let wrong = [Some(startup.clone()), Some(shutdown.clone()), Some(shutdown.clone())];
    assert_eq!(call(lifespan(), Script::new(wrong), serve_lifespan), [("A-112", Server)]);
    let early = [Some(startup.clone()), Some(shutdown)];
    assert_eq!(
        call(lifespan(), Script::new(early), |mut receive, mut send| async move {
            ask(&mut receive).await;
            ask(&mut receive).await;
            Ok(send.send(SendEvent::StartupComplete).await?)
        }),
        [("A-116", Server)]
    );
    let server = Script { answer: refuse, ..Script::new([Some(startup)]) };
    assert_eq!(call(lifespan(), server, serve_lifespan), [("A-116", Server)]);
}

#[test]
fn heads_that_break_a_rule() {
    let parts = |method: &str, target: &str, version: Version, pairs: &[(&'static str, &'static str)]| {
        let mut request = Request::builder().method(method).uri(target).version(version).body(()).unwrap();
        *request.headers_mut() = fields(pairs);
        request.into_parts().0
    };
    let plain = |pairs| RequestHead::new(parts("GET", "/", Version::HTTP_11, pairs));
    let mut tls = head(Method::GET, "/");
    tls.extensions_mut().insert(Tls::default());
    let mut unnamed = head_on(Connection::new().with_secure(true), "/");
    let mut certificate = Tls::default();
    certificate.client_cert_chain.push("PEM".to_owned());
    unnamed.extensions_mut().insert(certificate);
    let mut hosts = plain(&[("host", "a")]);
    hosts.headers_mut().append("host", HeaderValue::from_static("b"));
    let mut lengths = plain(&[("content-length", "1")]);
    lengths.headers_mut().append("content-length", HeaderValue::from_static("1"));
    for (rule, head) in [
        ("H-13", RequestHead::new(parts("GET", "*", Version::HTTP_11, &[]))),
        ("A-19", RequestHead::new(parts("get", "/", Version::HTTP_11, &[]))),
        ("A-18", RequestHead::new(parts("GET", "/", Version::HTTP_09, &[]))),
        ("H-43", plain(&[("content-length", "1x")])),
        ("H-44", lengths),
        ("H-37", plain(&[("content-length", "1"), ("transfer-encoding", "chunked")])),
        ("H-109", RequestHead::new(parts("GET", "/", Version::HTTP_2, &[("connection", "close")]))),
        ("H-18", plain(&[("host", "a b")])),
        ("H-18", hosts),
        ("W-32", head_on(Connection::new().with_server(ServerAddr::Name("a b".into(), 80)), "/")),
        ("A-46", tls),
        ("A-49", unnamed),
    ] {
        let scope = asgi::HttpScope::new(head);
        assert_eq!(call(scope, Script::new([]), hello), [(rule, Server)], "{rule}");
    }
    for (method, target) in [("OPTIONS", "*"), ("CONNECT", "example.org:443"), ("GET", "http://example.org")]
    {
        let scope = asgi::HttpScope::new(RequestHead::new(parts(method, target, Version::HTTP_11, &[])));
        assert_eq!(call(scope, Script::new([]), hello), [], "{method} {target}");
    }
}

#[test]
fn errors_of_what_a_server_hands_in_fail_the_call() {
    let app = Validator::new(|_: Scope, receive: Receive, send: asgi::Send| ask_thrice(receive, send));
    let app = app.on_violation(OnViolation::Error);
    let server = Arc::new(Script::new([request("a", false), request("a", false), None]));
    let mut call = pin!(app.call(http(), Receive::shared(server.clone()), asgi::Send::shared(server)));
    let Poll::Ready(Err(error)) = call.as_mut().poll(&mut Context::from_waker(Waker::noop())) else {
        panic!("it is over, with an error");
    };
    assert_eq!(error.find::<Violation>().unwrap().rule(), "A-67");
}

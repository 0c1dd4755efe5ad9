//! What becomes of an exchange that was lost, or that is over for other reasons, is nobody's fault.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};

use gateway_iface::asgi::event::{Accept, Message, ReceiveEvent, SendEvent};
use gateway_iface::asgi::{self, Application as _, Disconnect, LifespanExchange, Receive, Scope};
use gateway_iface::bridge::{Inline, WriteLimitError};
use gateway_iface::http::{HeaderValue, Method, StatusCode};
use gateway_iface::testing::{AsgiClient, block_on};
use gateway_iface::validate::Validator;
use gateway_iface::wsgi::{Body, Environ, StartResponse};
use gateway_iface::{Error, async_trait};

use crate::applications::good;
use crate::fixtures::{Server, collecting, fields, get, head, plain, seen};
use crate::script::{Script, accept, ask, call, closed, gone, http, lose, refuse, request, socket, upload};

#[test]
fn a_65_return_after_a_flush_that_told_the_loss_is_no_fault() {
    for reason in [Disconnect::Client, Disconnect::Shutdown, Disconnect::Timeout] {
        let server = Script { lost: Some(reason), ..Script::new([]) };
        let right = call(http(), server, |_, mut send| async move {
            send.start(StatusCode::OK, plain()).await?;
            send.flush().await.unwrap_err();
            Ok(())
        });
        assert_eq!(right, [], "{reason}");
    }
}

#[test]
fn a_99_server_that_lets_wait_after_a_flush_told_the_loss() {
    let server = Script { lost: Some(Disconnect::Client), ..Script::new([]) };
    let wrong = call(http(), server, |mut receive, mut send| async move {
        send.start(StatusCode::OK, plain()).await?;
        send.flush().await.unwrap_err();
        ask(&mut receive).await;
        Ok(())
    });
    assert_eq!(wrong, [("A-99", Server)]);
}

#[test]
fn a_93_a_98_messages_that_came_before_the_loss_are_received_after_a_send_told_it() {
    let (app, violations) =
        collecting(|scope: Scope, mut receive: Receive, mut send: asgi::Send| async move {
            scope.into_websocket()?;
            receive.receive().await;
            send.send(Accept::new()).await?;
            assert!(send.send(Message::from("late")).await.is_err());
            assert!(matches!(receive.receive().await, ReceiveEvent::WebSocketReceive(_)));
            assert!(receive.receive().await.disconnect().is_some());
            Ok::<(), Error>(())
        });
    let server = Script::answering(|slot| match slot {
        Some(SendEvent::WebSocketSend(_)) => lose(slot, Disconnect::Client),
        _ => accept(slot),
    });
    let events = [
        Some(ReceiveEvent::WebSocketConnect),
        Some(ReceiveEvent::WebSocketReceive(Message::from("before"))),
        closed(1006),
    ];
    *server.events.lock().unwrap() = events.into();
    let server = Arc::new(server);
    block_on(app.call(socket(), Receive::shared(server.clone()), asgi::Send::shared(server))).unwrap();
    violations.assert_none();
}

#[test]
fn a_65_return_after_any_disconnect_is_no_fault() {
    for reason in [Disconnect::Complete, Disconnect::Client, Disconnect::Shutdown, Disconnect::Timeout] {
        // A HEAD whose client has all there is of it.
        let scope = asgi::HttpScope::new(head(Method::HEAD, "/"));
        let server = Script { disconnect: Some(reason), ..Script::new([]) };
        let right = call(scope, server, |mut receive, mut send| async move {
            send.start(StatusCode::OK, plain()).await?;
            send.block("").await?;
            receive.disconnected().await;
            Ok(())
        });
        assert_eq!(right, [], "{reason}");
    }
}

#[test]
fn a_67_complete_may_be_told_when_the_declared_length_is_there() {
    let server = || Script { disconnect: Some(Disconnect::Complete), ..Script::new([]) };
    let whole = call(http(), server(), |receive, send| one_block("3", receive, send));
    assert_eq!(whole, []);
    let open = call(http(), server(), |receive, send| one_block("4", receive, send));
    assert_eq!(open, [("A-67", Server)]);
    // A send that tells it, and a `receive` that waits after it.
    let server = Script::answering(|slot| match slot {
        Some(SendEvent::ResponseBody(block)) if block.body.is_empty() => lose(slot, Disconnect::Complete),
        _ => accept(slot),
    });
    let right = call(http(), server, |mut receive, mut send| async move {
        send.start(StatusCode::OK, fields(&[("content-type", "text/plain"), ("content-length", "3")]))
            .await?;
        send.block("one").await?;
        send.block("").await.unwrap_err();
        ask(&mut receive).await;
        Ok(())
    });
    assert_eq!(right, []);
}

async fn one_block(length: &'static str, mut receive: Receive, mut send: asgi::Send) -> Result<(), Error> {
    send.start(StatusCode::OK, fields(&[("content-type", "text/plain"), ("content-length", length)])).await?;
    send.block("one").await?;
    receive.disconnected().await;
    Ok(())
}

#[test]
fn h_49_client_that_broke_its_request_off_may_be_answered() {
    let events = [request("four", true), gone(Disconnect::Client), gone(Disconnect::Client)];
    let right = call(upload("5"), Script::new(events), |mut receive, mut send| async move {
        for _ in 0..3 {
            ask(&mut receive).await;
        }
        Ok(send.text(422, "broken").await?)
    });
    assert_eq!(right, []);
    // Then the response is complete, and `receive` tells so.
    let events = [gone(Disconnect::Client), gone(Disconnect::Complete)];
    let right = call(upload("5"), Script::new(events), |mut receive, mut send| async move {
        ask(&mut receive).await;
        send.text(422, "broken").await?;
        ask(&mut receive).await;
        Ok(())
    });
    assert_eq!(right, []);
    let events = [gone(Disconnect::Client), gone(Disconnect::Complete)];
    let wrong = call(upload("5"), Script::new(events), |mut receive, mut send| async move {
        ask(&mut receive).await;
        send.start(StatusCode::OK, plain()).await?;
        ask(&mut receive).await;
        Ok(())
    });
    assert_eq!(wrong, [("A-99", Server), ("A-67", Server)]);
}

#[test]
fn a_06_lifespan_that_is_dropped_while_it_serves_is_told_of_a_shutdown() {
    let (app, violations) = collecting(good);
    let mut lifespan = LifespanExchange::new(&app);
    block_on(lifespan.startup()).unwrap();
    drop(lifespan);
    violations.assert_none();
}

#[test]
fn a_06_server_is_asked_for_its_reason_in_a_drop_for_a_lifespan_alone() {
    static ASKED: AtomicUsize = AtomicUsize::new(0);
    struct Panics;
    impl asgi::PollReceive for Panics {
        fn poll_receive(&mut self, _: &mut Context<'_>) -> Poll<ReceiveEvent> {
            Poll::Pending
        }
        fn poll_disconnect(&mut self, _: &mut Context<'_>) -> Poll<Disconnect> {
            ASKED.fetch_add(1, Ordering::Relaxed);
            panic!("the runtime is gone");
        }
    }
    let (app, violations) = collecting(|_: Scope, mut receive: Receive, mut send: asgi::Send| async move {
        ask(&mut receive).await;
        let _ = send.send(SendEvent::StartupComplete).await;
        receive.receive().await;
        Ok::<(), Error>(())
    });
    let server = Arc::new(Script::new([]));
    let scope = asgi::LifespanScope::default();
    let mut call = app.call(scope.into(), Receive::new(Panics), asgi::Send::shared(server));
    assert!(call.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
    // The panic is not passed on.
    drop(call);
    assert_eq!(violations.take().last().unwrap().rule(), "A-06");
    assert_eq!(ASKED.load(Ordering::Relaxed), 1);

    let server = Arc::new(Script::new([]));
    let mut call = app.call(http(), Receive::new(Panics), asgi::Send::shared(server.clone()));
    assert!(call.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
    drop(call);
    server.observers.lock().unwrap().finish(Some(Disconnect::Shutdown));
    assert_eq!(ASKED.load(Ordering::Relaxed), 1, "observers know");
    assert!(!violations.take().iter().any(|violation| violation.rule() == "A-06"));
}

#[test]
fn a_53_half_that_is_left_behind_is_not_judged() {
    static LEFT: Mutex<Option<Receive>> = Mutex::new(None);
    let (app, violations) = collecting(|_: Scope, receive: Receive, mut send: asgi::Send| async move {
        *LEFT.lock().unwrap() = Some(receive);
        Ok::<(), Error>(send.text(200, "done").await?)
    });
    let server = Arc::new(Script::new([request("four", false), gone(Disconnect::Client), None]));
    block_on(app.call(upload("5"), Receive::shared(server.clone()), asgi::Send::shared(server))).unwrap();
    let mut receive = LEFT.lock().unwrap().take().unwrap();
    block_on(async {
        for _ in 0..3 {
            ask(&mut receive).await;
        }
    });
    violations.assert_none();
}

#[test]
fn w_120_write_over_the_limit_of_an_inline_application_is_no_fault_of_its_server() {
    let (app, violations) = collecting(|_: Environ, start: &mut dyn StartResponse| {
        start.start(StatusCode::OK, plain())?;
        start.write(b"four")?;
        let error = start.write(b"more").unwrap_err();
        let limit = error.get_ref().and_then(|inner| inner.downcast_ref::<WriteLimitError>());
        assert_eq!(limit.unwrap().limit(), 5);
        Ok::<Body, Error>(Body::empty())
    });
    let client = AsgiClient::new(Inline::new(app).with_write_limit(5));
    assert_eq!(block_on(client.request(get("/"))).unwrap().body(), "four");
    violations.assert_none();
}

#[test]
fn what_a_server_tells_wrong_of_a_request_panics_in_the_future_and_not_in_the_call() {
    struct Never;
    #[async_trait]
    impl asgi::Application for Never {
        async fn call(&self, _: Scope, _: Receive, _: asgi::Send) -> Result<(), Error> {
            unreachable!("the request is wrong")
        }
    }
    let app = Validator::new(Never);
    let violations = app.violations();
    let server = Arc::new(Script::answering(refuse));
    let mut wrong = head(Method::GET, "/");
    wrong.headers_mut().insert("host", HeaderValue::from_static("a b"));
    let scope = asgi::HttpScope::new(wrong);
    let mut call = app.call(scope.into(), Receive::shared(server.clone()), asgi::Send::shared(server));
    let polled = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        call.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_ready()
    }));
    assert!(polled.unwrap_err().downcast_ref::<String>().unwrap().contains("H-18 broken by the server"));
    assert_eq!(seen(&violations), [("H-18", Server)]);
}

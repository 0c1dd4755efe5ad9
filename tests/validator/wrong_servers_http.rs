//! Servers that break one rule of HTTP exchanges each.

use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use gateway_iface::asgi::event::{ReceiveEvent, ResponseTrailers, SendEvent};
use gateway_iface::asgi::{self, Application as _, Disconnect, Exchange, Receive, Scope};
use gateway_iface::http::{HeaderMap, StatusCode};
use gateway_iface::validate::{OnViolation, Validator, Violation};
use gateway_iface::{Error, Observe};

use crate::fixtures::{Application, Server, collecting, fields, plain, seen};
use crate::script::{
    Answer, Script, accept, accept_socket, ask, ask_thrice, call, closed, gone, hello, http, lifespan, lose,
    refuse, request, serve_lifespan, socket, upload,
};

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
        let length = if events[1].is_none() { "5" } else { "4" };
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
    let events = [request("", false), gone(Disconnect::Client), gone(Disconnect::Client)];
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

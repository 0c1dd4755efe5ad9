//! Exchanges step by step: stalled readers, late bodies, lost clients.

use http::{HeaderMap, Request, StatusCode};

use super::*;
use crate::asgi::event::ReceiveEvent;
use crate::asgi::{Scope, SendError};
use crate::testing::{AsgiClient, block_on};

fn head() -> RequestHead {
    RequestHead::new(Request::post("/").body(()).unwrap().into_parts().0)
}

async fn three(_: Scope, _: Receive, mut send: Send) -> Result<(), Error> {
    send.start(StatusCode::OK, HeaderMap::new()).await?;
    send.block("a").await?;
    send.last("b").await?;
    Ok(())
}

async fn echo(_: Scope, mut receive: Receive, mut send: Send) -> Result<(), Error> {
    send.start(StatusCode::OK, HeaderMap::new()).await?;
    while let Some(block) = receive.block().await? {
        send.block(block).await?;
    }
    send.last("").await?;
    Ok(())
}

async fn until_disconnect(_: Scope, mut receive: Receive, _send: Send) -> Result<(), Error> {
    loop {
        if let ReceiveEvent::HttpDisconnect(reason) = receive.receive().await {
            return Err(reason.into());
        }
    }
}

#[test]
fn application_is_not_polled_before_it_is_driven() {
    let client = AsgiClient::new(three);
    let mut exchange = client.begin(head());
    assert!(exchange.take_event().is_none() && !exchange.is_finished());
}

#[test]
fn a_11_second_send_waits_until_the_reader_takes_the_first() {
    let client = AsgiClient::new(three);
    let mut exchange = client.begin(head());
    assert!(exchange.poll_once().is_pending());
    assert!(exchange.is_send_pending());
    assert!(exchange.poll_once().is_pending());
    assert_eq!(exchange.state(), HttpState::Started);
    for name in ["http.response.start", "http.response.body", "http.response.body"] {
        assert_eq!(block_on(exchange.next_event()).unwrap().name(), name);
    }
    assert!(block_on(exchange.next_event()).is_none());
    assert!(exchange.is_finished() && !exchange.is_send_pending());
}

#[test]
fn a_57_late_body_is_waited_for() {
    let client = AsgiClient::new(echo);
    let mut exchange = client.begin(head());
    assert!(block_on(exchange.next_event()).is_some());
    for block in ["one", "two"] {
        assert!(exchange.poll_once().is_pending() && !exchange.is_send_pending());
        exchange.feed(block, true);
        let event = block_on(exchange.next_event());
        assert!(matches!(event, Some(SendEvent::ResponseBody(body)) if body.body == block));
    }
    exchange.feed("", false);
    let response = block_on(exchange.response());
    assert!(response.is_complete() && response.error().is_none());
}

#[test]
fn a_95_a_99_loss_of_the_client_fails_a_waiting_send_and_is_received() {
    let client = AsgiClient::new(three);
    let mut exchange = client.begin(head());
    assert!(exchange.poll_once().is_pending());
    exchange.disconnect(Disconnect::Timeout);
    let error = block_on(exchange.finish()).unwrap_err();
    assert!(error.find::<SendError>().is_some() && error.is_disconnected());
    assert!(!exchange.ending().unwrap().fault);

    let client = AsgiClient::new(until_disconnect);
    let mut exchange = client.begin(head());
    exchange.feed("dropped", true);
    exchange.disconnect(Disconnect::Client);
    let error = block_on(exchange.finish()).unwrap_err();
    assert_eq!(error.find::<Disconnect>(), Some(&Disconnect::Client));
}

#[test]
fn a_67_complete_response_is_received_as_disconnect_by_the_other_half() {
    async fn app(_: Scope, mut receive: Receive, mut send: Send) -> Result<(), Error> {
        send.text(200, "x").await?;
        assert_eq!(receive.receive().await.disconnect(), Some(Disconnect::Complete));
        assert_eq!(receive.disconnected().await, Disconnect::Complete);
        Ok(())
    }
    let client = AsgiClient::new(app);
    let mut exchange = client.begin(head());
    exchange.feed("not read", false);
    assert!(block_on(exchange.response()).error().is_none());
}

#[test]
fn a_104_panic_is_answered_like_an_error_and_the_client_goes_on() {
    async fn later(_: Scope, _: Receive, _: Send) -> Result<(), Error> {
        std::panic::resume_unwind(Box::new("later"))
    }
    let at_once = |_: Scope, _: Receive, _: Send| -> std::future::Ready<Result<(), Error>> {
        std::panic::resume_unwind(Box::new("at once"))
    };
    let apps: [(Box<dyn Application>, _); 2] = [(Box::new(later), "later"), (Box::new(at_once), "at once")];
    for (app, text) in apps {
        let client = AsgiClient::new(app);
        for _ in 0..2 {
            let response = block_on(client.begin(head()).response());
            assert_eq!(response.status(), 500);
            assert_eq!(response.error().unwrap().to_string(), format!("the application panicked: {text}"));
        }
    }
}

#[test]
fn dropped_application_is_gone_and_its_halves_are_disconnected() {
    let kept = Arc::new(std::sync::Mutex::new(None));
    let keep = Arc::clone(&kept);
    let client = AsgiClient::new(move |_: Scope, _: Receive, send: Send| {
        *keep.lock().unwrap() = Some(send);
        std::future::pending()
    });
    let mut exchange = client.begin(head());
    assert!(exchange.poll_once().is_pending());
    exchange.drop_application();
    assert!(exchange.is_finished() && block_on(exchange.finish()).is_ok());
    let mut send = kept.lock().unwrap().take().unwrap();
    let error = block_on(send.last("x")).unwrap_err();
    assert_eq!(error.disconnect(), Some(Disconnect::Shutdown));
    drop(exchange);
    assert!(block_on(send.flush()).is_err());
}

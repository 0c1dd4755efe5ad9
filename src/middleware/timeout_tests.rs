use super::*;
use crate::asgi::{Disconnect, Receive, Scope, Send};
use crate::middleware::fixtures::{self, Gate, get, head};
use crate::middleware::{CatchError, MapHead};
use crate::testing::{AsgiClient, block_on};
use crate::validate::Validator;
use http::HeaderMap;

const LIMIT: Duration = Duration::from_secs(7);

/// Waits for the gate, whatever the limit.
fn clock(gate: &Gate) -> impl Fn(Duration) -> GateFuture + core::marker::Send + Sync + Clone + use<> {
    let gate = gate.clone();
    move |limit| {
        assert_eq!(limit, LIMIT);
        Box::pin(gate.wait())
    }
}

type GateFuture = std::pin::Pin<Box<dyn Future<Output = ()> + core::marker::Send>>;

async fn stuck(_: Scope, _: Receive, mut send: Send) -> Result<(), Error> {
    send.start(StatusCode::OK, fixtures::text_headers()).await?;
    std::future::pending().await
}

/// Sends a block each time the gate of its own lets it.
fn slow(gate: &Gate) -> impl asgi::Application + use<> {
    let gate = gate.clone();
    move |_: Scope, _: Receive, mut send: Send| {
        let wait = gate.wait();
        async move {
            send.start(StatusCode::OK, fixtures::text_headers()).await?;
            send.block("first").await?;
            wait.await;
            Ok(send.last("last").await?)
        }
    }
}

#[test]
fn a_144_everything_passes_that_is_in_time() {
    let never = clock(&Gate::default());
    fixtures::passes_what_is_not_its_own(|app| Timeout::new(app, LIMIT, never.clone()), true);
    fixtures::passes_what_is_not_its_own(|app| Timeout::new(app, LIMIT, never.clone()).until_head(), true);
}

#[test]
fn a_106_call_over_its_limit_is_answered_before_the_head_is_out() {
    for until_head in [false, true] {
        let gate = Gate::default();
        let mut app = Timeout::new(stuck, LIMIT, clock(&gate));
        if until_head {
            app = app.until_head();
        }
        let client = AsgiClient::new(app);
        let mut exchange = client.begin(head("/"));
        assert!(exchange.poll_once().is_pending());
        gate.open();
        let response = block_on(exchange.response());
        assert_eq!(response.status(), 503);
        let error = response.error().unwrap();
        assert_eq!(error.find::<Elapsed>().unwrap().limit(), LIMIT);
        assert_eq!(error.to_string(), "the application took longer than 7s");
    }
}

#[test]
fn h_87_response_is_broken_off_after_the_head() {
    let (gate, own) = (Gate::default(), Gate::default());
    let client = AsgiClient::new(Timeout::new(slow(&own), LIMIT, clock(&gate)));
    let mut exchange = client.begin(head("/"));
    block_on(exchange.next_event()).unwrap();
    block_on(exchange.next_event()).unwrap();
    gate.open();
    let response = block_on(exchange.response());
    assert!(!response.is_complete() && response.error().unwrap().find::<Elapsed>().is_some());
}

#[test]
fn response_that_has_begun_is_not_cut_with_until_head() {
    let (gate, own) = (Gate::default(), Gate::default());
    let app = Validator::new(slow(&own)).around(|app| Timeout::new(app, LIMIT, clock(&gate)).until_head());
    let client = AsgiClient::new(app);
    let mut exchange = client.begin(head("/"));
    exchange.feed("", false);
    block_on(exchange.next_event()).unwrap();
    block_on(exchange.next_event()).unwrap();
    gate.open();
    assert!(exchange.poll_once().is_pending());
    own.open();
    assert!(block_on(exchange.response()).is_complete());
}

#[test]
fn call_that_ends_as_its_limit_passes_counts_as_in_time() {
    let gate = Gate::default();
    gate.open();
    let app = |_: Scope, _: Receive, mut send: Send| async move { Ok(send.text(200, "in time").await?) };
    let client = AsgiClient::new(Timeout::new(app, LIMIT, clock(&gate)));
    assert_eq!(block_on(client.request(get("/"))).unwrap().body(), "in time");
}

#[test]
fn application_is_dropped_when_its_limit_has_passed() {
    struct Held(Gate);
    impl Drop for Held {
        fn drop(&mut self) {
            self.0.open();
        }
    }
    let (gate, dropped) = (Gate::default(), Gate::default());
    gate.open();
    let watched = dropped.clone();
    let app = move |_: Scope, _: Receive, _: Send| {
        let held = Held(watched.clone());
        async move {
            let _held = held;
            std::future::pending().await
        }
    };
    let client = AsgiClient::new(Timeout::new(app, LIMIT, clock(&gate)));
    assert_eq!(block_on(client.request(get("/"))).unwrap().status(), 503);
    block_on(dropped.wait());
}

#[test]
fn answer_of_a_layer_around_it_is_sent_and_changed_like_any_other() {
    let gate = Gate::default();
    gate.open();
    let app = Timeout::new(stuck, LIMIT, clock(&gate)).with_status(StatusCode::GATEWAY_TIMEOUT);
    let app = MapHead::new(CatchError::new(app, |_: &Error| ()), |_, headers: &mut HeaderMap| {
        headers.insert("x-stamp", "1".parse().unwrap());
    });
    let response = block_on(AsgiClient::new(app).request(get("/"))).unwrap();
    assert_eq!((response.status().as_u16(), response.text().as_ref()), (504, "Gateway Timeout"));
    assert!(response.headers().contains_key("x-stamp") && response.error().is_none());
}

#[test]
fn a_58_loss_of_the_client_is_told_before_the_limit() {
    async fn app(_: Scope, mut receive: Receive, _: Send) -> Result<(), Error> {
        Err(receive.disconnected().await.into())
    }
    let client = AsgiClient::new(Timeout::new(app, LIMIT, clock(&Gate::default())).until_head());
    let mut exchange = client.begin(head("/"));
    assert!(exchange.poll_once().is_pending());
    exchange.disconnect(Disconnect::Client);
    assert!(block_on(exchange.finish()).unwrap_err().is_disconnected());
}

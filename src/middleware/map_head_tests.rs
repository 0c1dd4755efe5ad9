use http::HeaderValue;

use super::*;
use crate::asgi::event::DenialStart;
use crate::asgi::{Capability, Handshake, Receive, Scope, Send};
use crate::middleware::fixtures::{self, get, head, head_with};
use crate::testing::{AsgiClient, WsgiClient, block_on};
use crate::validate::Validator;
use crate::wsgi::{Body, Environ, StartResponse};

/// Adds a field, so that a second change would show.
fn stamp<A>(inner: A) -> MapHead<A, impl Fn(&mut StatusCode, &mut HeaderMap) + core::marker::Send + Sync> {
    MapHead::new(inner, |status: &mut StatusCode, headers: &mut HeaderMap| {
        if *status == StatusCode::NOT_FOUND {
            *status = StatusCode::GONE;
        }
        headers.append("x-stamp", HeaderValue::from_static("1"));
    })
}

fn stamps(headers: &HeaderMap) -> usize {
    headers.get_all("x-stamp").iter().count()
}

#[test]
fn a_143_everything_but_heads_passes() {
    fixtures::passes_what_is_not_its_own(stamp, true);
}

#[test]
fn w_121_w_132_w_133_w_134_w_135_w_136_everything_but_heads_passes() {
    fixtures::passes_what_is_synchronous(stamp);
}

#[test]
fn status_and_fields_are_changed_once() {
    async fn app(scope: Scope, _: Receive, mut send: Send) -> Result<(), Error> {
        let status = scope.into_http()?.path_info()[1..].parse()?;
        Ok(send.text(status, "text").await?)
    }
    let client = AsgiClient::new(Validator::new(app).around(stamp));
    for (path, status) in [("/200", 200), ("/404", 410)] {
        let response = block_on(client.request(get(path))).unwrap();
        assert_eq!((response.status().as_u16(), stamps(response.headers())), (status, 1));
        assert_eq!(response.body(), "text");
    }
}

#[test]
fn start_that_waits_is_changed_once_and_followed_by_its_body() {
    async fn app(_: Scope, _: Receive, mut send: Send) -> Result<(), Error> {
        send.send(asgi::event::Debug::new(())).await?;
        send.start(StatusCode::OK, fixtures::text_headers()).await?;
        send.flush().await?;
        Ok(send.last("body").await?)
    }
    let client = AsgiClient::new(Validator::new(app).around(stamp));
    let mut exchange = client.begin(head_with(&[Capability::Debug]));
    exchange.feed("", false);
    for _ in 0..3 {
        assert!(exchange.poll_once().is_pending());
    }
    assert_eq!(exchange.take_event().unwrap().name(), "http.response.debug");
    let response = block_on(exchange.response());
    assert_eq!((stamps(response.headers()), response.text().as_ref()), (1, "body"));
}

#[test]
fn start_that_is_given_up_for_another_leaves_that_one_changed_too() {
    async fn app(_: Scope, _: Receive, mut send: Send) -> Result<(), Error> {
        // No final status.
        send.text(103, "early").await.unwrap_err();
        Ok(send.text(404, "final").await?)
    }
    let response = block_on(AsgiClient::new(stamp(app)).request(get("/"))).unwrap();
    assert_eq!((response.status().as_u16(), stamps(response.headers())), (410, 1));
}

#[test]
fn a_125_websocket_denial_is_changed_and_an_accept_is_not() {
    async fn app(scope: Scope, receive: Receive, send: Send) -> Result<(), Error> {
        let open = scope.into_websocket()?.head().path_info() == "/open";
        let handshake = Handshake::begin(receive, send).await?;
        if open {
            handshake.accept(asgi::event::Accept::new()).await?;
            return Ok(());
        }
        let denial = http::Response::builder().status(404).header("content-type", "text/plain");
        Ok(handshake.deny(denial.body("no")?).await?)
    }
    let capabilities = asgi::Capabilities::none().with(Capability::WebSocketDenial);
    let client = AsgiClient::new(Validator::new(app).around(stamp)).with_capabilities(capabilities);
    let denial = block_on(client.websocket(get("/")).connect()).unwrap_err();
    assert_eq!((denial.status().as_u16(), stamps(denial.headers())), (410, 1));
    let mut socket = client.websocket(get("/open"));
    assert_eq!(stamps(&block_on(socket.connect()).unwrap().headers), 0);
    block_on(socket.finish()).unwrap();
    let start = DenialStart::new(StatusCode::NOT_FOUND, HeaderMap::new());
    assert_eq!(start.status, 404);
}

#[test]
fn w_136_head_that_replaces_another_is_changed_too() {
    fn app(_: Environ, start_response: &mut dyn StartResponse) -> Result<Body, Error> {
        start_response.start(StatusCode::OK, fixtures::text_headers())?;
        start_response.restart(StatusCode::NOT_FOUND, fixtures::text_headers(), Error::new("late"))?;
        Ok("gone".into())
    }
    let response = WsgiClient::new(Validator::new(app).around(stamp)).request(get("/")).unwrap();
    assert_eq!((response.status().as_u16(), stamps(response.headers())), (410, 1));
}

#[test]
fn response_that_is_dropped_by_its_server_is_dropped() {
    let client = AsgiClient::new(stamp(fixtures::stalls));
    let mut exchange = client.begin(head("/"));
    assert_eq!(block_on(exchange.next_event()).unwrap().name(), "http.response.start");
    exchange.drop_application();
    assert!(exchange.is_finished());
}

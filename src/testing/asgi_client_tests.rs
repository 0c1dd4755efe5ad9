//! Whole requests.

use http::{HeaderMap, StatusCode};

use super::*;
use crate::asgi::event::{EarlyHint, PathSend, ResponseStart, ResponseTrailers, ZeroCopySend};
use crate::asgi::{Capability, Receive, Scope, Send};
use crate::testing::block_on;

fn get(path: &str) -> Request<&'static str> {
    Request::get(path).body("").unwrap()
}

async fn hello(_: Scope, _: Receive, mut send: Send) -> Result<(), Error> {
    send.text(200, "hello").await?;
    Ok(())
}

#[test]
fn a_54_request_without_body_still_gives_one_request_event() {
    async fn app(_: Scope, mut receive: Receive, mut send: Send) -> Result<(), Error> {
        let event = receive.receive().await;
        send.text(200, event.name()).await?;
        Ok(())
    }
    assert_eq!(block_on(AsgiClient::new(app).request(get("/"))).unwrap().body(), "http.request");
}

#[test]
fn a_75_body_in_answer_to_head_is_dropped() {
    let client = AsgiClient::new(hello);
    let response = block_on(client.request(Request::head("/").body("").unwrap())).unwrap();
    assert_eq!((response.status(), response.body().len()), (StatusCode::OK, 0));
    assert!(response.is_complete() && response.blocks().is_empty());
}

#[test]
fn a_106_application_that_fails_before_content_is_answered_for_and_its_error_kept() {
    async fn app(scope: Scope, _: Receive, mut send: Send) -> Result<(), Error> {
        let scope = scope.into_http()?;
        match scope.path_info() {
            "/early" => Err(Error::new("broken").with_status(StatusCode::IM_A_TEAPOT)),
            "/started" => {
                send.start(StatusCode::OK, HeaderMap::new()).await?;
                Err(Error::new("broken"))
            }
            _ => Ok(()),
        }
    }
    let client = AsgiClient::new(app);
    for (path, status, error) in [("/early", 418, true), ("/started", 500, true), ("/silent", 500, false)] {
        let response = block_on(client.request(get(path))).unwrap();
        assert_eq!((response.status().as_u16(), response.error().is_some()), (status, error), "{path}");
        assert!(response.is_complete());
    }
}

#[test]
fn a_106_application_that_ends_within_the_body_is_an_error() {
    async fn app(scope: Scope, _: Receive, mut send: Send) -> Result<(), Error> {
        let scope = scope.into_http()?;
        send.start(StatusCode::OK, HeaderMap::new()).await?;
        send.block("part").await?;
        if scope.path_info() == "/fails" { Err(Error::new("broken")) } else { Ok(()) }
    }
    let client = AsgiClient::new(app);
    assert_eq!(block_on(client.request(get("/fails"))).unwrap_err().to_string(), "broken");
    assert!(block_on(client.request(get("/returns"))).unwrap_err().find::<Incomplete>().is_some());
}

#[test]
fn a_06_application_runs_to_its_end_after_a_complete_response() {
    async fn app(_: Scope, _: Receive, mut send: Send) -> Result<(), Error> {
        send.text(200, "x").await?;
        let mut polled = false;
        std::future::poll_fn(|cx| {
            cx.waker().wake_by_ref();
            if std::mem::replace(&mut polled, true) {
                std::task::Poll::Ready(())
            } else {
                std::task::Poll::Pending
            }
        })
        .await;
        Err(Error::new("after the end"))
    }
    let response = block_on(AsgiClient::new(app).request(get("/"))).unwrap();
    assert_eq!(response.error().unwrap().to_string(), "after the end");
    assert_eq!(response.body(), "x");
}

/// files, files that are missing, trailers.
#[test]
fn capabilities_are_offered_and_acted_upon() {
    async fn app(scope: Scope, _: Receive, mut send: Send) -> Result<(), Error> {
        let scope = scope.into_http()?;
        let file = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("rustfmt.toml");
        match scope.path_info() {
            "/trailers" => {
                send.send(ResponseStart::new(StatusCode::OK, HeaderMap::new()).with_trailers(true)).await?;
                send.send(EarlyHint::new(vec![HeaderValue::from_static("</x>")])).await?;
                send.last("x").await?;
                let mut trailers = HeaderMap::new();
                trailers.insert("x-sum", HeaderValue::from_static("1"));
                send.send(ResponseTrailers::last(trailers)).await?;
            }
            "/path" => {
                send.start(StatusCode::OK, HeaderMap::new()).await?;
                send.send(PathSend::new(file)).await?;
            }
            "/missing" => {
                send.start(StatusCode::OK, HeaderMap::new()).await?;
                send.send(PathSend::new("/does/not/exist")).await?;
            }
            _ => {
                let file = Arc::new(std::fs::File::open(file)?);
                send.start(StatusCode::OK, HeaderMap::new()).await?;
                let mut part = ZeroCopySend::new(file);
                (part.offset, part.count, part.more_body) = (Some(4), Some(5), true);
                send.send(part.clone()).await?;
                (part.offset, part.count, part.more_body) = (None, Some(3), false);
                send.send(part).await?;
            }
        }
        Ok(())
    }
    let set = [Capability::Trailers, Capability::EarlyHints, Capability::PathSend, Capability::ZeroCopySend]
        .into_iter()
        .fold(Capabilities::none(), Capabilities::with);
    let with = AsgiClient::new(app).with_capabilities(set);
    let trailers = block_on(with.request(get("/trailers"))).unwrap();
    assert_eq!(
        (trailers.text().as_ref(), &trailers.trailers()["x-sum"]),
        ("x", &HeaderValue::from_static("1"))
    );
    assert!(block_on(with.request(get("/path"))).unwrap().text().starts_with("max_width"));
    assert_eq!(block_on(with.request(get("/missing"))).unwrap().status(), 500);
    assert_eq!(block_on(with.request(get("/zero"))).unwrap().blocks(), ["width", "max"]);
    let without = AsgiClient::new(app);
    assert_eq!(block_on(without.request(get("/path"))).unwrap().status(), 500);
}

#[test]
fn a_117_state_reaches_every_request() {
    async fn app(scope: Scope, _: Receive, mut send: Send) -> Result<(), Error> {
        let scope = scope.into_http()?;
        let number = scope.head().state().and_then(|state| state.get::<u8>()).copied();
        send.text(200, format!("{number:?}")).await?;
        Ok(())
    }
    let mut state = State::new();
    state.insert(7_u8);
    let client = AsgiClient::new(app).with_state(state);
    for _ in 0..2 {
        assert_eq!(block_on(client.request(get("/"))).unwrap().body(), "Some(7)");
    }
}

#[test]
fn fields_that_a_client_would_send_are_added_once() {
    let mut parts = Request::post("http://user@example.org:8080/x").body(()).unwrap().into_parts().0;
    complete_head(&mut parts, 4);
    complete_head(&mut parts, 5);
    assert_eq!(parts.headers["host"], "example.org:8080");
    assert_eq!(parts.headers["content-length"], "4");
    assert_eq!(parts.headers.len(), 2);
}

#[test]
fn a_01_calls_at_the_same_time_have_exchanges_of_their_own() {
    let client = AsgiClient::new(hello);
    let head = || RequestHead::new(get("/").into_parts().0);
    let (mut one, mut two) = (client.begin(head()), client.begin(head()));
    assert!(block_on(one.next_event()).is_some());
    assert_eq!(block_on(two.response()).body(), "hello");
    assert_eq!(block_on(one.response()).body(), "hello");
}

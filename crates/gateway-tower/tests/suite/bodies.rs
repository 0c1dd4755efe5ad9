//! Bodies of axum's handlers: block by block, both ways, of any size.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::body::{Body, Bytes};
use axum::http::Request;
use axum::response::sse::{Event, Sse};
use axum::routing::{get, post};
use axum::{RequestExt, Router};
use futures_util::{StreamExt, stream};
use gateway_iface::Error;
use http_body_util::BodyExt;

use crate::support::{By, Protocol, Server, block, everywhere, fed};

#[test]
fn a_11_bodies_stream_both_ways_at_the_same_time() {
    let echo = async |request: Request<Body>| Body::new(request.into_body());
    everywhere(async |by, protocol| {
        let server = Server::start(by, Router::new().route("/", post(echo))).await;
        let mut client = server.connect(protocol).await;
        let (feed, body) = fed();
        feed.send("first".into()).await.unwrap();
        let mut answer = client.begin(Request::post("/").body(body).unwrap()).await.unwrap().into_body();
        // Nothing waits for the end of anything.
        for text in ["first", "second", "third"] {
            if text != "first" {
                feed.send(text.into()).await.unwrap();
            }
            assert_eq!(block(&mut answer).await.unwrap(), text, "{by:?}, {protocol:?}");
        }
        drop(feed);
        assert_eq!(block(&mut answer).await, None);
        drop(client);
        server.stop().await;
    });
}

#[test]
fn a_69_server_sent_events_come_when_they_are_sent() {
    everywhere(async |by, protocol| {
        let (feed, events) = tokio::sync::mpsc::channel::<&str>(1);
        let events = Arc::new(tokio::sync::Mutex::new(Some(events)));
        let handler = async move || {
            let events = events.lock().await.take().unwrap();
            Sse::new(stream::unfold(events, async |mut events| {
                let event = Event::default().event("tick").data(events.recv().await?);
                Some((Ok::<_, Infallible>(event), events))
            }))
        };
        let server = Server::start(by, Router::new().route("/", get(handler))).await;
        let mut client = server.connect(protocol).await;
        // The head is there before there is an event.
        let answer = client.begin(Request::get("/").body(Body::empty()).unwrap()).await.unwrap();
        assert_eq!(answer.headers()["content-type"], "text/event-stream");
        assert!(!answer.headers().contains_key("content-length"));
        let mut answer = answer.into_body();
        for text in ["one", "two"] {
            feed.send(text).await.unwrap();
            let event = format!("event: tick\ndata: {text}\n\n");
            assert_eq!(block(&mut answer).await.unwrap(), event, "{by:?}, {protocol:?}");
        }
        drop(feed);
        assert_eq!(block(&mut answer).await, None);
        drop(client);
        server.stop().await;
    });
}

#[test]
fn a_106_stream_that_fails_is_seen_to_be_cut() {
    everywhere(async |by, protocol| {
        let blocks = async || Body::from_stream(stream::iter([Ok("first"), Err(Error::new("it fails"))]));
        let server = Server::start(by, Router::new().route("/", get(blocks))).await;
        let mut client = server.connect(protocol).await;
        let request = Request::get("/").body(Body::empty()).unwrap();
        let cut = match client.begin(request).await {
            Ok(answer) => answer.into_body().collect().await.is_err(),
            // It fails before the head is out, as far as the server can tell.
            Err(_) => true,
        };
        assert!(cut, "{by:?}, {protocol:?}");
        drop(client);
        server.stop().await;
    });
}

const MIB: usize = 1024 * 1024;
const LARGE: usize = 100 * MIB;
/// What both ends of a socket may hold in the system, with the windows and buffers of HTTP.
const HELD: usize = 24 * MIB;

/// Makes a large body, and counts how far it is ahead of who consumes it.
fn large(ahead: &Arc<Ahead>) -> Body {
    let ahead = ahead.clone();
    let blocks = stream::iter(0..LARGE / BLOCK.len()).map(move |_| {
        ahead.made.fetch_add(BLOCK.len(), Ordering::SeqCst);
        let open = ahead.made.load(Ordering::SeqCst) - ahead.taken.load(Ordering::SeqCst);
        ahead.most.fetch_max(open, Ordering::SeqCst);
        Ok::<_, Infallible>(Bytes::from_static(BLOCK))
    });
    Body::from_stream(blocks)
}

const BLOCK: &[u8] = &[b'x'; 64 * 1024];

#[derive(Default)]
struct Ahead {
    made: AtomicUsize,
    taken: AtomicUsize,
    most: AtomicUsize,
}

impl Ahead {
    /// Consumes a body.
    async fn consume<B: http_body::Body<Data = Bytes> + Unpin>(&self, mut body: B) -> usize
    where
        B::Error: std::fmt::Debug,
    {
        let mut len = 0;
        while let Some(frame) = body.frame().await {
            let block = frame.unwrap().into_data().unwrap();
            len += block.len();
            self.taken.fetch_add(block.len(), Ordering::SeqCst);
        }
        len
    }
}

#[test]
fn a_11_a_57_hundred_mebibytes_up_and_down_are_never_kept() {
    everywhere(async |by, protocol| {
        let (up, down) = (Arc::new(Ahead::default()), Arc::new(Ahead::default()));
        let (received, sends) = (up.clone(), down.clone());
        let router = Router::new()
            .route("/up", post(async move |body: Body| received.consume(body).await.to_string()))
            .route("/down", get(async move || large(&sends)));
        let server = Server::start(by, router).await;
        let mut client = server.connect(protocol).await;
        let (_, text) = client.text(Request::post("/up"), large(&up)).await;
        assert_eq!(text, LARGE.to_string(), "{by:?}, {protocol:?}");
        let answer = client.begin(Request::get("/down").body(Body::empty()).unwrap()).await.unwrap();
        assert_eq!(down.consume(answer.into_body()).await, LARGE, "{by:?}, {protocol:?}");
        for (way, ahead) in [("up", up), ("down", down)] {
            let most = ahead.most.load(Ordering::SeqCst);
            assert!(most < HELD, "{way} by {by:?}, {protocol:?}: {most} octets were under way");
        }
        drop(client);
        server.stop().await;
    });
}

#[test]
fn extractors_may_read_the_body_of_a_request_by_hand() {
    everywhere(async |by, protocol| {
        let handler = async |request: Request<Body>| request.extract::<String, _>().await;
        let server = Server::start(by, Router::new().route("/", post(handler))).await;
        let mut client = server.connect(protocol).await;
        let too_large = vec![b'x'; 3 * MIB];
        assert_eq!(client.text(Request::post("/"), "by hand").await, (200, "by hand".to_owned()));
        // axum's own limit.
        let (status, _) = client.text(Request::post("/"), too_large).await;
        assert_eq!(status, 413, "{by:?}, {protocol:?}");
        drop(client);
        server.stop().await;
    });
}

#[test]
fn h_77_body_of_a_response_that_has_none_is_dropped_without_being_asked_for() {
    everywhere(async |by, protocol| {
        let unasked = async |status: http::StatusCode| {
            let body = stream::poll_fn(|_| -> std::task::Poll<Option<Result<Bytes, Infallible>>> {
                panic!("the body was asked for")
            });
            (status, Body::from_stream(body))
        };
        let router = Router::new()
            .route("/204", get(async move || unasked(http::StatusCode::NO_CONTENT).await))
            .route("/304", get(async move || unasked(http::StatusCode::NOT_MODIFIED).await));
        let server = Server::start(by, router).await;
        let mut client = server.connect(protocol).await;
        for (path, status) in [("/204", 204), ("/304", 304)] {
            // hyper asks for it by HTTP/2.
            if by == By::Us || protocol == Protocol::Http1 {
                let response = client.get(path).await;
                assert_eq!(
                    (response.status().as_u16(), response.body().len()),
                    (status, 0),
                    "{by:?}, {protocol:?}"
                );
            }
        }
        drop(client);
        server.stop().await;
    });
}

//! Clients that leave or do not read, and servers that stop: handlers on our server fare as they do under
//! `axum::serve`.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::http::Request;
use axum::routing::{get, post};
use futures_util::{Stream, StreamExt, stream};
use http_body_util::BodyExt;
use tokio::sync::{Notify, mpsc};

use crate::support::{Protocol, Server, block, builder, by_both, everywhere, fed, from_router};

type Tell = mpsc::UnboundedSender<&'static str>;

/// Tells when it is dropped.
struct Guard(Tell);

impl Drop for Guard {
    fn drop(&mut self) {
        let _ = self.0.send("dropped");
    }
}

/// A handler that never answers, one that never ends its answer, and one that reads without end.
fn router(tell: &Tell) -> Router {
    let (waits, streams, reads) = (tell.clone(), tell.clone(), tell.clone());
    let waits = async move || {
        let _guard = Guard(waits.clone());
        waits.send("begun").unwrap();
        std::future::pending::<()>().await;
    };
    let streams = async move || {
        let guard = Guard(streams.clone());
        let first = stream::iter([Ok::<_, Infallible>("first")]);
        Body::from_stream(first.chain(stream::pending().map(move |block| {
            let _kept = &guard;
            block
        })))
    };
    let reads = async move |mut body: Body| {
        let _guard = Guard(reads.clone());
        while let Some(Ok(_)) = body.frame().await {
            reads.send("begun").unwrap();
        }
        reads.send("cut").unwrap();
    };
    Router::new().route("/waits", get(waits)).route("/streams", get(streams)).route("/reads", post(reads))
}

fn request(target: &str) -> Request<Body> {
    Request::get(target).body(Body::empty()).unwrap()
}

#[test]
fn a_100_handler_is_dropped_when_its_client_leaves() {
    everywhere(async |by, protocol| {
        let (tell, mut told) = mpsc::unbounded_channel();
        let server = Server::start(by, router(&tell)).await;
        let mut client = server.connect(protocol).await;
        tokio::select! {
            _ = client.begin(request("/waits")) => panic!("nothing answers"),
            begun = told.recv() => assert_eq!(begun, Some("begun")),
        }
        // By HTTP/2 the stream is reset, and the connection stays.
        let kept = (protocol == Protocol::Http2).then_some(client);
        assert_eq!(told.recv().await, Some("dropped"), "{by:?}, {protocol:?}");
        drop(kept);
        server.stop().await;
    });
}

#[test]
fn a_100_stream_of_a_response_is_dropped_when_its_client_leaves() {
    everywhere(async |by, protocol| {
        let (tell, mut told) = mpsc::unbounded_channel();
        let server = Server::start(by, router(&tell)).await;
        let mut client = server.connect(protocol).await;
        let mut answer = client.begin(request("/streams")).await.unwrap().into_body();
        assert_eq!(block(&mut answer).await.unwrap(), "first");
        drop(answer);
        let kept = (protocol == Protocol::Http2).then_some(client);
        assert_eq!(told.recv().await, Some("dropped"), "{by:?}, {protocol:?}");
        drop(kept);
        server.stop().await;
    });
}

#[test]
fn a_67_handler_that_reads_learns_that_its_client_left() {
    everywhere(async |by, protocol| {
        let (tell, mut told) = mpsc::unbounded_channel();
        let server = Server::start(by, router(&tell)).await;
        let mut client = server.connect(protocol).await;
        let (feed, body) = fed();
        feed.send("first".into()).await.unwrap();
        let asking = tokio::spawn(async move {
            drop(client.begin(Request::post("/reads").body(body).unwrap()).await);
        });
        assert_eq!(told.recv().await, Some("begun"));
        asking.abort();
        // The body is an error, or the handler is dropped without having seen it: never a body that is complete.
        let mut last = told.recv().await.unwrap();
        while last == "cut" {
            last = told.recv().await.unwrap();
        }
        assert_eq!(last, "dropped", "{by:?}, {protocol:?}");
        drop(feed);
        server.stop().await;
    });
}

const BLOCK: usize = 16 * 1024;
const BLOCKS: usize = 64 * 1024 * 1024 / BLOCK;
/// What both ends of a socket may hold in the system, with the windows and buffers of HTTP.
const HELD: usize = 24 * 1024 * 1024 / BLOCK;

fn blocks(made: &Arc<AtomicUsize>) -> impl Stream<Item = Result<Bytes, Infallible>> + Send + use<> {
    let made = made.clone();
    stream::iter(0..BLOCKS).map(move |_| {
        made.fetch_add(1, Ordering::SeqCst);
        Ok(Bytes::from_static(&[b'x'; BLOCK]))
    })
}

/// Waits until the count stands still.
async fn stalled(count: &AtomicUsize) -> usize {
    let (mut last, mut times) = (0, 0);
    while times < 4 {
        tokio::time::sleep(Duration::from_millis(20)).await;
        let now = count.load(Ordering::SeqCst);
        times = if now == last && now > 0 { times + 1 } else { 0 };
        last = now;
    }
    last
}

#[test]
fn a_11_stream_waits_for_a_client_that_does_not_read() {
    everywhere(async |by, protocol| {
        let name = format!("{by:?}, {protocol:?}");
        let made = Arc::new(AtomicUsize::new(0));
        let sends = made.clone();
        let router = Router::new().route("/", get(async move || Body::from_stream(blocks(&sends))));
        let server = Server::start(by, router).await;
        let mut client = server.connect(protocol).await;
        let mut answer = client.begin(request("/")).await.unwrap().into_body();
        let first = stalled(&made).await;
        assert!(first < HELD, "{name}: {first} blocks were made");
        let mut len = 0;
        while let Some(block) = block(&mut answer).await {
            len += block.len();
        }
        assert_eq!(len, BLOCKS * BLOCK, "{name}");
        drop(client);
        server.stop().await;
    });
}

#[test]
fn a_57_client_waits_for_a_handler_that_does_not_read() {
    everywhere(async |by, protocol| {
        let name = format!("{by:?}, {protocol:?}");
        let (made, go) = (Arc::new(AtomicUsize::new(0)), Arc::new(Notify::new()));
        let goes = go.clone();
        let handler = async move |body: Body| {
            goes.notified().await;
            let read = stream::unfold(body.into_data_stream(), async |mut body| {
                Some((body.next().await?.unwrap().len(), body))
            });
            read.fold(0, async |sum, len| sum + len).await.to_string()
        };
        let server = Server::start(by, Router::new().route("/", post(handler))).await;
        let mut client = server.connect(protocol).await;
        let body = Body::from_stream(blocks(&made));
        let sending = tokio::spawn(async move { client.text(Request::post("/"), body).await });
        let first = stalled(&made).await;
        assert!(first < HELD, "{name}: {first} blocks were sent");
        go.notify_one();
        assert_eq!(sending.await.unwrap(), (200, (BLOCKS * BLOCK).to_string()), "{name}");
        server.stop().await;
    });
}

#[test]
fn handler_that_is_under_way_when_the_server_stops_finishes() {
    everywhere(async |by, protocol| {
        let (tell, mut told) = mpsc::unbounded_channel();
        let go = Arc::new(Notify::new());
        let goes = go.clone();
        let handler = async move || {
            tell.send(()).unwrap();
            goes.notified().await;
            "finished"
        };
        let server = Server::start(by, Router::new().route("/", get(handler))).await;
        let mut client = server.connect(protocol).await;
        let asking = tokio::spawn(async move { client.text(Request::get("/"), "").await });
        told.recv().await.unwrap();
        let stopped = server.stop_accepting().await;
        assert!(!stopped.is_finished());
        go.notify_one();
        assert_eq!(asking.await.unwrap(), (200, "finished".to_owned()), "{by:?}, {protocol:?}");
        stopped.await.unwrap().unwrap();
    });
}

#[test]
fn handler_is_dropped_at_the_end_of_the_grace_period() {
    // `axum::serve` has none.
    by_both(async |protocol| {
        for target in ["/waits", "/streams"] {
            let (tell, mut told) = mpsc::unbounded_channel();
            let builder = builder().grace_period(Duration::from_millis(20));
            let server = Server::with(builder, from_router(router(&tell))).await;
            let mut client = server.connect(protocol).await;
            let asking = tokio::spawn(async move {
                let mut answer = client.begin(request(target)).await?.into_body();
                tell.send("begun").unwrap();
                while let Some(frame) = answer.frame().await {
                    frame?;
                }
                Ok::<_, hyper::Error>(())
            });
            assert_eq!(told.recv().await, Some("begun"));
            server.stop().await;
            assert_eq!(told.recv().await, Some("dropped"), "{target}, {protocol:?}");
            assert!(asking.await.unwrap().is_err(), "{target}, {protocol:?}: its client sees a cut");
        }
    });
}

//! What every middleware of these has to let through, checked between two validators.

use std::future::pending;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use http::{HeaderMap, Request, StatusCode};

use crate::asgi::event::{Accept, EarlyHint, Message, ResponseStart, ResponseTrailers, SendEvent, Vendor};
use crate::asgi::{self, Capabilities, Capability, Disconnect, Handshake, Receive, Scope, Send};
use crate::connection::Connection;
use crate::error::Error;
use crate::outcome::{Observe, Outcome};
use crate::request::RequestHead;
use crate::testing::{AsgiClient, WsgiClient, block_on};
use crate::validate::Validator;
use crate::wsgi::{self, Body, Environ, StartResponse};

pub(super) type AsgiApp = Arc<dyn asgi::Application>;
pub(super) type WsgiApp = Arc<dyn wsgi::Application>;

pub(super) fn get(path: &str) -> Request<&'static str> {
    Request::get(path).body("").unwrap()
}

pub(super) fn head(path: &str) -> RequestHead {
    RequestHead::new(get(path).into_parts().0)
}

pub(super) fn head_with(capabilities: &[Capability]) -> RequestHead {
    let set = capabilities.iter().fold(Capabilities::none(), |set, &one| set.with(one));
    RequestHead::on(get("/").into_parts().0, Arc::new(Connection::new().with_capabilities(set)))
}

/// All that holds for a middleware about HTTP, whatever it does to responses.
pub(super) fn passes_what_is_not_its_own<W: asgi::Application>(
    wrap: impl Fn(Validator<AsgiApp>) -> W,
    http_only: bool,
) {
    let around = |app: AsgiApp| {
        let app = Validator::new(app);
        if http_only { app.http_only().around(&wrap) } else { app.around(&wrap) }
    };
    other_protocols_pass(around(Arc::new(every_protocol)));
    events_in_between_pass(around(Arc::new(trailing)));
    let sent = Arc::new(AtomicUsize::new(0));
    blocks_pass_as_they_come(around(Arc::new(endless(sent.clone()))), &sent);
    observers_pass(&around);
}

async fn every_protocol(scope: Scope, receive: Receive, mut send: Send) -> Result<(), Error> {
    match scope {
        Scope::Http(_) => Ok(send.text(200, "http").await?),
        Scope::Lifespan(lifespan) => lifespan.run(receive, send, async { Ok(()) }, async { Ok(()) }).await,
        Scope::WebSocket(_) => {
            let mut socket = Handshake::begin(receive, send).await?.accept(Accept::new()).await?;
            while let Ok(message) = socket.next().await {
                socket.send(message).await?;
            }
            Ok(())
        }
    }
}

fn other_protocols_pass<A: asgi::Application>(app: A) {
    let client = AsgiClient::new(app);
    block_on(async {
        let mut lifespan = client.lifespan();
        lifespan.startup().await.unwrap();
        lifespan.shutdown().await.unwrap();
        drop(lifespan);
        let mut socket = client.websocket(get("/"));
        socket.connect().await.unwrap();
        for text in ["one", "two"] {
            socket.send(text);
            assert_eq!(socket.next().await, Some(Message::from(text)));
        }
        socket.close(1000, "");
        socket.finish().await.unwrap();
    });
}

struct Flush;

async fn trailing(scope: Scope, _: Receive, mut send: Send) -> Result<(), Error> {
    scope.into_http()?;
    send.send(ResponseStart::new(StatusCode::OK, text_headers()).with_trailers(true)).await?;
    send.send(EarlyHint::new(Vec::new())).await?;
    send.block("body").await?;
    send.send(Vendor::new("http.acme.flush", Flush)).await?;
    send.flush().await?;
    send.last("").await?;
    Ok(send.send(SendEvent::ResponseTrailers(ResponseTrailers::last(HeaderMap::new()))).await?)
}

fn events_in_between_pass<A: asgi::Application>(app: A) {
    let client = AsgiClient::new(app);
    let all = [Capability::Trailers, Capability::EarlyHints, Capability::Vendor];
    let mut exchange = client.begin(head_with(&all));
    exchange.feed("", false);
    let mut names = Vec::new();
    while let Some(event) = block_on(exchange.next_event()) {
        if let SendEvent::Vendor(event) = &event {
            assert!(event.downcast_ref::<Flush>().is_some(), "A-143");
        }
        names.push(event.name());
    }
    let expected = [
        "http.response.start",
        "http.response.early_hint",
        "http.response.body",
        "http.acme.flush",
        "http.response.body",
        "http.response.trailers",
    ];
    assert_eq!(names, expected);
    block_on(exchange.finish()).unwrap();
}

fn endless(sent: Arc<AtomicUsize>) -> impl asgi::Application {
    move |scope: Scope, _: Receive, mut send: Send| {
        let sent = Arc::clone(&sent);
        async move {
            scope.into_http()?;
            send.start(StatusCode::OK, text_headers()).await?;
            loop {
                send.block("block").await?;
                sent.fetch_add(1, Ordering::Relaxed);
            }
        }
    }
}

/// Streaming, backpressure, and the loss of the client.
fn blocks_pass_as_they_come<A: asgi::Application>(app: A, sent: &AtomicUsize) {
    let client = AsgiClient::new(app);
    let mut exchange = client.begin(head("/"));
    exchange.feed("", false);
    assert_eq!(block_on(exchange.next_event()).unwrap().name(), "http.response.start");
    for taken in 1..10 {
        assert_eq!(block_on(exchange.next_event()).unwrap().name(), "http.response.body");
        for _ in 0..3 {
            assert!(exchange.poll_once().is_pending());
        }
        assert!(sent.load(Ordering::Relaxed) <= taken + 1, "a reader that stalls stops the application");
    }
    exchange.disconnect(Disconnect::Client);
    assert!(block_on(exchange.finish()).unwrap_err().is_disconnected());
    assert!(!exchange.ending().unwrap().fault, "A-96");
}

#[derive(Default)]
struct Told(Mutex<Vec<(Option<StatusCode>, bool)>>);

impl Observe for Told {
    fn finished(&self, outcome: &Outcome) {
        self.0.lock().unwrap().push((outcome.status, outcome.complete));
    }
}

fn observers_pass<W: asgi::Application>(around: &impl Fn(AsgiApp) -> W) {
    let told = Arc::new(Told::default());
    let observer = Arc::clone(&told);
    let client = AsgiClient::new(around(Arc::new(move |_: Scope, _: Receive, mut send: Send| {
        send.observe(observer.clone());
        async move { Ok(send.text(200, "observed").await?) }
    })));
    block_on(client.request(get("/"))).unwrap();
    assert_eq!(*told.0.lock().unwrap(), [(Some(StatusCode::OK), true)]);
}

/// A future that is ready when the test says so.
#[derive(Clone, Default)]
pub(super) struct Gate(Arc<Mutex<(bool, Option<std::task::Waker>)>>);

impl Gate {
    pub(super) fn open(&self) {
        let mut gate = self.0.lock().unwrap();
        gate.0 = true;
        if let Some(waker) = gate.1.take() {
            waker.wake();
        }
    }

    pub(super) fn wait(&self) -> impl Future<Output = ()> + core::marker::Send + use<> {
        let gate = self.clone();
        std::future::poll_fn(move |cx| {
            let mut gate = gate.0.lock().unwrap();
            if gate.0 {
                return std::task::Poll::Ready(());
            }
            gate.1 = Some(cx.waker().clone());
            std::task::Poll::Pending
        })
    }
}

/// Starts, sends a block, and never goes on.
pub(super) async fn stalls(_: Scope, _: Receive, mut send: Send) -> Result<(), Error> {
    send.start(StatusCode::OK, text_headers()).await?;
    send.block("part").await?;
    pending().await
}

/// All that holds for a synchronous middleware, whatever it does to responses: the validators compare
/// both sides (W-121, W-130, W-132 to W-136).
pub(super) fn passes_what_is_synchronous<W: wsgi::Application>(wrap: impl Fn(Validator<WsgiApp>) -> W) {
    // A body in answer to HEAD is dropped by the server, so it may be sent.
    let around = |app: WsgiApp| Validator::new(app).except("V-06").around(&wrap);
    let client = WsgiClient::new(around(Arc::new(every_response)));
    for (path, status) in [
        ("/one", 200),
        ("/blocks", 200),
        ("/empty", 200),
        ("/write", 200),
        ("/restart", 503),
        ("/no-content", 204),
        ("/not-modified", 304),
    ] {
        for method in ["GET", "HEAD"] {
            let request = Request::builder().method(method).uri(path).body("").unwrap();
            let response = client.request(request).unwrap();
            assert_eq!(response.status(), status, "{method} {path}");
        }
    }
    for (path, room, closes) in [("/blocks", 9, 1), ("/blocks", 1, 1), ("/one", 9, 1)] {
        let response = client.begin(head(path)).lose_after(room).run();
        assert_eq!(response.closes(), closes, "{path} {room}");
        // One that gathers blocks may need less room.
        assert!(response.is_complete() || response.error().unwrap().is_disconnected(), "{path} {room}");
    }
    let pulls = Arc::new(AtomicUsize::new(0));
    let client = WsgiClient::new(around(Arc::new(counted(pulls.clone()))));
    let response = client.begin(head("/")).lose_after(2).run();
    // The third block finds the client gone; a body that is gathered has one block, after its end.
    assert!(response.is_complete() || pulls.load(Ordering::Relaxed) == 3, "W-131");
    let told = Arc::new(Told::default());
    let observer = Arc::clone(&told);
    let app = move |_: Environ, start_response: &mut dyn StartResponse| -> Result<Body, Error> {
        start_response.observe(observer.clone());
        start_response.text(200, "observed".into())
    };
    WsgiClient::new(around(Arc::new(app))).request(get("/")).unwrap();
    assert_eq!(*told.0.lock().unwrap(), [(Some(StatusCode::OK), true)]);
}

fn every_response(environ: Environ, start_response: &mut dyn StartResponse) -> Result<Body, Error> {
    let with_length = |len: usize| {
        let mut headers = text_headers();
        headers.insert("content-length", len.into());
        headers
    };
    match environ.into_head().path_info() {
        "/no-content" => start_response.start(StatusCode::NO_CONTENT, HeaderMap::new())?,
        "/not-modified" => start_response.start(StatusCode::NOT_MODIFIED, HeaderMap::new())?,
        "/restart" => {
            start_response.start(StatusCode::OK, with_length(5))?;
            start_response.restart(StatusCode::SERVICE_UNAVAILABLE, with_length(3), Error::new("late"))?;
            return Ok("503".into());
        }
        "/write" => {
            start_response.start(StatusCode::OK, with_length(8))?;
            start_response.write(b"written ")?;
        }
        "/blocks" => {
            start_response.start(StatusCode::OK, with_length(8))?;
            return Ok(Body::blocks(["", "four", "", "four"]).on_close(|| Ok(())));
        }
        "/one" => {
            start_response.start(StatusCode::OK, with_length(4))?;
            return Ok("four".into());
        }
        _ => start_response.start(StatusCode::OK, text_headers())?,
    }
    Ok(Body::empty())
}

/// Counts the blocks that were taken from its body.
fn counted(pulls: Arc<AtomicUsize>) -> impl wsgi::Application {
    move |_: Environ, start_response: &mut dyn StartResponse| -> Result<Body, Error> {
        start_response.start(StatusCode::OK, text_headers())?;
        let pulls = Arc::clone(&pulls);
        Ok(Body::blocks(std::iter::from_fn(move || {
            (pulls.fetch_add(1, Ordering::Relaxed) < 100).then_some("block")
        })))
    }
}

pub(super) fn text_headers() -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert("content-type", "text/plain".parse().unwrap());
    headers
}

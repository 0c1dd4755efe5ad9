//! Nothing changes for those on either side of a validator.

use std::future::poll_fn;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};

use gateway_iface::asgi::event::{ReceiveEvent, RequestBody, ResponseStart, SendEvent};
use gateway_iface::asgi::{
    self, Application as _, Capabilities, Capability, Disconnect, Exchange, Receive, Scope, SendError,
};
use gateway_iface::bytes::Bytes;
use gateway_iface::http::{HeaderMap, Method, Request, StatusCode};
use gateway_iface::testing::{AsgiClient, TestResponse, WsgiClient, block_on};
use gateway_iface::validate::Validator;
use gateway_iface::wsgi::{self, Body, Environ, HeadState, Input, Responder, StartResponse, Transport};
use gateway_iface::{Error, Observe, Observers, Outcome};

use crate::applications::{good, good_wsgi};
use crate::fixtures::{get, head, plain};

const PATHS: [&str; 8] = ["/", "/stream", "/echo", "/204", "/304", "/head", "/trailers", "/fails"];

fn told(response: &TestResponse) -> String {
    format!(
        "{} {:?} {:?} {:?} {} {:?} {}",
        response.status(),
        response.headers(),
        response.blocks(),
        response.trailers(),
        response.is_complete(),
        response.error().map(ToString::to_string),
        response.closes(),
    )
}

#[test]
fn asynchronous_responses_are_the_same() {
    let set = Capabilities::none().with(Capability::Trailers).with(Capability::EarlyHints);
    let without = AsgiClient::new(good).with_capabilities(set);
    let with = AsgiClient::new(Validator::new(good)).with_capabilities(set);
    for path in PATHS {
        for method in [Method::GET, Method::POST] {
            let request = || Request::builder().method(&method).uri(path).body("body").unwrap();
            let (one, two) = (block_on(without.request(request())), block_on(with.request(request())));
            assert_eq!(told(&one.unwrap()), told(&two.unwrap()), "{method} {path}");
        }
    }
}

#[test]
fn synchronous_responses_are_the_same() {
    let (without, with) = (WsgiClient::new(good_wsgi), WsgiClient::new(Validator::new(good_wsgi)));
    for path in PATHS.into_iter().chain(["/write", "/restart", "/fails-late", "/endless"]) {
        for room in [0, 1, 7] {
            let run = |exchange: TestResponse| told(&exchange);
            let one = run(without.begin(head(Method::GET, path)).lose_after(room).run());
            let two = run(with.begin(head(Method::GET, path)).lose_after(room).run());
            assert_eq!(one, two, "{path} {room}");
        }
    }
}

#[test]
fn a_11_backpressure_and_flush_still_wait() {
    let client = AsgiClient::new(Validator::new(good));
    let mut exchange = client.begin(head(Method::GET, "/stream"));
    for _ in 0..3 {
        assert!(exchange.poll_once().is_pending());
        assert!(exchange.poll_once().is_pending() && exchange.is_send_pending());
        assert!(exchange.take_event().is_some());
    }
    // The flush waits for the reader.
    assert!(exchange.poll_once().is_pending() && !exchange.is_send_pending());
    assert!(exchange.poll_once().is_pending());
    assert!(exchange.take_event().is_some());
    let rest = block_on(exchange.response());
    assert_eq!(rest.body(), "three");
}

#[test]
fn a_14_dropped_waits_lose_nothing() {
    async fn app(scope: Scope, mut receive: Receive, mut send: asgi::Send) -> Result<(), Error> {
        scope.into_http()?;
        let mut waits = 0;
        let first = poll_fn(|cx| {
            // A future of its own each time, dropped while it waits.
            let polled = std::pin::pin!(receive.receive()).as_mut().poll(cx);
            waits += usize::from(polled.is_pending());
            polled
        })
        .await;
        assert!(matches!(first, ReceiveEvent::HttpRequest(RequestBody { body, .. }) if body == "kept"));
        send.start(StatusCode::OK, plain()).await?;
        let mut attempts = 0;
        poll_fn(|cx| {
            attempts += 1;
            std::pin::pin!(send.block("again ")).as_mut().poll(cx)
        })
        .await?;
        Ok(send.last(format!("{waits} {}", attempts > 1)).await?)
    }
    let client = AsgiClient::new(Validator::new(app));
    let mut exchange = client.begin(head(Method::GET, "/"));
    assert!(exchange.poll_once().is_pending());
    assert!(exchange.poll_once().is_pending());
    exchange.feed("kept", false);
    assert!(exchange.poll_once().is_pending());
    assert!(exchange.poll_once().is_pending());
    let response = block_on(exchange.response());
    assert_eq!(response.text(), "again 2 true");
}

/// Counts by which of its methods it was sent to.
#[derive(Default)]
struct Paths {
    sends: AtomicUsize,
    responds: AtomicUsize,
    blocks: AtomicUsize,
    flushes: AtomicUsize,
    observers: Mutex<Observers>,
}

impl Exchange for Paths {
    fn poll_receive(&self, _: &mut Context<'_>) -> Poll<ReceiveEvent> {
        Poll::Pending
    }

    fn poll_disconnect(&self, _: &mut Context<'_>) -> Poll<Disconnect> {
        Poll::Pending
    }

    fn poll_send(&self, _: &mut Context<'_>, slot: &mut Option<SendEvent>) -> Poll<Result<(), SendError>> {
        self.sends.fetch_add(1, Ordering::Relaxed);
        *slot = None;
        Poll::Ready(Ok(()))
    }

    fn poll_respond(
        &self,
        _: &mut Context<'_>,
        start: &mut Option<ResponseStart>,
        body: &mut Option<Bytes>,
    ) -> Poll<Result<(), SendError>> {
        self.responds.fetch_add(1, Ordering::Relaxed);
        (*start, *body) = (None, None);
        Poll::Ready(Ok(()))
    }

    fn poll_block(
        &self,
        _: &mut Context<'_>,
        data: &mut Option<Bytes>,
        _: bool,
    ) -> Poll<Result<(), SendError>> {
        self.blocks.fetch_add(1, Ordering::Relaxed);
        *data = None;
        Poll::Ready(Ok(()))
    }

    fn poll_flush(&self, _: &mut Context<'_>) -> Poll<Result<(), SendError>> {
        self.flushes.fetch_add(1, Ordering::Relaxed);
        Poll::Ready(Ok(()))
    }

    fn observe(&self, observer: Arc<dyn Observe>) {
        self.observers.lock().unwrap().add(observer);
    }
}

#[test]
fn whole_responses_and_blocks_reach_the_server_as_such() {
    for (path, counts) in [("/", [0, 1, 0, 0]), ("/stream", [1, 0, 4, 1])] {
        let server = Arc::new(Paths::default());
        let app = Validator::new(good);
        let scope = asgi::HttpScope::new(head(Method::GET, path));
        let call =
            app.call(scope.into(), Receive::shared(server.clone()), asgi::Send::shared(server.clone()));
        block_on(call).unwrap();
        let Paths { sends, responds, blocks, flushes, .. } = &*server;
        let seen = [sends, responds, blocks, flushes].map(|count| count.load(Ordering::Relaxed));
        assert_eq!(seen, counts, "{path}");
    }
}

#[derive(Default)]
struct Told(Mutex<Vec<String>>);

impl Observe for Told {
    fn block(&self, len: usize) {
        self.0.lock().unwrap().push(format!("block {len}"));
    }

    fn finished(&self, outcome: &Outcome) {
        self.0.lock().unwrap().push(format!("{outcome:?}"));
    }
}

#[test]
fn observers_are_told_the_same() {
    let observed = |wrap: bool, path: &'static str| {
        let (one, two) = (Arc::new(Told::default()), Arc::new(Told::default()));
        let (first, second) = (one.clone(), two.clone());
        let app = move |scope: Scope, receive: Receive, send: asgi::Send| {
            send.observe(first.clone());
            good(scope, receive, send)
        };
        let sync = move |environ: Environ, start: &mut dyn StartResponse| {
            start.observe(second.clone());
            good_wsgi(environ, start)
        };
        if wrap {
            let _ = block_on(AsgiClient::new(Validator::new(app)).request(get(path)));
            let _ = WsgiClient::new(Validator::new(sync)).request(get(path));
        } else {
            let _ = block_on(AsgiClient::new(app).request(get(path)));
            let _ = WsgiClient::new(sync).request(get(path));
        }
        let told = [one.0.lock().unwrap().clone(), two.0.lock().unwrap().clone()];
        assert!(!told[0].is_empty() && !told[1].is_empty());
        told
    };
    for path in ["/", "/stream", "/204", "/fails", "/fails-late"] {
        assert_eq!(observed(false, path), observed(true, path), "{path}");
    }
}

struct Nowhere;

impl Transport for Nowhere {
    fn head(&mut self, _: StatusCode, _: HeaderMap, _: Option<u64>) -> std::io::Result<()> {
        Ok(())
    }

    fn block(&mut self, _: Bytes) -> std::io::Result<()> {
        Ok(())
    }
}

/// Calls it, and gives the body.
fn body_of(app: &dyn wsgi::Application) -> Body {
    let environ = Environ::from_request(get("/"));
    let mut state = HeadState::new(environ.head());
    app.call(environ, &mut Responder::new(&mut state, &mut Nowhere)).unwrap()
}

#[test]
fn w_10_bodies_know_the_same_about_themselves() {
    let bodies: [fn() -> Body; 6] = [
        Body::empty,
        || Body::from("one"),
        || Body::from("one").on_close(|| Ok(())),
        || Body::blocks(["a", "", "b"]),
        || Body::blocks(["a", "b"]).on_close(|| Ok(())),
        || Body::try_blocks([Ok("a"), Err(Error::new("broken"))]),
    ];
    for (at, body) in bodies.into_iter().enumerate() {
        let app = move |_: Environ, start: &mut dyn StartResponse| {
            start.start(StatusCode::OK, plain())?;
            Ok::<Body, Error>(body())
        };
        let (mut one, mut two) = (body_of(&app), body_of(&Validator::new(app)));
        loop {
            assert_eq!((one.exact_len(), one.size_hint()), (two.exact_len(), two.size_hint()), "{at}");
            let next =
                [&mut one, &mut two].map(|body| body.next().map(|block| block.map_err(|e| e.to_string())));
            assert_eq!(next[0], next[1], "{at}");
            if next[0].is_none() {
                break;
            }
        }
    }
}

#[test]
fn w_13_closes_run_once_in_their_order_and_their_error_is_kept() {
    let closes = Arc::new(Mutex::new(Vec::new()));
    let inside = closes.clone();
    let app = Validator::new(move |_: Environ, start: &mut dyn StartResponse| {
        start.start(StatusCode::OK, plain())?;
        let (one, two) = (inside.clone(), inside.clone());
        let body = Body::blocks(["a", "b"]).on_close(move || {
            one.lock().unwrap().push("first");
            Ok(())
        });
        Ok::<Body, Error>(body.on_close(move || {
            two.lock().unwrap().push("second");
            Err(Error::new("close"))
        }))
    });
    let outer = closes.clone();
    let body = body_of(&app).on_close(move || {
        outer.lock().unwrap().push("server");
        Ok(())
    });
    assert_eq!(body.close().unwrap_err().to_string(), "close");
    assert_eq!(*closes.lock().unwrap(), ["server", "second", "first"]);
    let mut partly = body_of(&app);
    partly.next();
    drop(partly);
    assert_eq!(*closes.lock().unwrap(), ["server", "second", "first", "second", "first"]);
}

#[test]
fn scopes_and_environs_reach_the_application_as_they_are() {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let (one, two) = (seen.clone(), seen.clone());
    let app = move |scope: Scope, _: Receive, mut send: asgi::Send| {
        one.lock().unwrap().push(format!("{:?}", scope.head()));
        async move { Ok::<(), Error>(send.text(200, "hello").await?) }
    };
    let sync = move |mut environ: Environ, start: &mut dyn StartResponse| {
        let mut text = format!("{environ:?} {:?}", environ.input().remaining());
        text.push_str(&String::from_utf8_lossy(&environ.input().read_all(100)?));
        two.lock().unwrap().push(text);
        start.text(200, "hello".into())
    };
    block_on(AsgiClient::new(app.clone()).request(get("/a?b"))).unwrap();
    block_on(AsgiClient::new(Validator::new(app)).request(get("/a?b"))).unwrap();
    for input in ["known", "unknown"] {
        let run = |client: TestResponse| assert_eq!(client.status(), 200);
        let input = || match input {
            "known" => Input::from_bytes("four".into()),
            _ => Input::new(&b"four"[..], None),
        };
        let mut request = head(Method::POST, "/");
        request.headers_mut().insert("content-length", 4.into());
        let (plain, valid) = (WsgiClient::new(sync.clone()), WsgiClient::new(Validator::new(sync.clone())));
        run(plain.begin(request.clone()).with_input(input()).run());
        run(valid.begin(request).with_input(input()).run());
    }
    let seen = seen.lock().unwrap();
    for pair in seen.chunks(2) {
        assert_eq!(pair[0], pair[1]);
    }
    assert_eq!(seen.len(), 6);
}

#[test]
fn halves_can_still_be_moved_into_tasks_of_their_own() {
    let app = Validator::new(|scope: Scope, mut receive: Receive, mut send: asgi::Send| async move {
        scope.into_http()?;
        let reader = std::thread::spawn(move || block_on(receive.body(100)));
        send.start(StatusCode::OK, plain()).await?;
        let body = reader.join().expect("it does not panic")?;
        Ok::<(), Error>(send.last(body).await?)
    });
    let client = AsgiClient::new(app);
    let response = block_on(client.request(Request::post("/").body("echo").unwrap())).unwrap();
    assert_eq!(response.body(), "echo");
}

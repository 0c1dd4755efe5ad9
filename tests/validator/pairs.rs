//! Two validators around a middleware: what is compared, and what is not.

use std::collections::VecDeque;
use std::io;
use std::marker;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::task::{Context, Poll};

use gateway_iface::asgi::event::{Accept, Message, ReceiveEvent, SendEvent};
use gateway_iface::asgi::{self, Disconnect, PollReceive, Receive, Scope};
use gateway_iface::http::{HeaderMap, StatusCode};
use gateway_iface::testing::{AsgiClient, WsgiClient, block_on};
use gateway_iface::validate::{Validator, Violations};
use gateway_iface::wsgi::{self, Body, Environ, StartResponse};
use gateway_iface::{Error, Observe, async_trait};

use crate::fixtures::{Middleware, Seen, collecting, fields, get, plain, seen};

fn length(value: &'static str) -> HeaderMap {
    fields(&[("content-type", "text/plain"), ("content-length", value)])
}

/// What a synchronous middleware does with the application inside it.
type Layer = fn(&dyn wsgi::Application, Environ, &mut dyn StartResponse) -> Result<Body, Error>;

struct Sync<A>(A, Layer);

impl<A: wsgi::Application> wsgi::Application for Sync<A> {
    fn call(&self, environ: Environ, start: &mut dyn StartResponse) -> Result<Body, Error> {
        self.1(&self.0, environ, start)
    }
}

fn around(app: impl wsgi::Application, layer: Layer) -> Seen {
    let (app, violations) = collecting(app);
    let _ = WsgiClient::new(app.around(|app| Sync(app, layer))).request(get("/a/b"));
    seen(&violations)
}

fn writes(_: Environ, start: &mut dyn StartResponse) -> Result<Body, Error> {
    start.start(StatusCode::OK, plain())?;
    start.write(b"written")?;
    Ok(Body::empty())
}

fn yields(_: Environ, start: &mut dyn StartResponse) -> Result<Body, Error> {
    start.start(StatusCode::OK, plain())?;
    Ok(Body::blocks(["one", "two"]))
}

#[test]
fn w_121_middleware_that_writes_what_the_application_did_not() {
    let pass: Layer = |app, environ, start| app.call(environ, start);
    assert_eq!(around(writes, pass), []);
    let wrong = around(yields, |app, environ, start| {
        let mut body = app.call(environ, start)?;
        start.write(b"of its own")?;
        start.write(b"and more")?;
        Ok(Body::try_blocks(std::iter::from_fn(move || body.next())))
    });
    assert_eq!(wrong, [("W-121", Middleware)]);
    // One that answers itself is the application then.
    assert_eq!(around(yields, |_, environ, start| writes(environ, start)), []);
}

#[test]
fn w_26_middleware_that_changes_the_path() {
    let mount = |root: &'static str, path: &'static str| {
        let (app, violations) = collecting(yields);
        let layer =
            move |app: &dyn wsgi::Application, mut environ: Environ, start: &mut dyn StartResponse| {
                environ.set("SCRIPT_NAME", root).unwrap();
                environ.set("PATH_INFO", path).unwrap();
                app.call(environ, start)
            };
        struct Moves<A, F>(A, F);
        impl<A, F> wsgi::Application for Moves<A, F>
        where
            A: wsgi::Application,
            F: Fn(&dyn wsgi::Application, Environ, &mut dyn StartResponse) -> Result<Body, Error>
                + Send
                + marker::Sync,
        {
            fn call(&self, environ: Environ, start: &mut dyn StartResponse) -> Result<Body, Error> {
                self.1(&self.0, environ, start)
            }
        }
        let _ = WsgiClient::new(app.around(|app| Moves(app, layer))).request(get("/a/b"));
        seen(&violations)
    };
    assert_eq!(mount("", "/a/b"), []);
    assert_eq!(mount("/a", "/b"), []);
    // A prefix that a proxy took off.
    assert_eq!(mount("/proxy", "/a/b"), []);
    assert_eq!(mount("/a", "/a/b/c"), [("W-26", Middleware)]);
    assert_eq!(mount("", "/b"), [("W-26", Middleware)]);
}

#[test]
fn h_85_a_74_wrong_length_of_a_middleware_that_answers_itself_is_no_changed_size() {
    let wrong = around(yields, |_, _, start| {
        start.start(StatusCode::FORBIDDEN, length("9"))?;
        Ok(Body::blocks(["no", "pe"]))
    });
    assert_eq!(wrong, [("H-85", Middleware)]);
    let (app, violations) = collecting(echo);
    let client = AsgiClient::new(app.around(|_| {
        |_: Scope, _: Receive, mut send: asgi::Send| async move {
            send.start(StatusCode::FORBIDDEN, length("9")).await?;
            Ok::<(), Error>(send.last("nope").await?)
        }
    }));
    block_on(client.request(get("/"))).unwrap();
    assert_eq!(seen(&violations), [("A-74", Middleware)]);
}

async fn echo(scope: Scope, mut receive: Receive, mut send: asgi::Send) -> Result<(), Error> {
    scope.into_websocket()?;
    receive.receive().await;
    send.send(Accept::new()).await?;
    while let ReceiveEvent::WebSocketReceive(message) = receive.receive().await {
        send.send(message).await?;
    }
    Ok(())
}

/// Passes everything on, and takes what comes in ahead of who asks for it.
struct Ahead<A>(A);

#[async_trait]
impl<A: asgi::Application> asgi::Application for Ahead<A> {
    async fn call(&self, scope: Scope, receive: Receive, send: asgi::Send) -> Result<(), Error> {
        self.0.call(scope, Receive::new(Taken { inner: receive, ahead: VecDeque::new() }), send).await
    }
}

struct Taken {
    inner: Receive,
    ahead: VecDeque<ReceiveEvent>,
}

impl PollReceive for Taken {
    fn poll_receive(&mut self, cx: &mut Context<'_>) -> Poll<ReceiveEvent> {
        while !self.ahead.iter().any(|event| event.disconnect().is_some()) {
            let Poll::Ready(event) = self.inner.poll_receive(cx) else {
                break;
            };
            self.ahead.push_back(event);
        }
        self.ahead.pop_front().map_or(Poll::Pending, Poll::Ready)
    }

    fn poll_disconnect(&mut self, cx: &mut Context<'_>) -> Poll<Disconnect> {
        self.inner.poll_disconnect(cx)
    }
}

#[test]
fn a_144_order_of_what_passes_in_beside_what_passes_out_is_not_compared() {
    let (app, violations) = collecting(echo);
    let client = AsgiClient::new(app.http_only().around(Ahead));
    let mut socket = client.websocket(get("/"));
    block_on(socket.connect()).unwrap();
    for text in ["one", "two", "three"] {
        socket.send(text);
    }
    for text in ["one", "two", "three"] {
        assert_eq!(block_on(socket.next()), Some(Message::from(text)));
    }
    socket.close(1000, "");
    block_on(socket.finish()).unwrap();
    drop(socket);
    assert_eq!(seen(&violations), []);
}

#[test]
fn findings_of_a_pair_are_told_though_the_application_panics() {
    let (app, violations) = collecting(|_: Scope, _: Receive, mut send: asgi::Send| async move {
        send.start(StatusCode::OK, plain()).await?;
        let sent = send.block("one").await;
        assert!(sent.is_err(), "a panic of its own");
        Ok::<(), Error>(())
    });
    let client = AsgiClient::new(app.around(Marks));
    block_on(client.request(get("/"))).unwrap_err();
    assert_eq!(seen(&violations), [("V-03", Middleware)]);

    let panics = |_: Environ, start: &mut dyn StartResponse| -> Result<Body, Error> {
        start.start(StatusCode::OK, plain())?;
        panic!("of its own")
    };
    let wrong = around(panics, |app, environ, start| app.call(environ, &mut Marked(start)));
    assert_eq!(wrong, [("V-03", Middleware)]);
}

fn marked(mut headers: HeaderMap) -> HeaderMap {
    headers.extend(fields(&[("status", "200")]));
    headers
}

/// Adds a field that none may have.
struct Marks<A>(A);

#[async_trait]
impl<A: asgi::Application> asgi::Application for Marks<A> {
    async fn call(&self, scope: Scope, receive: Receive, send: asgi::Send) -> Result<(), Error> {
        let mark = |event: &mut SendEvent| {
            if let SendEvent::ResponseStart(start) = event {
                start.headers = marked(std::mem::take(&mut start.headers));
            }
        };
        self.0.call(scope, receive, send.map(mark)).await
    }
}

struct Marked<'a>(&'a mut dyn StartResponse);

impl StartResponse for Marked<'_> {
    fn start(&mut self, status: StatusCode, headers: HeaderMap) -> Result<(), Error> {
        self.0.start(status, marked(headers))
    }

    fn restart(&mut self, status: StatusCode, headers: HeaderMap, cause: Error) -> Result<(), Error> {
        self.0.restart(status, headers, cause)
    }

    fn write(&mut self, data: &[u8]) -> io::Result<()> {
        self.0.write(data)
    }

    fn observe(&mut self, observer: Arc<dyn Observe>) {
        self.0.observe(observer);
    }
}

#[test]
fn panic_of_the_inner_validator_leaves_nothing_unsaid() {
    let app = Validator::new(|_: Scope, _: Receive, mut send: asgi::Send| async move {
        send.start(StatusCode::OK, plain()).await?;
        send.start(StatusCode::OK, plain()).await?;
        Ok::<(), Error>(())
    });
    let violations = app.violations();
    let client = AsgiClient::new(app.around(Marks));
    block_on(client.request(get("/"))).unwrap();
    let rules: Vec<_> = violations.take().iter().map(|violation| violation.rule()).collect();
    assert_eq!(rules, ["A-66", "V-03"]);
    assert!(catch_unwind(AssertUnwindSafe(|| drop(client))).is_ok());
}

/// Goes on sending when the response is complete.
struct Chatters<A>(A);

#[async_trait]
impl<A: asgi::Application> asgi::Application for Chatters<A> {
    async fn call(&self, scope: Scope, receive: Receive, mut send: asgi::Send) -> Result<(), Error> {
        let mine = send.text(200, "done").await;
        for _ in 0..2 * Violations::MAX_COLLECTED {
            send.block("more").await?;
        }
        drop((&self.0, scope, receive));
        Ok(mine?)
    }
}

#[test]
fn faults_that_wait_for_the_end_of_a_long_exchange_are_kept_up_to_the_limit() {
    let (app, violations) = collecting(echo);
    let client = AsgiClient::new(app.around(Chatters));
    block_on(client.request(get("/"))).unwrap();
    assert_eq!(violations.count(), Violations::MAX_COLLECTED as u64);
    assert!(violations.take().iter().all(|violation| violation.rule() == "V-02"));
}

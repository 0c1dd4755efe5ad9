//! Middleware that breaks one rule each, between an application and a server that are right.

use std::io;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};

use gateway_iface::asgi::event::{Message, ReceiveEvent, RequestBody, SendEvent};
use gateway_iface::asgi::{self, Disconnect, PollReceive, Receive, Scope};
use gateway_iface::bytes::Bytes;
use gateway_iface::http::{HeaderMap, HeaderValue, Method, StatusCode};
use gateway_iface::testing::{AsgiClient, WsgiClient, block_on};
use gateway_iface::wsgi::{self, Body, Environ, StartResponse};
use gateway_iface::{Error, Observe, RequestHead, async_trait};

use crate::applications::good;
use crate::fixtures::{Application, Middleware, Seen, Server, collecting, fields, get, head, plain, seen};

fn length(value: &'static str) -> HeaderMap {
    fields(&[("content-type", "text/plain"), ("content-length", value)])
}

/// An application that is right: four blocks of a known length, and something to close.
fn blocks(_: Environ, start: &mut dyn StartResponse) -> Result<Body, Error> {
    start.start(StatusCode::OK, length("8"))?;
    Ok(Body::blocks(["ab", "cd", "ef", "gh"]).on_close(|| Ok(())))
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
    let _ = WsgiClient::new(app.around(|app| Sync(app, layer))).request(get("/"));
    seen(&violations)
}

#[test]
fn right_middleware_is_silent() {
    assert_eq!(around(blocks, |app, environ, start| app.call(environ, start)), []);
    assert_eq!(
        around(blocks, |app, environ, start| {
            Ok(app.call(environ, start)?.map(|block| Ok(block.to_ascii_uppercase().into())))
        }),
        []
    );
}

#[test]
fn w_130_middleware_that_changes_the_size_and_keeps_the_length() {
    let wrong =
        around(blocks, |app, environ, start| Ok(app.call(environ, start)?.map(|block| Ok(block.slice(1..)))));
    assert_eq!(wrong, [("W-130", Middleware)]);
    let wrong = around(blocks, |app, environ, start| {
        Ok(app.call(environ, start)?.map(|block| Ok([&block[..], &block[..], &block[..]].concat().into())))
    });
    assert_eq!(wrong, [("W-130", Middleware)]);
}

#[test]
fn w_132_middleware_that_gives_fewer_blocks() {
    let wrong = around(blocks, |app, environ, start| {
        let mut body = app.call(environ, start)?;
        let pairs = std::iter::from_fn(move || {
            let first = body.next()?;
            let second = body.next().unwrap_or_else(|| Ok(Bytes::new()));
            Some(first.and_then(|first| Ok(Bytes::from([&first[..], &second?[..]].concat()))))
        });
        Ok(Body::try_blocks(pairs))
    });
    assert_eq!(wrong, [("W-132", Middleware)]);
}

#[test]
fn w_133_middleware_that_drains_the_body_inside_its_call() {
    let wrong = around(blocks, |app, environ, start| {
        let all: Result<Vec<_>, _> = app.call(environ, start)?.collect();
        Ok(Body::blocks(all?))
    });
    assert_eq!(wrong, [("W-133", Middleware)]);
}

#[test]
fn w_134_middleware_that_does_not_close_the_body_inside() {
    static KEPT: Mutex<Vec<Body>> = Mutex::new(Vec::new());
    let wrong = around(blocks, |app, environ, start| {
        let body = app.call(environ, start)?;
        KEPT.lock().unwrap().push(body);
        Ok(Body::blocks(["abcd", "efgh"]))
    });
    assert_eq!(wrong, [("W-134", Middleware)]);
}

/// Keeps the first head that it gets, whatever follows.
struct KeepsFirst<'a>(&'a mut dyn StartResponse);

impl StartResponse for KeepsFirst<'_> {
    fn start(&mut self, status: StatusCode, headers: HeaderMap) -> Result<(), Error> {
        self.0.start(status, headers)
    }

    fn restart(&mut self, _: StatusCode, _: HeaderMap, _: Error) -> Result<(), Error> {
        Ok(())
    }

    fn write(&mut self, data: &[u8]) -> io::Result<()> {
        self.0.write(data)
    }

    fn observe(&mut self, observer: Arc<dyn Observe>) {
        self.0.observe(observer);
    }
}

#[test]
fn w_136_middleware_that_keeps_the_head_that_was_replaced() {
    let app = |_: Environ, start: &mut dyn StartResponse| {
        start.start(StatusCode::OK, plain())?;
        start.restart(StatusCode::NOT_FOUND, plain(), Error::new("gone"))?;
        Ok::<Body, Error>(Body::from("not found"))
    };
    assert_eq!(
        around(app, |app, environ, start| app.call(environ, &mut KeepsFirst(start))),
        [("W-136", Middleware)]
    );
    assert_eq!(around(app, |app, environ, start| app.call(environ, start)), []);
}

#[test]
fn w_135_middleware_that_drops_what_others_attached() {
    let wrong = around(blocks, |app, environ, start| {
        let fresh = RequestHead::new(get(environ.path_info()).into_parts().0);
        app.call(Environ::new(Box::new(fresh), wsgi::Input::empty()), start)
    });
    assert_eq!(wrong, [("W-135", Middleware)]);
}

#[test]
fn rules_of_an_application_that_only_a_middleware_breaks_are_its_own() {
    let wrong = around(blocks, |app, environ, start| {
        let body = app.call(environ, start)?;
        start.start(StatusCode::OK, plain()).unwrap_err();
        Ok(body)
    });
    assert_eq!(wrong, [("W-106", Middleware)]);
    let wrong = around(blocks, |app, mut environ, start| {
        environ.set("SERVER_PORT", "").unwrap();
        app.call(environ, start)
    });
    assert_eq!(wrong, [("W-33", Middleware)]);
}

#[test]
fn what_application_and_server_do_is_not_the_middlewares() {
    let short = |_: Environ, start: &mut dyn StartResponse| {
        start.start(StatusCode::OK, length("9"))?;
        Ok::<Body, Error>(Body::blocks(["too", "short"]))
    };
    assert_eq!(around(short, |app, environ, start| app.call(environ, start)), [("H-85", Application)]);
    let (app, violations) = collecting(blocks);
    let client = WsgiClient::new(app.around(|app| Sync(app, |app, environ, start| app.call(environ, start))));
    let mut exchange = client.begin(head(Method::GET, "/"));
    exchange.environ_mut().set("SERVER_PORT", "").unwrap();
    let _ = exchange.run();
    assert_eq!(seen(&violations), [("W-33", Server)]);
}

/// A middleware that changes what goes out, and what comes in.
struct Changes<A> {
    inner: A,
    out: fn(&mut SendEvent),
    scope: fn(Scope) -> Scope,
    again: bool,
}

impl<A> Changes<A> {
    fn new(inner: A) -> Self {
        Self { inner, out: |_| {}, scope: |scope| scope, again: false }
    }
}

#[async_trait]
impl<A: asgi::Application> asgi::Application for Changes<A> {
    async fn call(&self, scope: Scope, receive: Receive, send: asgi::Send) -> Result<(), Error> {
        let receive = if self.again { Receive::new(Again(receive)) } else { receive };
        self.inner.call((self.scope)(scope), receive, send.map(self.out)).await
    }
}

/// Gives the last block of the request for ever.
struct Again(Receive);

impl PollReceive for Again {
    fn poll_receive(&mut self, _: &mut Context<'_>) -> Poll<ReceiveEvent> {
        Poll::Ready(ReceiveEvent::HttpRequest(RequestBody::last("")))
    }

    fn poll_disconnect(&mut self, cx: &mut Context<'_>) -> Poll<Disconnect> {
        self.0.poll_disconnect(cx)
    }
}

async fn counted(scope: Scope, mut receive: Receive, mut send: asgi::Send) -> Result<(), Error> {
    scope.into_http()?;
    receive.receive().await;
    receive.body(10).await?;
    send.start(StatusCode::OK, length("4")).await?;
    send.block("ab").await?;
    Ok(send.last("cd").await?)
}

fn around_asgi(change: impl FnOnce(&mut Changes<Box<dyn asgi::Application>>)) -> Seen {
    let (app, violations) = collecting(counted);
    let app = app.around(|app| {
        let mut layer = Changes::new(Box::new(app) as Box<dyn asgi::Application>);
        change(&mut layer);
        layer
    });
    let _ = block_on(AsgiClient::new(app).request(get("/")));
    seen(&violations)
}

#[test]
fn right_asynchronous_middleware_is_silent() {
    assert_eq!(around_asgi(|_| {}), []);
}

#[test]
fn a_146_middleware_that_changes_the_size_and_keeps_the_length() {
    let wrong = around_asgi(|layer| {
        layer.out = |event| {
            if let SendEvent::ResponseBody(block) = event {
                block.body = block.body.slice(1..);
            }
        };
    });
    assert_eq!(wrong, [("A-146", Middleware)]);
}

#[test]
fn a_73_middleware_that_adds_a_field_of_the_connection() {
    let wrong = around_asgi(|layer| {
        layer.out = |event| {
            if let SendEvent::ResponseStart(start) = event {
                start.headers.insert("connection", HeaderValue::from_static("close"));
            }
        };
    });
    assert_eq!(wrong, [("A-73", Middleware)]);
}

#[test]
fn a_67_middleware_that_gives_the_request_again_after_its_end() {
    let (app, violations) = collecting(|_: Scope, mut receive: Receive, mut send: asgi::Send| async move {
        receive.receive().await;
        receive.receive().await;
        Ok::<(), Error>(send.text(200, "hello").await?)
    });
    let app = app.around(|app| Changes { again: true, ..Changes::new(app) });
    let _ = block_on(AsgiClient::new(app).request(get("/")));
    assert_eq!(seen(&violations), [("A-67", Middleware)]);
}

#[test]
fn a_143_middleware_that_drops_what_others_attached() {
    let wrong = around_asgi(|layer| {
        layer.scope = |_| asgi::HttpScope::new(head(Method::GET, "/")).into();
    });
    assert_eq!(wrong, [("A-143", Middleware)]);
}

#[test]
fn a_144_http_middleware_that_touches_other_protocols() {
    let shout = |event: &mut SendEvent| {
        if let SendEvent::WebSocketSend(Message::Text(text)) = event {
            text.make_ascii_uppercase();
        }
    };
    let (app, violations) = collecting(good);
    let client = AsgiClient::new(app.http_only().around(|app| Changes { out: shout, ..Changes::new(app) }));
    let mut socket = client.websocket(get("/"));
    block_on(socket.connect()).unwrap();
    socket.send("quiet");
    assert_eq!(block_on(socket.next()), Some(Message::from("QUIET")));
    socket.close(1000, "");
    block_on(socket.finish()).unwrap();
    drop(socket);
    assert_eq!(seen(&violations), [("A-144", Middleware)]);
    // One that answers for the lifespan itself.
    struct Refuses<A>(A);
    #[async_trait]
    impl<A: asgi::Application> asgi::Application for Refuses<A> {
        async fn call(&self, scope: Scope, receive: Receive, send: asgi::Send) -> Result<(), Error> {
            match scope {
                Scope::Http(_) => self.0.call(scope, receive, send).await,
                other => Err(other.unsupported().into()),
            }
        }
    }
    let (app, violations) = collecting(good);
    let client = AsgiClient::new(app.http_only().around(Refuses));
    block_on(client.lifespan().startup()).unwrap_err();
    assert_eq!(seen(&violations), [("A-144", Middleware)]);
}

#[test]
fn what_application_and_server_do_in_either_direction_is_not_the_middlewares() {
    let (app, violations) = collecting(|_: Scope, _: Receive, mut send: asgi::Send| async move {
        send.start(StatusCode::OK, length("9")).await?;
        let _ = send.last("short").await;
        Ok::<(), Error>(send.last("nine more").await?)
    });
    let client = AsgiClient::new(app.around(Changes::new));
    block_on(client.request(get("/"))).unwrap();
    assert_eq!(seen(&violations), [("A-74", Application)]);
    let (app, violations) = collecting(good);
    let client = AsgiClient::new(app.around(Changes::new));
    let mut wrong = head(Method::GET, "/");
    wrong.headers_mut().insert("host", HeaderValue::from_static("a b"));
    let mut exchange = client.begin(wrong);
    exchange.feed("", false);
    block_on(exchange.finish()).unwrap();
    assert_eq!(seen(&violations), [("H-18", Server)]);
}

#[test]
fn a_05_fault_of_a_lifespan_is_told_once() {
    let (app, violations) = collecting(|_: Scope, _: Receive, _: asgi::Send| async { Ok::<(), Error>(()) });
    let client = AsgiClient::new(app.around(Changes::new));
    block_on(client.lifespan().startup()).unwrap_err();
    assert_eq!(seen(&violations), [("A-05", Application)]);
}

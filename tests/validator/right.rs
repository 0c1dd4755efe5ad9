//! What is right is not reported: applications, middleware, bridges, and the clients of this crate.

use std::task::Poll;

use gateway_iface::asgi::event::{Accept, Close, EarlyHint, ResponseStart, ResponseTrailers, SendEvent};
use gateway_iface::asgi::{self, Capabilities, Capability, Disconnect, Handshake, Scope};
use gateway_iface::bridge::{AsgiToWsgi, Busy, Job, WsgiToAsgi};
use gateway_iface::http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode};
use gateway_iface::middleware::{Counter, PathGuard};
use gateway_iface::testing::{AsgiClient, WsgiClient, block_on};
use gateway_iface::validate::{Validator, Violations};
use gateway_iface::wsgi::{Body, Environ, Input, StartResponse};
use gateway_iface::{Error, wsgi};

use crate::fixtures::{collecting, fields, get, head, plain};

/// Every habit of a good asynchronous application, by path.
pub(crate) async fn good(
    scope: Scope,
    mut receive: asgi::Receive,
    mut send: asgi::Send,
) -> Result<(), Error> {
    let request = match scope {
        Scope::Http(request) => request,
        Scope::WebSocket(socket) if socket.head().path_info() == "/denied" => {
            let response = Response::builder().status(403).header("content-type", "text/plain").body("no");
            return Ok(Handshake::begin(receive, send).await?.deny(response?).await?);
        }
        Scope::WebSocket(socket) if socket.head().path_info() == "/refused" => {
            return Ok(Handshake::begin(receive, send).await?.close().await?);
        }
        Scope::WebSocket(socket) => {
            let mut accept = Accept::new();
            if let Some(first) = socket.subprotocols().next() {
                accept = accept.with_subprotocol(first);
            }
            let mut socket = Handshake::begin(receive, send).await?.accept(accept).await?;
            while let Ok(message) = socket.next().await {
                socket.send(message).await?;
            }
            return Ok(());
        }
        Scope::Lifespan(lifespan) => {
            lifespan.state().insert("pool");
            return lifespan.run(receive, send, async { Ok(()) }, async { Ok(()) }).await;
        }
        other => return Err(other.unsupported().into()),
    };
    match request.path_info() {
        "/stream" => {
            send.start(StatusCode::OK, plain()).await?;
            for block in ["one ", "", "two "] {
                send.block(block).await?;
            }
            send.flush().await?;
            send.last("three").await?;
        }
        "/endless" => {
            send.start(StatusCode::OK, plain()).await?;
            loop {
                send.block("tick ").await?;
            }
        }
        "/echo" => {
            let body = receive.body(1 << 20).await?;
            send.start(StatusCode::OK, fields(&[("content-type", "text/plain"), ("x-a", "b")])).await?;
            send.last(body).await?;
        }
        "/wait" => {
            receive.disconnected().await;
        }
        "/early" => {
            // Answers without reading, then learns of the end.
            send.text(403, "no").await?;
            assert_eq!(receive.disconnected().await, Disconnect::Complete);
            assert!(receive.receive().await.disconnect().is_some());
            assert!(receive.receive().await.disconnect().is_some());
        }
        "/204" => send.respond(Response::builder().status(204).body("")?).await?,
        "/304" => send.respond(Response::builder().status(304).header("etag", "\"1\"").body("")?).await?,
        "/head" => {
            let mut headers = plain();
            headers.insert("content-length", HeaderValue::from_static("5"));
            let body = if request.method() == Method::HEAD { "" } else { "hello" };
            send.start(StatusCode::OK, headers).await?;
            send.last(body).await?;
        }
        "/trailers" => {
            send.send(ResponseStart::new(StatusCode::OK, plain()).with_trailers(true)).await?;
            send.send(EarlyHint::new(vec![HeaderValue::from_static("</style.css>; rel=preload")])).await?;
            send.last("body").await?;
            send.send(ResponseTrailers::last(fields(&[("x-sum", "1")]))).await?;
        }
        "/fails" => return Err(Error::new("broken").with_status(StatusCode::SERVICE_UNAVAILABLE)),
        "/fails-late" => {
            send.start(StatusCode::OK, plain()).await?;
            send.block("part").await?;
            return Err(Error::new("broken"));
        }
        _ => send.text(200, "hello").await?,
    }
    Ok(())
}

/// Every habit of a good synchronous application, by path.
pub(crate) fn good_wsgi(mut environ: Environ, start: &mut dyn StartResponse) -> Result<Body, Error> {
    match environ.path_info() {
        "/stream" => {
            start
                .start(StatusCode::OK, fields(&[("content-type", "text/plain"), ("content-length", "13")]))?;
            Ok(Body::blocks(["one ", "", "two ", "three"]).on_close(|| Ok(())))
        }
        "/endless" => {
            start.start(StatusCode::OK, plain())?;
            Ok(Body::blocks(std::iter::repeat("tick ")))
        }
        "/echo" => {
            let body = environ.input().read_all(1 << 20)?;
            start.start(StatusCode::OK, plain())?;
            Ok(Body::from(body))
        }
        "/write" => {
            start.start(StatusCode::OK, plain())?;
            start.write(b"written ")?;
            Ok(Body::from("returned"))
        }
        "/restart" => {
            start.start(StatusCode::OK, plain())?;
            start.restart(StatusCode::NOT_FOUND, plain(), Error::new("gone"))?;
            Ok(Body::from("not found"))
        }
        "/204" => {
            start.start(StatusCode::NO_CONTENT, HeaderMap::new())?;
            Ok(Body::empty())
        }
        "/304" => {
            start.start(StatusCode::NOT_MODIFIED, fields(&[("etag", "\"1\"")]))?;
            Ok(Body::empty())
        }
        "/head" => {
            start
                .start(StatusCode::OK, fields(&[("content-type", "text/plain"), ("content-length", "5")]))?;
            Ok(if environ.method() == Method::HEAD { Body::empty() } else { Body::from("hello") })
        }
        "/fails" => Err(Error::new("broken")),
        "/fails-late" => {
            start.start(StatusCode::OK, plain())?;
            Ok(Body::try_blocks([Ok("part"), Err(Error::new("broken"))]))
        }
        _ => start.text(200, "hello".into()),
    }
}

const PATHS: [&str; 7] = ["/", "/stream", "/echo", "/204", "/304", "/fails", "/fails-late"];

fn threads(job: Job) -> Result<(), Busy> {
    std::thread::spawn(move || job.run());
    Ok(())
}

fn upload(path: &str) -> Request<&'static str> {
    Request::post(path).header("host", "example.org").body("a body").expect("a valid path")
}

fn run_asgi(app: impl asgi::Application, violations: &Violations) {
    let client = AsgiClient::new(app);
    for path in PATHS {
        for request in [get(path), upload(path)] {
            let _ = block_on(client.request(request));
            violations.assert_none();
        }
    }
    for method in [Method::GET, Method::HEAD] {
        let request = Request::builder().method(method).uri("/head").body("").unwrap();
        block_on(client.request(request)).unwrap();
    }
    violations.assert_none();
}

fn run_wsgi(app: impl wsgi::Application, violations: &Violations) {
    let client = WsgiClient::new(app);
    for path in PATHS {
        for request in [get(path), upload(path)] {
            let _ = client.request(request);
            violations.assert_none();
        }
    }
    for method in [Method::GET, Method::HEAD] {
        client.request(Request::builder().method(method).uri("/head").body("").unwrap()).unwrap();
    }
    violations.assert_none();
}

#[test]
fn good_asynchronous_applications_are_not_reported() {
    let (app, violations) = collecting(good);
    run_asgi(app, &violations);
    let (app, violations) = collecting(good);
    let set = Capabilities::none().with(Capability::Trailers).with(Capability::EarlyHints);
    let client = AsgiClient::new(app).with_capabilities(set);
    for path in ["/early", "/trailers"] {
        block_on(client.request(get(path))).unwrap();
        violations.assert_none();
    }
}

#[test]
fn good_synchronous_applications_are_not_reported() {
    let (app, violations) = collecting(good_wsgi);
    run_wsgi(app, &violations);
    let (app, violations) = collecting(good_wsgi);
    let client = WsgiClient::new(app);
    for path in ["/write", "/restart"] {
        client.request(get(path)).unwrap();
        violations.assert_none();
    }
}

#[test]
fn w_142_a_synchronous_client_that_leaves_is_no_violation() {
    let (app, violations) = collecting(good_wsgi);
    let client = WsgiClient::new(app);
    for room in 0..3 {
        let response = client.begin(head(Method::GET, "/endless")).lose_after(room).run();
        assert!(!response.is_complete());
        let _ = client.begin(head(Method::GET, "/write")).lose_after(room).run();
    }
    let cut = Input::new(&b"cut"[..], Some(6));
    let mut request = head(Method::POST, "/echo");
    request.headers_mut().insert("content-length", HeaderValue::from_static("6"));
    let _ = client.begin(request).with_input(cut).run();
    violations.assert_none();
}

#[test]
fn a_95_client_that_leaves_is_no_violation_at_any_step() {
    let (app, violations) = collecting(good);
    let client = AsgiClient::new(app);
    for path in ["/endless", "/echo", "/wait", "/stream", "/early"] {
        for reason in [Disconnect::Client, Disconnect::Timeout, Disconnect::Shutdown] {
            for events in 0..3 {
                let mut exchange = client.begin(head(Method::GET, path));
                for _ in 0..events {
                    let _ = exchange.poll_once();
                    exchange.take_event();
                }
                exchange.disconnect(reason);
                let _ = block_on(exchange.finish());
                drop(exchange);
                violations.assert_none();
            }
        }
    }
}

#[test]
fn a_06_calls_that_were_told_of_a_shutdown_or_a_timeout_may_be_dropped() {
    let (app, violations) = collecting(good);
    let client = AsgiClient::new(app);
    for reason in [Disconnect::Timeout, Disconnect::Shutdown] {
        for polls in 0..3 {
            let mut exchange = client.begin(head(Method::GET, "/wait"));
            for _ in 0..polls {
                assert_eq!(exchange.poll_once(), Poll::Pending);
            }
            exchange.disconnect(reason);
            exchange.drop_application();
        }
        let mut socket = client.websocket(get("/"));
        assert_eq!(socket.poll_once(), Poll::Pending);
        drop(socket);
        assert_eq!(violations.take().len(), 1);
    }
    let client = AsgiClient::new(Validator::new(good).cancels_on_disconnect(true));
    let mut exchange = client.begin(head(Method::GET, "/wait"));
    assert_eq!(exchange.poll_once(), Poll::Pending);
    exchange.disconnect(Disconnect::Client);
    exchange.drop_application();
}

#[test]
fn a_88_good_websockets_are_not_reported() {
    let (app, violations) = collecting(good);
    let client =
        AsgiClient::new(app).with_capabilities(Capabilities::none().with(Capability::WebSocketDenial));
    for path in ["/denied", "/refused"] {
        let mut socket = client.websocket(get(path));
        block_on(socket.connect()).unwrap_err();
        block_on(socket.finish()).unwrap();
        violations.assert_none();
    }
    let offer = || Request::get("/").header("sec-websocket-protocol", "a, b").body("").unwrap();
    for lost in [false, true] {
        let mut socket = client.websocket(offer());
        assert_eq!(block_on(socket.connect()).unwrap().subprotocol.as_deref(), Some("a"));
        socket.send("hello");
        assert!(block_on(socket.next()).is_some());
        socket.send("unread");
        if lost {
            socket.lose()
        } else {
            socket.close(1000, "bye")
        }
        let _ = block_on(socket.finish());
        drop(socket);
        violations.assert_none();
    }
    // Closed by the application.
    let (app, violations) = collecting(|scope: Scope, receive, send| async move {
        scope.into_websocket()?;
        let mut socket = Handshake::begin(receive, send).await?.accept(Accept::new()).await?;
        socket.close(Close::new(3000)).await?;
        while socket.next().await.is_ok() {}
        assert!(socket.send("late").await.is_err());
        Ok(())
    });
    let client = AsgiClient::new(app);
    let mut socket = client.websocket(get("/"));
    block_on(socket.connect()).unwrap();
    block_on(socket.finish()).unwrap();
    violations.assert_none();
}

#[test]
fn a_116_good_lifespans_are_not_reported() {
    let (app, violations) = collecting(good);
    let client = AsgiClient::new(app);
    let mut lifespan = client.lifespan();
    assert_eq!(block_on(lifespan.startup()).unwrap().get(), Some(&"pool"));
    block_on(lifespan.shutdown()).unwrap();
    drop(lifespan);
    violations.assert_none();
    // One that does not know it, one that fails, one that crashes, one that waits for ever after the end.
    let fails = |scope: Scope, receive, send| async move {
        let lifespan = scope.into_lifespan()?;
        lifespan.run(receive, send, async { Err(Error::new("no database")) }, async { Ok(()) }).await
    };
    let crashes = |_: Scope, _: asgi::Receive, _: asgi::Send| async move { Err(Error::new("crashed")) };
    let unsupported =
        |scope: Scope, _: asgi::Receive, _: asgi::Send| async move { Err(Error::from(scope.unsupported())) };
    let waits = |_: Scope, mut receive: asgi::Receive, mut send: asgi::Send| async move {
        receive.receive().await;
        send.send(SendEvent::StartupComplete).await?;
        receive.receive().await;
        send.send(SendEvent::ShutdownComplete).await?;
        receive.receive().await;
        Ok(())
    };
    for app in [
        Box::new(fails) as Box<dyn asgi::Application>,
        Box::new(crashes),
        Box::new(unsupported),
        Box::new(waits),
    ] {
        let (app, violations) = collecting(app);
        let client = AsgiClient::new(app);
        let mut lifespan = client.lifespan();
        if block_on(lifespan.startup()).is_ok() {
            block_on(lifespan.shutdown()).unwrap();
        }
        drop(lifespan);
        violations.assert_none();
    }
}

#[test]
fn middleware_of_this_crate_is_not_reported() {
    let (app, violations) = collecting(good);
    let app = app.http_only().around(|app| PathGuard::deny(Counter::new(app)).prefix("/admin"));
    let client = AsgiClient::new(app);
    for path in PATHS.into_iter().chain(["/admin"]) {
        let _ = block_on(client.request(get(path)));
        violations.assert_none();
    }
    let mut socket = client.websocket(get("/"));
    block_on(socket.connect()).unwrap();
    socket.send("hello");
    assert!(block_on(socket.next()).is_some());
    socket.close(1000, "bye");
    let _ = block_on(socket.finish());
    let mut lifespan = client.lifespan();
    block_on(lifespan.startup()).unwrap();
    block_on(lifespan.shutdown()).unwrap();
    drop((lifespan, socket));
    violations.assert_none();
    let (app, violations) = collecting(good_wsgi);
    run_wsgi(app.around(|app| PathGuard::deny(Counter::new(app)).prefix("/admin")), &violations);
}

#[test]
fn bridges_inside_the_validator_are_good_applications() {
    let (app, violations) = collecting(WsgiToAsgi::new(good_wsgi, threads));
    run_asgi(app, &violations);
    let (app, violations) = collecting(AsgiToWsgi::new(good));
    run_wsgi(app, &violations);
}

#[test]
fn bridges_around_the_validator_are_good_servers() {
    let (app, violations) = collecting(good_wsgi);
    run_asgi(WsgiToAsgi::new(app, threads), &violations);
    let (app, violations) = collecting(good);
    run_wsgi(AsgiToWsgi::new(app), &violations);
    let (app, violations) = collecting(good);
    let client = WsgiClient::new(AsgiToWsgi::with_lifespan(app).unwrap());
    client.request(get("/")).unwrap();
    for path in ["/endless", "/stream"] {
        let _ = client.begin(head(Method::GET, path)).lose_after(1).run();
    }
    client.get_ref().shutdown().unwrap();
    drop(client);
    violations.assert_none();
}

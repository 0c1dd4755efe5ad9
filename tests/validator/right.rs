//! What is right is not reported: applications, middleware, bridges, and the clients of this crate.

use std::task::Poll;

use gateway_iface::Error;
use gateway_iface::asgi::event::{Accept, Close, SendEvent};
use gateway_iface::asgi::{self, Capabilities, Capability, Disconnect, Handshake, Scope};
use gateway_iface::bridge::{AsgiToWsgi, Busy, Job, WsgiToAsgi};
use gateway_iface::http::{HeaderValue, Method, Request};
use gateway_iface::middleware::{Counter, PathGuard};
use gateway_iface::testing::{AsgiClient, WsgiClient, block_on};
use gateway_iface::validate::{Validator, Violations};
use gateway_iface::wsgi::{self, Input};

use crate::applications::{good, good_wsgi};
use crate::fixtures::{collecting, get, head};

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
fn a_104_panic_of_an_application_is_no_violation() {
    let (app, violations) = collecting(good);
    assert_eq!(block_on(AsgiClient::new(app).request(get("/panics"))).unwrap().status(), 500);
    violations.assert_none();
    let (app, violations) = collecting(good_wsgi);
    assert_eq!(WsgiClient::new(app).request(get("/panics")).unwrap().status(), 500);
    violations.assert_none();
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
fn bridges_between_two_validators_are_good_middleware() {
    let (app, violations) = collecting(good_wsgi);
    run_asgi(app.around(|app| WsgiToAsgi::new(app, threads)), &violations);
    let (app, violations) = collecting(good);
    run_wsgi(app.around(AsgiToWsgi::new), &violations);
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

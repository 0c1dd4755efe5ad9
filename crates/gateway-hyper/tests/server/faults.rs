//! Applications that fail: their own request pays, and no other.

use std::sync::Arc;

use gateway_iface::wsgi::{Body, Environ, StartResponse};
use gateway_iface::{Error, asgi};
use http::{HeaderMap, StatusCode};
use tokio::sync::Semaphore;

use crate::support::{Log, Server, both_ways, on_both_runtimes, on_current_thread};

#[derive(Debug, thiserror::Error)]
#[error("secret of the inside")]
struct Fault;

fn teapot() -> Error {
    Error::new(Fault).with_status(StatusCode::IM_A_TEAPOT)
}

async fn asgi_app(scope: asgi::Scope, _: asgi::Receive, mut send: asgi::Send) -> Result<(), Error> {
    let scope = scope.into_http()?;
    match scope.path_info() {
        "/error" => return Err(Fault.into()),
        "/error-later" => {
            tokio::task::yield_now().await;
            return Err(Fault.into());
        }
        "/panic" => panic!("{Fault}"),
        "/panic-later" => {
            tokio::task::yield_now().await;
            panic!("{Fault}");
        }
        "/status" => return Err(teapot()),
        "/nothing" => return Ok(()),
        "/invalid" => send.last("no start").await?,
        _ => {}
    }
    send.start(StatusCode::OK, HeaderMap::new()).await?;
    match scope.path_info() {
        "/start-error" => return Err(Fault.into()),
        "/start-panic" => panic!("{Fault}"),
        "/start-status" => return Err(teapot()),
        "/start-nothing" => return Ok(()),
        _ => {}
    }
    send.block("one").await?;
    match scope.path_info() {
        "/block-error" => return Err(Fault.into()),
        "/block-panic" => panic!("{Fault}"),
        "/block-status" => return Err(teapot()),
        "/block-nothing" => return Ok(()),
        _ => {}
    }
    send.last("two").await?;
    match scope.path_info() {
        "/end-error" => Err(Fault.into()),
        "/end-panic" => panic!("{Fault}"),
        _ => Ok(()),
    }
}

fn wsgi_app(environ: Environ, start_response: &mut dyn StartResponse) -> Result<Body, Error> {
    match environ.path_info() {
        "/error" => return Err(Fault.into()),
        "/panic" => panic!("{Fault}"),
        "/status" => return Err(teapot()),
        "/nothing" => return Ok(Body::from("no start")),
        _ => {}
    }
    start_response.start(StatusCode::OK, HeaderMap::new())?;
    let path = environ.path_info().to_owned();
    match &*path {
        "/start-error" => return Err(Fault.into()),
        "/start-panic" => panic!("{Fault}"),
        "/start-status" => return Err(teapot()),
        "/start-twice" => start_response.start(StatusCode::OK, HeaderMap::new())?,
        _ => {}
    }
    let mut count = 0;
    let blocks = std::iter::from_fn(move || {
        count += 1;
        match (count, &*path) {
            (1, "/first-error") | (2, "/block-error") => Some(Err(Error::new(Fault))),
            (1, "/first-panic") | (2, "/block-panic") => panic!("{Fault}"),
            (2, "/block-status") => Some(Err(teapot())),
            (1, _) => Some(Ok("one")),
            (2, _) => Some(Ok("two")),
            _ => None,
        }
    });
    let path = environ.path_info().to_owned();
    Ok(Body::try_blocks(blocks).on_close(move || match &*path {
        "/end-error" => Err(Fault.into()),
        "/end-panic" => panic!("{Fault}"),
        _ => Ok(()),
    }))
}

/// An application, the paths that it answers with a status, and those where it is cut.
struct Failing {
    name: &'static str,
    app: Arc<dyn asgi::Application>,
    answered: Vec<&'static str>,
    cut: Vec<&'static str>,
}

fn apps() -> Vec<Failing> {
    let common = ["/error", "/panic", "/status", "/nothing", "/start-error", "/start-panic", "/start-status"];
    let cut = ["/block-error", "/block-panic", "/block-status"];
    let mut apps = vec![Failing {
        name: "asgi",
        app: Arc::new(asgi_app),
        answered: [&common[..], &["/error-later", "/panic-later", "/invalid", "/start-nothing"]].concat(),
        cut: [&cut[..], &["/block-nothing"]].concat(),
    }];
    for (name, app) in both_ways(wsgi_app) {
        let answered = [&common[..], &["/start-twice", "/first-error", "/first-panic"]].concat();
        apps.push(Failing { name, app, answered, cut: cut.to_vec() });
    }
    apps
}

#[test]
fn a_106_w_139_failure_before_the_head_is_answered_with_its_status_or_500() {
    on_both_runtimes(async || {
        for Failing { name, app, answered: paths, .. } in apps() {
            let server = Server::start(app).await;
            for path in paths {
                let response = server.get(path).await;
                let status = if path.ends_with("status") { 418 } else { 500 };
                assert_eq!(response.status, status, "{name} {path}");
                assert!(response.complete, "{name} {path}");
                assert!(!response.text().contains("secret"), "{name} {path}: nothing of the inside is told");
                assert_eq!(server.get("/").await.text(), "onetwo", "{name}: after {path}");
            }
            server.stop().await;
        }
    });
}

#[test]
fn h_87_w_140_failure_after_the_head_cuts_the_connection_without_a_last_chunk() {
    on_both_runtimes(async || {
        for Failing { name, app, cut: paths, .. } in apps() {
            let server = Server::start(app).await;
            for path in paths {
                let mut client = server.connect().await;
                client.ask(path).await;
                let came = client.closed().await;
                let text = String::from_utf8_lossy(&came);
                assert!(!text.contains("0\r\n\r\n"), "{name} {path}: {text}");
                assert!(text.is_empty() || text.starts_with("HTTP/1.1 200 "), "{name} {path}: {text}");
                assert_eq!(server.get("/").await.text(), "onetwo", "{name}: after {path}");
            }
            server.stop().await;
        }
    });
}

#[test]
fn a_104_failure_after_the_end_leaves_the_response_whole() {
    on_both_runtimes(async || {
        for Failing { name, app, .. } in apps() {
            let server = Server::start(app).await;
            for path in ["/end-error", "/end-panic"] {
                let response = server.get(path).await;
                assert_eq!((response.complete, response.text()), (true, "onetwo"), "{name} {path}");
                assert_eq!(server.get("/").await.text(), "onetwo", "{name}: after {path}");
            }
            server.stop().await;
        }
    });
}

/// Sends one block, and fails when it is told to.
fn fails_late(gate: &Arc<Semaphore>) -> impl asgi::Application + 'static {
    let gate = Arc::clone(gate);
    move |scope: asgi::Scope, _: asgi::Receive, mut send: asgi::Send| {
        let gate = Arc::clone(&gate);
        async move {
            scope.into_http()?;
            send.start(StatusCode::OK, HeaderMap::new()).await?;
            send.block("one").await?;
            gate.acquire().await?.forget();
            Err::<(), Error>(Fault.into())
        }
    }
}

#[test]
fn h_87_stream_that_fails_after_its_first_block_was_seen_ends_without_a_last_chunk() {
    on_both_runtimes(async || {
        let gate = Arc::new(Semaphore::new(0));
        let server = Server::start(fails_late(&gate)).await;
        let mut client = server.connect().await;
        client.ask("/").await;
        client.head().await;
        assert_eq!(client.chunk().await.unwrap(), b"one");
        gate.add_permits(1);
        assert_eq!(client.chunk().await, None);
        server.stop().await;
    });
}

#[test]
fn h_87_stream_that_only_the_end_of_the_connection_ends_is_reset_when_it_fails() {
    on_both_runtimes(async || {
        let gate = Arc::new(Semaphore::new(0));
        let server = Server::start(fails_late(&gate)).await;
        let mut client = server.connect().await;
        client.send("GET / HTTP/1.0\r\n\r\n").await;
        client.head().await;
        assert_eq!(client.exact(3).await, b"one");
        gate.add_permits(1);
        let mut rest = [0; 1];
        let end = tokio::io::AsyncReadExt::read(&mut client.stream, &mut rest).await;
        assert!(end.is_err(), "an end of the connection looks like the end of the response: {end:?}");
        server.stop().await;
    });
}

#[test]
fn w_138_failures_are_logged_and_what_is_well_is_not() {
    on_current_thread(async || {
        let log = Log::start();
        let server = Server::start(asgi_app).await;
        server.get("/").await;
        assert_eq!(log.errors(), [""; 0]);
        server.get("/error").await;
        assert!(log.errors().last().unwrap().contains("secret of the inside"));
        let mut count = 1;
        for path in ["/panic", "/nothing", "/start-error", "/end-error"] {
            server.get(path).await;
            count += 1;
            assert_eq!(log.errors().len(), count, "{path}: {:?}", log.errors());
        }
        server.stop().await;
    });
}

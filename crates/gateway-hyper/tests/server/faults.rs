//! Applications that fail: their own request pays, and no other.

use std::sync::Arc;

use gateway_iface::wsgi::{Body, Environ, StartResponse};
use gateway_iface::{Error, asgi};
use http::{HeaderMap, StatusCode};
use tokio::sync::{Semaphore, mpsc};

use crate::support::{Client, Log, Server, both_ways, on_both_runtimes, on_current_thread};

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
            let server = Server::despite(&["A-65", "A-66"], app).await;
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
            let server = Server::despite(&["A-66"], app).await;
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
        let server = Server::despite(&["A-65"], asgi_app).await;
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

/// Sends what its path says and fails.
async fn asgi_tails(scope: asgi::Scope, _: asgi::Receive, mut send: asgi::Send) -> Result<(), Error> {
    let scope = scope.into_http()?;
    let mut headers = HeaderMap::new();
    if scope.query_string() == "length" {
        headers.insert(http::header::CONTENT_LENGTH, 1000.into());
    }
    send.start(StatusCode::OK, headers).await?;
    send.block("one").await?;
    match scope.path_info() {
        "/one" => {}
        "/flush" => send.flush().await?,
        "/two" => send.block("two").await?,
        "/yield" => {
            tokio::task::yield_now().await;
            send.block("two").await?;
        }
        "/panic" => panic!("{Fault}"),
        "/nothing" => return Ok(()),
        path => return Err(Error::new(path.to_owned())),
    }
    Err(Fault.into())
}

/// Gives as many blocks as its path says and fails.
fn wsgi_tails(environ: Environ, start_response: &mut dyn StartResponse) -> Result<Body, Error> {
    let mut headers = HeaderMap::new();
    if environ.query_string() == "length" {
        headers.insert(http::header::CONTENT_LENGTH, 1000.into());
    }
    start_response.start(StatusCode::OK, headers)?;
    let panics = environ.path_info() != "/error";
    let mut blocks = if environ.path_info() == "/two" { vec!["one", "two"] } else { vec!["one"] }.into_iter();
    Ok(Body::try_blocks(std::iter::from_fn(move || match blocks.next() {
        Some(block) => Some(Ok(block)),
        None if panics => panic!("{Fault}"),
        None => Some(Err(Error::new(Fault))),
    })))
}

#[test]
fn a_69_h_87_what_was_sent_before_a_failure_reaches_the_client_before_the_cut() {
    on_both_runtimes(async || {
        let asgi: Arc<dyn asgi::Application> = Arc::new(asgi_tails);
        let [pool, inline] = both_ways(wsgi_tails);
        let mut apps = vec![("asgi", asgi, &["/one", "/flush", "/two", "/yield", "/panic", "/nothing"][..])];
        for (name, app) in [pool, inline] {
            apps.push((name, app, &["/one", "/two", "/error"]));
        }
        for (name, app, paths) in apps {
            let server = Server::despite(&["A-66"], app).await;
            for path in paths {
                let whole = if matches!(*path, "/two" | "/yield") { "onetwo" } else { "one" };
                let response = server.get(path).await;
                assert_eq!(response.status, 200, "{name} {path}");
                assert_eq!((response.complete, response.text()), (false, whole), "{name} {path}");
                let response = server.get(&format!("{path}?length")).await;
                assert_eq!((response.complete, response.text()), (false, whole), "{name} {path} with length");
            }
            server.stop().await;
        }
    });
}

/// Gives everything else on the runtime the time to come to a halt.
async fn settle() {
    for _ in 0..1000 {
        tokio::task::yield_now().await;
    }
}

#[test]
fn a_69_h_87_what_was_sent_before_a_failure_reaches_a_slow_client_before_the_cut() {
    const BLOCK: usize = 10_000;
    on_current_thread(async || {
        let (told, mut tellings) = mpsc::unbounded_channel();
        let app = move |scope: asgi::Scope, _: asgi::Receive, mut send: asgi::Send| {
            let told = told.clone();
            async move {
                let most = scope.into_http()?.path_info()[1..].parse()?;
                send.start(StatusCode::OK, HeaderMap::new()).await?;
                let mut accepted: usize = 0;
                while accepted < most {
                    tokio::select! {
                        biased;
                        sent = send.block(vec![b'x'; BLOCK]) => sent?,
                        () = settle() => break,
                    }
                    accepted += 1;
                }
                told.send(accepted)?;
                Err::<(), Error>(Fault.into())
            }
        };
        let server = Server::start(app).await;
        let mut most = usize::MAX;
        for _ in 0..10 {
            let socket = tokio::net::TcpSocket::new_v4().unwrap();
            socket.set_recv_buffer_size(4096).unwrap();
            let mut client = Client::new(socket.connect(server.addr).await.unwrap());
            client.ask(&format!("/{most}")).await;
            // Nothing is read before the server can write no more, or has nothing more to write.
            let accepted = tellings.recv().await.unwrap();
            settle().await;
            client.head().await;
            let came = client.closed().await.iter().filter(|&&octet| octet == b'x').count();
            assert_eq!(came, accepted * BLOCK, "of at most {most} blocks");
            // From what fills all buffers down to what fills those of the system.
            most = accepted * 9 / 10;
        }
        server.stop().await;
    });
}

#[test]
fn h_65_error_that_asks_for_a_status_that_is_not_an_errors_is_answered_with_500() {
    fn asked(path: &str) -> Error {
        Error::new(Fault).with_status(path[1..].parse().unwrap())
    }
    async fn asgi_app(scope: asgi::Scope, _: asgi::Receive, _: asgi::Send) -> Result<(), Error> {
        Err(asked(scope.into_http()?.path_info()))
    }
    async fn started(scope: asgi::Scope, _: asgi::Receive, mut send: asgi::Send) -> Result<(), Error> {
        let scope = scope.into_http()?;
        send.start(StatusCode::OK, HeaderMap::new()).await?;
        Err(asked(scope.path_info()))
    }
    fn wsgi_app(environ: Environ, _: &mut dyn StartResponse) -> Result<Body, Error> {
        Err(asked(environ.path_info()))
    }
    on_both_runtimes(async || {
        let mut apps: Vec<(_, Arc<dyn asgi::Application>)> = both_ways(wsgi_app).into();
        apps.push(("asgi", Arc::new(asgi_app)));
        apps.push(("asgi, started", Arc::new(started)));
        for (name, app) in apps {
            let server = Server::start(app).await;
            let mut client = server.connect().await;
            for asked in [100, 101, 200, 204, 304, 600, 999, 400, 599] {
                let answered = if (400..600).contains(&asked) { asked } else { 500 };
                let response = client.get(&format!("/{asked}")).await;
                assert_eq!((response.status, response.complete), (answered, true), "{name} {asked}");
                assert!(!response.text().contains("secret"), "{name} {asked}");
            }
            server.stop().await;
        }
    });
}

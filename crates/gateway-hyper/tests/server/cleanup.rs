//! A call runs to its end, whatever became of its response.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use gateway_iface::asgi::{Disconnect, SendError};
use gateway_iface::wsgi::{Body, Environ, StartResponse};
use gateway_iface::{Error, asgi};
use http::{HeaderMap, StatusCode, header};
use tokio::sync::{Semaphore, mpsc};

use crate::support::{Server, both_ways, builder, on_both_runtimes};

/// Answers as its path says, waits for the gate, and tells that it went on.
fn goes_on(gate: &Arc<Semaphore>) -> (impl asgi::Application + 'static, mpsc::UnboundedReceiver<String>) {
    let gate = Arc::clone(gate);
    let (ended, ends) = mpsc::unbounded_channel();
    let app = move |scope: asgi::Scope, _: asgi::Receive, mut send: asgi::Send| {
        let (gate, ended) = (Arc::clone(&gate), ended.clone());
        async move {
            let scope = scope.into_http()?;
            let mut headers = HeaderMap::new();
            match scope.path_info() {
                "/once" => send.text(200, "Hello").await?,
                "/204" => send.text(204, "Hello").await?,
                "/304" => send.text(304, "Hello").await?,
                "/length" => {
                    headers.insert(header::CONTENT_LENGTH, 5.into());
                    send.start(StatusCode::OK, headers).await?;
                    send.block("He").await?;
                    send.last("llo").await?;
                }
                "/length-reached" => {
                    headers.insert(header::CONTENT_LENGTH, 5.into());
                    send.start(StatusCode::OK, headers).await?;
                    send.block("Hello").await?;
                    gate.acquire().await?.forget();
                    let last = send.last("").await;
                    ended.send(format!("{} {} {last:?}", scope.method(), scope.path_info()))?;
                    return Ok(());
                }
                "/stream" => {
                    send.start(StatusCode::OK, headers).await?;
                    for block in ["He", "l", "lo"] {
                        send.block(block).await?;
                        tokio::task::yield_now().await;
                    }
                    send.last("").await?;
                }
                path => return Err(Error::new(path.to_owned())),
            }
            tokio::task::yield_now().await;
            gate.acquire().await?.forget();
            ended.send(format!("{} {}", scope.method(), scope.path_info()))?;
            Ok::<(), Error>(())
        }
    };
    (app, ends)
}

const PATHS: [&str; 5] = ["/once", "/204", "/304", "/length", "/stream"];

#[test]
fn a_06_code_after_the_last_send_runs_however_the_response_is_framed() {
    on_both_runtimes(async || {
        let gate = Arc::new(Semaphore::new(0));
        let (app, mut ends) = goes_on(&gate);
        let server = Server::despite(&["H-77", "V-05"], app).await;
        for method in ["GET", "HEAD"] {
            for path in PATHS {
                for connection in ["keep-alive", "close"] {
                    if (method, path, connection) == ("HEAD", "/stream", "close") {
                        continue; // a test of its own, below
                    }
                    let mut client = server.connect().await;
                    client
                        .send(format!(
                            "{method} {path} HTTP/1.1\r\nhost: test\r\nconnection: {connection}\r\n\r\n"
                        ))
                        .await;
                    if method == "HEAD" {
                        client.head().await;
                    } else {
                        assert!(client.response().await.complete, "{path}");
                    }
                    // Only now, when hyper is done with the body.
                    gate.add_permits(1);
                    assert_eq!(ends.recv().await.unwrap(), format!("{method} {path}"), "{connection}");
                }
            }
        }
        server.stop().await;
    });
}

#[test]
fn a_06_code_after_the_last_send_runs_when_the_client_left_after_its_response() {
    on_both_runtimes(async || {
        let gate = Arc::new(Semaphore::new(0));
        let (app, mut ends) = goes_on(&gate);
        let server = Server::despite(&["H-77", "V-05"], app).await;
        for path in PATHS {
            let mut client = server.connect().await;
            assert!(client.get(path).await.complete);
            client.reset();
            gate.add_permits(1);
            assert_eq!(ends.recv().await.unwrap(), format!("GET {path}"));
        }
        server.stop().await;
    });
}

/// Sends blocks until that fails, then waits for the gate and tells how it failed; tells of its first
/// block as well.
fn streams_on(gate: &Arc<Semaphore>) -> (impl asgi::Application + 'static, mpsc::UnboundedReceiver<String>) {
    let gate = Arc::clone(gate);
    let (ended, ends) = mpsc::unbounded_channel();
    let app = move |scope: asgi::Scope, _: asgi::Receive, mut send: asgi::Send| {
        let (gate, ended) = (Arc::clone(&gate), ended.clone());
        async move {
            scope.into_http()?;
            send.start(StatusCode::OK, HeaderMap::new()).await?;
            let told = Told(ended);
            let error = loop {
                if let Err(error) = send.block("block").await {
                    break error;
                }
                tokio::task::yield_now().await;
            };
            assert!(matches!(error, SendError::Disconnected(Disconnect::Client)), "{error:?}");
            gate.acquire().await?.forget();
            told.0.send("went on".to_owned())?;
            Err::<(), Error>(error.into())
        }
    };
    (app, ends)
}

/// Tells when it is dropped.
struct Told(mpsc::UnboundedSender<String>);

impl Drop for Told {
    fn drop(&mut self) {
        let _ = self.0.send("dropped".to_owned());
    }
}

#[test]
fn a_06_a_95_call_goes_on_when_the_client_left_in_the_middle() {
    on_both_runtimes(async || {
        for resets in [false, true] {
            let gate = Arc::new(Semaphore::new(0));
            let (app, mut ends) = streams_on(&gate);
            let server = Server::start(app).await;
            let mut client = server.connect().await;
            client.ask("/").await;
            client.head().await;
            if resets {
                client.reset();
            } else {
                drop(client);
            }
            gate.add_permits(1);
            assert_eq!(ends.recv().await.unwrap(), "went on");
            assert_eq!(ends.recv().await.unwrap(), "dropped");
            server.stop().await;
        }
    });
}

#[test]
fn on_disconnect_cancel_drops_a_call_whose_client_left_in_the_middle() {
    on_both_runtimes(async || {
        let gate = Arc::new(Semaphore::new(0));
        let (app, mut ends) = streams_on(&gate);
        let server = Server::cancelling(builder(), app).await;
        let mut client = server.connect().await;
        client.ask("/").await;
        client.head().await;
        client.reset();
        assert_eq!(ends.recv().await.unwrap(), "dropped");
        server.stop().await;
    });
}

#[test]
fn on_disconnect_cancel_drops_a_call_that_only_waits() {
    on_both_runtimes(async || {
        let (ended, mut ends) = mpsc::unbounded_channel();
        let app = move |scope: asgi::Scope, _: asgi::Receive, _: asgi::Send| {
            let ended = ended.clone();
            async move {
                scope.into_http()?;
                ended.send("began".to_owned())?;
                let _told = Told(ended);
                std::future::pending::<()>().await;
                Ok::<(), Error>(())
            }
        };
        let server = Server::cancelling(builder(), app).await;
        let mut client = server.connect().await;
        client.ask("/").await;
        assert_eq!(ends.recv().await.unwrap(), "began");
        drop(client);
        assert_eq!(ends.recv().await.unwrap(), "dropped");
        server.stop().await;
    });
}

#[test]
fn on_disconnect_cancel_leaves_a_call_whose_response_is_complete_to_its_end() {
    on_both_runtimes(async || {
        let gate = Arc::new(Semaphore::new(0));
        let (ended, mut ends) = mpsc::unbounded_channel();
        let opened = Arc::clone(&gate);
        let app = move |scope: asgi::Scope, mut receive: asgi::Receive, mut send: asgi::Send| {
            let (ended, opened) = (ended.clone(), Arc::clone(&opened));
            async move {
                scope.into_http()?;
                send.text(200, "Hello").await?;
                opened.acquire().await?.forget();
                ended.send(format!("ran on: {:?}", receive.disconnected().await))?;
                Ok::<(), Error>(())
            }
        };
        let server = Server::cancelling(builder(), app).await;
        let mut client = server.connect().await;
        assert!(client.get("/").await.complete);
        client.reset();
        gate.add_permits(1);
        assert_eq!(ends.recv().await.unwrap(), "ran on: Complete");
        server.stop().await;
    });
}

#[test]
fn a_06_a_75_stream_runs_on_though_its_connection_is_closed_after_the_head_that_was_asked_for() {
    on_both_runtimes(async || {
        let gate = Arc::new(Semaphore::new(1));
        let (app, mut ends) = goes_on(&gate);
        let server = Server::start(app).await;
        let mut client = server.connect().await;
        client.send("HEAD /stream HTTP/1.1\r\nhost: test\r\nconnection: close\r\n\r\n").await;
        assert_eq!(client.head().await.status, 200);
        assert!(client.closed().await.is_empty());
        server.stop().await;
        assert_eq!(ends.try_recv().as_deref(), Ok("HEAD /stream"), "nothing was lost");
    });
}

#[test]
fn a_107_last_block_after_the_declared_length_is_reached_succeeds_though_the_connection_is_closed() {
    on_both_runtimes(async || {
        let gate = Arc::new(Semaphore::new(0));
        let (app, mut ends) = goes_on(&gate);
        let server = Server::start(app).await;
        for connection in ["keep-alive", "close"] {
            let mut client = server.connect().await;
            let head =
                format!("GET /length-reached HTTP/1.1\r\nhost: test\r\nconnection: {connection}\r\n\r\n");
            client.send(head).await;
            assert!(client.response().await.complete);
            if connection == "close" {
                client.closed().await;
            }
            gate.add_permits(1);
            let end = ends.recv().await.unwrap();
            assert_eq!(end, "GET /length-reached Ok(())", "{connection}: nothing was lost");
        }
        server.stop().await;
    });
}

#[test]
fn a_06_slow_end_of_a_call_does_not_hold_up_the_next_request_and_shutdown_waits_for_it() {
    on_both_runtimes(async || {
        let gate = Arc::new(Semaphore::new(0));
        let (app, mut ends) = goes_on(&gate);
        let server = Server::despite(&["H-77", "V-05"], app).await;
        let mut client = server.connect().await;
        for path in PATHS {
            assert!(client.get(path).await.complete, "{path}");
        }
        assert!(ends.try_recv().is_err(), "all of them wait");
        server.handle.shutdown();
        assert!(client.closed().await.is_empty());
        assert!(tokio::net::TcpStream::connect(server.addr).await.is_err());
        assert!(!server.task.is_finished());
        gate.add_permits(PATHS.len());
        server.task.await.unwrap().unwrap();
        let mut ended = Vec::new();
        while let Ok(end) = ends.try_recv() {
            ended.push(end);
        }
        ended.sort();
        let mut expected = PATHS.map(|path| format!("GET {path}"));
        expected.sort();
        assert_eq!(ended, expected);
    });
}

#[test]
fn w_12_w_129_body_is_closed_once_however_the_response_is_framed() {
    on_both_runtimes(async || {
        let closed = Arc::new(AtomicUsize::new(0));
        let (told, mut ends) = mpsc::unbounded_channel();
        let app = {
            let closed = Arc::clone(&closed);
            move |environ: Environ, start_response: &mut dyn StartResponse| {
                let status = environ.path_info()[1..].parse()?;
                start_response.start(status, HeaderMap::new())?;
                let body = match environ.query_string() {
                    "one" => Body::from("Hello"),
                    "more" => Body::blocks(["Hel", "lo"]),
                    _ => Body::empty(),
                };
                let (closed, told) = (Arc::clone(&closed), told.clone());
                Ok(body.on_close(move || {
                    closed.fetch_add(1, Ordering::SeqCst);
                    Ok(told.send(())?)
                }))
            }
        };
        for (name, app) in both_ways(app) {
            let server = Server::start(app).await;
            let mut client = server.connect().await;
            for method in ["GET", "HEAD"] {
                for path in
                    ["/200?one", "/200?more", "/200?none", "/204?one", "/204?more", "/304?more", "/404?one"]
                {
                    client.send(format!("{method} {path} HTTP/1.1\r\nhost: test\r\n\r\n")).await;
                    if method == "HEAD" {
                        client.head().await;
                    } else {
                        assert!(client.response().await.complete, "{name} {path}");
                    }
                    ends.recv().await.unwrap();
                }
            }
            server.stop().await;
            assert_eq!(closed.swap(0, Ordering::SeqCst), 14, "{name}");
        }
    });
}

#[test]
fn w_13_w_142_iteration_stops_and_the_body_is_closed_when_the_client_is_gone() {
    on_both_runtimes(async || {
        let (told, mut ends) = mpsc::unbounded_channel();
        let app = move |_: Environ, start_response: &mut dyn StartResponse| {
            start_response.start(StatusCode::OK, HeaderMap::new())?;
            let told = told.clone();
            let endless = std::iter::repeat("block".repeat(1000));
            Ok(Body::blocks(endless).on_close(move || Ok(told.send(())?)))
        };
        for (name, app) in both_ways(app) {
            let server = Server::start(app).await;
            let mut client = server.connect().await;
            client.ask("/").await;
            assert_eq!(client.head().await.status, 200, "{name}");
            client.chunk().await.unwrap();
            drop(client);
            ends.recv().await.unwrap();
            server.stop().await;
        }
    });
}

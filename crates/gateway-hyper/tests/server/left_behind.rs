//! What is left of an exchange: halves in other tasks, calls that only wait, calls that are given up.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use gateway_iface::asgi::event::SendEvent;
use gateway_iface::asgi::{Disconnect, SendError};
use gateway_iface::{Error, Observe, Outcome, asgi};
use http::{HeaderMap, StatusCode, header};
use tokio::runtime;
use tokio::sync::mpsc;

use crate::support::{Log, Server, builder, on_both_runtimes, on_current_thread};

#[test]
fn a_67_a_99_half_that_is_left_behind_is_told_a_disconnect_and_never_an_end() {
    on_both_runtimes(async || {
        for path in ["/fails", "/answers"] {
            let (tell, mut told) = mpsc::unbounded_channel();
            let app = move |scope: asgi::Scope, mut receive: asgi::Receive, mut send: asgi::Send| {
                let tell = tell.clone();
                async move {
                    let fails = scope.into_http()?.path_info() == "/fails";
                    receive.receive().await;
                    if !fails {
                        send.text(200, "answered").await?;
                    }
                    tokio::spawn(async move {
                        let first = receive.receive().await.disconnect();
                        let second = receive.receive().await.disconnect();
                        let sent = send.start(StatusCode::OK, HeaderMap::new()).await;
                        let _ = tell.send((first, second, sent));
                    });
                    // The task is at its wait by then, or it comes when all is over.
                    tokio::task::yield_now().await;
                    if fails { Err(Error::new("of its own")) } else { Ok(()) }
                }
            };
            let server = Server::despite(&["V-02"], app).await;
            let mut client = server.connect().await;
            client
                .send(format!("POST {path} HTTP/1.1\r\nhost: test\r\ncontent-length: 400\r\n\r\nbody"))
                .await;
            assert_eq!(client.response().await.status, if path == "/fails" { 500 } else { 200 });
            let (first, second, sent) = told.recv().await.unwrap();
            assert_eq!((first, second), (Some(Disconnect::Complete), first), "{path}");
            let fails = matches!(sent, Err(SendError::Disconnected(Disconnect::Complete)));
            assert!(fails || path == "/answers", "{sent:?}");
            server.stop().await;
        }
    });
}

/// Begins a response of a length, if one is given, waits for its end, and returns without another word.
async fn waits_for_the_end(
    scope: asgi::Scope,
    mut receive: asgi::Receive,
    mut send: asgi::Send,
) -> Result<(), Error> {
    let scope = scope.into_http()?;
    if scope.path_info() == "/next" {
        return Ok(send.text(200, "next").await?);
    }
    let mut headers = HeaderMap::new();
    if scope.path_info() == "/length" {
        headers.insert(header::CONTENT_LENGTH, 10.into());
    }
    send.start(StatusCode::OK, headers).await?;
    send.block("ten octets").await?;
    assert_eq!(receive.disconnected().await, Disconnect::Complete);
    Ok(())
}

#[test]
fn a_65_a_75_return_of_a_call_that_was_told_that_all_is_seen_is_no_fault() {
    on_current_thread(async || {
        let log = Log::start();
        let server = Server::start(waits_for_the_end).await;
        let mut client = server.connect().await;
        client.send("HEAD /events HTTP/1.1\r\nhost: test\r\n\r\n").await;
        assert_eq!(client.head().await.status, 200);
        assert_eq!(client.get("/next").await.text(), "next");
        client.send("HEAD /events HTTP/1.1\r\nhost: test\r\nconnection: close\r\n\r\n").await;
        assert_eq!(client.head().await.status, 200);
        client.closed().await;
        let mut client = server.connect().await;
        client.send("GET /length HTTP/1.1\r\nhost: test\r\nconnection: close\r\n\r\n").await;
        assert_eq!(client.response().await.text(), "ten octets");
        client.closed().await;
        server.stop().await;
        assert_eq!(log.errors(), [""; 0]);
    });
}

/// Keeps why its exchange ended.
struct Ended(Arc<Mutex<Vec<Option<Disconnect>>>>);

impl Observe for Ended {
    fn finished(&self, outcome: &Outcome) {
        self.0.lock().unwrap().push(outcome.disconnect);
    }
}

#[test]
fn a_06_call_behind_the_next_request_is_told_of_the_shutdown_that_drops_it() {
    on_both_runtimes(async || {
        let reasons = Arc::new(Mutex::new(Vec::new()));
        let app = {
            let reasons = Arc::clone(&reasons);
            move |scope: asgi::Scope, _: asgi::Receive, mut send: asgi::Send| {
                let ended = Arc::new(Ended(Arc::clone(&reasons)));
                async move {
                    let waits = scope.into_http()?.path_info() == "/waits";
                    if waits {
                        send.observe(ended);
                    }
                    send.text(200, "whole").await?;
                    if waits {
                        std::future::pending::<()>().await;
                    }
                    Ok::<(), Error>(())
                }
            }
        };
        let server = Server::with(builder().grace_period(Duration::ZERO), app).await;
        let mut client = server.connect().await;
        assert_eq!(client.get("/waits").await.text(), "whole");
        assert_eq!(client.get("/next").await.text(), "whole");
        server.stop().await;
        assert_eq!(*reasons.lock().unwrap(), [Some(Disconnect::Shutdown)]);
    });
}

#[test]
fn a_06_end_of_the_runtime_is_a_shutdown() {
    let runtime = runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let left = runtime.block_on(async {
        let (began, mut begins) = mpsc::unbounded_channel();
        let app = move |scope: asgi::Scope, mut receive: asgi::Receive, mut send: asgi::Send| {
            let began = began.clone();
            async move {
                if scope.protocol() == "lifespan" {
                    receive.receive().await;
                    send.send(SendEvent::StartupComplete).await?;
                } else {
                    began.send(())?;
                }
                std::future::pending::<Result<(), Error>>().await
            }
        };
        let server = Server::start(app).await;
        let mut client = server.connect().await;
        client.ask("/").await;
        begins.recv().await.unwrap();
        (server, client)
    });
    drop(runtime);
    drop(left);
}

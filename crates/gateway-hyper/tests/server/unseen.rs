//! Senders of what no client sees: HEAD, blocks without an octet, clients that have moved on.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use gateway_hyper::Pool;
use gateway_iface::asgi::{Disconnect, SendError};
use gateway_iface::bridge::WsgiToAsgi;
use gateway_iface::wsgi::{Body, Environ, StartResponse};
use gateway_iface::{Error, asgi};
use http::{HeaderMap, StatusCode};
use tokio::sync::mpsc;

use crate::support::{Log, Server, on_both_runtimes, on_current_thread};

/// More blocks than any server takes that ends such a sender, and fewer than take long.
const ENDLESS: usize = 1_000_000;

/// Sends blocks and waits for nothing else, until that fails or it is released, and tells how it ended.
fn endless(block: &'static str) -> (impl asgi::Application + 'static, mpsc::UnboundedReceiver<String>) {
    let (ended, ends) = mpsc::unbounded_channel();
    let released = Arc::new(AtomicBool::new(false));
    let app = move |scope: asgi::Scope, _: asgi::Receive, mut send: asgi::Send| {
        let (ended, released) = (ended.clone(), Arc::clone(&released));
        async move {
            let scope = scope.into_http()?;
            if scope.path_info() != "/endless" {
                released.store(scope.path_info() == "/release", Ordering::SeqCst);
                return Ok(send.text(200, "served").await?);
            }
            send.start(StatusCode::OK, HeaderMap::new()).await?;
            send.block("first").await?;
            for _ in 0..ENDLESS {
                if released.load(Ordering::SeqCst) {
                    ended.send("released".to_owned())?;
                    return Ok(send.last("last").await?);
                }
                // Not of the runtime: the system may have octets of others to deliver.
                std::thread::yield_now();
                if let Err(error) = send.block(block).await {
                    let complete = matches!(error, SendError::Disconnected(Disconnect::Complete));
                    ended.send(if complete { "complete".to_owned() } else { format!("{error:?}") })?;
                    return Err(error.into());
                }
            }
            ended.send("no one stopped it".to_owned())?;
            Ok::<(), Error>(())
        }
    };
    (app, ends)
}

#[test]
fn a_75_endless_body_that_head_hides_leaves_the_thread_to_others_and_is_ended_without_a_fault() {
    on_current_thread(async || {
        let log = Log::start();
        // Many small blocks, few large ones, and such as are nothing even for GET.
        for block in ["block", "large".repeat(1000).leak(), ""] {
            let (app, mut ends) = endless(block);
            let server = Server::start(app).await;
            let mut other = server.connect().await;
            assert_eq!(other.get("/").await.text(), "served");
            let mut client = server.connect().await;
            client.send("HEAD /endless HTTP/1.1\r\nhost: test\r\n\r\n").await;
            assert_eq!(client.head().await.status, 200);
            assert_eq!(other.get("/").await.text(), "served");
            assert!(ends.try_recv().is_err(), "{} octets: served only when it was over", block.len());
            assert_eq!(ends.recv().await.unwrap(), "complete", "{} octets", block.len());
            assert_eq!(client.get("/").await.text(), "served", "its connection is as good as before");
            server.stop().await;
            assert_eq!(log.errors(), [""; 0], "{} octets", block.len());
        }
    });
}

#[test]
fn a_75_endless_body_that_head_hides_is_ended_though_its_client_asks_on_or_leaves() {
    on_both_runtimes(async || {
        for asks_on in [true, false] {
            let (app, mut ends) = endless("block");
            let server = Server::start(app).await;
            let mut client = server.connect().await;
            client.send("HEAD /endless HTTP/1.1\r\nhost: test\r\n\r\n").await;
            assert_eq!(client.head().await.status, 200);
            if asks_on {
                assert_eq!(client.get("/").await.text(), "served");
            } else {
                drop(client);
            }
            assert_eq!(ends.recv().await.unwrap(), "complete");
            server.stop().await;
        }
    });
}

#[test]
fn a_75_endless_body_that_head_hides_does_not_keep_the_server_from_its_end() {
    on_current_thread(async || {
        let (app, mut ends) = endless("block");
        let server = Server::start(app).await;
        let mut client = server.connect().await;
        client.send("HEAD /endless HTTP/1.1\r\nhost: test\r\n\r\n").await;
        assert_eq!(client.head().await.status, 200);
        server.stop().await;
        assert_eq!(ends.try_recv().as_deref(), Ok("complete"));
    });
}

#[test]
fn w_19_endless_empty_blocks_leave_the_thread_to_others() {
    on_both_runtimes(async || {
        let (app, mut ends) = endless("");
        let server = Server::start(app).await;
        let mut other = server.connect().await;
        assert_eq!(other.get("/").await.text(), "served");
        let mut client = server.connect().await;
        client.ask("/endless").await;
        assert_eq!(client.head().await.status, 200);
        assert_eq!(client.chunk().await.unwrap(), b"first");
        assert_eq!(other.get("/release").await.text(), "served");
        assert_eq!(ends.recv().await.unwrap(), "released");
        assert_eq!(client.chunk().await.unwrap(), b"last");
        assert_eq!(client.chunk().await.unwrap(), b"");
        server.stop().await;
    });
}

#[test]
fn a_99_call_that_waits_behind_the_next_request_of_its_connection_is_told_that_it_is_over() {
    on_both_runtimes(async || {
        let (tell, mut told) = mpsc::unbounded_channel();
        let app = move |scope: asgi::Scope, mut receive: asgi::Receive, mut send: asgi::Send| {
            let tell = tell.clone();
            async move {
                let scope = scope.into_http()?;
                if scope.path_info() == "/" {
                    return Ok(send.text(200, "next").await?);
                }
                send.start(StatusCode::OK, HeaderMap::new()).await?;
                send.block("one").await?;
                tell.send(None)?;
                let reason = match scope.path_info() {
                    "/receive" => {
                        receive.body(10).await?;
                        receive.receive().await.disconnect()
                    }
                    _ => Some(receive.disconnected().await),
                };
                tell.send(reason)?;
                Ok::<(), Error>(send.last("two").await?)
            }
        };
        let server = Server::start(app).await;
        let mut client = server.connect().await;
        for path in ["/waits", "/receive"] {
            client.send(format!("HEAD {path} HTTP/1.1\r\nhost: test\r\n\r\n")).await;
            assert_eq!(client.head().await.status, 200);
            assert_eq!(told.recv().await.unwrap(), None);
            assert_eq!(client.get("/").await.text(), "next", "{path}");
            assert_eq!(told.recv().await.unwrap(), Some(Disconnect::Complete), "{path}");
        }
        // Not by the shutdown: it was over before.
        server.stop().await;
    });
}

#[test]
fn a_158_thread_that_sends_only_empty_blocks_is_free_again_when_its_client_left() {
    on_both_runtimes(async || {
        for first in ["one", ""] {
            let (began, mut begins) = mpsc::unbounded_channel();
            let (closed, mut closes) = mpsc::unbounded_channel();
            let app = move |environ: Environ, start_response: &mut dyn StartResponse| {
                start_response.start(StatusCode::OK, HeaderMap::new())?;
                if environ.path_info() != "/endless" {
                    return Ok(Body::from("served"));
                }
                let (began, closed) = (began.clone(), closed.clone());
                let blocks = std::iter::once(first).chain(std::iter::repeat_with(move || {
                    let _ = began.send(());
                    std::thread::yield_now();
                    ""
                }));
                Ok(Body::blocks(blocks).on_close(move || Ok(closed.send(())?)))
            };
            let server = Server::start(WsgiToAsgi::new(app, Pool::new(1, 0).unwrap())).await;
            let mut client = server.connect().await;
            client.ask("/endless").await;
            begins.recv().await.unwrap();
            if first == "one" {
                assert_eq!(client.head().await.status, 200);
            }
            drop(begins);
            drop(client);
            closes.recv().await.unwrap();
            // Closed is one step before free.
            let mut other = server.connect().await;
            let response = loop {
                let response = other.get("/").await;
                if response.status != 503 {
                    break response;
                }
            };
            assert_eq!(response.text(), "served");
            server.stop().await;
        }
    });
}

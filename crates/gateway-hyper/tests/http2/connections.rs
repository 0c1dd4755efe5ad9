//! Many streams on a connection, and how it ends.

use std::time::Duration;

use bytes::Bytes;
use gateway_hyper::{Limit, OnDisconnect};
use gateway_iface::Error;
use gateway_iface::asgi::{self, Disconnect};
use h2::Reason;
use http::{HeaderMap, StatusCode};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::mpsc;

use crate::support::{Server, builder, get, on_both_runtimes, read};

async fn hello(scope: asgi::Scope, _: asgi::Receive, mut send: asgi::Send) -> Result<(), Error> {
    scope.into_http()?;
    Ok(send.text(200, "Hello, World!").await?)
}

/// Waits until it is told to go on, or that its client is gone.
async fn waits(scope: asgi::Scope, mut receive: asgi::Receive, mut send: asgi::Send) -> Result<(), Error> {
    scope.into_http()?;
    match receive.disconnected().await {
        Disconnect::Shutdown => Ok(send.text(200, "before the end").await?),
        reason => Err(reason.into()),
    }
}

#[test]
fn streams_of_a_connection_are_served_side_by_side() {
    on_both_runtimes(async || {
        let (tell, mut told) = mpsc::unbounded_channel();
        let app = move |scope: asgi::Scope, _: asgi::Receive, mut send: asgi::Send| {
            let tell = tell.clone();
            async move {
                scope.into_http()?;
                let (go, gone) = tokio::sync::oneshot::channel();
                tell.send(go).unwrap();
                gone.await.unwrap();
                Ok::<_, Error>(send.text(200, "done").await?)
            }
        };
        let server = Server::start(app).await;
        let mut client = server.connect().await;
        let mut responses = Vec::new();
        for _ in 0..50 {
            responses.push(client.open(get("/"), true).await.0);
        }
        let mut all = Vec::new();
        while all.len() < 50 {
            all.push(told.recv().await.unwrap());
        }
        // All are under way at once; they end in another order than they began.
        for go in all.into_iter().rev() {
            go.send(()).unwrap();
        }
        for response in responses {
            assert_eq!(response.await.unwrap().status(), 200);
        }
        server.stop().await;
    });
}

/// A preface that comes with something else is no HTTP/2.
#[test]
fn what_is_no_preface_is_read_as_http_1() {
    on_both_runtimes(async || {
        let server = Server::start(hello).await;
        let mut stream = TcpStream::connect(server.addr).await.unwrap();
        stream.write_all(b"PRI * HTTP/2.0\r\n\r\nXX\r\n\r\n----------").await.unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await.unwrap();
        assert!(answer.starts_with(b"HTTP/1.1 400") || answer.starts_with(b"HTTP/1.1 505"), "{answer:?}");
        server.stop().await;
    });
}

/// However the network cuts it.
#[test]
fn preface_may_come_in_parts() {
    on_both_runtimes(async || {
        let server = Server::start(hello).await;
        let preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";
        for cut in 1..preface.len() {
            let mut stream = TcpStream::connect(server.addr).await.unwrap();
            stream.set_nodelay(true).unwrap();
            stream.write_all(&preface[..cut]).await.unwrap();
            // The server has read the first part when it has answered another client twice.
            for _ in 0..2 {
                server.connect().await.get("/").await;
            }
            stream.write_all(&preface[cut..]).await.unwrap();
            let mut settings = [0; 9];
            stream.read_exact(&mut settings).await.unwrap();
            assert_eq!(settings[3], 4, "cut at {cut}: {settings:?}");
        }
        // What only began like it is a request.
        let mut stream = TcpStream::connect(server.addr).await.unwrap();
        stream.write_all(b"PR").await.unwrap();
        server.connect().await.get("/").await;
        stream.write_all(b"OPFIND / HTTP/1.1\r\nhost: test\r\nconnection: close\r\n\r\n").await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
        server.stop().await;
    });
}

/// H-16: neither where it is switched off, nor in the middle of a connection.
#[test]
fn preface_where_no_http_2_is_spoken_is_answered_with_505() {
    on_both_runtimes(async || {
        for (http2, first) in [(false, ""), (true, "GET / HTTP/1.1\r\nhost: test\r\n\r\n")] {
            let server = Server::with(builder().http2(http2), hello).await;
            let mut stream = TcpStream::connect(server.addr).await.unwrap();
            stream.write_all(format!("{first}PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").as_bytes()).await.unwrap();
            let mut answer = String::new();
            stream.read_to_string(&mut answer).await.unwrap();
            assert_eq!(answer.matches("HTTP/1.1 505").count(), 1, "{answer}");
            assert_eq!(answer.matches("HTTP/1.1 200").count(), usize::from(http2));
            server.stop().await;
        }
    });
}

/// what is under way finishes, and learns of the shutdown; the client is told to go elsewhere.
#[test]
fn shutdown_lets_streams_finish() {
    on_both_runtimes(async || {
        let server = Server::start(waits).await;
        let mut client = server.connect().await;
        let (response, _) = client.open(get("/"), true).await;
        let mut idle = server.connect().await;
        // The server has begun to serve both.
        assert_eq!(idle.max_streams().await, 128);
        while server.handle.stats().requests_in_flight() == 0 {
            tokio::task::yield_now().await;
        }
        server.handle.shutdown();
        let response = read(response.await.unwrap()).await.unwrap().0;
        assert_eq!(response.body(), "before the end");
        drop((client.requests, idle.requests));
        assert!(client.connection.await.unwrap().is_ok());
        assert!(idle.connection.await.unwrap().is_ok());
        server.stop().await;
    });
}

#[test]
fn end_of_the_grace_period_cuts_streams_off() {
    on_both_runtimes(async || {
        let (tell, mut told) = mpsc::unbounded_channel();
        let app = move |scope: asgi::Scope, mut receive: asgi::Receive, mut send: asgi::Send| {
            let tell = tell.clone();
            async move {
                scope.into_http()?;
                tell.send(None).unwrap();
                loop {
                    let reason = receive.disconnected().await;
                    tell.send(Some(reason)).unwrap();
                    send.flush().await?;
                    std::future::pending::<()>().await;
                }
            }
        };
        let server = Server::with(builder().grace_period(Duration::from_millis(50)), app).await;
        let mut client = server.connect().await;
        let (response, _) = client.open(get("/"), true).await;
        assert_eq!(told.recv().await, Some(None));
        server.handle.shutdown();
        assert_eq!(told.recv().await, Some(Some(Disconnect::Shutdown)));
        assert!(response.await.is_err());
        server.task.await.unwrap().unwrap();
    });
}

/// The client may open no more streams than that; what is beyond waits or is refused.
#[test]
fn streams_beyond_the_limit_are_not_begun() {
    on_both_runtimes(async || {
        let server = Server::with(builder().http2_max_streams(3), waits).await;
        let mut client = server.connect().await;
        assert_eq!(client.max_streams().await, 3);
        server.stop().await;
    });
}

impl crate::support::Client {
    /// How many streams the server lets it open, as soon as that is known.
    async fn max_streams(&mut self) -> usize {
        loop {
            let known = self.requests.current_max_send_streams();
            if known < 1000 && known != 100 {
                return known;
            }
            tokio::task::yield_now().await;
        }
    }
}

/// CVE-2023-44487: calls whose streams were reset count until they are over.
#[test]
fn client_that_resets_all_it_asks_for_is_disconnected() {
    on_both_runtimes(async || {
        for policy in [OnDisconnect::Run, OnDisconnect::Cancel] {
            let (tell, mut told) = mpsc::unbounded_channel();
            let app = move |scope: asgi::Scope, mut receive: asgi::Receive, _send: asgi::Send| {
                let tell = tell.clone();
                async move {
                    scope.into_http()?;
                    tell.send(()).unwrap();
                    Err::<(), Error>(receive.disconnected().await.into())
                }
            };
            let settings = builder().http2_max_resets(20).on_disconnect(policy);
            let server = Server::despite(&["A-06"], settings, app).await;
            let mut client = server.connect().await;
            let mut requests = 0;
            while let Ok(mut ready) = client.requests.clone().ready().await {
                let Ok((response, mut stream)) = ready.send_request(get("/"), false) else {
                    break;
                };
                requests += 1;
                assert!(requests < 100, "still connected");
                // Each one has reached the application before it is taken back.
                tokio::select! {
                    _ = told.recv() => {}
                    _ = &mut client.connection => break,
                }
                stream.send_reset(Reason::CANCEL);
                drop(response);
            }
            assert!(requests > 20, "{requests}");
            assert_eq!(server.handle.stats().limit_hits(Limit::Http2Resets), 1);
            server.stop().await;
        }
    });
}

/// a client that reads slowly holds its own stream up, and no other one.
#[test]
fn a_11_stream_whose_client_does_not_read_waits() {
    on_both_runtimes(async || {
        let app = async |scope: asgi::Scope, _: asgi::Receive, mut send: asgi::Send| {
            let request = scope.into_http()?;
            if request.head().raw_path() != "/endless" {
                return Ok(send.text(200, "short").await?);
            }
            send.start(StatusCode::OK, HeaderMap::new()).await?;
            loop {
                send.block(Bytes::from_static(&[0; 16384])).await?;
            }
        };
        let server = Server::start(app).await;
        let mut windows = h2::client::Builder::new();
        let mut client = server.connect_by(windows.initial_connection_window_size(1 << 20)).await;
        let (response, _) = client.open(get("/endless"), true).await;
        let mut response = response.await.unwrap().into_body();
        let first = response.data().await.unwrap().unwrap();
        assert!(!first.is_empty());
        for _ in 0..10 {
            assert_eq!(client.get("/").await.body(), "short");
        }
        drop(response);
        server.stop().await;
    });
}

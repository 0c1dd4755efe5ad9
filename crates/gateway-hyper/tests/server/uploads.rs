//! Request bodies.

use std::io::Read;
use std::sync::Arc;

use bytes::Bytes;
use gateway_iface::wsgi::{Body, Environ, StartResponse};
use gateway_iface::{Error, asgi};
use http::{HeaderMap, StatusCode};
use tokio::sync::mpsc;

use crate::support::{Server, both_ways, hello, on_both_runtimes};

async fn echo(scope: asgi::Scope, mut receive: asgi::Receive, mut send: asgi::Send) -> Result<(), Error> {
    scope.into_http()?;
    send.start(StatusCode::OK, HeaderMap::new()).await?;
    while let Some(block) = receive.block().await? {
        send.block(block).await?;
    }
    Ok(send.last(Bytes::new()).await?)
}

fn wsgi_echo(mut environ: Environ, start_response: &mut dyn StartResponse) -> Result<Body, Error> {
    let mut body = Vec::new();
    environ.input().read_to_end(&mut body)?;
    start_response.start(StatusCode::OK, HeaderMap::new())?;
    Ok(Body::from(body))
}

fn echoes() -> Vec<(&'static str, Arc<dyn asgi::Application>)> {
    let mut apps: Vec<(_, Arc<dyn asgi::Application>)> = both_ways(wsgi_echo).into();
    apps.push(("asgi", Arc::new(echo)));
    apps
}

/// W-81, W-146: for both interfaces.
#[test]
fn a_55_chunked_upload_is_decoded() {
    on_both_runtimes(async || {
        for (name, app) in echoes() {
            let server = Server::start(app).await;
            let mut client = server.connect().await;
            for _ in 0..2 {
                client.send("POST / HTTP/1.1\r\nhost: test\r\ntransfer-encoding: chunked\r\n\r\n").await;
                client.send("5;ext=1\r\nhello\r\n1\r\n \r\n5\r\nworld\r\n0\r\nx-trailer: 1\r\n\r\n").await;
                let response = client.response().await;
                assert_eq!((response.status, response.text()), (200, "hello world"), "{name}");
            }
            server.stop().await;
        }
    });
}

#[test]
fn a_53_large_upload_comes_whole() {
    on_both_runtimes(async || {
        let upload: Vec<u8> = (0..600_000_u32).map(|n| (n % 251) as u8).collect();
        for (name, app) in echoes() {
            let server = Server::start(app).await;
            let client = server.connect().await;
            let (mut reading, mut writing) = client.stream.into_split();
            let head = format!("POST / HTTP/1.1\r\nhost: test\r\ncontent-length: {}\r\n\r\n", upload.len());
            let body = upload.clone();
            let sent = tokio::spawn(async move {
                use tokio::io::AsyncWriteExt;
                writing.write_all(head.as_bytes()).await.unwrap();
                writing.write_all(&body).await.unwrap();
                writing
            });
            let mut client = crate::support::Client::new(tokio::io::join(&mut reading, tokio::io::sink()));
            let response = client.response().await;
            assert!(response.complete && response.body == upload, "{name}");
            drop(sent.await.unwrap());
            server.stop().await;
        }
    });
}

#[test]
fn a_54_request_without_body_has_one_empty_block() {
    async fn app(scope: asgi::Scope, mut receive: asgi::Receive, mut send: asgi::Send) -> Result<(), Error> {
        scope.into_http()?;
        let first = format!("{:?}", receive.receive().await);
        Ok(send.text(200, first).await?)
    }
    on_both_runtimes(async || {
        let server = Server::start(app).await;
        for head in [
            "GET / HTTP/1.1\r\nhost: test\r\n\r\n",
            "POST / HTTP/1.1\r\nhost: test\r\ncontent-length: 0\r\n\r\n",
        ] {
            let mut client = server.connect().await;
            client.send(head).await;
            let response = client.response().await;
            assert!(
                response.text().contains("HttpRequest") && response.text().contains("more_body: false"),
                "{response:?}"
            );
        }
        server.stop().await;
    });
}

#[test]
fn a_57_upload_is_handed_over_as_it_arrives() {
    on_both_runtimes(async || {
        let server = Server::start(echo).await;
        let mut client = server.connect().await;
        client.send("POST / HTTP/1.1\r\nhost: test\r\ncontent-length: 6\r\n\r\none").await;
        client.head().await;
        assert_eq!(client.chunk().await.unwrap(), b"one");
        client.send("two").await;
        assert_eq!(client.chunk().await.unwrap(), b"two");
        assert_eq!(client.chunk().await.unwrap(), b"");
        server.stop().await;
    });
}

#[test]
fn w_144_client_that_expects_100_gets_it_when_the_application_reads() {
    on_both_runtimes(async || {
        for (name, app) in echoes() {
            let server = Server::start(app).await;
            let mut client = server.connect().await;
            client
                .send("POST / HTTP/1.1\r\nhost: test\r\nexpect: 100-continue\r\ncontent-length: 4\r\n\r\n")
                .await;
            // An asynchronous echo starts its response first, which hyper lets go without a 100.
            let first = client.head().await;
            assert_eq!(first.status, 100, "{name}");
            client.send("body").await;
            assert_eq!(client.response().await.text(), "body", "{name}");
            server.stop().await;
        }
    });
}

#[test]
fn w_144_client_that_expects_100_is_not_asked_for_a_body_that_no_one_reads() {
    on_both_runtimes(async || {
        let server = Server::start(hello).await;
        let mut client = server.connect().await;
        client
            .send("POST / HTTP/1.1\r\nhost: test\r\nexpect: 100-continue\r\ncontent-length: 4\r\n\r\n")
            .await;
        assert_eq!(client.response().await.status, 200);
        server.stop().await;
    });
}

/// W-83: it is drained, or its connection is closed.
#[test]
fn a_76_body_that_no_one_read_does_not_become_the_next_request() {
    on_both_runtimes(async || {
        let server = Server::start(hello).await;
        let mut client = server.connect().await;
        client.send("POST / HTTP/1.1\r\nhost: test\r\ncontent-length: 40\r\n\r\n").await;
        assert_eq!(client.response().await.text(), "Hello, World!");
        // It is drained, or the connection is closed; which is for the server to choose.
        let _ = tokio::io::AsyncWriteExt::write_all(
            &mut client.stream,
            b"GET /smuggled HTTP/1.1\r\nhost: test\r\n\r\n\r\n",
        )
        .await;
        let _ = tokio::io::AsyncWriteExt::write_all(
            &mut client.stream,
            b"GET / HTTP/1.1\r\nhost: test\r\nconnection: close\r\n\r\n",
        )
        .await;
        let rest = client.closed().await;
        let answers = rest.windows(12).filter(|window| window.starts_with(b"HTTP/1.1 200")).count();
        assert!(answers <= 1, "{}", String::from_utf8_lossy(&rest));
        server.stop().await;
    });
}

#[test]
fn a_76_upload_that_no_one_reads_and_no_one_sends_does_not_hold_the_connection_at_shutdown() {
    on_both_runtimes(async || {
        let server = Server::start(hello).await;
        let mut client = server.connect().await;
        client.send("POST / HTTP/1.1\r\nhost: test\r\ncontent-length: 40\r\n\r\n").await;
        assert_eq!(client.response().await.status, 200);
        server.handle.shutdown();
        assert!(client.closed().await.is_empty());
        server.stop().await;
    });
}

#[test]
fn a_13_both_halves_work_at_the_same_time_from_two_tasks() {
    async fn app(scope: asgi::Scope, mut receive: asgi::Receive, mut send: asgi::Send) -> Result<(), Error> {
        scope.into_http()?;
        let (blocks, mut taken) = mpsc::channel(1);
        let reader = tokio::spawn(async move {
            while let Ok(Some(block)) = receive.block().await {
                if blocks.send(block).await.is_err() {
                    return;
                }
            }
        });
        let writer = tokio::spawn(async move {
            send.start(StatusCode::OK, HeaderMap::new()).await?;
            while let Some(block) = taken.recv().await {
                send.block(block).await?;
            }
            send.last("").await
        });
        reader.await?;
        Ok(writer.await??)
    }
    on_both_runtimes(async || {
        let server = Server::start(app).await;
        let mut client = server.connect().await;
        for _ in 0..20 {
            client.send("POST / HTTP/1.1\r\nhost: test\r\ncontent-length: 6\r\n\r\none").await;
            client.head().await;
            assert_eq!(client.chunk().await.unwrap(), b"one");
            client.send("two").await;
            assert_eq!(client.chunk().await.unwrap(), b"two");
            assert_eq!(client.chunk().await.unwrap(), b"");
        }
        server.stop().await;
    });
}

#[test]
fn a_14_receive_that_is_dropped_while_it_waits_loses_nothing() {
    async fn app(scope: asgi::Scope, mut receive: asgi::Receive, mut send: asgi::Send) -> Result<(), Error> {
        scope.into_http()?;
        let mut body = Vec::new();
        loop {
            // Each block is asked for and given up once or more before it is taken.
            let block = tokio::select! {
                biased;
                block = receive.block() => block?,
                () = tokio::task::yield_now() => continue,
            };
            match block {
                Some(block) => body.extend_from_slice(&block),
                None => break,
            }
        }
        Ok(send.text(200, body).await?)
    }
    on_both_runtimes(async || {
        let server = Server::start(app).await;
        let mut client = server.connect().await;
        client.send("POST / HTTP/1.1\r\nhost: test\r\ntransfer-encoding: chunked\r\n\r\n").await;
        for _ in 0..50 {
            client.send("3\r\nabc\r\n").await;
            tokio::task::yield_now().await;
        }
        client.send("0\r\n\r\n").await;
        assert_eq!(client.response().await.text(), "abc".repeat(50));
        server.stop().await;
    });
}

#[test]
fn w_144_client_that_expects_100_is_not_asked_for_a_body_by_an_application_that_waits_for_its_loss() {
    async fn app(scope: asgi::Scope, mut receive: asgi::Receive, mut send: asgi::Send) -> Result<(), Error> {
        let scope = scope.into_http()?;
        let goes_on = async {
            for _ in 0..10 {
                tokio::task::yield_now().await;
            }
        };
        tokio::select! {
            biased;
            reason = receive.disconnected() => return Err(reason.into()),
            () = goes_on => {}
        }
        if scope.path_info() == "/reads" {
            let body = receive.body(10).await?;
            return Ok(send.text(200, body).await?);
        }
        Ok(send.text(413, "too large").await?)
    }
    on_both_runtimes(async || {
        let server = Server::start(app).await;
        for framing in ["content-length: 4", "transfer-encoding: chunked"] {
            let head = |path| {
                format!("POST {path} HTTP/1.1\r\nhost: test\r\nexpect: 100-continue\r\n{framing}\r\n\r\n")
            };
            let mut client = server.connect().await;
            client.send(head("/refuses")).await;
            let response = client.response().await;
            assert_eq!((response.status, response.text()), (413, "too large"), "{framing}");

            let mut client = server.connect().await;
            client.send(head("/reads")).await;
            assert_eq!(client.head().await.status, 100, "{framing}: asked for as soon as it is read");
            let is_chunked = framing.ends_with("chunked");
            client.send(if is_chunked { "4\r\nbody\r\n0\r\n\r\n" } else { "body" }).await;
            assert_eq!(client.response().await.text(), "body", "{framing}");
            // The connection's next request expects nothing, and its body is read ahead again.
            client.send("POST /reads HTTP/1.1\r\nhost: test\r\ncontent-length: 4\r\n\r\nnext").await;
            assert_eq!(client.response().await.text(), "next", "{framing}");
        }
        server.stop().await;
    });
}

//! When what an application sends reaches the client.

use std::sync::{Arc, Mutex};

use bytes::Bytes;
use gateway_hyper::Pool;
use gateway_iface::bridge::WsgiToAsgi;
use gateway_iface::wsgi::{Body, Environ, StartResponse};
use gateway_iface::{Error, asgi};
use http::{HeaderMap, StatusCode};
use tokio::sync::Semaphore;

use crate::support::{Server, on_both_runtimes};

/// Opens step by step.
fn gate() -> Arc<Semaphore> {
    Arc::new(Semaphore::new(0))
}

/// An application that starts, and sends each of these blocks when the gate opens for it.
fn steps(gate: &Arc<Semaphore>, blocks: &'static [&'static str]) -> impl asgi::Application + 'static {
    let gate = Arc::clone(gate);
    move |scope: asgi::Scope, _: asgi::Receive, mut send: asgi::Send| {
        let gate = Arc::clone(&gate);
        async move {
            scope.into_http()?;
            send.start(StatusCode::OK, HeaderMap::new()).await?;
            for block in blocks {
                send.block(*block).await?;
                gate.acquire().await?.forget();
            }
            send.last("").await?;
            Ok::<(), Error>(())
        }
    }
}

#[test]
fn a_69_block_is_at_the_client_before_the_application_sends_the_next() {
    on_both_runtimes(async || {
        let gate = gate();
        let server = Server::start(steps(&gate, &["one", "two", "three"])).await;
        let mut client = server.connect().await;
        for _ in 0..3 {
            client.ask("/").await;
            assert_eq!(client.head().await.header("transfer-encoding"), Some("chunked"));
            for block in ["one", "two", "three"] {
                assert_eq!(client.chunk().await.unwrap(), block.as_bytes());
                gate.add_permits(1);
            }
            assert_eq!(client.chunk().await.unwrap(), b"");
        }
        server.stop().await;
    });
}

#[test]
fn a_69_empty_first_block_sends_the_head() {
    on_both_runtimes(async || {
        let gate = gate();
        let server = Server::start(steps(&gate, &["", "late"])).await;
        let mut client = server.connect().await;
        client.ask("/").await;
        assert_eq!(client.head().await.status, 200);
        gate.add_permits(2);
        assert_eq!(client.chunk().await.unwrap(), b"late");
        assert_eq!(client.chunk().await.unwrap(), b"");
        server.stop().await;
    });
}

#[test]
fn a_70_empty_block_in_the_middle_writes_no_chunk() {
    on_both_runtimes(async || {
        let gate = gate();
        let server = Server::start(steps(&gate, &["a", "", "", "b", ""])).await;
        let mut client = server.connect().await;
        client.ask("/").await;
        client.head().await;
        gate.add_permits(5);
        assert_eq!(client.chunk().await.unwrap(), b"a");
        assert_eq!(client.chunk().await.unwrap(), b"b");
        assert_eq!(client.chunk().await.unwrap(), b"");
        gate.add_permits(5);
        assert_eq!(client.get("/").await.text(), "ab", "the connection is in step");
        server.stop().await;
    });
}

#[test]
fn a_68_start_alone_sends_nothing() {
    on_both_runtimes(async || {
        let app = async |scope: asgi::Scope, mut receive: asgi::Receive, mut send: asgi::Send| {
            scope.into_http()?;
            let fails = receive.body(100).await? == "fail";
            send.start(StatusCode::OK, HeaderMap::new()).await?;
            tokio::task::yield_now().await;
            if fails { Err(Error::new("changed its mind")) } else { Ok(send.last("fine").await?) }
        };
        let server = Server::start(move |scope, receive, send| Box::pin(app(scope, receive, send))).await;
        let mut client = server.connect().await;
        client.send("POST / HTTP/1.1\r\nhost: test\r\ncontent-length: 4\r\n\r\nfail").await;
        assert_eq!(client.response().await.status, 500);
        assert_eq!(server.get("/").await.text(), "fine");
        server.stop().await;
    });
}

/// W-125: for a client that knows no chunks.
#[test]
fn http_1_0_stream_comes_without_chunks_and_ends_with_the_connection() {
    on_both_runtimes(async || {
        let gate = gate();
        let server = Server::start(steps(&gate, &["one", "two"])).await;
        let mut client = server.connect().await;
        client.send("GET / HTTP/1.0\r\n\r\n").await;
        assert_eq!(client.head().await.header("transfer-encoding"), None);
        assert_eq!(client.exact(3).await, b"one");
        gate.add_permits(2);
        assert_eq!(client.closed().await, b"two");
        server.stop().await;
    });
}

/// A synchronous application whose body, or whose `write`, goes on when it is told to.
fn on_the_pool<A>(app: A) -> (impl asgi::Application + 'static, std::sync::mpsc::Sender<&'static str>)
where
    A: Fn(&mut dyn StartResponse, std::sync::mpsc::Receiver<&'static str>) -> Result<Body, Error>,
    A: Send + Sync + 'static,
{
    let (blocks, next) = std::sync::mpsc::channel();
    let next = Mutex::new(Some(next));
    let app = move |_: Environ, start_response: &mut dyn StartResponse| {
        let next = next.lock().unwrap().take().unwrap();
        app(start_response, next)
    };
    (WsgiToAsgi::new(app, Pool::new(1, 1).unwrap()), blocks)
}

/// W-19: an empty block first is nothing on the wire.
#[test]
fn w_131_block_of_the_iterable_is_at_the_client_before_the_next_is_taken() {
    on_both_runtimes(async || {
        let (app, blocks) = on_the_pool(|start_response, next| {
            start_response.start(StatusCode::OK, HeaderMap::new())?;
            Ok(Body::blocks(next.into_iter().map(Bytes::from)))
        });
        let server = Server::start(app).await;
        let mut client = server.connect().await;
        client.ask("/").await;
        blocks.send("").unwrap();
        blocks.send("one").unwrap();
        client.head().await;
        assert_eq!(client.chunk().await.unwrap(), b"one");
        for block in ["two", "three"] {
            blocks.send(block).unwrap();
            assert_eq!(client.chunk().await.unwrap(), block.as_bytes());
        }
        drop(blocks);
        assert_eq!(client.chunk().await.unwrap(), b"");
        server.stop().await;
    });
}

#[test]
fn w_114_w_116_what_is_written_is_at_the_client_before_write_is_called_again() {
    on_both_runtimes(async || {
        let (app, blocks) = on_the_pool(|start_response, next| {
            start_response.start(StatusCode::OK, HeaderMap::new())?;
            for block in next {
                start_response.write(block.as_bytes())?;
            }
            Ok(Body::from("iterated"))
        });
        let server = Server::start(app).await;
        let mut client = server.connect().await;
        client.ask("/").await;
        blocks.send("one").unwrap();
        client.head().await;
        assert_eq!(client.chunk().await.unwrap(), b"one");
        blocks.send("two").unwrap();
        assert_eq!(client.chunk().await.unwrap(), b"two");
        drop(blocks);
        assert_eq!(client.chunk().await.unwrap(), b"iterated");
        assert_eq!(client.chunk().await.unwrap(), b"");
        server.stop().await;
    });
}

#[test]
fn a_11_flush_returns_when_what_was_sent_has_left_the_server() {
    async fn app(scope: asgi::Scope, _: asgi::Receive, mut send: asgi::Send) -> Result<(), Error> {
        scope.into_http()?;
        send.start(StatusCode::OK, HeaderMap::new()).await?;
        for _ in 0..100 {
            send.block("x".repeat(10_000)).await?;
            send.flush().await?;
        }
        send.last("").await?;
        Ok(send.flush().await?)
    }
    on_both_runtimes(async || {
        let server = Server::start(app).await;
        let response = server.get("/").await;
        assert_eq!((response.complete, response.body.len()), (true, 1_000_000));
        server.stop().await;
    });
}

//! Stopping by a handle.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use gateway_hyper::Pool;
use gateway_iface::bridge::WsgiToAsgi;
use gateway_iface::wsgi::{Body, Environ, StartResponse};
use gateway_iface::{Error, asgi};
use http::{HeaderMap, StatusCode};
use tokio::net::TcpStream;
use tokio::sync::{Semaphore, mpsc};

use crate::support::{Server, builder, hello, on_both_runtimes};

/// Tells that it began, and goes on when the gate opens: its first block is out by then.
fn gated(gate: &Arc<Semaphore>) -> (impl asgi::Application + 'static, mpsc::UnboundedReceiver<()>) {
    let gate = Arc::clone(gate);
    let (began, begins) = mpsc::unbounded_channel();
    let app = move |scope: asgi::Scope, _: asgi::Receive, mut send: asgi::Send| {
        let (gate, began) = (Arc::clone(&gate), began.clone());
        async move {
            let scope = scope.into_http()?;
            began.send(())?;
            if scope.path_info() == "/stream" {
                send.start(StatusCode::OK, HeaderMap::new()).await?;
                send.block("one").await?;
                gate.acquire().await?.forget();
                send.last("two").await?;
            } else {
                gate.acquire().await?.forget();
                send.text(200, "whole").await?;
            }
            Ok::<(), Error>(())
        }
    };
    (app, begins)
}

#[test]
fn requests_under_way_finish_and_no_more_connections_are_accepted() {
    on_both_runtimes(async || {
        let gate = Arc::new(Semaphore::new(0));
        let (app, mut begins) = gated(&gate);
        let server = Server::start(app).await;
        let (mut whole, mut stream) = (server.connect().await, server.connect().await);
        whole.ask("/").await;
        begins.recv().await.unwrap();
        stream.ask("/stream").await;
        stream.head().await;
        assert_eq!(stream.chunk().await.unwrap(), b"one");
        server.handle.shutdown();
        while TcpStream::connect(server.addr).await.is_ok() {}
        assert!(!server.task.is_finished());
        gate.add_permits(2);
        assert_eq!(whole.response().await.text(), "whole");
        assert_eq!(stream.chunk().await.unwrap(), b"two");
        assert_eq!(stream.chunk().await.unwrap(), b"");
        assert!(whole.closed().await.is_empty() && stream.closed().await.is_empty());
        server.task.await.unwrap().unwrap();
    });
}

#[test]
fn idle_connections_close_at_once() {
    on_both_runtimes(async || {
        let grace = Duration::from_secs(100_000);
        let server = Server::with(builder().grace_period(grace).header_read_timeout(None), hello).await;
        let mut used = server.connect().await;
        used.get("/").await;
        let mut fresh = server.connect().await;
        // Served after the fresh one was accepted, so that one is known to the server.
        assert_eq!(server.get("/").await.status, 200);
        server.handle.shutdown();
        assert!(used.closed().await.is_empty());
        assert!(fresh.closed().await.is_empty());
        server.task.await.unwrap().unwrap();
    });
}

#[test]
fn handle_works_before_serve_and_twice() {
    on_both_runtimes(async || {
        let server = builder().bind("127.0.0.1:0").await.unwrap();
        let handle = server.handle();
        handle.shutdown();
        handle.clone().shutdown();
        server.serve(hello).await.unwrap();
        handle.shutdown();
    });
}

/// Waits to be told the end of the exchange, and says goodbye with it.
async fn waits(scope: asgi::Scope, mut receive: asgi::Receive, mut send: asgi::Send) -> Result<(), Error> {
    let scope = scope.into_http()?;
    send.start(StatusCode::OK, HeaderMap::new()).await?;
    send.block("hello").await?;
    let reason = if scope.path_info() == "/receive" {
        receive.body(10).await?;
        let reason = receive.receive().await.disconnect();
        assert_eq!(receive.receive().await.disconnect(), reason, "A-99: it is sticky");
        reason.unwrap()
    } else {
        receive.disconnected().await
    };
    send.block(format!("{reason:?}")).await?;
    Ok(send.last("").await?)
}

#[test]
fn call_that_waits_is_told_of_the_shutdown_and_can_still_send() {
    on_both_runtimes(async || {
        for path in ["/receive", "/disconnected"] {
            let server = Server::start(waits).await;
            let mut client = server.connect().await;
            client.ask(path).await;
            client.head().await;
            assert_eq!(client.chunk().await.unwrap(), b"hello");
            server.handle.shutdown();
            assert_eq!(client.chunk().await.unwrap(), b"Shutdown", "{path}");
            assert_eq!(client.chunk().await.unwrap(), b"", "{path}");
            assert!(client.closed().await.is_empty());
            server.task.await.unwrap().unwrap();
        }
    });
}

#[test]
fn upload_under_way_still_comes_whole_after_the_shutdown() {
    on_both_runtimes(async || {
        let (told, mut blocks) = mpsc::unbounded_channel();
        let app = move |scope: asgi::Scope, mut receive: asgi::Receive, mut send: asgi::Send| {
            let told = told.clone();
            async move {
                scope.into_http()?;
                let mut len = 0;
                while let Some(block) = receive.block().await? {
                    len += block.len();
                    told.send(())?;
                }
                Ok::<(), Error>(send.text(200, len.to_string()).await?)
            }
        };
        let server = Server::start(app).await;
        let mut client = server.connect().await;
        client.send("POST / HTTP/1.1\r\nhost: test\r\ncontent-length: 8\r\n\r\nhalf").await;
        blocks.recv().await.unwrap();
        server.handle.shutdown();
        while TcpStream::connect(server.addr).await.is_ok() {}
        client.send("rest").await;
        assert_eq!(client.response().await.text(), "8");
        server.task.await.unwrap().unwrap();
    });
}

/// Never comes to an end; tells when it is dropped.
fn never(dropped: &Arc<AtomicBool>) -> (impl asgi::Application + 'static, mpsc::UnboundedReceiver<()>) {
    struct Flag(Arc<AtomicBool>);
    impl Drop for Flag {
        fn drop(&mut self) {
            self.0.store(true, Ordering::SeqCst);
        }
    }
    let dropped = Arc::clone(dropped);
    let (began, begins) = mpsc::unbounded_channel();
    let app = move |scope: asgi::Scope, _: asgi::Receive, mut send: asgi::Send| {
        let (flag, began) = (Flag(Arc::clone(&dropped)), began.clone());
        async move {
            let scope = scope.into_http()?;
            let _flag = flag;
            match scope.path_info() {
                "/stream" => {
                    send.start(StatusCode::OK, HeaderMap::new()).await?;
                    send.block("one").await?;
                }
                "/complete" => send.text(200, "complete").await?,
                _ => {}
            }
            began.send(())?;
            std::future::pending::<()>().await;
            Ok::<(), Error>(())
        }
    };
    (app, begins)
}

#[test]
fn what_is_not_done_within_the_grace_period_is_cut_off() {
    on_both_runtimes(async || {
        for path in ["/", "/stream", "/complete"] {
            let dropped = Arc::new(AtomicBool::new(false));
            let (app, mut begins) = never(&dropped);
            let server = Server::with(builder().grace_period(Duration::from_millis(20)), app).await;
            let mut client = server.connect().await;
            client.ask(path).await;
            begins.recv().await.unwrap();
            server.handle.shutdown();
            let came = client.closed().await;
            assert!(!String::from_utf8_lossy(&came).ends_with("0\r\n\r\n"), "{path}: the cut is seen");
            server.task.await.unwrap().unwrap();
            assert!(dropped.load(Ordering::SeqCst), "{path}: the call is dropped");
        }
    });
}

#[test]
fn detached_call_is_dropped_as_well_when_the_grace_period_is_over() {
    on_both_runtimes(async || {
        let dropped = Arc::new(AtomicBool::new(false));
        let (app, mut begins) = never(&dropped);
        let server = Server::with(builder().grace_period(Duration::from_millis(20)), app).await;
        let mut client = server.connect().await;
        assert_eq!(client.get("/complete").await.text(), "complete");
        begins.recv().await.unwrap();
        client.ask("/").await;
        begins.recv().await.unwrap();
        server.handle.shutdown();
        client.closed().await;
        server.task.await.unwrap().unwrap();
        assert!(dropped.load(Ordering::SeqCst));
        // The flag is one for both: what is left of them is seen by the channel of their application.
        assert!(begins.recv().await.is_none(), "a call outlives serve");
    });
}

#[test]
fn thread_that_does_not_come_back_does_not_keep_the_server() {
    on_both_runtimes(async || {
        let (began, mut begins) = mpsc::unbounded_channel();
        let (open, gate) = std::sync::mpsc::channel::<()>();
        let gate = std::sync::Mutex::new(gate);
        let app = move |_: Environ, start_response: &mut dyn StartResponse| {
            began.send(())?;
            let _ = gate.lock().unwrap().recv();
            start_response.start(StatusCode::OK, HeaderMap::new())?;
            Ok(Body::from("late"))
        };
        let app = WsgiToAsgi::new(app, Pool::new(1, 1).unwrap());
        let server = Server::with(builder().grace_period(Duration::from_millis(20)), app).await;
        let mut client = server.connect().await;
        client.ask("/").await;
        begins.recv().await.unwrap();
        server.handle.shutdown();
        assert!(client.closed().await.is_empty());
        server.task.await.unwrap().unwrap();
        drop(open);
    });
}

#[test]
fn dropping_serve_stops_accepting_and_lets_connections_go_on() {
    on_both_runtimes(async || {
        let gate = Arc::new(Semaphore::new(0));
        let (app, mut begins) = gated(&gate);
        // An address of its own: no other test is given the port that becomes free.
        let server = Server::of(builder().bind("127.0.0.2:0").await.unwrap(), app);
        let mut client = server.connect().await;
        client.ask("/").await;
        begins.recv().await.unwrap();
        server.task.abort();
        assert!(server.task.await.unwrap_err().is_cancelled());
        assert!(TcpStream::connect(server.addr).await.is_err());
        gate.add_permits(1);
        assert_eq!(client.response().await.text(), "whole");
    });
}

#[test]
fn synchronous_request_under_way_finishes_after_the_shutdown() {
    on_both_runtimes(async || {
        for path in ["/", "/stream"] {
            let (began, mut begins) = mpsc::unbounded_channel();
            let (open, gate) = std::sync::mpsc::channel::<()>();
            let gate = std::sync::Mutex::new(Some(gate));
            let app = move |environ: Environ, start_response: &mut dyn StartResponse| {
                let gate = gate.lock().unwrap().take().unwrap();
                start_response.start(StatusCode::OK, HeaderMap::new())?;
                if environ.path_info() == "/stream" {
                    start_response.write(b"one")?;
                }
                began.send(())?;
                gate.recv()?;
                Ok(Body::from("two"))
            };
            let server = Server::start(WsgiToAsgi::new(app, Pool::new(1, 1).unwrap())).await;
            let mut client = server.connect().await;
            client.ask(path).await;
            begins.recv().await.unwrap();
            server.handle.shutdown();
            while TcpStream::connect(server.addr).await.is_ok() {}
            open.send(()).unwrap();
            let response = client.response().await;
            assert_eq!((response.status, response.complete), (200, true), "{path}");
            assert_eq!(response.text(), if path == "/" { "two" } else { "onetwo" });
            server.task.await.unwrap().unwrap();
        }
    });
}

#[test]
fn h_95_h_100_request_that_is_on_its_way_when_the_server_stops_is_answered_as_the_last_one() {
    on_both_runtimes(async || {
        let gate = Arc::new(Semaphore::new(0));
        let (app, mut begins) = gated(&gate);
        let server = Server::with(builder().drain_idle(Duration::from_secs(100_000)), app).await;
        let (mut idle, mut stream) = (server.connect().await, server.connect().await);
        gate.add_permits(1);
        assert_eq!(idle.get("/").await.header("connection"), None);
        stream.ask("/stream").await;
        assert_eq!(stream.head().await.header("connection"), None);
        while begins.try_recv().is_ok() {}
        server.handle.shutdown();
        while TcpStream::connect(server.addr).await.is_ok() {}
        gate.add_permits(3);
        for _ in 0..2 {
            stream.chunk().await.unwrap();
        }
        assert_eq!(stream.chunk().await.unwrap(), b"", "its head did not say that it is the last one");
        for mut client in [idle, stream] {
            let last = client.get("/").await;
            assert_eq!((last.text(), last.header("connection")), ("whole", Some("close")));
            assert!(client.closed().await.is_empty());
        }
        server.task.await.unwrap().unwrap();
    });
}

#[test]
fn h_100_idle_connection_is_closed_when_it_lingered_for_long_enough() {
    on_both_runtimes(async || {
        let server = Server::with(builder().drain_idle(Duration::from_millis(20)), hello).await;
        let mut client = server.connect().await;
        client.get("/").await;
        server.handle.shutdown();
        assert!(client.closed().await.is_empty());
        server.task.await.unwrap().unwrap();
    });
}

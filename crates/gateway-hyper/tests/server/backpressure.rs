//! A client that stops reading holds its application, and nothing else.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use gateway_iface::wsgi::{Body, Environ, StartResponse};
use gateway_iface::{Error, asgi};
use http::{HeaderMap, StatusCode};
use tokio::sync::mpsc;

use crate::support::{Server, both_ways, on_both_runtimes};

const BLOCK: usize = 16 * 1024;
/// What both ends of a socket may hold in the system, and then some.
const BOUND: usize = 64 * 1024 * 1024 / BLOCK;

/// Streams without end; each time its own timer fires before a block is taken, it tells how many were.
/// It tells of none at all when it fails.
fn endless() -> (impl asgi::Application + 'static, mpsc::UnboundedReceiver<usize>) {
    let (tell, stalls) = mpsc::unbounded_channel();
    let app = move |scope: asgi::Scope, _: asgi::Receive, mut send: asgi::Send| {
        let tell = tell.clone();
        async move {
            scope.into_http()?;
            send.start(StatusCode::OK, HeaderMap::new()).await?;
            let mut taken = 0;
            loop {
                tokio::select! {
                    biased;
                    sent = send.block(Bytes::from_static(&[b'x'; BLOCK])) => {
                        if sent.is_err() {
                            tell.send(0)?;
                        }
                        sent?;
                        taken += 1;
                    }
                    () = tokio::time::sleep(Duration::from_millis(30)) => tell.send(taken)?,
                }
                if taken > 2 * BOUND {
                    return Err::<(), Error>(Error::new("nothing holds it"));
                }
            }
        }
    };
    (app, stalls)
}

/// Waits until the application was stalled at the same count several times in a row.
async fn stalled(stalls: &mut mpsc::UnboundedReceiver<usize>) -> usize {
    let (mut count, mut times) = (0, 0);
    while times < 4 {
        let next = stalls.recv().await.expect("the stream is held");
        times = if next == count { times + 1 } else { 0 };
        count = next;
    }
    count
}

#[test]
fn a_11_a_69_client_that_stops_reading_holds_the_stream_whose_own_timer_still_fires() {
    on_both_runtimes(async || {
        let (app, mut stalls) = endless();
        let server = Server::start(app).await;
        let mut client = server.connect().await;
        client.ask("/").await;
        client.head().await;
        let first = stalled(&mut stalls).await;
        assert!(first < BOUND, "{first} blocks were taken");
        // It goes on when the client reads on, and is held again.
        for _ in 0..first + 100 {
            assert_eq!(client.chunk().await.unwrap().len(), BLOCK);
        }
        let second = stalled(&mut stalls).await;
        assert!(second > first && second < 2 * BOUND, "{first}, then {second}");
        // And it learns that the client is gone while it is held.
        client.reset();
        while stalls.recv().await != Some(0) {}
        server.stop().await;
    });
}

#[test]
fn one_client_that_stops_reading_does_not_hold_the_others() {
    on_both_runtimes(async || {
        let (app, mut stalls) = endless();
        let server = Server::start(app).await;
        let mut stuck = server.connect().await;
        stuck.ask("/").await;
        stuck.head().await;
        stalled(&mut stalls).await;
        let mut client = server.connect().await;
        client.ask("/").await;
        client.head().await;
        for _ in 0..100 {
            assert_eq!(client.chunk().await.unwrap().len(), BLOCK);
        }
        drop((stuck, client));
        server.stop().await;
    });
}

#[test]
fn a_156_w_17_client_that_stops_reading_holds_a_synchronous_stream() {
    on_both_runtimes(async || {
        let taken = Arc::new(AtomicUsize::new(0));
        let app = {
            let taken = Arc::clone(&taken);
            move |environ: Environ, start_response: &mut dyn StartResponse| {
                start_response.start(StatusCode::OK, HeaderMap::new())?;
                if environ.path_info() == "/hello" {
                    return Ok(Body::from("hello"));
                }
                let taken = Arc::clone(&taken);
                Ok(Body::blocks(std::iter::from_fn(move || {
                    let count = taken.fetch_add(1, Ordering::SeqCst);
                    (count < 4 * BOUND).then(|| Bytes::from_static(&[b'x'; BLOCK]))
                })))
            }
        };
        for (name, app) in both_ways(app) {
            taken.store(0, Ordering::SeqCst);
            let server = Server::start(app).await;
            let mut client = server.connect().await;
            client.ask("/").await;
            client.head().await;
            let held = settled(&server, &taken).await;
            assert!(held < BOUND, "{name}: {held} blocks were taken");
            for _ in 0..held + 100 {
                assert_eq!(client.chunk().await.unwrap().len(), BLOCK, "{name}");
            }
            let held_again = settled(&server, &taken).await;
            assert!(held_again > held && held_again < 2 * BOUND, "{name}: {held}, then {held_again}");
            drop(client);
            server.stop().await;
        }
    });
}

/// Serves others until the count is the same for a good while.
async fn settled(server: &Server, count: &AtomicUsize) -> usize {
    let (mut known, mut times) = (0, 0);
    while times < 4 {
        for _ in 0..50 {
            assert_eq!(server.get("/hello").await.text(), "hello");
        }
        let now = count.load(Ordering::SeqCst);
        times = if now == known { times + 1 } else { 0 };
        known = now;
    }
    known
}

#[test]
fn a_57_application_that_does_not_read_holds_the_upload() {
    on_both_runtimes(async || {
        let (told, mut begins) = mpsc::unbounded_channel();
        let app = move |scope: asgi::Scope, mut receive: asgi::Receive, mut send: asgi::Send| {
            let told = told.clone();
            async move {
                scope.into_http()?;
                // The gate is the client itself: it has to be stuck before this reads.
                let (open, gate) = tokio::sync::oneshot::channel::<()>();
                told.send(open)?;
                gate.await?;
                let mut len = 0;
                while let Some(block) = receive.block().await? {
                    len += block.len();
                }
                send.text(200, len.to_string()).await?;
                Ok::<(), Error>(())
            }
        };
        let server = Server::start(app).await;
        let mut client = server.connect().await;
        let len = BOUND * BLOCK;
        client.send(format!("POST / HTTP/1.1\r\nhost: test\r\ncontent-length: {len}\r\n\r\n")).await;
        let open = begins.recv().await.unwrap();
        // Until the system takes no more at once, several times in a row.
        let (mut sent, mut stuck) = (0, 0);
        while stuck < 4 && sent < len {
            let block = &[b'x'; BLOCK][..BLOCK.min(len - sent)];
            let written = tokio::time::timeout(Duration::from_millis(30), write(&mut client, block));
            match written.await {
                Ok(written) => (sent, stuck) = (sent + written, 0),
                Err(_) => stuck += 1,
            }
        }
        assert!(sent < len, "all of the upload was taken though no one reads it");
        open.send(()).unwrap();
        while sent < len {
            sent += write(&mut client, &[b'x'; BLOCK][..BLOCK.min(len - sent)]).await;
        }
        assert_eq!(client.response().await.text(), len.to_string());
        server.stop().await;
    });
}

async fn write(client: &mut crate::support::Client, block: &[u8]) -> usize {
    tokio::io::AsyncWriteExt::write(&mut client.stream, block).await.unwrap()
}

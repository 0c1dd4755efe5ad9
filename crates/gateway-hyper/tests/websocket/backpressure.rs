//! Backpressure both ways (S-42, A-11, A-14).

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use gateway_iface::Error;
use gateway_iface::asgi::event::{Accept, Message};
use gateway_iface::asgi::{self, Handshake};
use tokio::sync::{Semaphore, mpsc};

use crate::support::{Server, on_both_runtimes};
use crate::wire::{BINARY, Frame, PING, PONG, Wire};

const BLOCK: usize = 32 * 1024;

#[test]
fn s_42_reading_pauses_while_the_application_does_not_receive_and_nothing_is_lost() {
    on_both_runtimes(async || {
        let go = Arc::new(Semaphore::new(0));
        let let_go = Arc::clone(&go);
        let app = move |scope: asgi::Scope, receive: asgi::Receive, send: asgi::Send| {
            let go = Arc::clone(&let_go);
            async move {
                scope.into_websocket()?;
                let mut socket = Handshake::begin(receive, send).await?.accept(Accept::new()).await?;
                go.acquire().await?.forget();
                let mut index = 0_u64;
                while let Ok(Message::Binary(octets)) = socket.next().await {
                    assert_eq!(octets[..8], index.to_be_bytes(), "in order");
                    index += 1;
                }
                Ok::<(), Error>(())
            }
        };
        let server = Server::start(app).await;
        let mut wire = Wire::open(&server, "/").await;
        // A few messages are read ahead, and pings behind them are still answered.
        wire.send(BINARY, &0_u64.to_be_bytes()).await;
        wire.send(PING, b"behind").await;
        assert_eq!(wire.next().await, Frame { first: PONG, payload: b"behind".to_vec() });
        let mut count = 1_u64;
        let mut block = vec![0; BLOCK];
        // Sending stalls for good once everything between the two is full.
        loop {
            block[..8].copy_from_slice(&count.to_be_bytes());
            let send = wire.send(BINARY, &block);
            tokio::pin!(send);
            let stalled = tokio::select! {
                () = &mut send => false,
                () = tokio::time::sleep(Duration::from_millis(200)) => true,
            };
            count += 1;
            if stalled {
                go.add_permits(1);
                send.await;
                break;
            }
            assert!(count < 10_000, "300 MB were read for an application that reads nothing");
        }
        wire.finish().await;
        server.stop().await;
    });
}

#[test]
fn s_42_a_11_send_waits_while_the_client_does_not_read_and_nothing_is_lost() {
    on_both_runtimes(async || {
        let sent = Arc::new(AtomicUsize::new(0));
        let (stalls, mut stalled) = mpsc::unbounded_channel();
        let counter = Arc::clone(&sent);
        let app = move |scope: asgi::Scope, receive: asgi::Receive, send: asgi::Send| {
            let (sent, stalls) = (Arc::clone(&counter), stalls.clone());
            async move {
                scope.into_websocket()?;
                let mut socket = Handshake::begin(receive, send).await?.accept(Accept::new()).await?;
                let mut told = false;
                for index in 0..1000_u64 {
                    let mut block = vec![0; BLOCK];
                    block[..8].copy_from_slice(&index.to_be_bytes());
                    let send = socket.send(Message::from(Bytes::from(block)));
                    tokio::pin!(send);
                    tokio::select! {
                        result = &mut send => result?,
                        () = tokio::time::sleep(Duration::from_millis(200)) => {
                            if !std::mem::replace(&mut told, true) {
                                stalls.send(())?;
                            }
                            send.await?;
                        }
                    }
                    sent.fetch_add(1, Ordering::Relaxed);
                }
                Ok::<(), Error>(())
            }
        };
        let server = Server::start(app).await;
        let mut wire = Wire::open(&server, "/").await;
        stalled.recv().await.unwrap();
        let before = sent.load(Ordering::Relaxed);
        assert!(before < 1000, "all was accepted though the client reads nothing");
        for index in 0..1000_u64 {
            let frame = wire.next().await;
            assert_eq!(frame.payload[..8], index.to_be_bytes(), "in order");
        }
        assert_eq!(wire.next_close().await, 1000);
        server.handle.shutdown();
    });
}

#[test]
fn s_43_pings_of_a_client_that_reads_nothing_cost_no_memory() {
    on_both_runtimes(async || {
        let server = Server::start(crate::apps::echo).await;
        let mut wire = Wire::open(&server, "/").await;
        let burst: Vec<u8> = (0..1000).flat_map(|_| crate::wire::frame(PING, &[7; 125])).collect();
        // Far more than the system's own buffers hold: the server goes on reading, and answers what it
        // has room for.
        for _ in 0..300 {
            wire.client.send(&burst).await;
        }
        wire.text("end").await;
        let mut pongs = 0;
        loop {
            let frame = wire.next().await;
            if frame.first != PONG {
                assert_eq!(frame.payload, b"end");
                break;
            }
            pongs += 1;
        }
        assert!(pongs < 300_000, "every pong was kept");
        wire.finish().await;
        server.stop().await;
    });
}

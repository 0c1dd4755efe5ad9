//! Clients that fall silent (S-45).

use std::time::Duration;

use gateway_hyper::Limit;
use gateway_iface::Error;
use gateway_iface::asgi::event::Accept;
use gateway_iface::asgi::{self, Disconnect, Handshake};

use crate::apps::{Told, echo, listens};
use crate::support::{Server, builder, on_both_runtimes, on_current_thread};
use crate::wire::{Frame, PING, PONG, Wire};

const SHORT: Duration = Duration::from_millis(20);

#[test]
fn s_45_silent_client_is_pinged_and_lives_while_it_answers() {
    on_both_runtimes(async || {
        let builder = builder().websocket_ping_interval(Some(SHORT));
        let server = Server::with(builder, echo).await;
        let mut wire = Wire::open(&server, "/").await;
        for _ in 0..3 {
            assert_eq!(wire.next().await, Frame { first: PING, payload: Vec::new() });
            wire.send(PONG, b"").await;
        }
        wire.text("alive").await;
        loop {
            let frame = wire.next().await;
            if frame.first != PING {
                assert_eq!(frame.payload, b"alive");
                break;
            }
        }
        server.handle.shutdown();
    });
}

#[test]
fn s_45_client_that_does_not_answer_a_ping_is_failed() {
    on_both_runtimes(async || {
        let (app, mut told) = listens();
        let builder = builder().websocket_ping_interval(Some(SHORT)).websocket_pong_timeout(SHORT);
        let server = Server::with(builder, app).await;
        let mut wire = Wire::open(&server, "/").await;
        assert_eq!(wire.next().await.first, PING);
        assert_eq!(wire.failed().await, 1011);
        assert_eq!(told.recv().await, Some(Told::Closed(1006, String::new(), Disconnect::Timeout)));
        assert!(server.handle.stats().limit_hits(Limit::WebSocketPongTime) > 0);
        server.stop().await;
    });
}

#[test]
fn s_45_client_that_the_application_does_not_listen_to_is_not_failed() {
    on_current_thread(async || {
        // The application receives nothing until pings and more would have been due.
        let app = |scope: asgi::Scope, receive: asgi::Receive, send: asgi::Send| async move {
            scope.into_websocket()?;
            let mut socket = Handshake::begin(receive, send).await?.accept(Accept::new()).await?;
            tokio::time::sleep(8 * SHORT).await;
            let mut count = 0;
            while count < 100 {
                socket.next().await?;
                count += 1;
            }
            socket.send(count.to_string()).await?;
            Ok::<(), Error>(())
        };
        let builder = builder().websocket_ping_interval(Some(SHORT)).websocket_pong_timeout(SHORT);
        let server = Server::with(builder, app).await;
        let mut wire = Wire::open(&server, "/").await;
        for _ in 0..100 {
            wire.send(0x82, &[0; 8 * 1024]).await;
        }
        loop {
            let frame = wire.next().await;
            if frame.first != PING {
                assert_eq!(frame.payload, b"100");
                break;
            }
            wire.send(PONG, b"").await;
        }
        server.handle.shutdown();
    });
}

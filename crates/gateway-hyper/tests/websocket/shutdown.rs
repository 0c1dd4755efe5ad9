//! Sockets when their server stops (S-59, A-43).

use std::time::Duration;

use gateway_iface::Error;
use gateway_iface::asgi::event::Accept;
use gateway_iface::asgi::{self, Disconnect, Handshake};
use tokio::sync::mpsc;

use crate::apps::{Told, closed_by, listens};
use crate::support::{Server, builder, on_both_runtimes};
use crate::wire::{Wire, request};

#[test]
fn s_59_a_43_server_that_stops_closes_its_sockets_with_1001_and_waits_for_their_calls() {
    on_both_runtimes(async || {
        let (app, mut told) = listens();
        let server = Server::start(app).await;
        let mut wires = Vec::new();
        for _ in 0..3 {
            let mut wire = Wire::open(&server, "/").await;
            wire.text("x").await;
            assert!(matches!(told.recv().await, Some(Told::Message(_))));
            wires.push(wire);
        }
        server.handle.shutdown();
        for mut wire in wires {
            assert_eq!(wire.next_close().await, 1001);
            wire.close(1001, "").await;
            assert_eq!(wire.client.closed().await, b"");
            let expected = Told::Closed(1001, String::new(), Disconnect::Shutdown);
            assert_eq!(told.recv().await, Some(expected));
        }
        server.task.await.unwrap().unwrap();
    });
}

#[test]
fn handshake_that_is_under_way_when_the_server_stops_is_told_so_and_can_be_answered() {
    on_both_runtimes(async || {
        let (tell, mut told) = mpsc::unbounded_channel();
        let app = move |scope: asgi::Scope, receive: asgi::Receive, send: asgi::Send| {
            let tell = tell.clone();
            async move {
                scope.into_websocket()?;
                let (mut receive, mut send) = (receive, send);
                receive.receive().await;
                tell.send("connect")?;
                assert_eq!(receive.disconnected().await, Disconnect::Shutdown);
                send.send(Accept::new()).await?;
                tell.send("accepted")?;
                Ok::<(), Error>(())
            }
        };
        let server = Server::start(app).await;
        let mut client = server.connect().await;
        client.send(request("/", "")).await;
        assert_eq!(told.recv().await, Some("connect"));
        server.handle.shutdown();
        assert_eq!(told.recv().await, Some("accepted"));
        assert_eq!(client.head().await.status, 101);
        let mut wire = Wire { client };
        let code = wire.next_close().await;
        assert!(matches!(code, 1000 | 1001), "{code}");
        drop(wire);
        server.task.await.unwrap().unwrap();
    });
}

#[test]
fn socket_that_does_not_end_within_the_grace_period_is_cut_off() {
    on_both_runtimes(async || {
        let (tell, mut told) = mpsc::unbounded_channel();
        let app = move |scope: asgi::Scope, receive: asgi::Receive, send: asgi::Send| {
            let tell = tell.clone();
            async move {
                scope.into_websocket()?;
                let mut socket = Handshake::begin(receive, send).await?.accept(Accept::new()).await?;
                tell.send(None)?;
                tell.send(Some(closed_by(&socket.next().await.unwrap_err())))?;
                std::future::pending::<()>().await;
                Ok::<(), Error>(())
            }
        };
        let builder = builder().grace_period(Duration::from_millis(50));
        let server = Server::cancelling(builder, app).await;
        let mut wire = Wire::open(&server, "/").await;
        assert_eq!(told.recv().await, Some(None));
        server.handle.shutdown();
        assert_eq!(wire.next_close().await, 1001);
        let expected = Told::Closed(1001, String::new(), Disconnect::Shutdown);
        assert_eq!(told.recv().await, Some(Some(expected)));
        server.task.await.unwrap().unwrap();
        assert_eq!(told.recv().await, None, "the call is dropped");
    });
}

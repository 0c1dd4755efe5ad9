//! Handshakes that the application refuses, or does not answer (S-15, S-21 to S-25, A-89, A-125).

use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use gateway_hyper::Limit;
use gateway_iface::Error;
use gateway_iface::asgi::event::{Accept, Close, DenialStart, ReceiveEvent, ResponseBody, SendEvent};
use gateway_iface::asgi::{self, Capability, Disconnect, Handshake, SendError};
use http::{HeaderMap, Response, StatusCode, header};
use tokio::sync::{Semaphore, mpsc};

use crate::support::{Log, Server, builder, on_both_runtimes, on_current_thread};
use crate::wire::{Wire, request, shake_hands};

#[test]
fn s_21_a_89_close_before_accept_is_403() {
    on_both_runtimes(async || {
        let app = |scope: asgi::Scope, mut receive: asgi::Receive, mut send: asgi::Send| async move {
            scope.into_websocket()?;
            receive.receive().await;
            send.send(Close::new(4000).with_reason("not transmitted")).await?;
            let ReceiveEvent::WebSocketDisconnect(how) = receive.receive().await else {
                return Err(Error::new("no disconnect"));
            };
            assert_eq!((how.code, how.cause), (1006, Disconnect::Complete), "A-84");
            let error = send.send(Accept::new()).await.unwrap_err();
            assert_eq!(error.disconnect(), Some(Disconnect::Complete));
            Ok(())
        };
        let server = Server::start(app).await;
        let (mut client, response) = shake_hands(&server, "/", "").await;
        assert_eq!(response.status, 403);
        assert_eq!(response.header("content-length"), Some("9"));
        assert_eq!(response.header("upgrade"), None);
        assert_eq!(client.closed().await, b"Forbidden");
        server.stop().await;
    });
}

#[test]
fn s_22_a_125_denial_is_the_application_s_own_response() {
    on_both_runtimes(async || {
        let app = |scope: asgi::Scope, receive: asgi::Receive, send: asgi::Send| async move {
            let scope = scope.into_websocket()?;
            assert!(scope.head().capabilities().contains(Capability::WebSocketDenial), "A-121");
            let response = Response::builder()
                .status(StatusCode::IM_A_TEAPOT)
                .header(header::CONTENT_TYPE, "text/plain")
                .header("transfer-encoding", "chunked")
                .header("x-name", "one")
                .header("x-name", "two")
                .body("no sockets here")?;
            Handshake::begin(receive, send).await?.deny(response).await?;
            Ok::<(), Error>(())
        };
        let server = Server::start(app).await;
        let mut client = server.connect().await;
        client.send(request("/", "")).await;
        let response = client.response().await;
        assert_eq!((response.status, response.text()), (418, "no sockets here"));
        let names = response.headers.iter().filter(|(name, _)| name == "x-name");
        assert_eq!(names.map(|(_, value)| value.as_str()).collect::<Vec<_>>(), ["one", "two"]);
        assert_eq!(response.header("connection"), Some("close"));
        assert_eq!(client.closed().await, b"");
        server.stop().await;
    });
}

/// Denies block by block, each as it is let.
fn denies(go: Arc<Semaphore>) -> impl asgi::Application + 'static {
    move |scope: asgi::Scope, mut receive: asgi::Receive, mut send: asgi::Send| {
        let go = Arc::clone(&go);
        async move {
            let scope = scope.into_websocket()?;
            receive.receive().await;
            send.send(DenialStart::new(StatusCode::GONE, HeaderMap::new())).await?;
            for block in ["one", "two"] {
                go.acquire().await?.forget();
                send.send(SendEvent::WebSocketDenialBody(ResponseBody::block(block))).await?;
            }
            if scope.head().path_info() == "/breaks" {
                return Err(Error::new("on purpose"));
            }
            go.acquire().await?.forget();
            send.send(SendEvent::WebSocketDenialBody(ResponseBody::last(Bytes::new()))).await?;
            Ok(())
        }
    }
}

#[test]
fn s_22_denial_goes_out_as_it_is_sent() {
    on_both_runtimes(async || {
        let go = Arc::new(Semaphore::new(0));
        let server = Server::start(denies(Arc::clone(&go))).await;
        let mut client = server.connect().await;
        client.send(request("/", "")).await;
        go.add_permits(1);
        assert_eq!(client.head().await.status, 410);
        assert_eq!(client.chunk().await.unwrap(), b"one");
        go.add_permits(1);
        assert_eq!(client.chunk().await.unwrap(), b"two");
        go.add_permits(1);
        assert_eq!(client.chunk().await.unwrap(), b"");
        assert_eq!(client.closed().await, b"");
        server.stop().await;
    });
}

#[test]
fn a_88_denial_that_is_not_completed_is_broken_off() {
    on_current_thread(async || {
        let log = Log::start();
        let server = Server::despite(&["A-88"], denies(Arc::new(Semaphore::new(2)))).await;
        let mut client = server.connect().await;
        client.send(request("/breaks", "")).await;
        assert_eq!(client.head().await.status, 410);
        while client.chunk().await.is_some_and(|chunk| !chunk.is_empty()) {}
        assert!(!client.closed().await.ends_with(b"0\r\n\r\n"));
        assert_eq!(log.errors().len(), 1);
        server.stop().await;
    });
}

#[test]
fn s_15_handshake_is_answered_after_the_application() {
    on_both_runtimes(async || {
        let go = Arc::new(Semaphore::new(0));
        let (tell, mut told) = mpsc::unbounded_channel();
        let let_go = Arc::clone(&go);
        let app = move |scope: asgi::Scope, receive: asgi::Receive, send: asgi::Send| {
            let (go, tell) = (Arc::clone(&let_go), tell.clone());
            async move {
                scope.into_websocket()?;
                let handshake = Handshake::begin(receive, send).await?;
                tell.send(())?;
                go.acquire().await?.forget();
                let mut socket = handshake.accept(Accept::new()).await?;
                socket.next().await?;
                Ok::<(), Error>(())
            }
        };
        let server = Server::start(app).await;
        let mut client = server.connect().await;
        client.send(request("/", "")).await;
        told.recv().await.unwrap();
        let nothing = client.stream.try_read(&mut [0; 1]).unwrap_err();
        assert_eq!(nothing.kind(), io::ErrorKind::WouldBlock);
        go.add_permits(1);
        assert_eq!(client.head().await.status, 101);
        Wire { client }.finish().await;
        server.stop().await;
    });
}

/// Waits for the end of a handshake that it does not answer, then tries to, and tells all.
fn hesitates() -> (impl asgi::Application + 'static, mpsc::UnboundedReceiver<(u16, Disconnect, String)>) {
    let (tell, told) = mpsc::unbounded_channel();
    let app = move |scope: asgi::Scope, mut receive: asgi::Receive, mut send: asgi::Send| {
        let tell = tell.clone();
        async move {
            scope.into_websocket()?;
            receive.receive().await;
            tell.send((0, Disconnect::Complete, "connect".to_owned()))?;
            let ReceiveEvent::WebSocketDisconnect(how) = receive.receive().await else {
                return Err(Error::new("no disconnect"));
            };
            let sent = send.send(Accept::new()).await;
            tell.send((how.code, how.cause, format!("{:?}", sent.as_ref().map_err(SendError::disconnect))))?;
            Ok::<(), Error>(sent?)
        }
    };
    (app, told)
}

#[test]
fn s_24_a_84_a_95_client_that_is_lost_during_the_handshake_is_1006() {
    on_both_runtimes(async || {
        let (app, mut told) = hesitates();
        let server = Server::start(app).await;
        let mut client = server.connect().await;
        client.send(request("/", "")).await;
        assert_eq!(told.recv().await.unwrap().2, "connect");
        drop(client);
        let expected = (1006, Disconnect::Client, "Err(Some(Client))".to_owned());
        assert_eq!(told.recv().await, Some(expected));
        server.stop().await;
    });
}

#[test]
fn s_25_handshake_that_is_not_answered_in_time_is_503() {
    on_current_thread(async || {
        let (app, mut told) = hesitates();
        let timeout = Some(Duration::from_millis(30));
        let server = Server::with(builder().websocket_handshake_timeout(timeout), app).await;
        let (mut client, response) = shake_hands(&server, "/", "").await;
        assert_eq!(response.status, 503);
        assert_eq!(client.closed().await, b"Service Unavailable");
        assert_eq!(told.recv().await.unwrap().2, "connect");
        let expected = (1006, Disconnect::Timeout, "Err(Some(Timeout))".to_owned());
        assert_eq!(told.recv().await, Some(expected));
        assert_eq!(server.handle.stats().limit_hits(Limit::WebSocketHandshakeTime), 1);
        server.stop().await;
    });
}

#[test]
fn a_05_application_that_speaks_http_only_answers_500_and_is_not_at_fault() {
    on_current_thread(async || {
        let log = Log::start();
        let server = Server::start(crate::support::hello).await;
        let (_, response) = shake_hands(&server, "/", "").await;
        assert_eq!(response.status, 500);
        assert_eq!(log.errors(), [""; 0]);
        server.stop().await;
    });
}

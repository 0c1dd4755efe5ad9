//! WebSockets on streams of plain hyper's HTTP/2 (RFC 8441), over a connection in memory.

use std::future::poll_fn;
use std::sync::Arc;

use bytes::Bytes;
use gateway_iface::Connection;
use gateway_iface::asgi::event::Accept;
use gateway_iface::asgi::{self, Handshake};
use gateway_websocket::Settings;
use h2::client::{SendRequest, handshake};
use h2::ext::Protocol;
use http::{Method, Request, StatusCode};
use hyper::server::conn::http2;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::io::duplex;

use crate::over_hyper::answer;
use crate::support::{app, on_runtime};

#[test]
fn s_63_messages_and_the_end_of_the_stream_go_both_ways() {
    on_runtime(async {
        let mut requests = connect(echo()).await;
        let (response, mut send) = requests.send_request(ask("13"), false).unwrap();
        let response = response.await.unwrap();
        assert_eq!(response.status(), StatusCode::OK);
        assert!(!response.headers().contains_key("sec-websocket-accept"));
        let mut receive = response.into_body();
        send.send_data(Bytes::from_static(b"\x81\x82\0\0\0\0hi"), false).unwrap();
        assert_eq!(octets(&mut receive, 4).await, b"\x81\x02hi");
        send.send_data(Bytes::from_static(b"\x88\x82\0\0\0\0\x03\xe8"), false).unwrap();
        assert_eq!(octets(&mut receive, 4).await, b"\x88\x02\x03\xe8");
        assert!(receive.data().await.is_none_or(|data| data.is_ok_and(|data| data.is_empty())));
        assert!(receive.is_end_stream());
    });
}

#[test]
fn s_07_s_63_handshake_of_another_version_is_refused_on_its_stream_only() {
    on_runtime(async {
        let mut requests = connect(echo()).await;
        let (refused, _send) = requests.send_request(ask("8"), false).unwrap();
        let refused = refused.await.unwrap();
        assert_eq!(refused.status(), StatusCode::BAD_REQUEST);
        assert_eq!(refused.headers()["sec-websocket-version"], "13");
        let (accepted, _send) = requests.send_request(ask("13"), false).unwrap();
        assert_eq!(accepted.await.unwrap().status(), StatusCode::OK);
    });
}

fn echo() -> Arc<dyn asgi::Application> {
    app(async |receive, send| {
        let mut socket = Handshake::begin(receive, send).await?.accept(Accept::new()).await?;
        while let Ok(message) = socket.next().await {
            socket.send(message).await?;
        }
        Ok(())
    })
}

/// Connects to a server of this application that is known to have WebSockets.
async fn connect(app: Arc<dyn asgi::Application>) -> SendRequest<Bytes> {
    let (client, server) = duplex(64 * 1024);
    let service = service_fn(move |request| {
        answer(Arc::clone(&app), Arc::new(Connection::new()), Settings::default(), request)
    });
    let mut builder = http2::Builder::new(TokioExecutor::new());
    builder.enable_connect_protocol();
    tokio::spawn(builder.serve_connection(TokioIo::new(server), service));
    let (mut requests, connection) = handshake(client).await.unwrap();
    tokio::spawn(connection);
    while !requests.is_extended_connect_protocol_enabled() {
        tokio::task::yield_now().await;
    }
    poll_fn(|cx| requests.poll_ready(cx)).await.unwrap();
    requests
}

fn ask(version: &str) -> Request<()> {
    Request::builder()
        .method(Method::CONNECT)
        .uri("http://test/ws")
        .extension(Protocol::from_static("websocket"))
        .header("sec-websocket-version", version)
        .body(())
        .unwrap()
}

/// Reads that many octets of frames.
async fn octets(receive: &mut h2::RecvStream, len: usize) -> Vec<u8> {
    let mut found = Vec::new();
    while found.len() < len {
        let block = receive.data().await.unwrap().unwrap();
        receive.flow_control().release_capacity(block.len()).unwrap();
        found.extend_from_slice(&block);
    }
    found
}

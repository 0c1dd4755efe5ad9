//! A framework's handler with a WebSocket of its own, and how each side ends it.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use gateway_iface::Error;
use gateway_iface::asgi::event::Accept;
use gateway_iface::asgi::{self, Handshake};
use gateway_iface::testing::{AsgiClient, WebSocketExchange};
use gateway_websocket::Relay;
use http::Request;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};

/// A client whose application is a relay, and the handler's side of that.
fn relayed(room: usize) -> (AsgiClient<impl asgi::Application>, DuplexStream) {
    let (near, far) = tokio::io::duplex(room);
    let near = Arc::new(Mutex::new(Some(near)));
    let app = move |scope: asgi::Scope, receive: asgi::Receive, send: asgi::Send| {
        let near = near.lock().unwrap().take();
        async move {
            scope.into_websocket()?;
            let socket = Handshake::begin(receive, send).await?.accept(Accept::new()).await?;
            let (receive, send) = socket.into_halves();
            Relay::new(near.ok_or_else(|| Error::new("one socket only"))?, receive, send).await
        }
    };
    (AsgiClient::new(app), far)
}

async fn open<A: asgi::Application>(client: &AsgiClient<A>) -> WebSocketExchange<'_> {
    let mut socket = client.websocket(Request::get("/").body(()).unwrap());
    socket.connect().await.unwrap();
    socket
}

/// Whether the call ends; a relay that spins, or waits for what never comes, does not let it.
async fn ends(mut socket: WebSocketExchange<'_>) -> Result<(), Error> {
    tokio::time::timeout(Duration::from_secs(10), socket.finish()).await.unwrap()
}

/// What a handler reads: a frame of a client's with less than 126 octets, unmasked.
async fn frame(handler: &mut DuplexStream) -> Vec<u8> {
    let mut head = [0; 6];
    handler.read_exact(&mut head).await.unwrap();
    assert_eq!(head[1] & 0x80, 0x80, "a client masks");
    let mut payload = vec![0; usize::from(head[1] & 0x7f)];
    handler.read_exact(&mut payload).await.unwrap();
    let unmasked = payload.iter().zip(head[2..].iter().cycle()).map(|(octet, mask)| octet ^ mask);
    [head[0]].into_iter().chain(unmasked).collect()
}

#[tokio::test]
async fn s_50_client_that_closes_is_answered_and_the_handler_finds_its_socket_until_then() {
    let (client, mut handler) = relayed(1024);
    let mut socket = open(&client).await;
    socket.close(4000, "bye");
    let handling = async move {
        assert_eq!(frame(&mut handler).await, b"\x88\x0f\xa0bye");
        handler.write_all(b"\x88\x02\x0f\xa0").await.unwrap();
        handler.flush().await.unwrap();
    };
    let (ended, ()) = tokio::join!(ends(socket), handling);
    ended.unwrap();
}

#[tokio::test]
async fn s_50_handler_that_closes_learns_the_clients_code() {
    let (client, mut handler) = relayed(1024);
    let mut socket = open(&client).await;
    handler.write_all(b"\x88\x02\x0f\xa1").await.unwrap();
    assert!(socket.next().await.is_none());
    let handling = async move { assert_eq!(frame(&mut handler).await, b"\x88\x0f\xa1") };
    let (ended, ()) = tokio::join!(ends(socket), handling);
    ended.unwrap();
}

#[tokio::test]
async fn handler_that_closes_without_having_read_is_rid_of_its_client() {
    let (client, mut handler) = relayed(64);
    let mut socket = open(&client).await;
    socket.send("more than the handler's side has room for ".repeat(100));
    assert!(socket.poll_once().is_pending());
    handler.write_all(b"\x88\x02\x03\xf0").await.unwrap();
    drop(handler);
    assert!(socket.next().await.is_none());
    ends(socket).await.unwrap();
}

#[tokio::test]
async fn a_84_client_that_is_lost_is_lost_for_the_handler() {
    let (client, mut handler) = relayed(1024);
    let mut socket = open(&client).await;
    socket.lose();
    ends(socket).await.unwrap();
    assert_eq!(handler.read(&mut [0; 9]).await.unwrap(), 0, "no Close");
}

#[tokio::test]
async fn s_59_handler_that_lets_its_socket_go_ends_the_call() {
    let (client, handler) = relayed(1024);
    let socket = open(&client).await;
    drop(handler);
    ends(socket).await.unwrap();
}

#[tokio::test]
async fn s_43_ping_of_the_handler_is_answered_here() {
    let (client, mut handler) = relayed(1024);
    let mut socket = open(&client).await;
    handler.write_all(b"\x89\x02hi\x81\x02ok").await.unwrap();
    assert_eq!(socket.next().await, Some("ok".into()));
    let handling = async move { assert_eq!(frame(&mut handler).await, b"\x8ahi") };
    socket.poll_once().is_pending();
    handling.await;
    socket.lose();
    ends(socket).await.unwrap();
}

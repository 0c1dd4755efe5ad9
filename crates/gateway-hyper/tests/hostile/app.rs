//! What is attacked.

use bytes::Bytes;
use gateway_iface::Error;
use gateway_iface::asgi::event::{Accept, Message};
use gateway_iface::asgi::{self, Handshake, Scope};
use http::{HeaderMap, Response, StatusCode};

/// The application: each path does what an attack needs.
pub(crate) async fn app(scope: Scope, mut receive: asgi::Receive, mut send: asgi::Send) -> Result<(), Error> {
    let scope = match scope {
        Scope::WebSocket(scope) => {
            let path = scope.head().path_info().to_owned();
            return socket(&path, receive, send).await;
        }
        scope => scope.into_http()?,
    };
    match scope.path_info() {
        "/length" => {
            let body = receive.body(usize::MAX).await?;
            send.text(200, body.len().to_string()).await?;
        }
        "/endless" => {
            send.start(StatusCode::OK, HeaderMap::new()).await?;
            loop {
                send.block(Bytes::from_static(&[b'x'; 16 * 1024])).await?;
            }
        }
        "/wait" => return Err(receive.disconnected().await.into()),
        _ => send.text(200, HELLO).await?,
    }
    Ok(())
}

/// Sends without end, denies, waits, or sends back what it receives.
async fn socket(path: &str, mut receive: asgi::Receive, send: asgi::Send) -> Result<(), Error> {
    if path == "/wait" {
        return Err(receive.disconnected().await.into());
    }
    let handshake = Handshake::begin(receive, send).await?;
    if path == "/deny" {
        return Ok(handshake.deny(Response::builder().status(429).body("not now")?).await?);
    }
    let mut socket = handshake.accept(Accept::new()).await?;
    loop {
        let message = match path {
            "/talk" => Message::Binary(Bytes::from_static(&[0; 4096])),
            _ => socket.next().await?,
        };
        socket.send(message).await?;
    }
}

/// What `GET /` is answered with.
pub(crate) const HELLO: &str = "Hello, World!";

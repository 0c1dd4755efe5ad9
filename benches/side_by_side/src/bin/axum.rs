//! The routes of the `testbed` example on axum, by `axum::serve` with its defaults.

use std::convert::Infallible;
use std::net::SocketAddr;

use axum::Router;
use axum::body::Body;
use axum::extract::ws::{Message, WebSocket, WebSocketUpgrade};
use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use axum::response::Response;
use axum::routing::{get, post};
use axum::serve::ListenerExt as _;
use bytes::Bytes;
use clap::Parser;
use futures_util::stream;
use tokio::net::TcpListener;

/// The testbed's routes on axum.
#[derive(Parser)]
struct Options {
    /// Where to listen.
    #[arg(long, default_value = "127.0.0.1:8002")]
    bind: SocketAddr,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> std::io::Result<()> {
    let options = Options::parse();
    let app = Router::new()
        .route("/", get(async || ([TEXT], "Hello, World!")))
        .route("/stream", get(async || ([TEXT], stream_body())))
        .route("/big", get(async || ([TEXT], Bytes::from_static(&BIG.0))))
        .route("/echo", post(echo))
        .route("/ws", get(async |upgrade: WebSocketUpgrade| upgrade.on_upgrade(socket_echo)));
    let listener = TcpListener::bind(options.bind).await?.tap_io(|stream| {
        // A socket that is gone fails at its next read.
        let _ = stream.set_nodelay(true);
    });
    axum::serve(listener, app).await
}

fn stream_body() -> Body {
    Body::from_stream(stream::iter((0..10).map(|_| Ok::<_, Infallible>(Bytes::from_static(&BLOCK.0)))))
}

async fn echo(headers: HeaderMap, body: Body) -> Response {
    let mut response = Response::new(body);
    if let Some(content_type) = headers.get(header::CONTENT_TYPE) {
        response.headers_mut().insert(header::CONTENT_TYPE, content_type.clone());
    }
    response
}

async fn socket_echo(mut socket: WebSocket) {
    while let Some(Ok(message)) = socket.recv().await {
        if matches!(message, Message::Text(_) | Message::Binary(_)) && socket.send(message).await.is_err() {
            return;
        }
    }
}

const TEXT: (HeaderName, HeaderValue) =
    (header::CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
static BLOCK: Page<1024> = Page([b'x'; 1024]);
static BIG: Page<{ 1024 * 1024 }> = Page([b'x'; 1024 * 1024]);

/// Octets from the beginning of a page on: where they lie, copying them to a socket takes more or less time, and is
/// not to differ between the servers that are compared.
#[repr(align(4096))]
struct Page<const LEN: usize>([u8; LEN]);

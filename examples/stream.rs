//! A large body sent in blocks, and an upload that is echoed while it arrives.
//!
//! ```text
//! cargo run --example stream
//! curl --limit-rate 4M -o /dev/null http://127.0.0.1:8000/
//! (echo one; sleep 1; echo two) | curl -N -X POST -T . http://127.0.0.1:8000/
//! ```
//!
//! Sending a block waits until the server has taken it, and the server takes no more than a client
//! reads: with the slow client of the first command, the application's own report is slow as well.
//! Another address is an argument.

use gateway_hyper::{ServeError, Server};
use gateway_iface::prelude::*;

async fn app(scope: asgi::Scope, receive: asgi::Receive, send: asgi::Send) -> Result<(), Error> {
    match *scope.into_http()?.method() {
        Method::POST => echo(receive, send).await,
        _ => large(send).await,
    }
}

async fn large(mut send: asgi::Send) -> Result<(), Error> {
    let mut headers = HeaderMap::new();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/octet-stream"));
    headers.insert(header::CONTENT_LENGTH, HeaderValue::from(BLOCKS * BLOCK.len()));
    send.start(StatusCode::OK, headers).await?;
    for number in 1..=BLOCKS {
        send.block(Bytes::from_static(&BLOCK)).await?;
        if number % 128 == 0 {
            eprintln!("{} MiB sent", number * BLOCK.len() / (1024 * 1024));
        }
    }
    send.last("").await?;
    Ok(())
}

async fn echo(mut receive: asgi::Receive, mut send: asgi::Send) -> Result<(), Error> {
    let headers = HeaderMap::new();
    send.start(StatusCode::OK, headers).await?;
    while let Some(block) = receive.block().await? {
        send.block(block).await?;
    }
    send.last("").await?;
    Ok(())
}

/// 1,024 blocks of 64 KiB: 64 MiB.
const BLOCKS: usize = 1024;
static BLOCK: [u8; 64 * 1024] = [b'x'; 64 * 1024];

#[tokio::main]
async fn main() -> Result<(), ServeError> {
    let addr = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:8000".into());
    let server = Server::builder().bind(addr).await?;
    eprintln!("serving {}/", server.local_addr());
    server.serve(app).await
}

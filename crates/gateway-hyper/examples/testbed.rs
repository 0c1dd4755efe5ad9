//! The routes that load generators and conformance tools expect.
use std::net::SocketAddr;
use bytes::Bytes;
use clap::Parser;
use gateway_iface::{Error, asgi};
use http::{HeaderValue, StatusCode, header};
use gateway_hyper::Server;

/// tmp
#[derive(Parser)]
struct Options {
    #[arg(long, default_value = "127.0.0.1:8000")]
    bind: SocketAddr,
    #[arg(long)]
    no_header_timeout: bool,
}
static BLOCK: [u8; 1024] = [b'x'; 1024];

async fn app(scope: asgi::Scope, receive: asgi::Receive, mut send: asgi::Send) -> Result<(), Error> {
    let request = scope.into_http()?;
    match request.path_info() {
        "/" => send.text(200, Bytes::from_static(b"Hello, World!")).await?,
        // In a box, so that the future of the shortest answer stays small.
        _ => Box::pin(route(request, receive, send)).await?,
    }
    Ok(())
}
async fn route(request: asgi::HttpScope, mut receive: asgi::Receive, mut send: asgi::Send) -> Result<(), Error> {
    match request.path_info() {
        "/stream" => {
            let mut headers = send.headers();
            headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
            send.start(StatusCode::OK, headers).await?;
            for _ in 0..10 {
                send.block(Bytes::from_static(&BLOCK)).await?;
            }
            send.last(Bytes::new()).await?;
        }
        "/echo" => {
            let mut headers = send.headers();
            if let Some(content_type) = request.headers().get(header::CONTENT_TYPE) {
                headers.insert(header::CONTENT_TYPE, content_type.clone());
            }
            send.start(StatusCode::OK, headers).await?;
            while let Some(block) = receive.block().await? {
                send.block(block).await?;
            }
            send.last(Bytes::new()).await?;
        }
        _ => send.text(404, "Not Found").await?,
    }
    Ok(())
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let options = Options::parse();
    let mut builder = Server::builder();
    if options.no_header_timeout { builder = builder.header_read_timeout(None); }
    builder.bind(options.bind).await?.serve(app).await?;
    Ok(())
}

//! The servers whose costs `cargo bench -p gateway-tower --bench costs` compares: axum's own handlers and our
//! application, under `axum::serve` and on gateway-hyper.
//!
//! `cargo run -p gateway-tower --example measured -- --bind 127.0.0.1:8000 --server native --app axum`

use std::convert::Infallible;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::Request;
use axum::routing::{get, post};
use clap::{Parser, ValueEnum};
use futures_util::stream;
use gateway_iface::http::{HeaderMap, StatusCode};
use gateway_iface::{BoxError, Error, asgi};
use gateway_tower::{FromTower, ToTower};
use tokio::net::TcpListener;

/// A server to count.
#[derive(Parser)]
struct Options {
    /// The address to listen on.
    #[arg(long, default_value = "127.0.0.1:8000")]
    bind: String,
    #[arg(long, default_value = "axum")]
    server: Server,
    #[arg(long, default_value = "axum")]
    app: App,
    /// Without the limit on the time that a request's head may take, which axum has not.
    #[arg(long)]
    no_header_timeout: bool,
}

#[derive(Clone, Copy, ValueEnum)]
enum Server {
    /// `axum::serve`.
    Axum,
    /// gateway-hyper.
    Native,
}

#[derive(Clone, Copy, ValueEnum)]
enum App {
    /// A router with handlers.
    Axum,
    /// A router whose routes are an application of ours.
    Ours,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), BoxError> {
    let options = Options::parse();
    let router = match options.app {
        App::Axum => handlers(),
        App::Ours => {
            let service = ToTower::new(application);
            Router::new()
                .route_service("/", service.clone())
                .route_service("/stream", service.clone())
                .route_service("/echo", service)
        }
    };
    match options.server {
        Server::Axum => axum::serve(TcpListener::bind(&options.bind).await?, router).await?,
        Server::Native => {
            let mut builder = gateway_hyper::Server::builder().lifespan(gateway_hyper::LifespanMode::Off);
            if options.no_header_timeout {
                builder = builder.header_read_timeout(None);
            }
            builder.bind(&options.bind).await?.serve(FromTower::new(router)).await?;
        }
    }
    Ok(())
}

fn handlers() -> Router {
    let blocks = || stream::iter((0..BLOCKS).map(|_| Ok::<_, Infallible>(BLOCK)));
    Router::new()
        .route("/", get(|| async { "Hello, World!" }))
        .route("/stream", get(move || async move { Body::from_stream(blocks()) }))
        .route("/echo", post(|request: Request| async { request.into_body() }))
}

async fn application(
    scope: asgi::Scope,
    mut receive: asgi::Receive,
    mut send: asgi::Send,
) -> Result<(), Error> {
    let request = scope.into_http()?;
    match request.head().raw_path() {
        "/stream" => {
            send.start(StatusCode::OK, HeaderMap::new()).await?;
            for _ in 0..BLOCKS {
                send.block(BLOCK).await?;
            }
            send.last("").await?;
        }
        "/echo" => {
            send.start(StatusCode::OK, HeaderMap::new()).await?;
            while let Some(block) = receive.block().await? {
                send.block(block).await?;
            }
            send.last("").await?;
        }
        _ => send.text(200, "Hello, World!").await?,
    }
    Ok(())
}

const BLOCKS: usize = 10;
const BLOCK: Bytes = Bytes::from_static(&[b'x'; 1024]);

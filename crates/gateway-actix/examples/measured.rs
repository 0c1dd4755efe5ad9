//! The servers whose costs `cargo bench -p gateway-actix --bench costs` compares.
//!
//! `cargo run -p gateway-actix --example measured -- --bind 127.0.0.1:8000 --serve to-actix`

use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::{env, io};

use actix_web::web::{self, Bytes, Payload};
use actix_web::{App, HttpResponse, HttpServer};
use gateway_actix::{FromActix, ToActix};
use gateway_iface::futures_core::Stream;
use gateway_iface::http::{HeaderMap, StatusCode};
use gateway_iface::{BoxError, asgi};

fn main() -> Result<(), BoxError> {
    let args: Vec<String> = env::args().skip(1).collect();
    let [bind, addr, serve, server] = &args[..] else {
        return Err("--bind ADDR --serve actix|to-actix|from-actix|native".into());
    };
    if (bind.as_str(), serve.as_str()) != ("--bind", "--serve") {
        return Err(format!("{bind} {serve}: not an option here").into());
    }
    let by_actix = |configure: fn(&mut web::ServiceConfig)| {
        actix_web::rt::System::new().block_on(async {
            HttpServer::new(move || App::new().configure(configure)).workers(1).bind(addr)?.run().await
        })
    };
    match server.as_str() {
        "actix" => by_actix(handlers)?,
        "to-actix" => by_actix(|config| {
            config.default_service(ToActix::new(application));
        })?,
        "from-actix" => native(addr, FromActix::new(|| App::new().configure(handlers)).with_threads(1))?,
        "native" => native(addr, application)?,
        other => return Err(format!("{other} is no server").into()),
    }
    Ok(())
}

fn native(addr: &str, app: impl asgi::Application + 'static) -> Result<(), BoxError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    Ok(runtime.block_on(gateway_hyper::serve(addr, app))?)
}

fn handlers(config: &mut web::ServiceConfig) {
    config
        .route("/", web::get().to(|| async { "Hello, World!" }))
        .route("/stream", web::get().to(|| async { HttpResponse::Ok().streaming(Ten(10)) }))
        .route("/upload", web::post().to(upload));
}

async fn upload(mut body: Payload) -> actix_web::Result<String> {
    let mut len = 0;
    while let Some(block) = poll_fn(|cx| Pin::new(&mut body).poll_next(cx)).await {
        len += block?.len();
    }
    Ok(len.to_string())
}

struct Ten(usize);

impl Stream for Ten {
    type Item = io::Result<Bytes>;

    fn poll_next(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if self.0 == 0 {
            return Poll::Ready(None);
        }
        self.0 -= 1;
        Poll::Ready(Some(Ok(Bytes::from_static(BLOCK))))
    }
}

async fn application(
    scope: asgi::Scope,
    mut receive: asgi::Receive,
    mut send: asgi::Send,
) -> Result<(), gateway_iface::Error> {
    match scope.into_http()?.path_info() {
        "/stream" => {
            send.start(StatusCode::OK, HeaderMap::new()).await?;
            for _ in 0..10 {
                send.block(BLOCK).await?;
            }
            send.last("").await?;
        }
        "/upload" => {
            let mut len = 0;
            while let Some(block) = receive.block().await? {
                len += block.len();
            }
            send.text(200, len.to_string()).await?;
        }
        _ => send.text(200, "Hello, World!").await?,
    }
    Ok(())
}

const BLOCK: &[u8] = &[b'x'; 1024];

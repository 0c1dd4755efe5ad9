//! The routes of the `testbed` example on actix-web, with one worker and otherwise its defaults.

use std::convert::Infallible;
use std::net::SocketAddr;

use actix_web::http::header;
use actix_web::{App, Error, HttpRequest, HttpResponse, HttpServer, get, post, rt, web};
use actix_ws::Message;
use bytes::Bytes;
use clap::Parser;
use futures_util::{StreamExt as _, stream};

/// The testbed's routes on actix-web.
#[derive(Parser)]
struct Options {
    /// Where to listen.
    #[arg(long, default_value = "127.0.0.1:8003")]
    bind: SocketAddr,
}

#[actix_web::main]
async fn main() -> std::io::Result<()> {
    let options = Options::parse();
    let app = || App::new().service(hello).service(blocks).service(big).service(echo).service(socket);
    HttpServer::new(app).workers(1).bind(options.bind)?.run().await
}

#[get("/")]
async fn hello() -> HttpResponse {
    HttpResponse::Ok().content_type(TEXT).body("Hello, World!")
}

#[get("/stream")]
async fn blocks() -> HttpResponse {
    let blocks = stream::iter((0..10).map(|_| Ok::<_, Infallible>(Bytes::from_static(&BLOCK.0))));
    HttpResponse::Ok().content_type(TEXT).streaming(blocks)
}

#[get("/big")]
async fn big() -> HttpResponse {
    HttpResponse::Ok().content_type(TEXT).body(Bytes::from_static(&BIG.0))
}

#[post("/echo")]
async fn echo(request: HttpRequest, body: web::Payload) -> HttpResponse {
    let mut response = HttpResponse::Ok();
    if let Some(content_type) = request.headers().get(header::CONTENT_TYPE) {
        response.insert_header((header::CONTENT_TYPE, content_type.clone()));
    }
    response.streaming(body)
}

#[get("/ws")]
async fn socket(request: HttpRequest, body: web::Payload) -> Result<HttpResponse, Error> {
    let (response, mut session, mut messages) = actix_ws::handle(&request, body)?;
    rt::spawn(async move {
        while let Some(Ok(message)) = messages.next().await {
            let sent = match message {
                Message::Text(text) => session.text(text).await,
                Message::Binary(block) => session.binary(block).await,
                Message::Ping(block) => session.pong(&block).await,
                _ => Ok(()),
            };
            if sent.is_err() {
                return;
            }
        }
    });
    Ok(response)
}

const TEXT: &str = "text/plain; charset=utf-8";
static BLOCK: Page<1024> = Page([b'x'; 1024]);
static BIG: Page<{ 1024 * 1024 }> = Page([b'x'; 1024 * 1024]);

/// Octets from the beginning of a page on: where they lie, copying them to a socket takes more or less time, and is
/// not to differ between the servers that are compared.
#[repr(align(4096))]
struct Page<const LEN: usize>([u8; LEN]);

//! The routes of the `testbed` example on hyper alone: what the cost of the interface is measured against.
//!
//! `cargo run --release -p gateway-hyper --example raw_hyper -- --bind 127.0.0.1:8001`

use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use clap::Parser;
use http::{HeaderValue, Request, Response, StatusCode, header};
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpListener;

/// The testbed's routes on hyper alone.
#[derive(Parser)]
struct Options {
    /// Where to listen.
    #[arg(long, default_value = "127.0.0.1:8001")]
    bind: SocketAddr,
    /// No limit on the time that a request's head may take.
    #[arg(long)]
    no_header_timeout: bool,
}

enum Content {
    Full(Bytes),
    Blocks(u32),
    Echo(Incoming),
}

impl Body for Content {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        match &mut *self {
            Self::Full(block) if block.is_empty() => Poll::Ready(None),
            Self::Full(block) => Poll::Ready(Some(Ok(Frame::data(std::mem::take(block))))),
            Self::Blocks(0) => Poll::Ready(None),
            Self::Blocks(left) => {
                *left -= 1;
                Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(&BLOCK.0)))))
            }
            Self::Echo(body) => Pin::new(body).poll_frame(cx),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Full(block) => SizeHint::with_exact(block.len() as u64),
            Self::Blocks(_) => SizeHint::default(),
            Self::Echo(body) => body.size_hint(),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Full(block) => block.is_empty(),
            Self::Blocks(left) => *left == 0,
            Self::Echo(body) => body.is_end_stream(),
        }
    }
}

static BLOCK: Page<1024> = Page([b'x'; 1024]);
static BIG: Page<{ 1024 * 1024 }> = Page([b'x'; 1024 * 1024]);

/// Octets from the beginning of a page on: where they lie, copying them to a socket takes more or less time, and is
/// not to differ between the servers that are compared.
#[repr(align(4096))]
struct Page<const LEN: usize>([u8; LEN]);

async fn route(request: Request<Incoming>) -> Result<Response<Content>, Infallible> {
    let mut response = match request.uri().path() {
        "/" => Response::new(Content::Full(Bytes::from_static(b"Hello, World!"))),
        "/stream" => Response::new(Content::Blocks(10)),
        "/big" => Response::new(Content::Full(Bytes::from_static(&BIG.0))),
        "/echo" => {
            let content_type = request.headers().get(header::CONTENT_TYPE).cloned();
            let mut response = Response::new(Content::Echo(request.into_body()));
            if let Some(content_type) = content_type {
                response.headers_mut().insert(header::CONTENT_TYPE, content_type);
            }
            return Ok(response);
        }
        _ => {
            let mut response = Response::new(Content::Full(Bytes::from_static(b"Not Found")));
            *response.status_mut() = StatusCode::NOT_FOUND;
            response
        }
    };
    let text = HeaderValue::from_static("text/plain; charset=utf-8");
    response.headers_mut().insert(header::CONTENT_TYPE, text);
    Ok(response)
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> std::io::Result<()> {
    let options = Options::parse();
    let mut http = http1::Builder::new();
    if options.no_header_timeout {
        http.header_read_timeout(None);
    } else {
        http.timer(TokioTimer::new()).header_read_timeout(Duration::from_secs(30));
    }
    let listener = TcpListener::bind(options.bind).await?;
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        let connection = http.serve_connection(TokioIo::new(stream), service_fn(route));
        tokio::spawn(async move {
            // A connection that fails concerns no one else.
            let _ = connection.await;
        });
    }
}

//! The routes that load generators and conformance tools expect, to compare servers by.
//!
//! `cargo run --release --example testbed -- --bind 127.0.0.1:8000`, then:
//!
//! ```text
//! curl -i http://127.0.0.1:8000/                            13 octets of plain text
//! curl -i http://127.0.0.1:8000/stream                      ten blocks of 1 KiB, sent one by one
//! curl -so /dev/null http://127.0.0.1:8000/big              1 MiB of known length
//! curl -i --data hello http://127.0.0.1:8000/echo           the request body, streamed back
//! curl -i --data hello http://127.0.0.1:8000/length         how many octets the request body has
//! curl -i 'http://127.0.0.1:8000/scope?a=b'                 what the application was told
//! curl -i 'http://127.0.0.1:8000/sleep?ms=100'              nothing, after a while
//! ```
//!
//! `ws://127.0.0.1:8000/ws` sends every message of a WebSocket back.

use std::error::Error as StdError;
use std::fmt::Write as _;
use std::future::ready;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use clap::{ArgAction, Parser, ValueEnum};
use gateway_hyper::{Listener, Pool, Server, TlsConfig};
use gateway_iface::asgi::event::Accept;
use gateway_iface::asgi::{self, Handshake, HttpScope, Receive, Scope};
use gateway_iface::bridge::{Inline, WsgiToAsgi};
use gateway_iface::http::{HeaderMap, HeaderValue, StatusCode, header};
use gateway_iface::middleware::{Counter, PathGuard};
use gateway_iface::wsgi::{Body, Environ, StartResponse};
use gateway_iface::{Error, RequestHead};

/// The routes that load generators and conformance tools expect.
#[derive(Parser)]
struct Options {
    /// Where to listen.
    #[arg(long, default_value = "127.0.0.1:8000")]
    bind: SocketAddr,
    /// Threads that call the application.
    #[arg(long, default_value_t = 1)]
    threads: usize,
    /// Which kind of application to serve.
    #[arg(long, value_enum, default_value_t = Interface::Asgi)]
    interface: Interface,
    /// Call the synchronous application without threads.
    #[arg(long)]
    inline: bool,
    /// Ten layers of middleware around the application.
    #[arg(long, value_enum, default_value_t = Layers::None)]
    layers: Layers,
    /// A certificate chain, PEM: TLS is spoken.
    #[arg(long, requires = "tls_key")]
    tls_cert: Option<PathBuf>,
    /// The private key of the certificate, PEM.
    #[arg(long, requires = "tls_cert")]
    tls_key: Option<PathBuf>,
    /// Whether HTTP/2 is spoken too.
    #[arg(long, action = ArgAction::Set, default_value_t = true)]
    http2: bool,
    /// No limit on the time that a request's head may take.
    #[arg(long)]
    no_header_timeout: bool,
}

#[derive(Clone, Copy, Eq, PartialEq, ValueEnum)]
enum Interface {
    Asgi,
    Wsgi,
}

#[derive(Clone, Copy, ValueEnum)]
enum Layers {
    None,
    Forward,
    Counter,
    PathGuard,
}

/// Autobahn sends messages of 16 MiB, also as one frame; this is a little more.
const MAX_MESSAGE: usize = 16 * 1024 * 1024 + 1024;

const TEXT: HeaderValue = HeaderValue::from_static("text/plain; charset=utf-8");
static BLOCK: Page<1024> = Page([b'x'; 1024]);
static BIG: Page<{ 1024 * 1024 }> = Page([b'x'; 1024 * 1024]);

/// Octets from the beginning of a page on: where they lie, copying them to a socket takes more or less time, and is
/// not to differ between the servers that are compared.
#[repr(align(4096))]
struct Page<const LEN: usize>([u8; LEN]);

fn main() -> Result<(), Box<dyn StdError>> {
    let options = Options::parse();
    let app: Arc<dyn asgi::Application> = match (options.interface, options.inline) {
        (Interface::Asgi, _) => Arc::new(AsgiApp),
        (Interface::Wsgi, true) => Arc::new(Inline::new(wsgi_app)),
        (Interface::Wsgi, false) => {
            Arc::new(WsgiToAsgi::new(wsgi_app, Pool::new(options.threads, Pool::DEFAULT_QUEUE)?))
        }
    };
    let app = (0..10).fold(app, |inner, _| -> Arc<dyn asgi::Application> {
        match options.layers {
            Layers::None => inner,
            Layers::Forward => Arc::new(Forward { inner }),
            Layers::Counter => Arc::new(Counter::new(inner)),
            Layers::PathGuard => Arc::new(PathGuard::deny(inner).prefix("/admin")),
        }
    });
    let mut runtime = if options.threads > 1 && options.interface == Interface::Asgi {
        tokio::runtime::Builder::new_multi_thread()
    } else {
        tokio::runtime::Builder::new_current_thread()
    };
    runtime.worker_threads(options.threads).enable_all().build()?.block_on(async {
        let mut builder = Server::builder()
            .http2(options.http2)
            .websocket_max_message(MAX_MESSAGE)
            .websocket_max_frame(MAX_MESSAGE);
        if options.no_header_timeout {
            builder = builder.header_read_timeout(None);
        }
        let mut listener = Listener::bind(options.bind).await?;
        if let (Some(chain), Some(key)) = (options.tls_cert, options.tls_key) {
            listener = listener.with_tls(TlsConfig::new(chain, key))?;
        }
        builder.listen(listener)?.serve(app).await?;
        Ok(())
    })
}

/// The asynchronous application: one future for each route, no larger than the route needs.
struct AsgiApp;

impl asgi::Application for AsgiApp {
    fn call<'a, 'b>(&'a self, scope: Scope, receive: Receive, send: asgi::Send) -> Call<'b>
    where
        'a: 'b,
        Self: 'b,
    {
        let request = match scope {
            Scope::Http(request) => request,
            Scope::WebSocket(socket) if socket.head().path_info() == "/ws" => {
                return Box::pin(socket_echo(receive, send));
            }
            other => return Box::pin(ready(Err(other.unsupported().into()))),
        };
        match request.path_info() {
            "/" => Box::pin(text(send, 200, Bytes::from_static(b"Hello, World!"))),
            "/stream" => Box::pin(stream(send)),
            "/big" => Box::pin(big(send)),
            "/echo" => Box::pin(echo(request, receive, send)),
            "/length" => Box::pin(length(receive, send)),
            "/scope" => Box::pin(text(send, 200, describe(request.head()).into())),
            "/sleep" => Box::pin(sleep(pause(request.query_string()), send)),
            _ => Box::pin(text(send, 404, Bytes::from_static(b"Not Found"))),
        }
    }
}

async fn text(mut send: asgi::Send, status: u16, text: Bytes) -> Result<(), Error> {
    Ok(send.text(status, text).await?)
}

async fn stream(mut send: asgi::Send) -> Result<(), Error> {
    send.start(StatusCode::OK, text_headers()).await?;
    for _ in 0..10 {
        send.block(Bytes::from_static(&BLOCK.0)).await?;
    }
    Ok(send.last(Bytes::new()).await?)
}

async fn big(mut send: asgi::Send) -> Result<(), Error> {
    let mut headers = text_headers();
    headers.insert(header::CONTENT_LENGTH, HeaderValue::from(BIG.0.len()));
    send.start(StatusCode::OK, headers).await?;
    Ok(send.last(Bytes::from_static(&BIG.0)).await?)
}

async fn echo(request: HttpScope, mut receive: Receive, mut send: asgi::Send) -> Result<(), Error> {
    send.start(StatusCode::OK, echo_headers(request.head())).await?;
    while let Some(block) = receive.block().await? {
        send.block(block).await?;
    }
    Ok(send.last(Bytes::new()).await?)
}

async fn socket_echo(receive: Receive, send: asgi::Send) -> Result<(), Error> {
    let mut socket = Handshake::begin(receive, send).await?.accept(Accept::new()).await?;
    loop {
        let message = socket.next().await?;
        socket.send(message).await?;
    }
}

async fn length(mut receive: Receive, mut send: asgi::Send) -> Result<(), Error> {
    let mut length = 0;
    while let Some(block) = receive.block().await? {
        length += block.len();
    }
    Ok(send.text(200, format!("{length} octets")).await?)
}

async fn sleep(pause: Duration, mut send: asgi::Send) -> Result<(), Error> {
    tokio::time::sleep(pause).await;
    Ok(send.text(200, Bytes::new()).await?)
}

fn wsgi_app(mut environ: Environ, start_response: &mut dyn StartResponse) -> Result<Body, Error> {
    let (status, headers, body) = match environ.path_info() {
        "/" => (200, text_headers(), Body::from("Hello, World!")),
        "/stream" => (200, text_headers(), Body::blocks((0..10).map(|_| Bytes::from_static(&BLOCK.0)))),
        "/big" => {
            let mut headers = text_headers();
            headers.insert(header::CONTENT_LENGTH, HeaderValue::from(BIG.0.len()));
            (200, headers, Body::from(Bytes::from_static(&BIG.0)))
        }
        "/echo" => (200, echo_headers(environ.head()), Body::file(environ.take_input(), 64 * 1024)),
        "/length" => {
            let length = std::io::copy(&mut environ.take_input(), &mut std::io::sink())?;
            (200, text_headers(), Body::from(format!("{length} octets")))
        }
        "/scope" => (200, text_headers(), Body::from(describe(environ.head()))),
        "/sleep" => {
            std::thread::sleep(pause(environ.query_string()));
            (200, text_headers(), Body::empty())
        }
        _ => (404, text_headers(), Body::from("Not Found")),
    };
    start_response.start(StatusCode::from_u16(status)?, headers)?;
    Ok(body)
}

fn text_headers() -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert(header::CONTENT_TYPE, TEXT);
    headers
}

fn echo_headers(request: &RequestHead) -> HeaderMap {
    let mut headers = HeaderMap::new();
    if let Some(content_type) = request.headers().get(header::CONTENT_TYPE) {
        headers.insert(header::CONTENT_TYPE, content_type.clone());
    }
    headers
}

/// What the application was told, as `KEY=value` lines.
fn describe(request: &RequestHead) -> String {
    let mut out = String::new();
    let _ = writeln!(out, "METHOD={}", request.method());
    let _ = writeln!(out, "ROOT_PATH={}", request.root_path());
    let _ = writeln!(out, "PATH_INFO={}", request.path_info());
    let _ = writeln!(out, "QUERY_STRING={}", request.query_string());
    let _ = writeln!(out, "VERSION={:?}", request.version());
    let _ = writeln!(out, "SCHEME={}", if request.is_secure() { "https" } else { "http" });
    if let Some(client) = request.client() {
        let _ = writeln!(out, "CLIENT={client}");
    }
    for (name, value) in request.headers() {
        let _ = writeln!(out, "HEADER_{name}={}", value.as_bytes().escape_ascii());
    }
    out
}

/// The pause that `ms=N` in a query asks for, up to a minute.
fn pause(query: &str) -> Duration {
    let millis = query.split('&').find_map(|pair| pair.strip_prefix("ms=")?.parse().ok());
    Duration::from_millis(millis.unwrap_or(0).min(60_000))
}

/// A layer that forwards, and nothing else.
struct Forward<A> {
    inner: A,
}

impl<A: asgi::Application> asgi::Application for Forward<A> {
    fn call<'a, 'b>(&'a self, scope: Scope, receive: Receive, send: asgi::Send) -> Call<'b>
    where
        'a: 'b,
        Self: 'b,
    {
        self.inner.call(scope, receive, send)
    }
}

/// What an application returns that is written without `async_trait`.
type Call<'a> = Pin<Box<dyn Future<Output = Result<(), Error>> + Send + 'a>>;

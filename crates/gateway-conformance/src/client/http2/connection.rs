//! One connection, on which streams are opened.

use std::net::SocketAddr;
use std::sync::Arc;

use gateway_iface::bytes::Bytes;
use gateway_iface::http::{Request, Uri, Version, header};
use h2::client::{Builder, SendRequest};
use tokio::net::TcpStream;
use tokio::runtime::{self, Runtime};
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::stream::Stream;
use crate::case::Failure;
use crate::client::deadline::limit;
use crate::client::{HOST, Response};

/// A connection that keeps the protocol: a thread of its own answers what the server asks of it meanwhile.
pub(crate) struct Http2 {
    requests: SendRequest<Bytes>,
    connection: JoinHandle<Result<(), h2::Error>>,
    threads: Threads,
}

/// Where the connection goes on while the kit does something else.
#[derive(Clone)]
pub(super) struct Threads(Arc<Runtime>);

impl Http2 {
    pub(crate) fn connect(addr: SocketAddr) -> Result<Self, Failure> {
        let runtime = runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
        let threads = Threads(Arc::new(runtime.map_err(|error| Failure::of("starting a thread", error))?));
        let mut builder = Builder::new();
        // One stream that is not read must not hold up the others.
        builder.initial_connection_window_size(CONNECTION_WINDOW).max_header_list_size(MAX_FIELDS);
        let handshake = async {
            let stream = TcpStream::connect(addr).await?;
            stream.set_nodelay(true)?;
            builder.handshake(stream).await.map_err(std::io::Error::other)
        };
        let connected = threads.wait("connecting by HTTP/2", handshake)?;
        let (requests, connection) = connected.map_err(|error| Failure::of("connecting by HTTP/2", error))?;
        let connection = threads.0.spawn(connection);
        Ok(Self { requests, connection, threads })
    }

    /// Opens a stream with this head; `end` tells whether there is no body. Fields of HTTP/1 are left out, and
    /// the host is the authority.
    pub(crate) fn open(&mut self, request: &Request<()>, end: bool) -> Result<Stream, Failure> {
        self.open_as_it_is(over_http2(request)?, end)
    }

    /// Opens a stream with exactly this head.
    pub(crate) fn open_as_it_is(&mut self, request: Request<()>, end: bool) -> Result<Stream, Failure> {
        let ready = self.threads.wait("waiting to open a stream", self.requests.clone().ready())?;
        let opened = ready.and_then(|mut requests| requests.send_request(request, end));
        let (response, body) = opened.map_err(|error| Failure::of("opening a stream", error))?;
        Ok(Stream::new(self.threads.clone(), response, body))
    }

    /// Makes a whole request.
    pub(crate) fn request(&mut self, request: Request<impl Into<Bytes>>) -> Result<Response, Failure> {
        let (parts, body) = request.into_parts();
        let body = body.into();
        let mut stream = self.open(&Request::from_parts(parts, ()), body.is_empty())?;
        if !body.is_empty() {
            stream.send(body, true);
        }
        stream.response()
    }

    /// Breaks the connection off, with whatever is under way on it.
    pub(crate) fn leave(self) {
        self.connection.abort();
    }
}

impl Threads {
    /// Waits for that, as long as the kit waits for anything.
    pub(super) fn wait<F: Future>(&self, doing: &str, future: F) -> Result<F::Output, Failure> {
        let limit = limit();
        self.0
            .block_on(async { timeout(limit, future).await })
            .map_err(|_| Failure::new(format!("{doing}: nothing came within {limit:?}")))
    }

    /// Waits for that no longer than that time.
    pub(super) fn wait_a_while<F: Future>(&self, time: std::time::Duration, future: F) -> Option<F::Output> {
        self.0.block_on(async { timeout(time, future).await }).ok()
    }
}

/// The same request over HTTP/2.
fn over_http2(request: &Request<()>) -> Result<Request<()>, Failure> {
    let (mut parts, ()) = request.clone().into_parts();
    let authority = parts.headers.remove(header::HOST);
    let authority = authority.as_ref().map_or(HOST.as_bytes(), |host| host.as_bytes());
    for name in [header::CONNECTION, header::TRANSFER_ENCODING, header::UPGRADE] {
        parts.headers.remove(name);
    }
    let target = parts.uri.path_and_query().map_or("/", |target| target.as_str());
    let uri = Uri::builder().scheme("http").authority(authority).path_and_query(target).build();
    parts.uri = uri.map_err(|error| Failure::of("the target of a request", error))?;
    parts.version = Version::HTTP_2;
    Ok(Request::from_parts(parts, ()))
}

const CONNECTION_WINDOW: u32 = 16 * 1024 * 1024;
const MAX_FIELDS: u32 = 1024 * 1024;

//! Servers of both sides for axum's routers, and a client of both versions.

use std::convert::Infallible;
use std::net::SocketAddr;

use axum::Router;
use axum::body::Body;
use bytes::Bytes;
use futures_util::stream;
use gateway_hyper::{Builder, Handle};
use gateway_iface::{BoxError, asgi};
use gateway_tower::FromTower;
use http::request;
use http::{Request, Response, header};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper::client::conn::{http1, http2};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::TcpStream;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;

/// Runs the test by HTTP/1.1, then by HTTP/2.
pub(crate) fn by_both(test: impl AsyncFn(Protocol)) {
    for protocol in [Protocol::Http1, Protocol::Http2] {
        run(test(protocol));
    }
}

/// Runs the test on both servers, by both versions: what is expected is the same.
pub(crate) fn everywhere(test: impl AsyncFn(By, Protocol)) {
    for by in [By::Us, By::Axum] {
        by_both(async |protocol| test(by, protocol).await);
    }
}

/// Runs a test on a runtime of its own.
pub(crate) fn run(test: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let done = runtime.block_on(async { tokio::time::timeout(DEADLINE, test).await });
    runtime.shutdown_background();
    done.expect("the test does not come to an end");
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Protocol {
    Http1,
    Http2,
}

/// Who serves a router.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum By {
    /// `gateway-hyper`, by [`FromTower`].
    Us,
    /// `axum::serve`.
    Axum,
}

/// A server that serves.
pub(crate) struct Server {
    addr: SocketAddr,
    stop: Stop,
    task: JoinHandle<Result<(), BoxError>>,
}

enum Stop {
    Us(Handle),
    Axum(oneshot::Sender<()>),
}

impl Server {
    /// Serves an application.
    pub(crate) async fn of(app: impl asgi::Application + 'static) -> Self {
        Self::with(builder(), app).await
    }

    pub(crate) async fn with(builder: Builder, app: impl asgi::Application + 'static) -> Self {
        let server = builder.bind("127.0.0.1:0").await.unwrap();
        let (addr, handle) = (server.local_addr().tcp().unwrap(), server.handle());
        let task = tokio::spawn(async { Ok(server.serve(app).await?) });
        Self { addr, stop: Stop::Us(handle), task }
    }

    /// Serves a router, by either.
    pub(crate) async fn start(by: By, router: Router) -> Self {
        if by == By::Us {
            return Self::of(from_router(router)).await;
        }
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addr = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel::<()>();
        let router = router.into_make_service_with_connect_info::<SocketAddr>();
        let stopped = async { drop(stopped.await) };
        let serving = axum::serve(listener, router).with_graceful_shutdown(stopped).into_future();
        let task = tokio::spawn(async { Ok(serving.await?) });
        Self { addr, stop: Stop::Axum(stop), task }
    }

    pub(crate) const fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Has it stop when what is under way is done.
    pub(crate) fn shut_down(self) -> JoinHandle<Result<(), BoxError>> {
        match self.stop {
            Stop::Us(handle) => handle.shutdown(),
            Stop::Axum(stop) => drop(stop),
        }
        self.task
    }

    /// Has it stop, and waits until it does: then it accepts no more.
    pub(crate) async fn stop_accepting(self) -> JoinHandle<Result<(), BoxError>> {
        let addr = self.addr;
        let stopped = self.shut_down();
        while TcpStream::connect(addr).await.is_ok() {
            tokio::task::yield_now().await;
        }
        stopped
    }

    /// Stops it: everything must come to its end.
    pub(crate) async fn stop(self) {
        self.shut_down().await.unwrap().unwrap();
    }

    pub(crate) async fn connect(&self, protocol: Protocol) -> Client {
        Client::connect(self.addr, protocol).await
    }
}

/// A router as an application, with all that its extractors look for.
pub(crate) fn from_router(router: Router) -> FromTower<Router> {
    FromTower::new(router).with_request(gateway_tower::axum::extensions)
}

pub(crate) fn builder() -> Builder {
    gateway_hyper::Server::builder().signals(false)
}

/// One connection of a client; it is closed when this is dropped.
pub(crate) struct Client {
    requests: Requests,
    connection: JoinHandle<()>,
}

enum Requests {
    Http1(http1::SendRequest<Body>),
    Http2(http2::SendRequest<Body>),
}

impl Client {
    pub(crate) async fn connect(addr: SocketAddr, protocol: Protocol) -> Self {
        let stream = TcpStream::connect(addr).await.unwrap();
        stream.set_nodelay(true).unwrap();
        let stream = TokioIo::new(stream);
        match protocol {
            Protocol::Http1 => {
                let (requests, connection) = http1::handshake(stream).await.unwrap();
                let connection = tokio::spawn(async { drop(connection.await) });
                Self { requests: Requests::Http1(requests), connection }
            }
            Protocol::Http2 => {
                let (requests, connection) = http2::handshake(TokioExecutor::new(), stream).await.unwrap();
                let connection = tokio::spawn(async { drop(connection.await) });
                Self { requests: Requests::Http2(requests), connection }
            }
        }
    }

    /// Sends a request as it is, and hands out the response when its head is there.
    pub(crate) async fn begin(&mut self, mut request: Request<Body>) -> hyper::Result<Response<Incoming>> {
        match &mut self.requests {
            Requests::Http1(requests) => {
                requests.ready().await?;
                request.headers_mut().entry(header::HOST).or_insert(http::HeaderValue::from_static("test"));
                requests.send_request(request).await
            }
            Requests::Http2(requests) => {
                requests.ready().await?;
                *request.uri_mut() = format!("http://test{}", request.uri()).parse().unwrap();
                requests.send_request(request).await
            }
        }
    }

    /// Sends a request, and reads the response to its end.
    pub(crate) async fn send(&mut self, request: request::Builder, body: impl Into<Body>) -> Response<Bytes> {
        let response = self.begin(request.body(body.into()).unwrap()).await.unwrap();
        let (parts, body) = response.into_parts();
        Response::from_parts(parts, body.collect().await.unwrap().to_bytes())
    }

    pub(crate) async fn get(&mut self, target: &str) -> Response<Bytes> {
        self.send(Request::get(target), Body::empty()).await
    }

    /// The status and the text of the response to a request.
    pub(crate) async fn text(&mut self, request: request::Builder, body: impl Into<Body>) -> (u16, String) {
        text(self.send(request, body).await)
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        self.connection.abort();
    }
}

pub(crate) fn text(response: Response<Bytes>) -> (u16, String) {
    let (parts, body) = response.into_parts();
    (parts.status.as_u16(), String::from_utf8(body.to_vec()).unwrap())
}

/// A body that is fed block by block, and ends when its sender is dropped.
pub(crate) fn fed() -> (mpsc::Sender<Bytes>, Body) {
    let (feed, blocks) = mpsc::channel(1);
    let blocks = stream::unfold(blocks, async |mut blocks: mpsc::Receiver<Bytes>| {
        blocks.recv().await.map(|block| (Ok::<_, Infallible>(block), blocks))
    });
    (feed, Body::from_stream(blocks))
}

/// The next block of a body; an empty one ends a stream of HTTP/2, or says nothing.
pub(crate) async fn block(body: &mut Incoming) -> Option<Bytes> {
    loop {
        let block = body.frame().await?.unwrap().into_data().unwrap();
        if !block.is_empty() {
            return Some(block);
        }
    }
}

const DEADLINE: std::time::Duration = std::time::Duration::from_secs(30);

//! A server under test, and a client of HTTP/2.

use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use gateway_hyper::{Builder, Handle, ServeError};
use gateway_iface::asgi;
use gateway_iface::validate::{OnViolation, Validator, Violations};
use h2::client::{ResponseFuture, SendRequest};
use h2::{RecvStream, SendStream};
use http::{HeaderMap, Request, Response};
use tokio::net::TcpStream;
use tokio::runtime;
use tokio::task::JoinHandle;

/// Runs the test on a runtime with one thread, and again on one with two.
pub(crate) fn on_both_runtimes(test: impl AsyncFn()) {
    for mut builder in [runtime::Builder::new_current_thread(), runtime::Builder::new_multi_thread()] {
        let runtime = builder.worker_threads(2).enable_all().build().unwrap();
        let done = runtime.block_on(async { tokio::time::timeout(DEADLINE, test()).await });
        runtime.shutdown_background();
        done.expect("the test does not come to an end");
    }
}

/// A server that serves, with a validator between it and its application.
pub(crate) struct Server {
    pub(crate) addr: SocketAddr,
    pub(crate) handle: Handle,
    pub(crate) task: JoinHandle<Result<(), ServeError>>,
    violations: Violations,
}

impl Server {
    pub(crate) async fn start(app: impl asgi::Application + 'static) -> Self {
        Self::with(builder(), app).await
    }

    pub(crate) async fn with(builder: Builder, app: impl asgi::Application + 'static) -> Self {
        Self::despite(&[], builder, app).await
    }

    /// For an application that breaks these rules on purpose.
    pub(crate) async fn despite(
        rules: &[&'static str],
        builder: Builder,
        app: impl asgi::Application + 'static,
    ) -> Self {
        let app = Validator::new(app).on_violation(OnViolation::Collect).except("H-73").except("V-06");
        let app = rules.iter().fold(app, |app, rule| app.except(rule));
        let violations = app.violations();
        let server = builder.bind("127.0.0.1:0").await.unwrap();
        let (addr, handle) = (server.local_addr().tcp().unwrap(), server.handle());
        Self { addr, handle, task: tokio::spawn(server.serve(app)), violations }
    }

    /// A connection, by prior knowledge.
    pub(crate) async fn connect(&self) -> Client {
        self.connect_by(&h2::client::Builder::new()).await
    }

    pub(crate) async fn connect_by(&self, builder: &h2::client::Builder) -> Client {
        let stream = TcpStream::connect(self.addr).await.unwrap();
        let (requests, connection) = builder.handshake(stream).await.unwrap();
        Client { requests, connection: tokio::spawn(connection) }
    }

    /// Stops it: everything must come to its end, and no rule must have been broken.
    pub(crate) async fn stop(self) {
        self.handle.shutdown();
        self.task.await.unwrap().unwrap();
        self.violations.assert_none();
    }
}

/// One connection of a client.
pub(crate) struct Client {
    pub(crate) requests: SendRequest<Bytes>,
    /// How the connection ends.
    pub(crate) connection: JoinHandle<Result<(), h2::Error>>,
}

impl Client {
    /// Opens a stream with that head.
    pub(crate) async fn open(
        &mut self,
        request: Request<()>,
        end: bool,
    ) -> (ResponseFuture, SendStream<Bytes>) {
        let mut requests = self.requests.clone().ready().await.unwrap();
        requests.send_request(request, end).unwrap()
    }

    /// Sends a request without a body, and reads the response.
    pub(crate) async fn send(&mut self, request: Request<()>) -> Response<Bytes> {
        let (response, _) = self.open(request, true).await;
        read(response.await.unwrap()).await.unwrap().0
    }

    pub(crate) async fn get(&mut self, path: &str) -> Response<Bytes> {
        self.send(get(path)).await
    }
}

pub(crate) fn get(path: &str) -> Request<()> {
    Request::get(format!("http://test{path}")).body(()).unwrap()
}

pub(crate) fn post(path: &str) -> Request<()> {
    Request::post(format!("http://test{path}")).body(()).unwrap()
}

/// Reads a response to its end, with its trailers.
pub(crate) async fn read(
    response: Response<RecvStream>,
) -> Result<(Response<Bytes>, Option<HeaderMap>), h2::Error> {
    let (parts, mut stream) = response.into_parts();
    let mut body = Vec::new();
    while let Some(block) = stream.data().await {
        let block = block?;
        stream.flow_control().release_capacity(block.len())?;
        body.extend_from_slice(&block);
    }
    let trailers = stream.trailers().await?;
    Ok((Response::from_parts(parts, body.into()), trailers))
}

/// Settings for tests: signals stay with the test runner, and what is not told to end never does.
pub(crate) fn builder() -> Builder {
    gateway_hyper::Server::builder().signals(false).grace_period(10 * DEADLINE)
}

const DEADLINE: Duration = Duration::from_secs(60);

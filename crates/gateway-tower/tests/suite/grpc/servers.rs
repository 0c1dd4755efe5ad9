//! The servers that are called: ours, and tonic's own.

use std::net::SocketAddr;
use std::time::Duration;

use gateway_hyper::{Builder, Handle, ServeError, Server};
use gateway_iface::asgi;
use gateway_iface::http::uri::PathAndQuery;
use gateway_iface::validate::{OnViolation, Validator, Violations};
use tokio::net::TcpListener;
use tokio::runtime;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tonic::service::Routes;
use tonic::transport::server::TcpIncoming;
use tonic::transport::{Channel, Endpoint};
use tonic_prost::ProstCodec;

use super::service::{Note, Notes};

/// Runs the test on a runtime with one thread, and again on one with two.
pub(crate) fn on_both_runtimes(test: impl AsyncFn()) {
    for mut builder in [runtime::Builder::new_current_thread(), runtime::Builder::new_multi_thread()] {
        let runtime = builder.worker_threads(2).enable_all().build().unwrap();
        let done = runtime.block_on(async { tokio::time::timeout(DEADLINE, test()).await });
        runtime.shutdown_background();
        done.expect("the test does not come to an end");
    }
}

/// The native server, with a validator between it and its application.
pub(crate) struct Ours {
    pub(crate) addr: SocketAddr,
    pub(crate) handle: Handle,
    task: JoinHandle<Result<(), ServeError>>,
    violations: Violations,
}

impl Ours {
    pub(crate) async fn start(app: impl asgi::Application + 'static) -> Self {
        Self::with(Server::builder(), app).await
    }

    pub(crate) async fn with(builder: Builder, app: impl asgi::Application + 'static) -> Self {
        let app = Validator::new(app).on_violation(OnViolation::Collect);
        let violations = app.violations();
        let server = builder.signals(false).bind("127.0.0.1:0").await.unwrap();
        let (addr, handle) = (server.local_addr().tcp().unwrap(), server.handle());
        Self { addr, handle, task: tokio::spawn(server.serve(app)), violations }
    }

    /// With a service, as tonic's own server would have it.
    pub(crate) async fn tonic(notes: Notes) -> Self {
        Self::start(gateway_tower::tonic::application(Routes::new(notes).prepare())).await
    }

    /// Stops it: everything must come to its end, and no rule must have been broken.
    pub(crate) async fn stop(self) {
        self.handle.shutdown();
        self.task.await.unwrap().unwrap();
        self.violations.assert_none();
    }
}

/// tonic's own server.
pub(crate) struct Theirs {
    pub(crate) addr: SocketAddr,
    stop: oneshot::Sender<()>,
    task: JoinHandle<Result<(), tonic::transport::Error>>,
}

impl Theirs {
    pub(crate) async fn start(notes: Notes) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addr = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel::<()>();
        let incoming = TcpIncoming::from(listener).with_nodelay(Some(true));
        let serving = tonic::transport::Server::builder()
            .add_service(notes)
            .serve_with_incoming_shutdown(incoming, async { drop(stopped.await) });
        Self { addr, stop, task: tokio::spawn(serving) }
    }

    pub(crate) async fn stop(self) {
        drop(self.stop);
        self.task.await.unwrap().unwrap();
    }
}

/// A connection of tonic's client.
pub(crate) async fn connect(addr: SocketAddr) -> Channel {
    Endpoint::from_shared(format!("http://{addr}")).unwrap().connect().await.unwrap()
}

pub(crate) fn path(path: &'static str) -> PathAndQuery {
    PathAndQuery::from_static(path)
}

pub(crate) fn codec() -> ProstCodec<Note, Note> {
    ProstCodec::default()
}

const DEADLINE: Duration = Duration::from_secs(60);

//! Servers for the kit: ours, hyper's, and axum's.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use gateway_conformance::{Application, Running};
use gateway_iface::adapter::Origin;
use gateway_iface::asgi::{self, LifespanError, LifespanExchange};
use gateway_iface::http::Request;
use gateway_iface::{BoxError, Connection, async_trait};
use gateway_tower::{FromTower, ToTower};
use hyper::body::Incoming;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use tokio::net::TcpListener;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::oneshot;
use tower::ServiceExt;

/// The application as a service, with what it stored at start-up.
pub(crate) type Service = ToTower<dyn asgi::Application>;

/// Serves a service until it is told to stop, on a socket that listens already.
#[async_trait]
pub(crate) trait Serve: Copy + Send + Sync + 'static {
    async fn serve(
        self,
        listener: TcpListener,
        service: Service,
        stop: oneshot::Receiver<()>,
    ) -> Result<(), BoxError>;
}

/// Starts a server of a framework's own, and runs the lifespan of the application around it.
pub(crate) fn start(server: impl Serve, app: Application) -> Result<(SocketAddr, Stop), BoxError> {
    let runtime = runtime()?;
    let app: Arc<dyn asgi::Application> = Arc::new(app);
    let mut lifespan = LifespanExchange::<'static>::of_shared(app.clone());
    let mut service = ToTower::shared(app);
    match runtime.block_on(lifespan.startup()) {
        Ok(state) => service = service.with_state(state),
        Err(LifespanError::Unsupported) => {}
        Err(error) => return Err(error.into()),
    }
    let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0"))?;
    let addr = listener.local_addr()?;
    let (stop, stopped) = oneshot::channel();
    let calls = service.clone();
    let serving = runtime.spawn(server.serve(listener, service, stopped));
    let stop = move || {
        drop(stop);
        runtime.block_on(serving)??;
        runtime.block_on(calls.finished());
        Ok(runtime.block_on(lifespan.shutdown())?)
    };
    Ok((addr, Box::new(stop)))
}

pub(crate) type Stop = Box<dyn FnOnce() -> Result<(), BoxError> + Send>;

/// hyper itself, of both versions.
#[derive(Clone, Copy)]
pub(crate) struct Hyper;

#[async_trait]
impl Serve for Hyper {
    async fn serve(
        self,
        listener: TcpListener,
        service: Service,
        mut stop: oneshot::Receiver<()>,
    ) -> Result<(), BoxError> {
        let (server, graceful) = (auto::Builder::new(TokioExecutor::new()), GracefulShutdown::new());
        loop {
            let (stream, client) = tokio::select! {
                accepted = listener.accept() => accepted?,
                _ = &mut stop => break,
            };
            stream.set_nodelay(true)?;
            let connection = Arc::new(Connection::new().with_client(client));
            let service = service.clone().map_request(move |mut request: Request<Incoming>| {
                request.extensions_mut().insert(Origin::new(connection.clone()));
                request
            });
            let service = TowerToHyperService::new(service);
            let connection =
                server.serve_connection_with_upgrades(TokioIo::new(stream), service).into_owned();
            tokio::spawn(graceful.watch(connection));
        }
        drop(tokio::time::timeout(GRACE_PERIOD, graceful.shutdown()).await);
        Ok(())
    }
}

/// `axum::serve`.
#[derive(Clone, Copy)]
pub(crate) struct Axum;

#[async_trait]
impl Serve for Axum {
    async fn serve(
        self,
        listener: TcpListener,
        service: Service,
        stop: oneshot::Receiver<()>,
    ) -> Result<(), BoxError> {
        let service = service.with_origin(gateway_tower::axum::origin);
        let router = axum::Router::new().fallback_service(service);
        let router = router.into_make_service_with_connect_info::<SocketAddr>();
        let stopped = async { drop(stop.await) };
        let serving = axum::serve(listener, router).with_graceful_shutdown(stopped).into_future();
        tokio::spawn(serving).await??;
        Ok(())
    }
}

/// The native server, with the application behind an axum router and behind our adapters, so many times.
pub(crate) fn round_trip(app: Application, layers: usize, http2: bool) -> Result<Running, BoxError> {
    let mut app: Arc<dyn asgi::Application> = Arc::new(app);
    let mut services = Vec::new();
    for _ in 0..layers {
        let service = ToTower::shared(app);
        services.push(service.clone());
        app = Arc::new(FromTower::new(axum::Router::new().fallback_service(service)));
    }
    let runtime = runtime()?;
    let server = runtime.block_on(gateway_hyper::Server::builder().signals(false).bind("127.0.0.1:0"))?;
    let addr = server.local_addr().tcp().ok_or("not listening on TCP")?;
    let handle = server.handle();
    let serving = runtime.spawn(server.serve(app));
    let stop = move || {
        handle.shutdown();
        runtime.block_on(serving)??;
        for service in services.iter().rev() {
            runtime.block_on(service.finished());
        }
        Ok(())
    };
    Ok(if http2 { Running::http2(addr, stop) } else { Running::tcp(addr, stop) })
}

fn runtime() -> std::io::Result<Runtime> {
    Builder::new_multi_thread().worker_threads(1).enable_all().build()
}

/// How long connections and calls have to end.
const GRACE_PERIOD: Duration = Duration::from_secs(2);

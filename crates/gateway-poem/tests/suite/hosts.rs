//! Servers for the kit: ours, and poem's.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use gateway_conformance::{Application, Running};
use gateway_iface::BoxError;
use gateway_iface::asgi::{self, LifespanError, LifespanExchange};
use gateway_poem::{FromPoem, ToPoem};
use poem::listener::{Acceptor, TcpAcceptor};
use tokio::net::TcpSocket;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::oneshot;
use tokio::time::timeout;

/// Starts poem's own server with the application as its endpoint, and runs the lifespan of the application around it.
pub(crate) fn poem(app: Application) -> Result<(SocketAddr, Stop), BoxError> {
    let runtime = runtime()?;
    let app: Arc<dyn asgi::Application> = Arc::new(app);
    let mut lifespan = LifespanExchange::<'static>::of_shared(app.clone());
    let mut endpoint = ToPoem::shared(app);
    match runtime.block_on(lifespan.startup()) {
        Ok(state) => endpoint = endpoint.with_state(state),
        Err(LifespanError::Unsupported) => {}
        Err(error) => return Err(error.into()),
    }
    let acceptor = runtime.block_on(async { acceptor() })?;
    let addr = address(&acceptor);
    let (stop, stopped) = oneshot::channel::<()>();
    let stopped = async { drop(stopped.await) };
    let calls = endpoint.clone();
    let server = poem::Server::new_with_acceptor(acceptor);
    let serving = runtime.spawn(server.run_with_graceful_shutdown(endpoint, stopped, Some(GRACE_PERIOD)));
    let stop = move || {
        drop(stop);
        runtime.block_on(serving)??;
        // Where a case has failed, one may wait for ever.
        let finished = runtime.block_on(async { timeout(GRACE_PERIOD, calls.finished()).await });
        runtime.block_on(lifespan.shutdown())?;
        Ok(finished?)
    };
    Ok((addr, Box::new(stop)))
}

/// A socket that listens, whose connections do not wait for more to send, as they would under poem otherwise.
pub(crate) fn acceptor() -> io::Result<TcpAcceptor> {
    let socket = TcpSocket::new_v4()?;
    socket.set_nodelay(true)?;
    socket.bind(SocketAddr::from(([127, 0, 0, 1], 0)))?;
    TcpAcceptor::from_tokio(socket.listen(1024)?)
}

pub(crate) fn address(acceptor: &TcpAcceptor) -> SocketAddr {
    *acceptor.local_addr()[0].as_socket_addr().unwrap()
}

pub(crate) type Stop = Box<dyn FnOnce() -> Result<(), BoxError> + Send>;

/// The native server, with the application behind both adapters, so many times.
pub(crate) fn round_trip(app: Application, layers: usize, http2: bool) -> Result<Running, BoxError> {
    let mut app: Arc<dyn asgi::Application> = Arc::new(app);
    let mut endpoints = Vec::new();
    for _ in 0..layers {
        let endpoint = ToPoem::shared(app);
        endpoints.push(endpoint.clone());
        app = Arc::new(FromPoem::new(endpoint));
    }
    let runtime = runtime()?;
    let server = runtime.block_on(gateway_hyper::Server::builder().signals(false).bind("127.0.0.1:0"))?;
    let addr = server.local_addr().tcp().ok_or("not listening on TCP")?;
    let handle = server.handle();
    let serving = runtime.spawn(server.serve(app));
    let stop = move || {
        handle.shutdown();
        runtime.block_on(serving)??;
        for endpoint in endpoints.iter().rev() {
            runtime.block_on(endpoint.finished());
        }
        Ok(())
    };
    Ok(if http2 { Running::http2(addr, stop) } else { Running::tcp(addr, stop) })
}

fn runtime() -> io::Result<Runtime> {
    Builder::new_multi_thread().worker_threads(1).enable_all().build()
}

/// How long connections, and then calls, have to end.
const GRACE_PERIOD: Duration = Duration::from_secs(5);

//! The kit over TCP.

use std::net::SocketAddr;
use std::time::Duration;

use gateway_conformance::{Application, Exception, Host, Running, suite};
use gateway_hyper::{Pool, Server};
use gateway_iface::bridge::WsgiToAsgi;
use gateway_iface::{BoxError, asgi};

suite!(
    asynchronous,
    |app: Application| serve(app),
    [wsgi, asgi_http, asgi_websocket, lifespan, middleware, http_wire, websocket_wire, http2]
);

suite!(on_the_pool, OnThePool, [wsgi, asgi_http, middleware, http_wire]);

suite!(
    by_http2,
    |app: Application| {
        let (addr, stop) = start(app)?;
        Ok(Running::http2(addr, stop))
    },
    [wsgi, asgi_http, middleware]
);

/// Every application as a synchronous one, on threads.
struct OnThePool;

impl Host for OnThePool {
    fn start(&self, app: Application) -> Result<Running, BoxError> {
        serve(WsgiToAsgi::new(app, Pool::new(4, 16)?))
    }

    fn exceptions(&self) -> &[Exception] {
        Exception::SYNCHRONOUS
    }
}

fn serve(app: impl asgi::Application + 'static) -> Result<Running, BoxError> {
    let (addr, stop) = start(app)?;
    Ok(Running::tcp(addr, stop))
}

type Stop = Box<dyn FnOnce() -> Result<(), BoxError> + Send>;

fn start(app: impl asgi::Application + 'static) -> Result<(SocketAddr, Stop), BoxError> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    // Where a call waits for ever, as the exceptions say, its end need not be waited for long.
    let builder =
        Server::builder().signals(false).grace_period(Duration::from_secs(3)).drain_idle(Duration::ZERO);
    let server = runtime.block_on(builder.bind("127.0.0.1:0"))?;
    let addr = server.local_addr().tcp().ok_or("not listening on TCP")?;
    let handle = server.handle();
    let serving = runtime.spawn(server.serve(app));
    let stop = move || {
        handle.shutdown();
        let stopped = runtime.block_on(serving);
        // A thread that a case left waiting must not keep it.
        runtime.shutdown_background();
        Ok(stopped??)
    };
    Ok((addr, Box::new(stop)))
}

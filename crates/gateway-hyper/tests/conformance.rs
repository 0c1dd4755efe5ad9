//! The kit over TCP.

use std::sync::Arc;

use gateway_conformance::{Application, Running, suite};
use gateway_hyper::{Pool, Server, wsgi};
use gateway_iface::{BoxError, asgi};

suite!(asynchronous, |app: Application| serve(app), [wsgi, asgi_http, lifespan, middleware, http_wire]);

suite!(
    on_the_pool,
    |app: Application| serve(wsgi(app, Pool::new(4, 16)?)),
    [wsgi, asgi_http, middleware, http_wire]
);

fn serve(app: impl asgi::Application + 'static) -> Result<Running, BoxError> {
    let app: Arc<dyn asgi::Application> = Arc::new(app);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let server = runtime.block_on(Server::builder().signals(false).bind("127.0.0.1:0"))?;
    let addr = server.local_addr().tcp().ok_or("not listening on TCP")?;
    let handle = server.handle();
    let serving = runtime.spawn(server.serve(app));
    Ok(Running::tcp(addr, move || {
        handle.shutdown();
        let stopped = runtime.block_on(serving);
        runtime.shutdown_background();
        Ok(stopped??)
    }))
}

//! Servers on a port of their own.

use std::net::SocketAddr;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use actix_web::rt::System;
use actix_web::{App, HttpServer, web};
use gateway_actix::{ToActix, with_lifespan};
use gateway_hyper::Server;
use gateway_iface::testing::AsgiClient;
use gateway_iface::validate::Validator;
use gateway_iface::{BoxError, asgi};

pub(crate) type Stop = Box<dyn FnOnce() -> Result<(), BoxError> + Send>;

/// Serves an application by actix's own server, as the default service.
pub(crate) fn by_actix(app: impl asgi::Application + 'static) -> Result<(SocketAddr, Stop), BoxError> {
    actix(app, |config, app| {
        config.default_service(app);
    })
}

/// Serves an application by actix's own server, where `configure` puts it.
pub(crate) fn actix<A: asgi::Application + 'static>(
    app: A,
    configure: impl Fn(&mut web::ServiceConfig, ToActix<A>) + Clone + Send + 'static,
) -> Result<(SocketAddr, Stop), BoxError> {
    let (started, starting) = mpsc::channel();
    let thread = thread::spawn(move || {
        let result = System::new().block_on(with_lifespan(app, async |service: ToActix<A>| {
            let server =
                HttpServer::new(move || App::new().configure(|config| configure(config, service.clone())));
            // A client that closes its side has left: the kit's clients do not close half of a connection.
            let server = server.workers(2).h1_allow_half_closed(false).disable_signals().shutdown_timeout(3);
            // So long it would wait with a closed WebSocket for the client to close the connection, too.
            let server = server.client_disconnect_timeout(Duration::ZERO);
            let server = server.bind("127.0.0.1:0")?;
            let addr = server.addrs()[0];
            let server = server.run();
            let _ = started.send((addr, server.handle()));
            server.await
        }));
        result.map_err(BoxError::from)
    });
    match starting.recv() {
        Ok((addr, handle)) => {
            let stop = move || {
                tokio::runtime::Builder::new_current_thread().build()?.block_on(handle.stop(true));
                thread.join().map_err(|_| "the server panicked")?
            };
            Ok((addr, Box::new(stop)))
        }
        Err(_) => Err(thread
            .join()
            .map_err(|_| "the server panicked")?
            .err()
            .unwrap_or_else(|| "never served".into())),
    }
}

/// Serves an application by the native server.
pub(crate) fn by_hyper(app: impl asgi::Application + 'static) -> Result<(SocketAddr, Stop), BoxError> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let builder =
        Server::builder().signals(false).grace_period(Duration::from_secs(3)).drain_idle(Duration::ZERO);
    let server = runtime.block_on(builder.bind("127.0.0.1:0"))?;
    let addr = server.local_addr().tcp().ok_or("not listening on TCP")?;
    let handle = server.handle();
    let serving = runtime.spawn(server.serve(app));
    let stop = move || {
        handle.shutdown();
        let stopped = runtime.block_on(serving);
        runtime.shutdown_background();
        Ok(stopped??)
    };
    Ok((addr, Box::new(stop)))
}

/// Runs the test, which must come to its end.
pub(crate) fn run(test: impl AsyncFnOnce()) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let done = runtime.block_on(async { tokio::time::timeout(DEADLINE, test()).await });
    runtime.shutdown_background();
    done.expect("the test does not come to an end");
}

/// A client of an application, with a validator between the two that panics where a rule is broken.
pub(crate) fn client<A: asgi::Application>(app: A) -> AsgiClient<Validator<A>> {
    AsgiClient::new(Validator::new(app))
}

/// The same, for handlers that answer HEAD with a body, which actix's own server leaves out, and 304 with a length.
pub(crate) fn lenient<A: asgi::Application>(app: A) -> AsgiClient<Validator<A>> {
    AsgiClient::new(Validator::new(app).except("V-05").except("V-06"))
}

const DEADLINE: Duration = Duration::from_secs(60);

//! The kit in process: each interface as it is, and through the bridges.

use std::thread;

use gateway_conformance::{Application, Exception, Host, Running, suite};
use gateway_iface::BoxError;
use gateway_iface::bridge::{AsgiToWsgi, Inline, Job, WsgiToAsgi};

suite!(
    asynchronous,
    |app: Application| Ok(Running::asgi(app)),
    [wsgi, asgi_http, asgi_websocket, lifespan, middleware]
);

suite!(synchronous, |app: Application| Ok(Running::wsgi(app)), [wsgi, asgi_http, middleware]);

suite!(
    asynchronous_on_synchronous,
    |app: Application| Ok(Running::wsgi(AsgiToWsgi::new(app))),
    [wsgi, asgi_http, middleware]
);

suite!(
    synchronous_on_asynchronous,
    |app: Application| Ok(Running::asgi(WsgiToAsgi::new(app, on_a_thread))),
    [wsgi, asgi_http, middleware]
);

suite!(
    both_bridges_and_back,
    |app: Application| Ok(Running::asgi(WsgiToAsgi::new(AsgiToWsgi::new(app), on_a_thread))),
    [wsgi, asgi_http, middleware]
);

suite!(inline, InlineHost, [wsgi, middleware]);

/// Without a thread an application cannot wait for its client.
struct InlineHost;

impl Host for InlineHost {
    fn start(&self, app: Application) -> Result<Running, BoxError> {
        Ok(Running::asgi(Inline::new(app)))
    }

    fn exceptions(&self) -> &[Exception] {
        &[]
    }
}

fn on_a_thread(job: Job) -> Result<(), gateway_iface::bridge::Busy> {
    thread::spawn(|| job.run());
    Ok(())
}

//! The kit in process: each interface as it is, and through the bridges.

use std::sync::Arc;
use std::thread;

use gateway_conformance::{Application, Exception, Host, Running, suite};
use gateway_iface::BoxError;
use gateway_iface::bridge::{AsgiToWsgi, Busy, Inline, Job, WsgiToAsgi};

suite!(
    asynchronous,
    |app: Application| Ok(Running::asgi(app)),
    [wsgi, asgi_http, asgi_websocket, lifespan, middleware]
);

suite!(synchronous, Synchronous(|app: Application| Running::wsgi(app)), [wsgi, asgi_http, middleware]);

suite!(
    asynchronous_on_synchronous,
    Synchronous(|app: Application| Running::wsgi(AsgiToWsgi::new(app))),
    [wsgi, asgi_http, middleware]
);

suite!(
    synchronous_on_asynchronous,
    Synchronous(|app: Application| Running::asgi(WsgiToAsgi::new(app, on_a_thread))),
    [wsgi, asgi_http, middleware]
);

suite!(
    both_bridges_and_back,
    Synchronous(|app: Application| Running::asgi(WsgiToAsgi::new(AsgiToWsgi::new(app), on_a_thread))),
    [wsgi, asgi_http, middleware]
);

suite!(
    lifespan_on_synchronous,
    |app: Application| {
        let bridge = Arc::new(AsgiToWsgi::with_lifespan(app)?);
        let stop = Arc::clone(&bridge);
        Ok(Running::wsgi(bridge).with_stop(move || Ok(stop.shutdown()?)))
    },
    [lifespan]
);

suite!(inline, WithoutThread, [wsgi]);

/// A synchronous interface somewhere between the client and an asynchronous application.
struct Synchronous(fn(Application) -> Running);

impl Host for Synchronous {
    fn start(&self, app: Application) -> Result<Running, BoxError> {
        Ok(self.0(app))
    }

    fn exceptions(&self) -> &[Exception] {
        Exception::SYNCHRONOUS
    }
}

/// A synchronous application on the executor itself: it is for those that never wait.
struct WithoutThread;

impl Host for WithoutThread {
    fn start(&self, app: Application) -> Result<Running, BoxError> {
        Ok(Running::asgi(Inline::new(app)))
    }

    fn exceptions(&self) -> &[Exception] {
        const NO_THREAD: &str = "W-69: the body is read whole before the call";
        const GATHERS: &str = "W-114: what is written leaves when the call returns";
        const EXCEPTIONS: [Exception; 8] = [
            Exception::new("input_comes_while_it_is_sent", NO_THREAD),
            Exception::new("body_that_is_cut_is_an_error", NO_THREAD),
            Exception::new("body_that_comes_when_its_client_is_gone_is_closed", NO_THREAD),
            Exception::new("block_arrives_before_the_next_is_taken", "W-17: waiting stalls the executor"),
            Exception::new("what_is_written_arrives_before_the_call_returns", GATHERS),
            Exception::new("restart_after_output_hands_the_cause_back", GATHERS),
            Exception::new("failure_after_the_head_breaks_the_response_off", GATHERS),
            Exception::new("write_fails_when_the_client_is_gone", GATHERS),
        ];
        &EXCEPTIONS
    }
}

fn on_a_thread(job: Job) -> Result<(), Busy> {
    thread::spawn(|| job.run());
    Ok(())
}

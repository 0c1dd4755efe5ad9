//! A server under test, a client that sees every octet, and a log that can be read.

mod client;
mod log;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use gateway_hyper::{Builder, Handle, OnDisconnect, Pool, ServeError};
use gateway_iface::bridge::{Inline, WsgiToAsgi};
use gateway_iface::validate::{OnViolation, Validator, Violations};
use gateway_iface::{Error, asgi, wsgi};
use tokio::net::TcpStream;
use tokio::runtime;
use tokio::task::JoinHandle;

pub(crate) use self::client::{Client, Response};
pub(crate) use self::log::Log;

/// Runs the test on a current-thread runtime, and again on one with two threads.
pub(crate) fn on_both_runtimes(test: impl AsyncFn()) {
    on_current_thread(&test);
    run(runtime::Builder::new_multi_thread().worker_threads(2), &test);
}

/// Runs the test on a current-thread runtime.
pub(crate) fn on_current_thread(test: impl AsyncFn()) {
    run(&mut runtime::Builder::new_current_thread(), test);
}

fn run(builder: &mut runtime::Builder, test: impl AsyncFn()) {
    let runtime = builder.enable_all().build().unwrap();
    let done = runtime.block_on(async { tokio::time::timeout(DEADLINE, test()).await });
    // What a failed test left on a thread must not keep the run from ending.
    runtime.shutdown_background();
    done.expect("the test does not come to an end");
}

/// A server that serves, with a validator between it and its application: when a test ends, none of them
/// has broken a rule but those that it names.
pub(crate) struct Server {
    pub(crate) addr: SocketAddr,
    pub(crate) handle: Handle,
    pub(crate) task: JoinHandle<Result<(), ServeError>>,
    _verdict: Verdict,
}

impl Server {
    pub(crate) async fn start(app: impl asgi::Application + 'static) -> Self {
        Self::with(builder(), app).await
    }

    pub(crate) async fn with(builder: Builder, app: impl asgi::Application + 'static) -> Self {
        Self::but(builder, app, |validator| validator).await
    }

    /// For an application that breaks these rules on purpose.
    pub(crate) async fn despite(rules: &[&'static str], app: impl asgi::Application + 'static) -> Self {
        let except = |validator, rule: &&'static str| Validator::except(validator, rule);
        Self::but(builder(), app, |validator| rules.iter().fold(validator, except)).await
    }

    /// With the policy to cancel calls whose client is gone.
    pub(crate) async fn cancelling(builder: Builder, app: impl asgi::Application + 'static) -> Self {
        let builder = builder.on_disconnect(OnDisconnect::Cancel);
        Self::but(builder, app, |validator| validator.cancels_on_disconnect(true)).await
    }

    async fn but<A: asgi::Application + 'static>(
        builder: Builder,
        app: A,
        suit: impl FnOnce(Validator<A>) -> Validator<A>,
    ) -> Self {
        Self::validated(builder.bind("127.0.0.1:0").await.unwrap(), suit(validator(app)))
    }

    pub(crate) fn of(server: gateway_hyper::Server, app: impl asgi::Application + 'static) -> Self {
        Self::validated(server, validator(app))
    }

    fn validated<A: asgi::Application + 'static>(server: gateway_hyper::Server, app: Validator<A>) -> Self {
        let addr = server.local_addr().tcp().unwrap();
        let handle = server.handle();
        let verdict = Verdict(app.violations());
        Self { addr, handle, task: tokio::spawn(server.serve(app)), _verdict: verdict }
    }

    pub(crate) async fn connect(&self) -> Client<TcpStream> {
        Client::new(TcpStream::connect(self.addr).await.unwrap())
    }

    /// The answer to a GET on a connection of its own.
    pub(crate) async fn get(&self, path: &str) -> Response {
        self.connect().await.get(path).await
    }

    /// Stops it: everything must come to its end.
    pub(crate) async fn stop(self) {
        self.handle.shutdown();
        self.task.await.unwrap().unwrap();
    }
}

/// The applications of these tests are terse: they leave out the type of what they send, and answer HEAD as
/// they do GET.
fn validator<A>(app: A) -> Validator<A> {
    Validator::new(app).on_violation(OnViolation::Collect).except("H-73").except("V-06")
}

/// Fails a test that broke a rule, however it ends.
struct Verdict(Violations);

impl Drop for Verdict {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            self.0.assert_none();
        }
    }
}

/// Settings for tests: signals stay with the test runner, idle connections end at once, and what is not told to end
/// never does.
pub(crate) fn builder() -> Builder {
    gateway_hyper::Server::builder().signals(false).grace_period(10 * DEADLINE).drain_idle(Duration::ZERO)
}

/// A synchronous application in both ways that it can be served.
pub(crate) fn both_ways<A>(app: A) -> [(&'static str, Arc<dyn asgi::Application>); 2]
where
    A: wsgi::Application + Clone + 'static,
{
    let pool = WsgiToAsgi::new(app.clone(), Pool::new(2, 16).unwrap());
    [("on the pool", Arc::new(pool)), ("inline", Arc::new(Inline::new(app)))]
}

pub(crate) async fn hello(scope: asgi::Scope, _: asgi::Receive, mut send: asgi::Send) -> Result<(), Error> {
    scope.into_http()?;
    send.text(200, "Hello, World!").await?;
    Ok(())
}

const DEADLINE: Duration = Duration::from_secs(60);

//! Start-up and shutdown around a server of actix.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use actix_rt::time::timeout;
use gateway_iface::asgi::{Application, LifespanError, LifespanExchange};
use gateway_iface::{BoxError, Error};
use tokio::runtime::Handle;

use super::to_actix::ToActix;
use crate::under_way::UnderWay;

/// Runs the start-up of an application, serves it by `serve`, and runs its shutdown then.
///
/// `serve` is given the service with the state of the start-up in it (A-117), as often as it clones it: one for each
/// worker. An application that knows no lifespan is served without (A-111). While it is served, its lifespan is polled,
/// for what it does there itself. Calls that go on when the server has ended, after their last block or without their
/// client, have half a minute to end (A-06); shutdown comes after them (A-112), and has as long.
///
/// So that they can go on, timers, sockets and tasks of calls belong to the runtime that this is called on, not to the
/// workers: with actix's own `main` it is one thread. An application with much I/O of its own is better off below
/// `tokio::main`, whose runtime has many; actix's server runs there, too.
///
/// WebSockets learn of a stop when the server has ended. Who stops it by its handle, tells them before by
/// [`ToActix::shut_down`] of a clone.
///
/// # Errors
///
/// That of a start-up or a shutdown that failed (A-110, A-114), and that of `serve`, which comes before that of a
/// shutdown.
///
/// # Panics
///
/// Outside of a tokio runtime; actix's are such.
///
/// # Cancel safety
///
/// Dropping the future drops the server, and the lifespan of the application, which is told of the shutdown.
///
/// # Examples
///
/// ```no_run
/// use actix_web::{App, HttpServer};
/// use gateway_iface::{Error, asgi};
///
/// async fn app(scope: asgi::Scope, receive: asgi::Receive, mut send: asgi::Send) -> Result<(), Error> {
///     match scope {
///         asgi::Scope::Lifespan(lifespan) => {
///             let state = lifespan.state().clone();
///             let startup = async move {
///                 state.insert("a pool of connections");
///                 Ok(())
///             };
///             lifespan.run(receive, send, startup, async { Ok(()) }).await
///         }
///         asgi::Scope::Http(request) => {
///             let pool = request.head().state().and_then(|state| state.get::<&str>());
///             Ok(send.text(200, pool.copied().unwrap_or("none")).await?)
///         }
///         other => Err(other.unsupported().into()),
///     }
/// }
///
/// #[actix_web::main]
/// async fn main() -> Result<(), Error> {
///     gateway_actix::with_lifespan(app, async |service: gateway_actix::ToActix<_>| {
///         let server = HttpServer::new(move || App::new().default_service(service.clone()));
///         server.bind(("127.0.0.1", 8000))?.run().await
///     })
///     .await
/// }
/// ```
pub async fn with_lifespan<A, F, S, T, E>(app: A, serve: F) -> Result<T, Error>
where
    A: Application + 'static,
    F: FnOnce(ToActix<A>) -> S,
    S: Future<Output = Result<T, E>>,
    E: Into<BoxError>,
{
    let app = Arc::new(app);
    let under_way = UnderWay::on(Handle::current());
    let mut lifespan = LifespanExchange::of_shared(app.clone());
    let service = ToActix::shared(app).with_under_way(under_way.clone());
    let service = match lifespan.startup().await {
        Ok(state) => service.with_state(state),
        // A-111
        Err(LifespanError::Unsupported) => service,
        Err(error) => return Err(Error::new(error)),
    };
    let served = {
        let (mut serving, mut running) = (pin!(serve(service)), pin!(lifespan.running()));
        let mut runs = true;
        poll_fn(|cx| {
            if runs && let Poll::Ready(ended) = running.as_mut().poll(cx) {
                runs = false;
                if let Err(error) = ended {
                    tracing::error!(%error, "the lifespan of the application ended while it is served");
                }
            }
            serving.as_mut().poll(cx)
        })
        .await
    };
    // What goes on after its response, or after its client left, is not cut short by the end of the server.
    under_way.shut_down();
    if timeout(PATIENCE, under_way.ended()).await.is_err() {
        tracing::warn!("calls that went on after the end of the server were given up");
    }
    let ended = timeout(PATIENCE, lifespan.shutdown()).await.unwrap_or_else(|_| {
        tracing::warn!("the shutdown of the application was given up");
        Ok(())
    });
    match (served.map_err(Error::new), ended.map_err(Error::new)) {
        (Err(error), Err(second)) => {
            tracing::error!(error = %second, "the shutdown of the application failed, too");
            Err(error)
        }
        (served, ended) => ended.and(served),
    }
}

/// How long calls may go on when the server has ended, and how long a shutdown may take.
const PATIENCE: Duration = Duration::from_secs(30);

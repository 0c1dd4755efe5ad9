//! Observers of responses: what they are told, and that they harm no one.

use std::sync::Arc;

use gateway_iface::asgi::Disconnect;
use gateway_iface::middleware::{Counter, Counts};
use gateway_iface::wsgi::{Body, Environ, StartResponse};
use gateway_iface::{Error, Observe, Outcome, asgi, wsgi};
use http::{HeaderMap, StatusCode};
use tokio::sync::mpsc;

use crate::support::{Server, both_ways, builder, on_both_runtimes};

/// Panics at every block and at the end, or at the end alone.
struct Panics {
    in_block: bool,
}

impl Observe for Panics {
    fn block(&self, _: usize) {
        assert!(!self.in_block, "an observer of blocks");
    }

    fn finished(&self, _: &Outcome) {
        panic!("an observer of the end");
    }
}

async fn asgi_app(scope: asgi::Scope, _: asgi::Receive, mut send: asgi::Send) -> Result<(), Error> {
    let scope = scope.into_http()?;
    send.observe(Arc::new(Panics { in_block: true }));
    send.observe(Arc::new(Panics { in_block: false }));
    if scope.path_info() == "/whole" {
        return Ok(send.text(200, "onetwo").await?);
    }
    send.start(StatusCode::OK, HeaderMap::new()).await?;
    send.block("one").await?;
    Ok(send.last("two").await?)
}

fn wsgi_app(environ: Environ, start_response: &mut dyn StartResponse) -> Result<Body, Error> {
    start_response.observe(Arc::new(Panics { in_block: true }));
    start_response.observe(Arc::new(Panics { in_block: false }));
    start_response.start(StatusCode::OK, HeaderMap::new())?;
    Ok(if environ.path_info() == "/whole" { Body::from("onetwo") } else { Body::blocks(["one", "two"]) })
}

/// A middleware around the counter whose observer panics before the counter is told.
fn outermost(app: impl asgi::Application + 'static) -> impl asgi::Application + 'static {
    let app = Arc::new(app);
    move |scope: asgi::Scope, receive: asgi::Receive, send: asgi::Send| {
        let app = Arc::clone(&app);
        async move {
            if scope.protocol() == "http" {
                send.observe(Arc::new(Panics { in_block: true }));
            }
            asgi::Application::call(&*app, scope, receive, send).await
        }
    }
}

#[test]
fn observer_that_panics_spoils_neither_the_response_nor_the_connection_nor_a_counter() {
    on_both_runtimes(async || {
        let counts = Counts::new();
        let counted = counts.clone();
        let mut apps: Vec<(_, Arc<dyn asgi::Application>)> = Vec::new();
        apps.push(("asgi", Arc::new(outermost(Counter::with_counts(asgi_app, counts.clone())))));
        let sync = move |environ: Environ, start_response: &mut dyn StartResponse| {
            wsgi::Application::call(&Counter::with_counts(wsgi_app, counted.clone()), environ, start_response)
        };
        for (name, app) in both_ways(sync) {
            apps.push((name, Arc::new(outermost(app))));
        }
        let mut before = counts.snapshot();
        for (name, app) in apps {
            let server = Server::start(app).await;
            let mut client = server.connect().await;
            for path in ["/whole", "/blocks", "/whole", "/blocks"] {
                let response = client.get(path).await;
                assert_eq!((response.status, response.complete), (200, true), "{name} {path}");
                assert_eq!(response.text(), "onetwo", "{name} {path}");
            }
            server.stop().await;
            let after = counts.snapshot();
            assert_eq!(after.requests - before.requests, 4, "{name}");
            assert_eq!(after.success - before.success, 4, "{name}");
            assert_eq!(after.bytes_out - before.bytes_out, 24, "{name}");
            assert_eq!(after.in_flight, 0, "{name}");
            before = after;
        }
    });
}

/// Tells the outcome.
struct Tells(mpsc::UnboundedSender<Outcome>);

impl Observe for Tells {
    fn finished(&self, outcome: &Outcome) {
        let _ = self.0.send(outcome.clone());
    }
}

#[test]
fn a_95_observer_of_a_call_that_was_cancelled_is_told_why_its_exchange_ended() {
    on_both_runtimes(async || {
        for path in ["/waits", "/stream"] {
            let (tell, mut told) = mpsc::unbounded_channel();
            let (began, mut begins) = mpsc::unbounded_channel();
            let app = move |scope: asgi::Scope, _: asgi::Receive, mut send: asgi::Send| {
                let (tell, began) = (tell.clone(), began.clone());
                async move {
                    let scope = scope.into_http()?;
                    send.observe(Arc::new(Tells(tell)));
                    if scope.path_info() == "/stream" {
                        send.start(StatusCode::OK, HeaderMap::new()).await?;
                        send.block("one").await?;
                    }
                    began.send(())?;
                    std::future::pending::<()>().await;
                    Ok::<(), Error>(())
                }
            };
            let server = Server::cancelling(builder(), app).await;
            let mut client = server.connect().await;
            client.ask(path).await;
            begins.recv().await.unwrap();
            drop(client);
            let outcome = told.recv().await.unwrap();
            assert_eq!(outcome.disconnect, Some(Disconnect::Client), "{path}");
            assert!(!outcome.complete, "{path}");
            assert_eq!(outcome.bytes, if path == "/stream" { 3 } else { 0 });
            server.stop().await;
            assert!(told.recv().await.is_none(), "{path}: once");
        }
    });
}

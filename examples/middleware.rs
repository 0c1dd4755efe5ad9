//! A path guard and a counter around one application, and a middleware written here that shows the
//! counts.
//!
//! ```text
//! cargo run --example middleware
//! curl http://127.0.0.1:8000/
//! curl -i http://127.0.0.1:8000/admin
//! curl -i http://127.0.0.1:8000/%61dmin
//! curl -i http://127.0.0.1:8000//admin
//! curl -i --path-as-is http://127.0.0.1:8000/x/../admin
//! curl http://127.0.0.1:8000/__counter
//! ```
//!
//! Another address is an argument.

use gateway_hyper::{ServeError, Server};
use gateway_iface::middleware::{Counter, Counts, PathGuard};
use gateway_iface::prelude::*;

async fn hello(scope: asgi::Scope, _: asgi::Receive, mut send: asgi::Send) -> Result<(), Error> {
    scope.into_http()?;
    send.text(200, "Hello, World!\n").await?;
    Ok(())
}

/// Answers `/__counter` with the counts, and leaves the rest to the inner application.
struct ShowCounts<A> {
    inner: A,
    counts: Counts,
}

#[async_trait]
impl<A: asgi::Application> asgi::Application for ShowCounts<A> {
    async fn call(
        &self,
        scope: asgi::Scope,
        receive: asgi::Receive,
        mut send: asgi::Send,
    ) -> Result<(), Error> {
        match &scope {
            asgi::Scope::Http(request) if request.path_info() == "/__counter" => {
                send.text(200, format!("{:#?}\n", self.counts.snapshot())).await?;
                Ok(())
            }
            _ => self.inner.call(scope, receive, send).await,
        }
    }
}

#[tokio::main]
async fn main() -> Result<(), ServeError> {
    let addr = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:8000".into());
    let counts = Counts::new();
    // From the inside out: a request meets the last one first.
    let app = hello
        .wrap(|app| PathGuard::deny(app).prefix("/admin").refuse_with(StatusCode::FORBIDDEN))
        .wrap(|app| Counter::with_counts(app, counts.clone()))
        .wrap(|app| ShowCounts { inner: app, counts });
    let server = Server::builder().bind(addr).await?;
    eprintln!("serving {}/", server.local_addr());
    server.serve(app).await
}

//! A synchronous and an asynchronous application in one process, behind a path guard and a counter.
//!
//! ```text
//! cargo run --release --example both
//! curl http://127.0.0.1:8000/hello
//! curl 'http://127.0.0.1:8000/sync/hello?x=1'
//! curl -d 'some text' http://127.0.0.1:8000/sync/upload
//! curl -i http://127.0.0.1:8000/%61dmin
//! curl http://127.0.0.1:8000/__counter
//! ```
//!
//! Ctrl-C ends it after the requests under way. Another address is an argument.

use gateway_hyper::Server;
use gateway_iface::middleware::{Counter, Counts, Mount, PathGuard};
use gateway_iface::prelude::*;

/// Stored at start-up, and found again in each request.
struct Greeting(String);

/// The synchronous application: it may block, its thread is its own while it answers.
fn blocking(
    mut environ: wsgi::Environ,
    start_response: &mut dyn wsgi::StartResponse,
) -> Result<wsgi::Body, Error> {
    let body = environ.input().read_all(1024 * 1024)?;
    let mut text = String::new();
    for key in ["SCRIPT_NAME", "PATH_INFO", "QUERY_STRING"] {
        if let Some(value) = environ.get(key) {
            text += &format!("{key}={}\n", value.latin1());
        }
    }
    text += &format!("{} octets of body\n", body.len());
    start_response.text(200, text.into())
}

/// The asynchronous application.
struct Front {
    counts: Counts,
}

#[async_trait]
impl asgi::Application for Front {
    async fn call(
        &self,
        scope: asgi::Scope,
        receive: asgi::Receive,
        mut send: asgi::Send,
    ) -> Result<(), Error> {
        let request = match scope {
            asgi::Scope::Http(request) => request,
            asgi::Scope::Lifespan(lifespan) => {
                let state = lifespan.state().clone();
                let startup = async move {
                    state.insert(Greeting("Hello from start-up".into()));
                    Ok(())
                };
                let shutdown = async {
                    eprintln!("bye");
                    Ok(())
                };
                return lifespan.run(receive, send, startup, shutdown).await;
            }
            other => return Err(other.unsupported().into()),
        };
        let text = if request.path_info() == "/__counter" {
            let now = self.counts.snapshot();
            format!(
                "requests {}, in flight {}, 2xx {}, 4xx {}\n",
                now.requests, now.in_flight, now.success, now.client_error
            )
        } else {
            let greeting = request.head().state().and_then(|state| state.get::<Greeting>());
            format!("{} at {}\n", greeting.map_or("nothing stored", |greeting| &greeting.0), request.path()?)
        };
        send.text(200, text).await?;
        Ok(())
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let addr = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:8000".into());
    let counts = Counts::new();
    let front = Front { counts: counts.clone() };
    // From the inside out: a request meets the counter first.
    let app = Mount::new()
        .at("/sync", gateway_hyper::wsgi(blocking)?)?
        .at("/", front)?
        .wrap(|app| PathGuard::deny(app).prefix("/admin"))
        .wrap(|app| Counter::with_counts(app, counts));
    let server = Server::builder().bind(addr).await?;
    eprintln!("serving {}/", server.local_addr());
    server.serve(app).await?;
    Ok(())
}

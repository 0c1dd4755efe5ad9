//! An asynchronous and a synchronous application in an axum router, under `axum::serve`, with start-up and shutdown.
//!
//! ```text
//! cargo run --release -p gateway-tower --all-features --example inside_axum
//! curl http://127.0.0.1:8000/
//! curl http://127.0.0.1:8000/app/hello
//! curl -d 'some text' 'http://127.0.0.1:8000/old/upload?x=1'
//! curl --http2-prior-knowledge -i http://127.0.0.1:8000/app/hello
//! ```
//!
//! Each application is told where it is mounted, and who asks. Ctrl-C ends it after the requests under way. Another
//! address is an argument.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::routing::get;
use gateway_hyper::Pool;
use gateway_iface::asgi::LifespanExchange;
use gateway_iface::bridge::WsgiToAsgi;
use gateway_iface::prelude::*;
use gateway_tower::ToTower;
use tokio::net::TcpListener;

/// Stored at start-up, and found again in each request.
struct Greeting(&'static str);

/// The asynchronous application.
async fn app(scope: asgi::Scope, receive: asgi::Receive, mut send: asgi::Send) -> Result<(), Error> {
    let request = match scope {
        asgi::Scope::Http(request) => request,
        asgi::Scope::Lifespan(lifespan) => {
            let state = lifespan.state().clone();
            let startup = async move {
                state.insert(Greeting("Hello from start-up"));
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
    let head = request.head();
    let greeting = head.state().and_then(|state| state.get::<Greeting>());
    let text = format!(
        "{}, {} below {}, to {}\n",
        greeting.map_or("nothing stored", |greeting| greeting.0),
        head.path_info(),
        head.root_path(),
        head.client().map_or_else(String::new, |client| client.ip().to_string())
    );
    Ok(send.text(200, text).await?)
}

/// The synchronous application: it may block, its thread is its own while it answers.
fn old(
    mut environ: wsgi::Environ,
    start_response: &mut dyn wsgi::StartResponse,
) -> Result<wsgi::Body, Error> {
    let body = environ.input().read_all(1024 * 1024)?;
    let mut text = format!("{} octets of body\n", body.len());
    for key in ["SCRIPT_NAME", "PATH_INFO", "QUERY_STRING", "REMOTE_ADDR"] {
        if let Some(value) = environ.get(key) {
            text += &format!("{key}={}\n", value.latin1());
        }
    }
    start_response.text(200, text.into())
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let addr = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:8000".into());
    let app = Arc::new(app);
    let mut lifespan = LifespanExchange::of_shared(app.clone());
    let state = lifespan.startup().await?;
    let app = ToTower::shared(app).with_state(state).with_origin(gateway_tower::axum::origin);
    let old = ToTower::new(WsgiToAsgi::new(old, Pool::with_defaults()?));
    let old = old.with_origin(gateway_tower::axum::origin);
    let calls = (app.clone(), old.clone());

    let router = Router::new()
        .route("/", get(async || "the router's own\n"))
        .nest_service("/app", app)
        .nest_service("/old", old)
        .into_make_service_with_connect_info::<SocketAddr>();
    let listener = TcpListener::bind(addr).await?;
    eprintln!("serving http://{}/", listener.local_addr()?);
    let stop = async { drop(tokio::signal::ctrl_c().await) };
    axum::serve(listener, router).with_graceful_shutdown(stop).await?;
    // Calls may go on without their responses: the shutdown comes after them.
    calls.0.finished().await;
    calls.1.finished().await;
    lifespan.shutdown().await?;
    Ok(())
}

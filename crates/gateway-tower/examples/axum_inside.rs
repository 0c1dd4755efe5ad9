//! An axum router beside a synchronous application, both behind a counter and a path guard that know neither.
//!
//! ```text
//! cargo run --release -p gateway-tower --all-features --example axum_inside
//! curl http://127.0.0.1:8000/api/greet/you
//! curl -N http://127.0.0.1:8000/api/ticks
//! curl 'http://127.0.0.1:8000/old/page?x=1'
//! curl -i http://127.0.0.1:8000/api/%61dmin
//! curl http://127.0.0.1:8000/api/counted
//! ```
//!
//! The router is as it would be under `axum::serve`. Ctrl-C ends it after the requests under way. Another address is an
//! argument.

use std::convert::Infallible;
use std::net::SocketAddr;

use axum::Router;
use axum::extract::{ConnectInfo, Path, State};
use axum::response::sse::{Event, Sse};
use axum::routing::get;
use futures_util::stream;
use gateway_hyper::Server;
use gateway_iface::middleware::{Counter, Counts, Mount, PathGuard};
use gateway_iface::prelude::*;
use gateway_tower::FromTower;
use tokio::time::{Duration, sleep};

fn router(counts: Counts) -> Router {
    let ticks = async || {
        Sse::new(stream::unfold(0, async |tick| {
            sleep(Duration::from_millis(300)).await;
            (tick < 3).then(|| (Ok::<_, Infallible>(Event::default().data(tick.to_string())), tick + 1))
        }))
    };
    let greet = async |Path(name): Path<String>, ConnectInfo(client): ConnectInfo<SocketAddr>| {
        format!("Hello {name} at {}\n", client.ip())
    };
    let counted = async |State(counts): State<Counts>| {
        let now = counts.snapshot();
        format!("requests {}, in flight {}, 4xx {}\n", now.requests, now.in_flight, now.client_error)
    };
    Router::new()
        .route("/greet/{name}", get(greet))
        .route("/ticks", get(ticks))
        .route("/counted", get(counted))
        .with_state(counts)
}

/// The synchronous application: it may block, its thread is its own while it answers.
#[expect(clippy::needless_pass_by_value, reason = "applications take what the interface hands them")]
fn old(environ: wsgi::Environ, start_response: &mut dyn wsgi::StartResponse) -> Result<wsgi::Body, Error> {
    let mut text = String::new();
    for key in ["SCRIPT_NAME", "PATH_INFO", "QUERY_STRING"] {
        if let Some(value) = environ.get(key) {
            text += &format!("{key}={}\n", value.latin1());
        }
    }
    start_response.text(200, text.into())
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let addr = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:8000".into());
    let counts = Counts::new();
    let router = FromTower::new(router(counts.clone())).with_request(gateway_tower::axum::extensions);
    // From the inside out: a request meets the counter first.
    let app = Mount::new()
        .at("/api", router)?
        .at("/old", gateway_hyper::wsgi(old)?)?
        .wrap(|app| PathGuard::deny(app).prefix("/api/admin"))
        .wrap(|app| Counter::with_counts(app, counts));
    let server = Server::builder().bind(addr).await?;
    eprintln!("serving {}/", server.local_addr());
    server.serve(app).await?;
    Ok(())
}

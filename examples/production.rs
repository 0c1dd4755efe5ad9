//! A program for production: an application with start-up and shutdown, in the ready-made command line.
//!
//! `cargo run --example production -- --help` lists what it can do. To try it:
//!
//! ```text
//! cargo run --example production -- --healthz /healthz --metrics 127.0.0.1:9000 --access-log
//! curl -i http://127.0.0.1:8000/            counts the visits since the start
//! curl -i http://127.0.0.1:8000/healthz     200 while it serves
//! curl -i http://127.0.0.1:9000/metrics     figures for Prometheus
//! ```
//!
//! Behind a proxy on the same machine, first one that speaks HTTP, then one that passes TLS on:
//!
//! ```text
//! cargo run --example production -- --listen unix:/tmp/production.sock --trusted-proxy unix
//! cargo run --example production -- --listen https://127.0.0.1:8443 --tls-cert cert.pem --tls-key key.pem \
//!     --proxy-protocol 127.0.0.1
//! ```

use std::process::ExitCode;
use std::sync::atomic::{AtomicU64, Ordering};

use gateway_iface::Error;
use gateway_iface::asgi::{self, Receive, Scope};

/// What start-up makes and each request finds: in its place a program has its connections to a database.
#[derive(Default)]
struct Visits(AtomicU64);

async fn app(scope: Scope, receive: Receive, mut send: asgi::Send) -> Result<(), Error> {
    match scope {
        Scope::Lifespan(lifespan) => {
            let state = lifespan.state().clone();
            let startup = async move {
                state.insert(Visits::default());
                Ok(())
            };
            lifespan.run(receive, send, startup, async { Ok(()) }).await
        }
        Scope::Http(request) => {
            let visits = request.head().state().and_then(|state| state.get::<Visits>());
            let number = visits.map_or(0, |visits| visits.0.fetch_add(1, Ordering::Relaxed) + 1);
            Ok(send.text(200, format!("visit {number}\n")).await?)
        }
        other => Err(other.unsupported().into()),
    }
}

fn main() -> ExitCode {
    gateway_hyper::main(app)
}

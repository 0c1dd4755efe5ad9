//! Server-sent events: a tick each second, until the client leaves or the server stops.
//!
//! `cargo run --example sse`, then `curl -N http://127.0.0.1:8000/`; press Ctrl-C at either side.
//! Another address is an argument.

use std::time::Duration;

use gateway_hyper::{ServeError, Server};
use gateway_iface::Error;
use gateway_iface::asgi::{self, SseEvent, SseStream};

async fn ticks(scope: asgi::Scope, mut receive: asgi::Receive, send: asgi::Send) -> Result<(), Error> {
    scope.into_http()?;
    let mut events = SseStream::start(send).await?;
    let mut seconds = tokio::time::interval(Duration::from_secs(1));
    let mut tick = 0_u64;
    loop {
        tokio::select! {
            reason = receive.disconnected() => {
                eprintln!("over after {tick} ticks: {reason}");
                // A client that is still there sees the stream end as it should.
                return Ok(events.finish().await?);
            }
            _ = seconds.tick() => {
                events.send(&SseEvent::new(format!("tick {tick}")).with_id(tick.to_string())).await?;
                tick += 1;
            }
        }
    }
}

#[tokio::main]
async fn main() -> Result<(), ServeError> {
    let addr = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:8000".into());
    let server = Server::builder().bind(addr).await?;
    eprintln!("serving {}/", server.local_addr());
    server.serve(ticks).await
}

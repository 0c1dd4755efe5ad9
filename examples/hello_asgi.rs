//! The asynchronous hello world.
//!
//! `cargo run --example hello_asgi`, then `curl http://127.0.0.1:8000/`. Another address is an argument.

use gateway_hyper::{ServeError, Server};
use gateway_iface::{Error, asgi};

async fn hello(scope: asgi::Scope, _: asgi::Receive, mut send: asgi::Send) -> Result<(), Error> {
    scope.into_http()?;
    send.text(200, "Hello, World!\n").await?;
    Ok(())
}

#[tokio::main]
async fn main() -> Result<(), ServeError> {
    let addr = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:8000".into());
    let server = Server::builder().bind(addr).await?;
    eprintln!("serving {}/", server.local_addr());
    server.serve(hello).await
}

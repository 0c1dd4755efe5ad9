//! The asynchronous hello world.
//!
//! `cargo run --example hello_asgi`, then `curl http://127.0.0.1:8000/`. Another address is an argument.

use gateway_iface::{Error, asgi};

async fn hello(scope: asgi::Scope, _: asgi::Receive, mut send: asgi::Send) -> Result<(), Error> {
    scope.into_http()?;
    send.text(200, "Hello, World!\n").await?;
    Ok(())
}

#[tokio::main]
async fn main() -> Result<(), gateway_hyper::ServeError> {
    let addr = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:8000".into());
    eprintln!("serving http://{addr}/");
    gateway_hyper::serve(addr, hello).await
}

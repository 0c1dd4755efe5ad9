//! The synchronous hello world, on a pool of threads.
//!
//! `cargo run --example hello_wsgi`, then `curl http://127.0.0.1:8000/`. Another address is an argument.

use gateway_hyper::{ServeError, Server};
use gateway_iface::{Error, wsgi};

fn hello(_: wsgi::Environ, start_response: &mut dyn wsgi::StartResponse) -> Result<wsgi::Body, Error> {
    start_response.text(200, "Hello, World!\n".into())
}

#[tokio::main]
async fn main() -> Result<(), ServeError> {
    let addr = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:8000".into());
    let server = Server::builder().bind(addr).await?;
    eprintln!("serving {}/", server.local_addr());
    server.serve(gateway_hyper::wsgi(hello)?).await
}

//! The kit's application on the native server, for the kit's program to be pointed at.
//!
//! ```text
//! cargo run -p gateway-conformance --example serve_kit -- 127.0.0.1:8000
//! cargo run -p gateway-conformance -- http://127.0.0.1:8000
//! ```
//!
//! With `wsgi` as a second argument every application is served as a synchronous one, on threads.

use gateway_conformance::Application;
use gateway_hyper::Server;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut args = std::env::args().skip(1);
    let addr = args.next().unwrap_or_else(|| "127.0.0.1:8000".into());
    let server = Server::builder().bind(addr).await?;
    eprintln!("serving {}/", server.local_addr());
    match args.next().as_deref() {
        Some("wsgi") => server.serve(gateway_hyper::wsgi(Application::new())?).await?,
        _ => server.serve(Application::new()).await?,
    }
    Ok(())
}

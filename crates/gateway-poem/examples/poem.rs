//! A poem route beside a synchronous application, on the native server and behind a path guard; and an application
//! inside that route.
//!
//! ```text
//! cargo run --release -p gateway-poem --example poem
//! curl 'http://127.0.0.1:8000/hello/you'
//! curl 'http://127.0.0.1:8000/inside/poem?x=1'
//! curl 'http://127.0.0.1:8000/sync'
//! curl -i 'http://127.0.0.1:8000/%61dmin'
//! ```
//!
//! With the argument `poem` it is poem's own server that serves the route, with the application inside. Ctrl-C ends
//! either.

use gateway_iface::middleware::{Mount, PathGuard};
use gateway_iface::prelude::*;
use gateway_poem::{FromPoem, ToPoem};
use poem::listener::TcpListener;
use poem::middleware::SetHeader;
use poem::web::{Path, RemoteAddr};
use poem::{Endpoint, EndpointExt, Route, get, handler};

#[handler]
fn hello(Path(name): Path<String>, client: &RemoteAddr) -> String {
    format!("hello {name} at {client}, from poem\n")
}

async fn inside(scope: asgi::Scope, _: asgi::Receive, mut send: asgi::Send) -> Result<(), Error> {
    let request = scope.into_http()?;
    let head = request.head();
    let text = format!("mounted at {:?}, asked for {:?}\n", head.root_path(), head.path_info());
    Ok(send.text(200, text).await?)
}

fn sync(_: wsgi::Environ, start_response: &mut dyn wsgi::StartResponse) -> Result<wsgi::Body, Error> {
    start_response.text(200, "synchronous\n".into())
}

fn route() -> impl Endpoint {
    Route::new()
        .at("/hello/:name", get(hello))
        .nest("/inside", ToPoem::new(inside))
        .with(SetHeader::new().overriding("x-framework", "poem"))
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    if std::env::args().nth(1).as_deref() == Some("poem") {
        let stop = async { drop(tokio::signal::ctrl_c().await) };
        let server = poem::Server::new(TcpListener::bind("127.0.0.1:8000"));
        return Ok(server.run_with_graceful_shutdown(route(), stop, None).await?);
    }
    let app = Mount::new().at("/sync", gateway_hyper::wsgi(sync)?)?.at("/", FromPoem::new(route()))?;
    gateway_hyper::serve("127.0.0.1:8000", PathGuard::deny(app).prefix("/admin")).await?;
    Ok(())
}

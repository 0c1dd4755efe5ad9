//! actix-web both ways: an `App` of actix beside other applications on the native server, and an application of the
//! interface inside the `App`.
//!
//! ```text
//! cargo run -p gateway-actix --example actix
//! curl http://127.0.0.1:8000/                        # an application of the interface
//! curl http://127.0.0.1:8000/actix/visits/ada        # a handler of actix, with a state and an extractor
//! curl -d 'some text' http://127.0.0.1:8000/actix/echo
//! curl http://127.0.0.1:8000/actix/inside/x          # an application inside actix inside the server
//! curl -d 'some text' http://127.0.0.1:8000/actix/sync # a synchronous one
//! curl -i http://127.0.0.1:8000/actix/%61dmin        # the guard stands before all of them
//! ```
//!
//! Ctrl-C ends it, and prints what was counted.

use std::sync::atomic::{AtomicUsize, Ordering};

use actix_web::{App, HttpResponse, web};
use gateway_actix::{BlockingPool, FromActix, ToActix};
use gateway_iface::BoxError;
use gateway_iface::bridge::WsgiToAsgi;
use gateway_iface::middleware::{Counter, Mount, PathGuard};
use gateway_iface::prelude::*;

/// Handlers of actix, with what they know: state, extractors, streams.
async fn visits(count: web::Data<AtomicUsize>, name: web::Path<String>) -> String {
    format!("Hello {name}, you are visitor {}\n", count.fetch_add(1, Ordering::Relaxed) + 1)
}

async fn echo(body: web::Payload) -> HttpResponse {
    HttpResponse::Ok().streaming(body)
}

/// An application: tells where it is.
async fn places(scope: asgi::Scope, _: asgi::Receive, mut send: asgi::Send) -> Result<(), Error> {
    let scope = scope.into_http()?;
    let head = scope.head();
    Ok(send
        .text(200, format!("mounted at '{}', asked for '{}'\n", head.root_path(), head.path_info()))
        .await?)
}

/// A synchronous one, on actix's threads for what blocks.
fn sync(
    mut environ: wsgi::Environ,
    start_response: &mut dyn wsgi::StartResponse,
) -> Result<wsgi::Body, Error> {
    let len = environ.input().read_all(1024 * 1024)?.len();
    let text = format!("{len} octets for SCRIPT_NAME={}\n", environ.root_path());
    start_response.text(200, text.into())
}

#[tokio::main]
async fn main() -> Result<(), BoxError> {
    let count = web::Data::new(AtomicUsize::new(0));
    let inside = ToActix::new(places);
    let sync = ToActix::new(WsgiToAsgi::new(sync, BlockingPool::new()));
    let actix = FromActix::new(move || {
        App::new()
            .app_data(count.clone())
            .route("/visits/{name}", web::get().to(visits))
            .route("/echo", web::post().to(echo))
            .service(web::scope("/inside").service(inside.clone()))
            .service(web::scope("/sync").service(sync.clone()))
    });
    let app = Mount::new().at("/actix", actix)?.fallback(places);
    let app = app.wrap(|app| PathGuard::deny(app).prefix("/actix/admin")).wrap(Counter::new);
    let counts = app.counts();
    gateway_hyper::serve("127.0.0.1:8000", app).await?;
    eprintln!("{:?}", counts.snapshot());
    Ok(())
}

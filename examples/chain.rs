//! The chain of the textbook: web server, authentication, cookies, application.
//!
//! ```text
//! cargo run --release --example chain
//! curl -i http://127.0.0.1:8000/
//! curl -i -u ada:lovelace http://127.0.0.1:8000/
//! curl -i -u ada:lovelace -b '__Host-visits=4' http://127.0.0.1:8000/
//! curl -i -u ada:wrong http://127.0.0.1:8000/
//! ```
//!
//! The first one is asked who it is. The second one is known, and gets a cookie; the third one brings it
//! back and is counted. The application checks no password: who it is called for is known, and cannot be
//! made up by a header field. Ctrl-C ends it. Another address is an argument.

use std::time::Duration;

use gateway_hyper::Server;
use gateway_iface::RemoteUser;
use gateway_iface::middleware::{BasicAuth, CookieJar, Cookies, SameSite, SetCookie, Users};
use gateway_iface::prelude::*;

/// Greets by name, and counts the visits of each browser in a cookie.
async fn greet(scope: asgi::Scope, _: asgi::Receive, mut send: asgi::Send) -> Result<(), Error> {
    let request = scope.into_http()?;
    let head = request.head();
    let name = head.user().map_or("nobody", RemoteUser::name);
    let before = CookieJar::of(head).get(VISITS).and_then(|count| count.parse::<u32>().ok()).unwrap_or(0);
    let visits = before.saturating_add(1);
    let cookie = SetCookie::new(VISITS, visits.to_string()).path("/").secure(true).http_only(true);
    let cookie = cookie.same_site(SameSite::Lax).max_age(Duration::from_secs(30 * 24 * 3600));
    let response = Response::builder()
        .header(header::CONTENT_TYPE, "text/plain; charset=utf-8")
        .header(header::SET_COOKIE, cookie.build()?)
        .body(format!("Hello, {name}, on visit {visits}\n"))?;
    send.respond(response).await?;
    Ok(())
}

/// `__Host-`: no other host, and nobody without TLS, can set it for this one.
const VISITS: &str = "__Host-visits";

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let addr = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:8000".into());
    let users = Users::new().with("ada", "lovelace").with("alan", "turing");
    // From the inside out: a request meets the authentication first.
    let app =
        greet.wrap(Cookies::new).wrap(|app| BasicAuth::new(app, users)).with_realm("the engine room")?;
    let server = Server::builder().bind(addr).await?;
    eprintln!("serving {}/", server.local_addr());
    server.serve(app).await?;
    Ok(())
}

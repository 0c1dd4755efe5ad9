//! Applications that wrap an application.
//!
//! A middleware is a struct with an `inner` application, and an application itself, for both
//! interfaces where both make sense. [`Wrap`] writes a chain of them from the inside out:
//!
//! ```
//! use gateway_iface::http::Request;
//! use gateway_iface::middleware::{Counter, PathGuard};
//! use gateway_iface::prelude::*;
//! use gateway_iface::testing::{AsgiClient, block_on};
//!
//! async fn hello(scope: asgi::Scope, _: asgi::Receive, mut send: asgi::Send) -> Result<(), Error> {
//!     scope.into_http()?;
//!     send.text(200, "hello").await?;
//!     Ok(())
//! }
//!
//! let app = hello.wrap(|app| PathGuard::deny(app).prefix("/admin")).wrap(Counter::new);
//! let (counts, client) = (app.counts(), AsgiClient::new(app));
//! assert_eq!(block_on(client.request(Request::get("/").body("")?))?.status(), 200);
//! assert_eq!(block_on(client.request(Request::get("/admin").body("")?))?.status(), 404);
//! assert_eq!(counts.snapshot().requests, 2);
//! # Ok::<(), Error>(())
//! ```
//!
//! | | what it does | how it answers by itself |
//! |---|---|---|
//! | [`ProxyHeaders`] | client, scheme, host and mount point, as trusted proxies tell them | never |
//! | [`Counter`] | counts requests and responses | never |
//! | [`PathGuard`] | lets paths through, or not, however they are spelled | 404 |
//! | [`BasicAuth`] | user name and password | 401 |
//! | [`Cookies`] | bounds the cookies that [`CookieJar`] reads | 431 |
//! | [`Mount`] | gives each request to one of many applications | 404 |
//!
//! From the outside in, that is also an order that works: whoever counts or guards sees what is verified
//! of the client, and the application meets nobody that was not let through.

mod basic_auth;
mod cookies;
mod counter;
mod denial;
mod mount;
mod path_guard;
mod proxy_headers;
#[cfg(test)]
mod random;
mod wrap;

pub use self::basic_auth::{BasicAuth, InvalidRealm, Users, Verify};
pub use self::cookies::{CookieJar, Cookies, InvalidCookie, SameSite, SetCookie};
pub use self::counter::{Counter, Counts, CountsSnapshot};
pub use self::mount::{InvalidRoute, Mount};
pub use self::path_guard::{PathGuard, Refusal};
pub use self::proxy_headers::{ForwardingFields, InvalidNetwork, Network, ProxyHeaders};
pub use self::wrap::Wrap;

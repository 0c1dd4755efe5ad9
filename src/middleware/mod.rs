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
//! | layer | what it does | how it answers by itself |
//! |---|---|---|
//! | [`ProxyHeaders`] | client, scheme, host and mount point, as trusted proxies tell them | never |
//! | [`RequestId`] | gives each request an id, or takes the one that it has | never |
//! | [`AccessLog`] | tells of each exchange when it is over, as a line in the combined format too | never |
//! | [`Counter`] | counts requests and responses | never |
//! | [`CatchError`] | answers for an application that fails, and reports its error | the error's status, or 500 |
//! | [`Timeout`] | ends a request that takes too long; asynchronous only | 503 |
//! | [`BodyLimit`] | bounds the body of a request | 413 |
//! | [`PathGuard`] | lets paths through, or not, however they are spelled | 404 |
//! | [`BasicAuth`] | user name and password | 401 |
//! | [`Cookies`] | bounds the cookies that [`CookieJar`] reads | 431 |
//! | [`MapHead`], [`MapBody`] | change status and fields, or the blocks, of responses | never |
//! | [`Mount`] | gives each request to one of many applications | 404 |
//!
//! In this order, outermost first, layers that count or guard see the verified client, and the application
//! sees only requests that were let through. The log learns the user though [`BasicAuth`] stands further in,
//! so refused requests have their line too.

mod access_log;
mod basic_auth;
mod body_limit;
mod catch_error;
mod cookies;
mod counter;
mod denial;
#[cfg(test)]
mod fixtures;
mod map_body;
mod map_body_change;
mod map_head;
mod mount;
mod path_guard;
mod proxy_headers;
#[cfg(test)]
mod random;
mod relay;
mod request_id;
mod timeout;
mod wrap;

pub use self::access_log::{AccessEntry, AccessLog};
pub use self::basic_auth::{AsyncVerify, BasicAuth, InvalidRealm, Users, Verify};
pub use self::body_limit::BodyLimit;
pub use self::catch_error::CatchError;
pub use self::cookies::{CookieJar, Cookies, InvalidCookie, SameSite, SetCookie};
pub use self::counter::{Counter, Counts, CountsSnapshot};
pub use self::map_body::MapBody;
pub use self::map_head::MapHead;
pub use self::mount::{InvalidRoute, Mount};
pub use self::path_guard::{PathGuard, Refusal};
pub use self::proxy_headers::{ForwardingFields, InvalidNetwork, Network, ProxyHeaders};
pub use self::request_id::{RequestId, RequestIdValue};
pub use self::timeout::{Elapsed, Timeout};
pub use self::wrap::Wrap;

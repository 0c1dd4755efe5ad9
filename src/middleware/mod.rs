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

mod access_log;
mod body_limit;
mod catch_error;
mod counter;
#[cfg(test)]
mod fixtures;
mod map_body;
mod map_head;
mod path_guard;
mod relay;
mod request_id;
mod timeout;
mod wrap;

pub use self::access_log::{AccessEntry, AccessLog};
pub use self::body_limit::BodyLimit;
pub use self::catch_error::CatchError;
pub use self::counter::{Counter, Counts, CountsSnapshot};
pub use self::map_body::MapBody;
pub use self::map_head::MapHead;
pub use self::path_guard::{PathGuard, Refusal};
pub use self::request_id::{RequestId, RequestIdValue};
pub use self::timeout::{Elapsed, Timeout};
pub use self::wrap::Wrap;

//! The names that an application needs, for a glob import.
//!
//! It brings the two interfaces by their module names, so `Send` keeps its usual meaning:
//!
//! ```
//! use gateway_iface::prelude::*;
//!
//! fn needs_send<T: Send>(_: &T) {}
//!
//! async fn app(scope: asgi::Scope, _: asgi::Receive, mut send: asgi::Send) -> Result<(), Error> {
//!     scope.into_http()?;
//!     send.text(200, "hello").await?;
//!     Ok(())
//! }
//!
//! needs_send(&app);
//! ```

#[doc(no_inline)]
pub use crate::{Error, asgi, async_trait, middleware::Wrap, wsgi};
#[doc(no_inline)]
pub use bytes::Bytes;
#[doc(no_inline)]
pub use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode, header};

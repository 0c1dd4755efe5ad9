//! The gateway interface of Rust: what stands between web servers and web applications.
//!
//! An application, a middleware or a framework is written once against this crate. It then runs
//! unchanged on every server and gateway that speaks it, in front of every framework that it is
//! adapted to, and in memory in a test. What WSGI and ASGI are for Python, and Rack for Ruby.
//!
//! # A whole application
//!
//! ```
//! use gateway_iface::{Error, asgi};
//!
//! async fn hello(scope: asgi::Scope, _: asgi::Receive, mut send: asgi::Send) -> Result<(), Error> {
//!     scope.into_http()?;
//!     send.text(200, "Hello, World!").await?;
//!     Ok(())
//! }
//! # use gateway_iface::testing::{AsgiClient, block_on};
//! # use gateway_iface::http::Request;
//! # let response = block_on(AsgiClient::new(hello).request(Request::get("/").body("")?))?;
//! # assert_eq!(response.body(), "Hello, World!");
//! # Ok::<(), Error>(())
//! ```
//!
//! A synchronous one, for a thread that may block:
//!
//! ```
//! use gateway_iface::{Error, wsgi};
//!
//! fn hello(_: wsgi::Environ, start_response: &mut dyn wsgi::StartResponse) -> Result<wsgi::Body, Error> {
//!     start_response.text(200, "Hello, World!".into())
//! }
//! # use gateway_iface::testing::WsgiClient;
//! # use gateway_iface::http::Request;
//! # let response = WsgiClient::new(hello).request(Request::get("/").body("")?)?;
//! # assert_eq!(response.body(), "Hello, World!");
//! # Ok::<(), Error>(())
//! ```
//!
//! # Reading order
//!
//! 1. [`asgi::Application`] and [`wsgi::Application`]: the two traits, and what each side promises.
//! 2. [`RequestHead`]: what both tell of a request.
//! 3. [`asgi::Receive`] and [`asgi::Send`]; [`wsgi::Environ`], [`wsgi::StartResponse`] and
//!    [`wsgi::Body`]: how a body comes in and a response goes out.
//! 4. [`middleware`]: applications that wrap one.
//! 5. [`bridge`]: one interface on a server of the other.
//! 6. [`testing`]: clients in memory.
//! 7. [`validate`]: says which rule was broken, and by whom.
//! 8. [`asgi::Exchange`] and [`wsgi::run`]: what a server implements.
//! 9. [`adapter`]: what the adapter of a framework is made of.
//!
//! # The contract
//!
//! Rules carry ids: `W-12` is the twelfth rule of the synchronous interface (PEP 3333), `A-12` of the
//! asynchronous one (ASGI 3), `H-12` of HTTP, `S-12` of WebSocket. The documentation of each item names
//! the rules it stands for, and so do the tests; `docs/RULES.md` lists those of the two interfaces, and
//! what proves them. Checks of the validator beyond the rules are `V-1` and so on, listed in [`validate`].
//!
//! # What is promised across versions
//!
//! The signatures here name only the standard library, [`bytes`], [`http`] and `futures-core`, all of
//! them stable; beside these the crate depends on `async-trait` and `thiserror`, and on nothing else, ever.
//! Enums and structs that may grow are `#[non_exhaustive]`. There are no features.

pub mod adapter;
pub mod asgi;
pub mod bridge;
mod connection;
mod error;
mod host;
pub mod middleware;
mod outcome;
mod path;
pub mod prelude;
mod queue;
mod request;
mod request_trailers;
pub mod testing;
mod user;
pub mod validate;
pub mod wsgi;

#[doc(no_inline)]
pub use async_trait::async_trait;
#[doc(no_inline)]
pub use bytes;
#[doc(no_inline)]
pub use futures_core;
#[doc(no_inline)]
pub use http;

pub use self::connection::{Connection, ServerAddr};
pub use self::error::{BoxError, Error, UnsupportedScope};
pub use self::outcome::{Observe, Observers, Outcome};
pub use self::request::{InvalidHost, InvalidMount, InvalidPath, RequestHead};
pub use self::request_trailers::RequestTrailers;
pub use self::user::RemoteUser;

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

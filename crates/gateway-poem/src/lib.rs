//! poem endpoints as applications of [`gateway_iface`], and applications as poem endpoints.
//!
//! # An endpoint as an application
//!
//! [`FromPoem`] makes an application of anything that is an [`Endpoint`](poem::Endpoint): a handler, a
//! [`Route`](poem::Route), either with its middleware. It runs on every server and gateway, is mounted beside others, and
//! takes every middleware:
//!
//! ```
//! use gateway_iface::http::Request;
//! use gateway_iface::middleware::PathGuard;
//! use gateway_poem::FromPoem;
//! use poem::web::Path;
//! use poem::{Route, get, handler};
//! # use gateway_iface::testing::{AsgiClient, block_on};
//!
//! #[handler]
//! fn hello(Path(name): Path<String>) -> String {
//!     format!("hello {name}")
//! }
//!
//! let app = PathGuard::deny(FromPoem::new(Route::new().at("/hello/:name", get(hello)))).prefix("/admin");
//! # let client = AsgiClient::new(app);
//! # let response = block_on(client.request(Request::get("/hello/x").body("")?))?;
//! # assert_eq!(response.body(), "hello x");
//! # Ok::<(), gateway_iface::Error>(())
//! ```
//!
//! # An application as an endpoint
//!
//! [`ToPoem`] makes an endpoint of an [`asgi::Application`](gateway_iface::asgi::Application). It is nested in a
//! `Route`, takes poem's middleware, and is served by poem's `Server`:
//!
//! ```
//! use gateway_iface::{Error, asgi};
//! use gateway_poem::ToPoem;
//! use poem::Route;
//!
//! async fn hello(scope: asgi::Scope, _: asgi::Receive, mut send: asgi::Send) -> Result<(), Error> {
//!     let request = scope.into_http()?;
//!     Ok(send.text(200, format!("hello from {}", request.head().root_path())).await?)
//! }
//!
//! let route = Route::new().nest("/greeter", ToPoem::new(hello));
//! # use gateway_iface::testing::{AsgiClient, block_on};
//! # let client = AsgiClient::new(gateway_poem::FromPoem::new(route));
//! # let response = block_on(client.request(gateway_iface::http::Request::get("/greeter/x").body("")?))?;
//! # assert_eq!(response.body(), "hello from /greeter");
//! # Ok::<(), Error>(())
//! ```
//!
//! A synchronous application is wrapped by [`bridge::WsgiToAsgi`](gateway_iface::bridge::WsgiToAsgi) first.
//!
//! # What passes
//!
//! | | [`FromPoem`] | [`ToPoem`] |
//! |---|---|---|
//! | bodies, both ways | block by block, with backpressure | block by block, with backpressure |
//! | trailers of the request | yes, where the server has them | yes, where `trailer` announces them |
//! | trailers of the response | yes, where the server can | yes |
//! | extensions, and who was verified | in the request's | in the head's |
//! | mount point | the target is what is below it | what `Route::nest` took off |
//! | addresses and scheme | `remote_addr`, `local_addr`, `scheme` | the head's connection |
//! | loss of the client | drops the endpoint's future, or its body | is told to the application |
//! | errors | an [`EndpointError`], or that of the body, ends the call | an [`ApplicationError`]; later, an error of the body |
//! | WebSockets | as poem's `WebSocket` takes them over | over HTTP/1.1, by a task of tokio's |
//! | early hints, files by path or descriptor | not in poem | not offered to the application |
//!
//! poem's requests and bodies are those of `http` and `http_body`, so most of the work is done by [`gateway_tower`], and
//! what is told there of buffers and tasks is true here. What it costs more is a box for the future of each request
//! to an endpoint, and one for each body.
//!
//! # Limits of poem's
//!
//! - `Route::nest` answers 400 where what is below its prefix is not UTF-8 when it is decoded, and `Route` 404 to
//!   `OPTIONS *`. A [`ToPoem`] that is served without it gets both.
//! - poem's own server goes on with a connection of HTTP/1.1 that has failed. So a response without a length that an
//!   application breaks off looks complete to its client (H-87), and an application that waits without a body to read, or
//!   for the answer to a handshake, does not learn that its client left before it sends (A-84, A-100). It is so with
//!   poem's own endpoints too, and on no other server.
//! - poem's own server ends a connection whose endpoint panics. A panic of an application in a [`ToPoem`] is an error
//!   like any other (A-104).
//! - poem's listeners leave it to the system to wait for more before it sends, which slows small blocks down. On Linux
//!   connections take `TCP_NODELAY` over from a socket that is handed to
//!   [`TcpAcceptor`](poem::listener::TcpAcceptor).
//! - There are no WebSockets over HTTP/2.
//! - A request that is made by hand, as in poem's tests, does not tell what `Route::nest` took off.

mod connection;
mod errors;
mod from_poem;
mod service;
mod to_poem;

pub use self::errors::{ApplicationError, EndpointError};
pub use self::from_poem::FromPoem;
pub use self::to_poem::ToPoem;

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

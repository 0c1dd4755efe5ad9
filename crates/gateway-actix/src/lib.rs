//! [gateway-iface](gateway_iface) and actix-web: applications of either inside the other.
//!
//! - [`FromActix`] makes an [`asgi::Application`](gateway_iface::asgi::Application) of an actix-web `App`: it runs on
//!   every server of the interface, is mounted beside other applications, and takes every middleware.
//! - [`ToActix`] makes a service of actix-web of an application, asynchronous or synchronous: it is mounted inside an
//!   `App` that there is already.
//!
//! Both pass requests and responses on as they are, with nothing held back: bodies of any size with backpressure,
//! repeated fields in their order, mount points, addresses, users and extensions, WebSockets, the loss of a client,
//! start-up and shutdown.
//!
//! # actix-web inside
//!
//! ```
//! use actix_web::{App, web};
//! use gateway_actix::FromActix;
//! use gateway_iface::middleware::Counter;
//! use gateway_iface::prelude::*;
//!
//! async fn hello(name: web::Path<String>) -> String {
//!     format!("Hello, {name}!")
//! }
//!
//! let app = FromActix::new(|| App::new().route("/{name}", web::get().to(hello))).wrap(Counter::new);
//! # use gateway_iface::Error;
//! # use gateway_iface::http::Request;
//! # use gateway_iface::testing::{AsgiClient, block_on};
//! # let response = block_on(AsgiClient::new(app).request(Request::get("/World").body("")?))?;
//! # assert_eq!(response.body(), "Hello, World!");
//! # Ok::<(), Error>(())
//! ```
//!
//! # Inside actix-web
//!
//! ```
//! use actix_web::{App, web};
//! use gateway_actix::ToActix;
//! use gateway_iface::{Error, asgi};
//!
//! async fn hello(scope: asgi::Scope, _: asgi::Receive, mut send: asgi::Send) -> Result<(), Error> {
//!     let scope = scope.into_http()?;
//!     Ok(send.text(200, format!("below {}", scope.head().root_path())).await?)
//! }
//!
//! let app = App::new()
//!     .route("/own", web::get().to(|| async { "a handler of actix" }))
//!     .service(web::scope("/hello").service(ToActix::new(hello)));
//! # use actix_web::test::{TestRequest, call_and_read_body, init_service};
//! # actix_web::rt::System::new().block_on(async {
//! # let app = init_service(app).await;
//! # let told = call_and_read_body(&app, TestRequest::with_uri("/hello/x").to_request()).await;
//! # assert_eq!(told, "below /hello");
//! # });
//! ```
//!
//! # What it costs
//!
//! actix-web's services, requests and bodies belong to one thread. [`ToActix`] stays on it: the call is polled where
//! actix polls the handler, with no task and no channel. Only a call that goes on after its response gets a task, and
//! a WebSocket. [`FromActix`] has threads of its own for the services, so each request is handed over to one of them
//! and its response back: its documentation has the price.
//!
//! Both convert header fields, since actix-web has types of its own for them: names are looked up, and all values of
//! a message are copied into one allocation.

mod fields;
mod from_actix;
mod stream;
mod to_actix;
mod under_way;
mod waker;

pub use self::from_actix::{FromActix, StartError};
pub use self::to_actix::{BlockingPool, Calling, ToActix, with_lifespan};

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

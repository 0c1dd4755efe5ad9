//! The conformance kit of [`gateway_iface`]: a table of cases that any server, gateway or adapter runs to
//! know that it is right.
//!
//! Each [`Case`] names the rules that it proves, has an application of its own, and checks what a client
//! of that application sees. The same cases run in process, through a bridge or an adapter, and over a
//! socket.
//!
//! # A server of one's own
//!
//! Implement [`Host`], or write it as a closure, and give it to [`suite!`]:
//!
//! ```
//! use gateway_conformance::{Application, Host, Running, suite};
//! use gateway_iface::BoxError;
//!
//! struct MyServer;
//!
//! impl Host for MyServer {
//!     fn start(&self, app: Application) -> Result<Running, BoxError> {
//!         let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
//!         let server = runtime.block_on(gateway_hyper::Server::builder().signals(false).bind("127.0.0.1:0"))?;
//!         let addr = server.local_addr().tcp().ok_or("not listening on TCP")?;
//!         let handle = server.handle();
//!         let serving = runtime.spawn(server.serve(app));
//!         Ok(Running::tcp(addr, move || {
//!             handle.shutdown();
//!             Ok(runtime.block_on(serving)??)
//!         }))
//!     }
//! }
//!
//! suite!(my_server, MyServer, [wsgi, asgi_http, http_wire]);
//! # fn main() {
//! #     gateway_conformance::assert_case(&MyServer, "empty_blocks_send_nothing");
//! # }
//! ```
//!
//! That makes a `#[test]` for each case, and each test runs its case twice: as it is, and with a
//! [`Validator`](gateway_iface::validate::Validator) around every application.
//!
//! - A gateway or an adapter in process returns [`Running::asgi`] or [`Running::wsgi`] instead.
//! - A host that cannot pass a case says so in [`Host::exceptions`], with the reason. Such a case must
//!   then fail: an exception that is no longer needed is an error too.
//! - [`Report::of_host`] runs the same cases without the test runner.
//!
//! # A server that runs already
//!
//! Mount an [`Application`] in it, and point the program of this crate at it; it prints a report and exits
//! with 1 when a case failed:
//!
//! ```text
//! cargo run -p gateway-conformance -- http://127.0.0.1:8000
//! ```
//!
//! # How to write one
//!
//! The [`guide`] shows step by step how to connect a [server](guide::server) and a
//! [framework](guide::framework), with programs that pass these cases.

mod application;
mod case;
mod cases;
mod client;
mod control;
pub mod guide;
mod host;
mod journal;
mod report;
mod run;
mod suite;

pub use self::application::Application;
pub use self::case::{Case, Failure, Group};
pub use self::cases::cases;
pub use self::host::{Exception, Host, Running};
pub use self::report::Report;
pub use self::run::{Verdict, assert_case, verify};

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

//! Says which rule of the contract was broken, and by whom.
//!
//! A [`Validator`] stands between any server and any application, of either interface, changes nothing,
//! and reports each [`Violation`] with the id of its rule, its [`Culprit`], and what was seen. Put it
//! into every test of an application, a middleware or a server:
//!
//! ```
//! use gateway_iface::http::Request;
//! use gateway_iface::prelude::*;
//! use gateway_iface::testing::{AsgiClient, block_on};
//! use gateway_iface::validate::Validator;
//!
//! async fn hello(scope: asgi::Scope, _: asgi::Receive, mut send: asgi::Send) -> Result<(), Error> {
//!     scope.into_http()?;
//!     send.text(200, "hello").await?;
//!     Ok(())
//! }
//!
//! let client = AsgiClient::new(Validator::new(hello));
//! assert_eq!(block_on(client.request(Request::get("/").body("")?))?.body(), "hello");
//! # Ok::<(), Error>(())
//! ```
//!
//! That panics where a rule is broken. [`OnViolation`] has the other choices; with
//! [`OnViolation::Collect`], the handle of [`Validator::violations`] tells in the end what was seen. A
//! server is tested the same way: with an application that is known to be right, inside a validator. For
//! a middleware, [`Validator::around`] puts one validator on each side of it.
//!
//! # What is checked
//!
//! Everything in the rules that can be seen from here and that no type makes impossible. Ids that begin
//! with `W`, `A` or `H` are those of the contract. Checks beyond it, most of which validators of other
//! ecosystems make, have ids of their own:
//!
//! | id | check | from |
//! |---|---|---|
//! | V-01 | a poll that sends empties its slot when it is ready, and leaves it full when it waits | [`asgi::Exchange`](crate::asgi::Exchange) |
//! | V-02 | no event is sent after the response is complete | ASGI lint |
//! | V-03 | no response field is named `status` | `wsgiref.validate`, Plack Lint |
//! | V-04 | names of response fields begin with a letter, hold letters, digits, `-` and `_`, and end with neither of the last two | `wsgiref.validate`, Plack Lint |
//! | V-05 | responses with 204 and 304 have no `content-type`, and those with 304 no `content-length` | `Rack::Lint`, `wsgiref.validate` |
//! | V-06 | the answer to HEAD has no octets of body; a server drops them | `Rack::Lint` |
//! | V-07 | the links of an early hint are links | `Rack::Lint` |
//! | V-08 | the method is in upper case (A-19 in the asynchronous interface) | Plack Lint |
//! | V-09 | `SERVER_PROTOCOL` is `HTTP/` and a version | `Rack::Lint` |
//! | V-10 | every observer is told of the outcome, once | [`Observe`](crate::Observe) |
//!
//! A check that does not suit what is tested is left out with [`Validator::except`].
//!
//! # What cannot be seen
//!
//! The wire: whether a block is sent before the next is taken, what a client gets. The order of calls of
//! two halves that are used from two threads at the same moment. Whether a synchronous server stopped
//! early for a good reason.

mod asgi;
mod pair;
mod request_rules;
mod response_rules;
mod session;
mod validator;
mod violation;
mod violations;
mod witness;
mod wsgi;

pub use self::validator::Validator;
pub use self::violation::{Culprit, OnViolation, Violation};
pub use self::violations::Violations;

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
//! These rules:
//!
//! - the asynchronous interface: A-05, A-06, A-07, A-18, A-19, A-46, A-49, A-53, A-60, A-65, A-66,
//!   A-67, A-72, A-73, A-74, A-77, A-79, A-80, A-83, A-86, A-88, A-91, A-92, A-95, A-99, A-107, A-108,
//!   A-109, A-112, A-116, A-122, A-123, A-126, A-129, A-130, A-133, A-137, A-143, A-144, A-146;
//! - the synchronous interface: W-07, W-10, W-26, W-28, W-30, W-32, W-33, W-36, W-42, W-76, W-82, W-91, W-93,
//!   W-98, W-99, W-100, W-101, W-106, W-107, W-109, W-110, W-115, W-119, W-120, W-121, W-124, W-130, W-132, W-133,
//!   W-134, W-135, W-136;
//! - HTTP, by both: H-13, H-18, H-37, H-43, H-44, H-69, H-73, H-74, H-75, H-76, H-77, H-80, H-85, H-89,
//!   H-109.
//!
//! Checks beyond the rules, most of which validators of other ecosystems make, have ids of their own:
//!
//! | id | level | check | from |
//! |---|---|---|---|
//! | V-01 | must | a poll that sends empties its slot when it is ready, and leaves it full when it waits | [`asgi::Exchange`](crate::asgi::Exchange) |
//! | V-02 | advice | no event is sent after the response is complete | ASGI lint |
//! | V-03 | advice | no response field is named `status` | `wsgiref.validate`, Plack Lint |
//! | V-04 | advice | names of response fields begin with a letter, hold letters, digits, `-` and `_`, and end with neither of the last two | `wsgiref.validate`, Plack Lint |
//! | V-05 | advice | responses with 204 and 304 have no `content-type`, and those with 304 no `content-length`, which RFC 9110 leaves free | `Rack::Lint`, `wsgiref.validate` |
//! | V-06 | advice | the answer to HEAD has no octets of body and no trailers; a server drops them, so that an application may answer it as it does GET | `Rack::Lint` |
//! | V-07 | advice | the links of an early hint are links | `Rack::Lint` |
//! | V-08 | advice | the method is in upper case (A-19 in the asynchronous interface) | Plack Lint |
//! | V-09 | must | `SERVER_PROTOCOL` is `HTTP/` and a version | `Rack::Lint` |
//! | V-10 | must | every observer is told of the outcome, once | [`Observe`](crate::Observe) |
//!
//! Some of it is advice, and [`Validator::without_advice`] leaves that out: what the table says so of, and
//! the rules that say SHOULD to whom they blame: A-91, A-95, A-143, H-73, H-75, W-28, W-42, W-82, W-120,
//! W-136. That content has a type (H-73), for one, is right nearly always; the rule allows for content
//! whose type is unknown. A single check that does not suit what is tested is left out with
//! [`Validator::except`].
//!
//! A call that returns before any content of its response breaks A-65; one that returns in the middle of
//! it, A-66. Neither does, once it was told in whatever way that the exchange is over.
//!
//! # What cannot be seen
//!
//! The wire: whether a block is sent before the next is taken, what a client gets. Which of two events
//! came first when the two halves are used from two threads at the same moment: nothing is reported that
//! depends on it. Whether a synchronous server stopped early for a good reason.

mod asgi;
mod checks;
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

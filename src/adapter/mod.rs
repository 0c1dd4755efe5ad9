//! What the adapter of a framework is made of.
//!
//! A framework has handlers, requests, responses and bodies of its own. Its adapter connects it both ways, and
//! most of what is hard about that is the same for all of them. That part is here; none of it has a runtime, a
//! task or a channel.
//!
//! An application inside a framework:
//! - [`Hosted`] is a call of an application that the framework drives in place: it polls for the head of the response,
//!   then for its blocks.
//! - [`Failed`] is what became of a call that left nothing to send.
//!
//! A framework's handler as an application:
//! - [`split`] makes two things of a [`Receive`](crate::asgi::Receive): a [`RequestBody`] for the framework, and a
//!   [`Watch`] that ends the handler when its client left.
//!
//! And for both, [`Origin`] is what a framework's request has no field for: connection, and mount point.
//!
//! A framework whose requests and bodies are those of `http` and `http_body` is a tower service but for the names: its
//! adapter is best written around that of `gateway-tower`, as `gateway-poem` is.
//!
//! `gateway_conformance::guide` shows step by step how an adapter is built of these.

mod exchange;
mod failed;
mod host;
mod hosted;
mod origin;
mod request_body;
mod state;

pub use self::failed::Failed;
pub use self::host::{Host, Rest};
pub use self::hosted::Hosted;
pub use self::origin::Origin;
pub use self::request_body::{RequestBody, Watch, split};

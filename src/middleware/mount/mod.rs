//! Several applications behind one, by host name and by path.
//!
//! [`Mount`] is the middleware; `prefix` and `host_rule` say what a request belongs to, and `lifespan`
//! runs the start-up and shutdown of everything that is mounted.

mod host_rule;
mod lifespan;
#[cfg(test)]
mod model;
#[expect(clippy::module_inception, reason = "the middleware has the name of its folder")]
mod mount;
mod prefix;

pub use self::mount::{InvalidRoute, Mount};

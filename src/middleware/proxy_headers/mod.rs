//! What trusted proxies say about the client.
//!
//! [`ProxyHeaders`] is the middleware and [`Network`] what it trusts; `forwarded` and `x_forwarded` read
//! the two families of fields, from the right.

mod forwarded;
#[cfg(test)]
mod model;
mod network;
mod node;
mod proxy;
mod verified;
mod x_forwarded;

pub use self::network::{InvalidNetwork, Network};
pub use self::proxy::{ForwardingFields, ProxyHeaders};

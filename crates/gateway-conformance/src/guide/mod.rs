//! How to connect a server or a framework to [`gateway_iface`], with code that passes the kit.
//!
//! - [`server`]: a server serves applications of both interfaces.
//! - [`framework`]: a framework's handlers run on every server, and every application runs in the framework.
//!
//! Each page has a whole program. It is a test of this crate: it runs the cases of the kit on itself.

pub mod server {
    #![doc = include_str!("server.md")]
    #![doc = include_str!("server_program.md")]
}

pub mod framework {
    #![doc = include_str!("framework.md")]
}

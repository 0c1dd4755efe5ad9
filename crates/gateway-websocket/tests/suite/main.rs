//! What servers and adapters see of this crate.
//!
//! Every test waits on a condition; none depends on how long anything takes.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod handshakes;
mod http2;
mod kit;
mod over_hyper;
mod relay;
mod sockets;
mod support;

//! WebSockets of the native server, tested over real sockets with frames that a test writes octet by octet.
//!
//! Every test waits on a condition. The deadline in `support` only keeps a deadlock from hanging the
//! run; no test depends on how long anything takes.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod apps;
mod backpressure;
mod broken;
mod closing;
mod deflate;
mod ends;
mod handshake;
mod messages;
mod pings;
mod refusals;
mod scope;
mod shutdown;
#[expect(dead_code, reason = "the tests of the server use the rest")]
#[path = "../server/support/mod.rs"]
mod support;
mod wire;

//! The PROXY protocol in front of everything that a listener speaks, over real sockets.
//!
//! Every test waits on a condition. The deadline in `support` only keeps a deadlock from hanging the
//! run; no test depends on how long anything takes.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod addresses;
mod closed;
mod proxied;
#[expect(dead_code, unused_imports, reason = "the tests of the server use the rest")]
#[path = "../server/support/mod.rs"]
mod support;
#[expect(dead_code, reason = "the tests of TLS use the rest")]
#[path = "../tls/support.rs"]
mod tls;

//! The command line, at processes of their own: this program again, told by a variable what to serve.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod check;
mod options;
mod process;
mod restart;
mod restart_secure;
mod serving;
mod stopping;
#[expect(dead_code, reason = "the tests of TLS use the rest")]
#[path = "../tls/support.rs"]
mod tls;
mod websockets;

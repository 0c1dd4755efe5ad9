//! TLS, tested over real sockets with certificates made for the test.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod certificates;
mod clients;
mod connections;
mod support;

//! Hostile clients: each attack of the benchmark of the same name, in a small number.
//!
//! While it goes on others are served; it ends by the limit that says so; and nothing of it is left. No test
//! depends on how long anything takes: the deadline in `support` only keeps a deadlock from hanging the run.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod app;
#[expect(dead_code, reason = "the benchmark uses the rest")]
mod attack;
mod support;

mod http1;
mod http2;
mod tls;
mod websocket;

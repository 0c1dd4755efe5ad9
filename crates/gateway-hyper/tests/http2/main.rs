//! HTTP/2, tested over real sockets with a client that speaks it frame by frame.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod bodies;
mod connections;
mod heads;
mod interim;
mod limits;
mod support;
mod trailers;
mod websocket;

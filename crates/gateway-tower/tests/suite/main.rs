//! Services as applications, and applications as services, over sockets.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod axum;
mod axum_websocket;
mod bodies;
mod grpc;
mod hosted;
mod hosts;
mod kit;
mod lambda;
mod layers;
mod losses;
mod middleware;
mod sockets;
mod support;

//! Services as applications, and applications as services, over sockets.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod axum;
mod hosts;
mod kit;
mod layers;
mod support;

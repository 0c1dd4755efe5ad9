//! Endpoints as applications, and applications as endpoints, over sockets and in process.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]
#![expect(clippy::needless_pass_by_value, reason = "handlers take what poem extracts for them")]

mod applications;
mod client;
mod endpoints;
mod errors;
mod hosts;
mod kit;
mod limits;
mod requests;
mod websockets;

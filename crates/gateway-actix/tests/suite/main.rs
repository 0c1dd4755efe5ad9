//! What the crate promises.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod from_actix;
mod from_actix_ends;
mod kit;
mod socket;
mod support;
mod to_actix;

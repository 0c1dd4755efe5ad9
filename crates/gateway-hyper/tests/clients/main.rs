//! The native server as its users' programs see it: curl, nghttp2's clients, Python's and Chromium, as they
//! are installed.
//!
//! What these programs are for here is that nobody here wrote them: they frame, split and wait in their own
//! ways. `bash .ci/setup` installs them; a test whose program is missing fails and says so.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod browser;
mod certificates;
mod curl;
mod extras;
mod http2;
mod httpx;
mod responses;
mod support;
mod tls;
mod uploads;
mod websockets;

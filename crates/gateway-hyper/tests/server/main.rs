//! The native server, tested over real sockets: what users see across its files.
//!
//! Every test waits on a condition. The deadline in `support` only keeps a deadlock from hanging the
//! run; no test depends on how long anything takes.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]
#![expect(clippy::needless_pass_by_value, reason = "applications take what the interface hands them")]
#![expect(clippy::print_stdout, reason = "a process under test talks to its parent")]

mod backpressure;
mod basics;
mod cleanup;
mod concurrency;
mod faults;
mod files;
mod framing;
mod hints;
mod left_behind;
mod lifespan;
mod lifespan_ends;
mod limits;
mod listeners;
mod loss;
mod observers;
mod resets;
mod shutdown;
mod signals;
mod stats;
mod streaming;
mod support;
mod targets;
mod trailers;
mod unseen;
mod uploads;

//! The native server, tested over real sockets: what users see across its files.
//!
//! Every test waits on a condition. The deadline in `support` only keeps a deadlock from hanging the
//! run; no test depends on how long anything takes.

mod backpressure;
mod basics;
mod cleanup;
mod concurrency;
mod faults;
mod framing;
mod lifespan;
mod listeners;
mod loss;
mod resets;
mod shutdown;
mod signals;
mod streaming;
mod support;
mod targets;
mod uploads;

//! What a server counts.

mod counters;
mod limit;
mod prometheus;
#[expect(clippy::module_inception, reason = "the main type of the folder")]
mod stats;

pub(crate) use self::counters::{Counters, Open, OpenWebSocket, Status};
pub use self::limit::Limit;
pub use self::stats::Stats;

//! Tells of each exchange when it is over, in one line.
//!
//! [`AccessLog`] is the middleware, [`AccessEntry`] what it tells.

mod entry;
mod log;

pub use self::entry::AccessEntry;
pub use self::log::AccessLog;

//! Where the log goes.

use std::io::{self, IsTerminal as _};

use tracing::level_filters::LevelFilter;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

use super::access::TARGET;
use super::options::{LogFormat, Logging};

/// Logs to standard error, unless the program has a subscriber of its own.
pub(super) fn init(logging: &Logging) {
    let mut filter = logging.log_level.clone();
    if logging.access_log {
        filter = filter.with_target(TARGET, LevelFilter::INFO);
    }
    let layer = tracing_subscriber::fmt::layer().with_writer(io::stderr);
    let registry = tracing_subscriber::registry().with(filter);
    // It fails where there is one already, which then has everything.
    let _ = match logging.log_format {
        LogFormat::Text => registry.with(layer.with_ansi(io::stderr().is_terminal())).try_init(),
        LogFormat::Json => registry.with(layer.json().flatten_event(true)).try_init(),
    };
}

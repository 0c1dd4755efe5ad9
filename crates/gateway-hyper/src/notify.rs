//! Word to the service manager.

use sd_notify::NotifyState;
use tracing::warn;

/// Tells it, if there is one.
pub(crate) fn notify(states: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(states) {
        warn!(%error, "the service manager cannot be told");
    }
}

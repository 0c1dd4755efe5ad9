//! An observer of the exchange: whether it is told, and why the exchange ended.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::session::{Findings, Session};
use crate::asgi::Disconnect;
use crate::outcome::{Observe, Outcome};

/// Registered with the server like any observer; it learns what the application need not be told.
pub(super) struct Witness<W: Watched> {
    watch: Arc<W>,
    told: AtomicBool,
}

/// What a witness tells.
pub(super) trait Watched: Send + Sync + 'static {
    /// The exchange that it is about.
    fn session(&self) -> &Session;

    /// The server is done with the exchange, for that reason if it told one.
    fn outcome(&self, disconnect: Option<Disconnect>);
}

impl<W: Watched> Witness<W> {
    pub(super) fn new(watch: &Arc<W>) -> Arc<Self> {
        Arc::new(Self { watch: Arc::clone(watch), told: AtomicBool::new(false) })
    }

    fn report(&self, seen: &str) {
        let mut found = Findings::default();
        found.outer("V-10", seen);
        self.watch.session().note(found);
    }
}

impl<W: Watched> Observe for Witness<W> {
    fn finished(&self, outcome: &Outcome) {
        if self.told.swap(true, Ordering::Relaxed) {
            self.report("an observer was told of the outcome for the second time");
            return;
        }
        self.watch.outcome(outcome.disconnect);
    }
}

impl<W: Watched> Drop for Witness<W> {
    fn drop(&mut self) {
        if !*self.told.get_mut() && !std::thread::panicking() {
            self.report("an observer was never told of the outcome");
            self.watch.outcome(None);
        }
    }
}

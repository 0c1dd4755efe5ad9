//! What the server logs.

use std::cell::RefCell;
use std::fmt::{Debug, Write};
use std::sync::Once;

use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Metadata, Subscriber};

/// The errors that this thread logs: all there are of a current-thread runtime.
pub(crate) struct Log(());

impl Log {
    /// Begins anew on this thread.
    pub(crate) fn start() -> Self {
        static GLOBAL: Once = Once::new();
        // One for the program: those that come and go with a thread miss events while others do.
        GLOBAL.call_once(|| tracing::subscriber::set_global_default(PerThread).unwrap());
        ERRORS.take();
        Self(())
    }

    /// What was logged as an error: faults of the application.
    #[expect(clippy::unused_self, reason = "there is a log only after it was started")]
    pub(crate) fn errors(&self) -> Vec<String> {
        ERRORS.with_borrow(Clone::clone)
    }
}

struct PerThread;

thread_local! {
    static ERRORS: RefCell<Vec<String>> = const { RefCell::new(Vec::new()) };
}

impl Subscriber for PerThread {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        *metadata.level() == Level::ERROR
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut text = Text(String::new());
        event.record(&mut text);
        ERRORS.with_borrow_mut(|errors| errors.push(text.0));
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

struct Text(String);

impl Visit for Text {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        write!(self.0, "{}={value:?} ", field.name()).unwrap();
    }
}

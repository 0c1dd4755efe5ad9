//! The turns of a connection's task, in which it writes out what its streams have left.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::{Context, Poll, Waker};

use parking_lot::Mutex;

/// Counts the turns, for streams that must not be reset before what they sent is out: a reset throws away what h2
/// still holds.
#[derive(Debug, Default)]
pub(super) struct Turns {
    over: AtomicU64,
    awaited: AtomicBool,
    streams: Mutex<Vec<Waker>>,
}

/// What a stream waits for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Turn {
    after: u64,
}

impl Turns {
    /// A turn is over.
    pub(super) fn count(&self) {
        self.over.fetch_add(1, Ordering::SeqCst);
        if self.awaited.swap(false, Ordering::SeqCst) {
            let streams = std::mem::take(&mut *self.streams.lock());
            streams.into_iter().for_each(Waker::wake);
        }
    }

    /// The first one that begins from now on: the one that is under way may have written already.
    pub(super) fn next(&self) -> Turn {
        Turn { after: self.over.load(Ordering::SeqCst) + 1 }
    }

    /// Ready when that turn is over.
    pub(super) fn poll_over(&self, cx: &Context<'_>, turn: Turn) -> Poll<()> {
        if self.is_over(turn) {
            return Poll::Ready(());
        }
        self.streams.lock().push(cx.waker().clone());
        self.awaited.store(true, Ordering::SeqCst);
        if self.is_over(turn) { Poll::Ready(()) } else { Poll::Pending }
    }

    fn is_over(&self, turn: Turn) -> bool {
        self.over.load(Ordering::SeqCst) > turn.after
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_69_turn_that_is_under_way_does_not_count() {
        let (turns, cx) = (Turns::default(), Context::from_waker(Waker::noop()));
        turns.count();
        let turn = turns.next();
        assert!(turns.poll_over(&cx, turn).is_pending());
        turns.count();
        assert!(turns.poll_over(&cx, turn).is_pending());
        turns.count();
        assert!(turns.poll_over(&cx, turn).is_ready());
    }
}

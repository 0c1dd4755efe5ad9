//! What an application under test has seen, and what its client tells it meanwhile.

use std::collections::HashMap;
use std::fmt;
use std::future::{Future, poll_fn};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::task::{Poll, Waker};
use std::time::{Duration, Instant};

/// The notes of one case, written by its application and by its client.
///
/// A clone is the same notes. An application notes what the client cannot see, such as that a body was
/// closed; a client notes that the application may go on.
#[derive(Clone, Default)]
pub(crate) struct Journal {
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    notes: Mutex<Notes>,
    changed: Condvar,
}

#[derive(Default)]
struct Notes {
    lines: Vec<String>,
    wakers: Vec<Waker>,
}

impl Journal {
    /// Adds a note, and lets everyone go on who waits for it.
    pub(crate) fn note(&self, text: impl Into<String>) {
        let wakers = {
            let mut notes = self.lock();
            // What a broken server makes an application say must not fill the memory.
            if notes.lines.len() < MAX_NOTES {
                notes.lines.push(text.into());
            }
            std::mem::take(&mut notes.wakers)
        };
        self.shared.changed.notify_all();
        wakers.into_iter().for_each(Waker::wake);
    }

    /// The notes so far.
    #[must_use]
    pub(crate) fn lines(&self) -> Vec<String> {
        self.lock().lines.clone()
    }

    /// Forgets every note.
    pub(crate) fn clear(&self) {
        self.lock().lines.clear();
    }

    /// Waits until the note is there, in an asynchronous application.
    pub(crate) fn wait(&self, text: &'static str) -> impl Future<Output = ()> + Send + use<> {
        let journal = self.clone();
        poll_fn(move |cx| {
            let mut notes = journal.lock();
            if notes.has(text) {
                return Poll::Ready(());
            }
            notes.wakers.push(cx.waker().clone());
            Poll::Pending
        })
    }

    /// Waits until the note is there, on the calling thread; whether it came within that time.
    #[must_use]
    pub(crate) fn wait_blocking(&self, text: &str, limit: Duration) -> bool {
        self.wait_until(|lines| lines.iter().any(|line| line == text), limit)
    }

    /// Waits until the notes are so, on the calling thread; whether they were within that time.
    #[must_use]
    pub(crate) fn wait_until(&self, so: impl Fn(&[String]) -> bool, limit: Duration) -> bool {
        let end = Instant::now() + limit;
        let mut notes = self.lock();
        while !so(&notes.lines) {
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return false;
            }
            let waited = self.shared.changed.wait_timeout(notes, left);
            notes = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        true
    }

    fn lock(&self) -> MutexGuard<'_, Notes> {
        self.shared.notes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Notes {
    fn has(&self, text: &str) -> bool {
        self.lines.iter().any(|line| line == text)
    }
}

impl fmt::Debug for Journal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(&self.lock().lines).finish()
    }
}

/// A journal for each case, made when it is first asked for.
#[derive(Clone, Debug, Default)]
pub(crate) struct Journals {
    cases: Arc<Mutex<HashMap<&'static str, Journal>>>,
}

impl Journals {
    pub(crate) fn of(&self, case: &'static str) -> Journal {
        let mut cases = self.cases.lock().unwrap_or_else(PoisonError::into_inner);
        cases.entry(case).or_default().clone()
    }
}

const MAX_NOTES: usize = 10_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_waits_goes_on_when_the_note_comes() {
        let journal = Journal::default();
        let other = journal.clone();
        let thread = std::thread::spawn(move || other.wait_blocking("go", Duration::from_secs(60)));
        let future = journal.wait("go");
        journal.note("go");
        gateway_iface::testing::block_on(future);
        assert!(thread.join().unwrap());
        assert!(!journal.wait_blocking("never", Duration::ZERO));
        assert_eq!(journal.lines(), ["go"]);
    }
}

//! What became of a response, told to whoever asked.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use http::StatusCode;

use crate::asgi::Disconnect;

/// Learns what becomes of one response, without standing between the application and the server.
///
/// A middleware that only counts or logs registers one with
/// [`asgi::Send::observe`](crate::asgi::Send::observe) or
/// [`StartResponse::observe`](crate::wsgi::StartResponse::observe) and forwards everything
/// untouched: no wrapper, no allocation. An observer sees what reaches the server, after every
/// layer between it and the application. Calls come from the thread that drives the response, must not
/// block, and must not use the exchange that they are told of. A panic in one is caught, and the other
/// observers are told all the same.
pub trait Observe: Send + Sync {
    /// A block of `len` octets was accepted, and more will follow.
    ///
    /// The last block of a response is not told here but is part of [`Outcome::bytes`].
    fn block(&self, len: usize) {
        let _ = len;
    }

    /// The exchange is over; called exactly once, on every path.
    fn finished(&self, outcome: &Outcome);
}

/// What became of a response.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Outcome {
    /// The status of the final head; `None` when the application never started a response.
    pub status: Option<StatusCode>,
    /// Octets of body that the application handed over and the server accepted.
    pub bytes: u64,
    /// Octets out of `bytes` that [`Observe::block`] has told of already.
    pub told: u64,
    /// Whether the application completed the response.
    pub complete: bool,
    /// Why the exchange ended early, if it did.
    pub disconnect: Option<Disconnect>,
}

/// The observers of one response and the outcome so far: a part of every server.
///
/// It tells the outcome when [`finish`](Self::finish) is called, or when it is dropped.
#[derive(Default)]
pub struct Observers {
    first: Option<Arc<dyn Observe>>,
    rest: Vec<Arc<dyn Observe>>,
    outcome: Outcome,
}

impl Observers {
    /// No observers yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds one.
    pub fn add(&mut self, observer: Arc<dyn Observe>) {
        if self.first.is_none() {
            self.first = Some(observer);
        } else {
            self.rest.push(observer);
        }
    }

    /// The application started (or restarted) the response with this status.
    #[inline]
    pub fn started(&mut self, status: StatusCode) {
        self.outcome.status = Some(status);
    }

    /// A block was accepted; `last` when no block follows, so that [`finish`](Self::finish) tells of it.
    #[inline]
    pub fn block(&mut self, len: usize, last: bool) {
        self.outcome.bytes += len as u64;
        if !last && self.first.is_some() && len > 0 {
            self.outcome.told += len as u64;
            self.each(|observer| observer.block(len));
        }
    }

    /// The application completed the response.
    #[inline]
    pub fn completed(&mut self) {
        self.outcome.complete = true;
    }

    /// The outcome so far.
    #[must_use]
    pub fn outcome(&self) -> &Outcome {
        &self.outcome
    }

    /// Tells every observer, forgets them, and starts anew; room for them is kept.
    #[inline]
    pub fn finish(&mut self, disconnect: Option<Disconnect>) {
        if let Some(first) = self.first.take() {
            self.tell(&*first, disconnect);
        }
        self.outcome = Outcome::default();
    }

    fn tell(&mut self, first: &dyn Observe, disconnect: Option<Disconnect>) {
        self.outcome.disconnect = disconnect;
        let outcome = &self.outcome;
        guard(|| first.finished(outcome));
        for observer in self.rest.drain(..) {
            guard(|| observer.finished(outcome));
        }
    }

    fn each(&self, tell: impl Fn(&dyn Observe)) {
        if let Some(first) = &self.first {
            guard(|| tell(&**first));
        }
        for observer in &self.rest {
            guard(|| tell(&**observer));
        }
    }
}

/// A panic of one observer is its own: the response and the other observers know nothing of it. The
/// panic hook has reported it.
fn guard(tell: impl FnOnce()) {
    let _ = catch_unwind(AssertUnwindSafe(tell));
}

impl Drop for Observers {
    fn drop(&mut self) {
        self.finish(None);
    }
}

impl fmt::Debug for Observers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = usize::from(self.first.is_some()) + self.rest.len();
        f.debug_struct("Observers").field("count", &count).field("outcome", &self.outcome).finish()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    #[derive(Default)]
    struct Told(Mutex<Vec<(u64, bool)>>);

    impl Observe for Told {
        fn finished(&self, outcome: &Outcome) {
            self.0.lock().unwrap().push((outcome.bytes, outcome.complete));
        }
    }

    struct Panics;

    impl Observe for Panics {
        fn block(&self, _: usize) {
            panic!("in block");
        }

        fn finished(&self, _: &Outcome) {
            panic!("in finished");
        }
    }

    #[test]
    fn every_observer_is_told_once_though_others_panic() {
        let told = [Arc::new(Told::default()), Arc::new(Told::default())];
        let mut observers = Observers::new();
        observers.add(Arc::new(Panics));
        observers.add(told[0].clone());
        observers.add(Arc::new(Panics));
        observers.add(told[1].clone());
        observers.block(3, false);
        observers.block(4, true);
        observers.completed();
        observers.finish(None);
        drop(observers);
        for told in told {
            assert_eq!(*told.0.lock().unwrap(), [(7, true)]);
        }
    }
}

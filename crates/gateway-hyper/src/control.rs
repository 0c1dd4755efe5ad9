//! How a server speaks to the task of a connection.

use std::future::poll_fn;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Waker};

use parking_lot::Mutex;

use crate::stats::{Counters, Limit};
use crate::waits::{Wait, Waits};

/// One connection, or one stream of it, as the server knows it: whatever protocol it speaks, its task looks here.
#[derive(Debug)]
pub(crate) struct Control {
    counters: Arc<Counters>,
    /// Whether the server is shutting down.
    stop: AtomicBool,
    /// Whether the server gives the connection up.
    cut: AtomicBool,
    task: Mutex<Option<Waker>>,
    waits: Waits,
}

impl Control {
    pub(crate) const fn new(counters: Arc<Counters>, waits: Waits) -> Self {
        Self {
            counters,
            stop: AtomicBool::new(false),
            cut: AtomicBool::new(false),
            task: Mutex::new(None),
            waits,
        }
    }

    /// Where it is counted what becomes of requests.
    pub(crate) const fn counters(&self) -> &Arc<Counters> {
        &self.counters
    }

    pub(crate) const fn waits(&self) -> &Waits {
        &self.waits
    }

    /// Has the task look at the waits that were too long.
    pub(crate) fn check_waits(&self) {
        let count = |wait| {
            self.counters.hit(match wait {
                Wait::Head => Limit::HeadTime,
                Wait::Idle => Limit::IdleTime,
                Wait::Body => Limit::BodyTime,
                Wait::Call => Limit::HandlerTime,
                Wait::Write => Limit::WriteTime,
            });
        };
        if self.waits.check(count) {
            self.wake();
        }
    }

    /// Leaves the waker of the connection's task.
    pub(crate) fn wait(&self, cx: &Context<'_>) {
        let mut task = self.task.lock();
        if !task.as_ref().is_some_and(|waker| waker.will_wake(cx.waker())) {
            *task = Some(cx.waker().clone());
        }
    }

    pub(crate) fn wake(&self) {
        if let Some(waker) = &*self.task.lock() {
            waker.wake_by_ref();
        }
    }

    /// Tells the connection's task that the server is shutting down.
    pub(crate) fn shut_down(&self) {
        self.stop.store(true, Ordering::Relaxed);
        self.wake();
    }

    pub(crate) fn is_stopping(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    /// Tells the connection's task to end at once.
    pub(crate) fn cut_off(&self) {
        self.cut.store(true, Ordering::Relaxed);
        self.wake();
    }

    pub(crate) fn is_cut_off(&self) -> bool {
        self.cut.load(Ordering::Relaxed)
    }

    /// Waits until the connection is given up.
    pub(crate) async fn cut(&self) {
        poll_fn(|cx| {
            self.wait(cx);
            if self.is_cut_off() { Poll::Ready(()) } else { Poll::Pending }
        })
        .await;
    }
}

//! Waits that come to an end.

use std::cell::Cell;
use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};
use std::time::{Duration, Instant};

use crate::case::Failure;

/// How long the kit waits for anything: more than a loaded machine needs.
pub(crate) const DEADLINE: Duration = Duration::from_secs(10);

/// How long it waits in a case that the host is known not to pass.
pub(crate) const SHORT_DEADLINE: Duration = Duration::from_secs(1);

thread_local! {
    static LIMIT: Cell<Duration> = const { Cell::new(DEADLINE) };
}

/// How long the calling thread waits.
pub(super) fn limit() -> Duration {
    LIMIT.get()
}

/// Does something with another limit on every wait of this thread.
pub(crate) fn with_limit<T>(limit: Duration, work: impl FnOnce() -> T) -> T {
    let before = LIMIT.replace(limit);
    let result = work();
    LIMIT.set(before);
    result
}

/// Runs a future on the calling thread.
pub(crate) fn run<F: Future>(doing: &str, future: F) -> Result<F::Output, Failure> {
    let unpark = Arc::new(Unpark { thread: thread::current(), woken: AtomicBool::new(false) });
    let waker = Waker::from(unpark.clone());
    let mut cx = Context::from_waker(&waker);
    let mut future = pin!(future);
    let end = Instant::now() + limit();
    loop {
        if let Poll::Ready(output) = future.as_mut().poll(&mut cx) {
            return Ok(output);
        }
        while !unpark.woken.swap(false, Ordering::Acquire) {
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(Failure::new(format!("{doing}: nothing came within {:?}", limit())));
            }
            thread::park_timeout(left);
        }
    }
}

/// Asks until it holds, or time is up.
pub(crate) fn until(mut holds: impl FnMut() -> Result<bool, Failure>) -> Result<bool, Failure> {
    let end = Instant::now() + limit();
    while !holds()? {
        if Instant::now() >= end {
            return Ok(false);
        }
        thread::sleep(Duration::from_millis(2));
    }
    Ok(true)
}

struct Unpark {
    thread: Thread,
    woken: AtomicBool,
}

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.woken.store(true, Ordering::Release);
        self.thread.unpark();
    }
}

//! One call of an asynchronous application, and how it ended.

use std::fmt;
use std::future::{Future, ready};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use crate::error::Error;

/// The future of one call until it ends, then its result.
pub(crate) struct Call<'a> {
    future: Option<CallFuture<'a>>,
    result: Option<Result<(), Error>>,
}

/// What [`Application::call`](super::Application::call) returns.
pub(crate) type CallFuture<'a> = Pin<Box<dyn Future<Output = Result<(), Error>> + Send + 'a>>;

impl<'a> Call<'a> {
    /// Makes the call; a panic in it is an error of the call.
    pub(crate) fn new(call: impl FnOnce() -> CallFuture<'a>) -> Self {
        let future = catch_unwind(AssertUnwindSafe(call));
        let future = future.unwrap_or_else(|payload| Box::pin(ready(Err(Error::from_panic(&*payload)))));
        Self { future: Some(future), result: None }
    }

    /// Polls the future; ready once when it ends now, with its result, which is kept too.
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<&Result<(), Error>> {
        let Some(future) = &mut self.future else {
            return Poll::Pending;
        };
        let polled = catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(cx)));
        match polled.unwrap_or_else(|payload| Poll::Ready(Err(Error::from_panic(&*payload)))) {
            Poll::Ready(result) => {
                self.future = None;
                Poll::Ready(self.result.insert(result))
            }
            Poll::Pending => Poll::Pending,
        }
    }

    /// Whether the call ended, or was dropped.
    pub(crate) const fn is_over(&self) -> bool {
        self.future.is_none()
    }

    pub(crate) fn cancel(&mut self) {
        self.future = None;
    }

    pub(crate) const fn take_result(&mut self) -> Option<Result<(), Error>> {
        self.result.take()
    }
}

impl fmt::Debug for Call<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Call").field("over", &self.is_over()).field("result", &self.result).finish()
    }
}

/// Keeps the waker of a half that waits.
pub(crate) fn keep(slot: &mut Option<Waker>, cx: &Context<'_>) {
    match slot {
        Some(waker) => waker.clone_from(cx.waker()),
        None => *slot = Some(cx.waker().clone()),
    }
}

/// Wakes those that were kept; never called while a lock is held.
pub(crate) fn wake([one, other]: [Option<Waker>; 2]) {
    if let Some(waker) = one {
        waker.wake();
    }
    if let Some(waker) = other {
        waker.wake();
    }
}

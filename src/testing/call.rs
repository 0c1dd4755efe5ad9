//! One call of an asynchronous application, and how it ended.

use std::any::Any;
use std::fmt;
use std::future::{Future, ready};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use crate::error::Error;

/// The future of one call until it ends, then its result.
pub(super) struct Call<'a> {
    future: Option<CallFuture<'a>>,
    result: Option<Result<(), Error>>,
}

pub(super) type CallFuture<'a> = Pin<Box<dyn Future<Output = Result<(), Error>> + Send + 'a>>;

impl<'a> Call<'a> {
    /// Makes the call; a panic in it is an error of the call.
    pub(super) fn new(call: impl FnOnce() -> CallFuture<'a>) -> Self {
        let future = catch_unwind(AssertUnwindSafe(call));
        let future = future.unwrap_or_else(|payload| Box::pin(ready(Err(Panicked::new(&*payload).into()))));
        Self { future: Some(future), result: None }
    }

    /// Polls the future; ready once when it ends now, with its result, which is kept too.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<&Result<(), Error>> {
        let Some(future) = &mut self.future else {
            return Poll::Pending;
        };
        let polled = catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(cx)));
        match polled.unwrap_or_else(|payload| Poll::Ready(Err(Panicked::new(&*payload).into()))) {
            Poll::Ready(result) => {
                self.future = None;
                Poll::Ready(self.result.insert(result))
            }
            Poll::Pending => Poll::Pending,
        }
    }

    /// Whether the call ended, or was dropped.
    pub(super) const fn is_over(&self) -> bool {
        self.future.is_none()
    }

    pub(super) fn cancel(&mut self) {
        self.future = None;
    }

    pub(super) const fn take_result(&mut self) -> Option<Result<(), Error>> {
        self.result.take()
    }
}

impl fmt::Debug for Call<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Call").field("over", &self.is_over()).field("result", &self.result).finish()
    }
}

#[derive(Debug, thiserror::Error)]
#[error("the application panicked: {0}")]
struct Panicked(String);

impl Panicked {
    fn new(payload: &(dyn Any + Send)) -> Self {
        let text = payload.downcast_ref::<&str>().copied();
        let text = text.or_else(|| payload.downcast_ref::<String>().map(String::as_str));
        Self(text.unwrap_or("no message").to_owned())
    }
}

/// Keeps the waker of a half that waits.
pub(super) fn keep(slot: &mut Option<Waker>, cx: &Context<'_>) {
    match slot {
        Some(waker) => waker.clone_from(cx.waker()),
        None => *slot = Some(cx.waker().clone()),
    }
}

/// Wakes those that were kept; never called while a lock is held.
pub(super) fn wake(wakers: [Option<Waker>; 2]) {
    wakers.into_iter().flatten().for_each(Waker::wake);
}

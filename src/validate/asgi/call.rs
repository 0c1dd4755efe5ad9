//! The call of the application.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use super::receive::ReceiveCell;
use super::watch::Watch;
use crate::asgi::call::CallFuture;
use crate::error::Error;

/// The application's future, and what its end and its drop mean.
pub(super) struct ValidCall<'a> {
    future: CallFuture<'a>,
    watch: Arc<Watch>,
    cell: ReceiveCell,
    over: bool,
    /// Whether it is being polled: still so when it is dropped, after a panic.
    polling: bool,
}

impl<'a> ValidCall<'a> {
    pub(super) const fn new(future: CallFuture<'a>, watch: Arc<Watch>, cell: ReceiveCell) -> Self {
        Self { future, watch, cell, over: false, polling: false }
    }
}

impl Future for ValidCall<'_> {
    type Output = Result<(), Error>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        this.polling = true;
        let polled = this.future.as_mut().poll(cx);
        this.polling = false;
        if let Some(violation) = this.watch.session.take_failed() {
            this.over = true;
            this.watch.over();
            return Poll::Ready(Err(violation.into()));
        }
        this.over = polled.is_ready();
        let result = ready!(polled);
        match this.watch.ended(&result) {
            Some(violation) => Poll::Ready(Err(violation.into())),
            None => Poll::Ready(result),
        }
    }
}

impl Drop for ValidCall<'_> {
    fn drop(&mut self) {
        if self.polling {
            self.watch.unwound();
        } else if !self.over && !std::thread::panicking() {
            self.watch.dropped(|| self.cell.disconnect());
        }
    }
}

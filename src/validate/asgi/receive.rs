//! The half that events come in by.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use super::watch::Watch;
use crate::asgi::event::ReceiveEvent;
use crate::asgi::{Disconnect, PollReceive, Receive};

/// The server's half: the call asks it when it is dropped.
#[derive(Clone)]
pub(super) struct ReceiveCell {
    inner: Arc<Mutex<Inner>>,
}

struct Inner {
    /// As long as the application keeps it.
    receive: Option<Receive>,
    /// Who waits, so that asking replaces no one.
    waker: Option<Waker>,
}

impl ReceiveCell {
    pub(super) fn new(receive: Receive) -> Self {
        Self { inner: Arc::new(Mutex::new(Inner { receive: Some(receive), waker: None })) }
    }

    /// Why the exchange is over, as far as the server tells now.
    pub(super) fn disconnect(&self) -> Option<Disconnect> {
        // Whoever holds it is being told at this moment.
        let mut inner = self.inner.try_lock().ok()?;
        let waker = inner.waker.clone().unwrap_or_else(|| Waker::noop().clone());
        let receive = inner.receive.as_mut()?;
        let mut cx = Context::from_waker(&waker);
        // It is asked in a drop, where a panic of the server's would end the process.
        match catch_unwind(AssertUnwindSafe(|| receive.poll_disconnect(&mut cx))) {
            Ok(Poll::Ready(reason)) => Some(reason),
            Ok(Poll::Pending) | Err(_) => None,
        }
    }

    fn poll<T>(
        &self,
        cx: &mut Context<'_>,
        poll: impl FnOnce(&mut Receive, &mut Context<'_>) -> Poll<T>,
    ) -> Poll<T> {
        let mut inner = self.lock();
        let Some(receive) = &mut inner.receive else {
            return Poll::Pending;
        };
        let polled = poll(receive, cx);
        inner.waker = polled.is_pending().then(|| cx.waker().clone());
        polled
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The half that the application gets.
pub(super) struct ValidReceive {
    cell: ReceiveCell,
    watch: Arc<Watch>,
}

impl ValidReceive {
    pub(super) const fn new(cell: ReceiveCell, watch: Arc<Watch>) -> Self {
        Self { cell, watch }
    }
}

impl PollReceive for ValidReceive {
    fn poll_receive(&mut self, cx: &mut Context<'_>) -> Poll<ReceiveEvent> {
        let before = self.watch.before();
        let polled = self.cell.poll(cx, Receive::poll_receive);
        match &polled {
            Poll::Ready(event) => self.watch.received(event, before),
            Poll::Pending if before.due => self.watch.waited(),
            Poll::Pending => {}
        }
        polled
    }

    fn poll_disconnect(&mut self, cx: &mut Context<'_>) -> Poll<Disconnect> {
        let before = self.watch.before();
        let polled = self.cell.poll(cx, Receive::poll_disconnect);
        match polled {
            Poll::Ready(reason) => self.watch.disconnected(reason, before),
            Poll::Pending if before.due => self.watch.waited(),
            Poll::Pending => {}
        }
        polled
    }
}

impl Drop for ValidReceive {
    fn drop(&mut self) {
        let receive = self.cell.lock().receive.take();
        drop(receive);
    }
}

//! A response on its way from the thread of a worker to the call that sends it.

use std::collections::VecDeque;
use std::mem;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use gateway_iface::Error;
use gateway_iface::adapter::Failed;
use gateway_iface::asgi::event::ResponseStart;
use parking_lot::Mutex;

use crate::waker::keep;

/// The two ends of a response, with room for that much.
pub(super) fn handover(room: Room) -> (Giver, Taker) {
    let shared = Arc::new(Mutex::new(Inner { room, ..Inner::default() }));
    (Giver { shared: shared.clone() }, Taker { shared })
}

/// How much is handed over at once.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Room {
    pub(super) blocks: usize,
    pub(super) octets: usize,
}

/// The worker's end.
///
/// What is given is taken when [`deliver`](Self::deliver) is called: a wake-up across threads is dear, so it is one
/// for all that a handler gives before it waits.
pub(super) struct Giver {
    shared: Arc<Mutex<Inner>>,
}

impl Giver {
    /// Gives a head, and what failed further in where it is the answer to that.
    pub(super) fn start(&self, start: ResponseStart, failed: Option<Failed>) {
        let mut inner = self.shared.lock();
        inner.parcel.start = Some(start);
        inner.parcel.failed = failed;
    }

    /// Waits for room. A handler that always finds some is paused now and then, for the sake of the others on its
    /// thread; one whose call is gone waits until it is dropped.
    pub(super) fn poll_room(&self, cx: &mut Context<'_>) -> Poll<()> {
        let mut inner = self.shared.lock();
        if inner.gone || inner.unpaused >= inner.room.blocks {
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        if inner.has_room() {
            return Poll::Ready(());
        }
        inner.full = true;
        keep(&mut inner.giver, cx);
        Poll::Pending
    }

    /// Gives a block.
    pub(super) fn block(&self, block: Bytes) {
        let mut inner = self.shared.lock();
        inner.unpaused += 1;
        inner.parcel.push(block);
    }

    /// Gives the end: nothing follows.
    pub(super) fn end(&self, result: Result<(), Error>) {
        self.shared.lock().parcel.end.get_or_insert(result);
    }

    /// Wakes the call, if there is something for it.
    pub(super) fn deliver(&self) {
        let mut inner = self.shared.lock();
        inner.unpaused = 0;
        let taker = if inner.parcel.is_empty() { None } else { inner.taker.take() };
        drop(inner);
        if let Some(taker) = taker {
            taker.wake();
        }
    }

    /// Waits until no one wants the response any more.
    pub(super) fn poll_gone(&self, cx: &mut Context<'_>) -> Poll<()> {
        let mut inner = self.shared.lock();
        if inner.gone {
            return Poll::Ready(());
        }
        keep(&mut inner.giver, cx);
        Poll::Pending
    }
}

impl Drop for Giver {
    fn drop(&mut self) {
        self.end(Err(Error::new(Dropped)));
        self.deliver();
    }
}

/// The call's end. When it is dropped, the worker drops the handler.
pub(super) struct Taker {
    shared: Arc<Mutex<Inner>>,
}

impl Taker {
    /// Takes all that is there.
    pub(super) fn poll_take(&self, cx: &mut Context<'_>) -> Poll<Parcel> {
        let mut inner = self.shared.lock();
        if inner.parcel.is_empty() {
            keep(&mut inner.taker, cx);
            return Poll::Pending;
        }
        let parcel = mem::take(&mut inner.parcel);
        // It is woken only if it waits for room.
        let giver = if mem::take(&mut inner.full) { inner.giver.take() } else { None };
        drop(inner);
        if let Some(giver) = giver {
            giver.wake();
        }
        Poll::Ready(parcel)
    }
}

impl Drop for Taker {
    fn drop(&mut self) {
        let mut inner = self.shared.lock();
        inner.gone = true;
        let parcel = mem::take(&mut inner.parcel);
        let giver = inner.giver.take();
        drop(inner);
        drop(parcel);
        if let Some(giver) = giver {
            giver.wake();
        }
    }
}

/// What was handed over since the last time.
#[derive(Default)]
pub(super) struct Parcel {
    pub(super) start: Option<ResponseStart>,
    /// With the head.
    pub(super) failed: Option<Failed>,
    pub(super) blocks: VecDeque<Bytes>,
    pub(super) end: Option<Result<(), Error>>,
    octets: usize,
}

impl Parcel {
    fn push(&mut self, block: Bytes) {
        self.octets += block.len();
        self.blocks.push_back(block);
    }

    fn is_empty(&self) -> bool {
        self.start.is_none() && self.blocks.is_empty() && self.end.is_none()
    }
}

#[derive(Default)]
struct Inner {
    room: Room,
    parcel: Parcel,
    gone: bool,
    /// Blocks that were given since the giver last waited.
    unpaused: usize,
    /// Whether the giver waits for room.
    full: bool,
    giver: Option<Waker>,
    taker: Option<Waker>,
}

impl Inner {
    fn has_room(&self) -> bool {
        self.parcel.blocks.len() < self.room.blocks && self.parcel.octets < self.room.octets
    }
}

/// The task of a handler was dropped: its worker ended before it did.
#[derive(Debug, thiserror::Error)]
#[error("the worker ended before the handler did")]
struct Dropped;

//! The server's side of an HTTP exchange in memory.

use std::collections::VecDeque;
use std::fmt;
use std::mem;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use super::response::read_file;
use crate::asgi::call::{keep, wake};
use crate::asgi::event::{ReceiveEvent, RequestBody, SendEvent};
use crate::asgi::machine::{Ending, HttpMachine, HttpState, Step};
use crate::asgi::{Disconnect, Exchange, InvalidEvent, SendError};
use crate::error::Error;
use crate::outcome::Observe;
use crate::request::RequestHead;

/// Stands behind both halves; the order of events is [`HttpMachine`]'s.
pub(super) struct HttpWire {
    inner: Mutex<Inner>,
}

struct Inner {
    machine: HttpMachine,
    incoming: VecDeque<RequestBody>,
    outgoing: VecDeque<SendEvent>,
    /// How many events fit into `outgoing`; a client without limit also reads files at once.
    room: usize,
    send_pending: bool,
    receiver: Option<Waker>,
    sender: Option<Waker>,
    /// The client, where it waits for an event: the halves may be in another task.
    client: Option<Waker>,
}

impl HttpWire {
    pub(super) fn new(head: &RequestHead) -> Self {
        let inner = Inner {
            machine: HttpMachine::new(head),
            incoming: VecDeque::new(),
            outgoing: VecDeque::new(),
            room: 1,
            send_pending: false,
            receiver: None,
            sender: None,
            client: None,
        };
        Self { inner: Mutex::new(inner) }
    }

    /// Begins anew; what it allocated is kept.
    pub(super) fn reset(&mut self, head: &RequestHead) {
        let inner = self.inner.get_mut().unwrap_or_else(PoisonError::into_inner);
        inner.machine.reset(head);
        (inner.room, inner.send_pending) = (1, false);
    }

    /// Lets go of everything that belongs to the exchange.
    pub(super) fn clear(&mut self) {
        let inner = self.inner.get_mut().unwrap_or_else(PoisonError::into_inner);
        inner.incoming.clear();
        inner.outgoing.clear();
        (inner.receiver, inner.sender, inner.client) = (None, None, None);
    }

    pub(super) fn feed(&self, block: RequestBody) {
        let mut inner = self.lock();
        inner.incoming.push_back(block);
        let receiver = inner.receiver.take();
        drop(inner);
        wake([receiver, None]);
    }

    pub(super) fn take(&self) -> Option<SendEvent> {
        self.take_or(|_| ())
    }

    /// Takes an event, or has the client woken when there is one.
    pub(super) fn take_or_wait(&self, cx: &Context<'_>) -> Option<SendEvent> {
        self.take_or(|inner| keep(&mut inner.client, cx))
    }

    fn take_or(&self, none: impl FnOnce(&mut Inner)) -> Option<SendEvent> {
        let mut inner = self.lock();
        let Some(event) = inner.outgoing.pop_front() else {
            none(&mut inner);
            return None;
        };
        let sender = inner.sender.take();
        drop(inner);
        wake([None, sender]);
        Some(event)
    }

    /// From now on so many events fit, before one is taken.
    pub(super) fn set_room(&self, room: usize) {
        let mut inner = self.lock();
        inner.room = room;
        let sender = inner.sender.take();
        drop(inner);
        wake([None, sender]);
    }

    pub(super) fn lose(&self, reason: Disconnect) {
        self.change(|machine| machine.lose(reason));
    }

    /// The application's call is over: what to do now. The observers are told.
    pub(super) fn end(&self, result: &Result<(), Error>) -> Ending {
        self.change(|machine| {
            let ending = machine.end(result, false);
            machine.finish();
            machine.lose(Disconnect::Complete);
            ending
        })
    }

    /// The application's call was dropped.
    pub(super) fn abandon(&self) {
        self.change(|machine| {
            machine.finish();
            machine.lose(Disconnect::Shutdown);
        });
    }

    pub(super) fn state(&self) -> HttpState {
        self.lock().machine.state()
    }

    pub(super) fn is_send_pending(&self) -> bool {
        self.lock().send_pending
    }

    fn change<T>(&self, change: impl FnOnce(&mut HttpMachine) -> T) -> T {
        let mut inner = self.lock();
        let changed = change(&mut inner.machine);
        let wakers = [inner.receiver.take(), inner.sender.take()];
        drop(inner);
        wake(wakers);
        changed
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Exchange for HttpWire {
    fn poll_receive(&self, cx: &mut Context<'_>) -> Poll<ReceiveEvent> {
        let mut inner = self.lock();
        if let Some(reason) = inner.machine.disconnect() {
            return Poll::Ready(ReceiveEvent::HttpDisconnect(reason));
        }
        let Some(block) = inner.incoming.pop_front() else {
            keep(&mut inner.receiver, cx);
            return Poll::Pending;
        };
        let event = ReceiveEvent::HttpRequest(block);
        inner.machine.received(&event);
        Poll::Ready(event)
    }

    fn poll_disconnect(&self, cx: &mut Context<'_>) -> Poll<Disconnect> {
        let mut inner = self.lock();
        let reason = inner.machine.disconnect();
        if reason.is_none() {
            keep(&mut inner.receiver, cx);
        }
        reason.map_or(Poll::Pending, Poll::Ready)
    }

    fn poll_send(&self, cx: &mut Context<'_>, slot: &mut Option<SendEvent>) -> Poll<Result<(), SendError>> {
        let mut guard = self.lock();
        let inner = &mut *guard;
        inner.send_pending = inner.machine.disconnect().is_none() && inner.outgoing.len() >= inner.room;
        if inner.send_pending {
            keep(&mut inner.sender, cx);
            return Poll::Pending;
        }
        let Some(mut event) = slot.take() else {
            return Poll::Ready(Ok(()));
        };
        let file = match &event {
            SendEvent::PathSend(_) | SendEvent::ZeroCopySend(_) if inner.room == usize::MAX => {
                match read_file(event.clone()) {
                    Ok(block) => Some(block),
                    Err(error) => {
                        return Poll::Ready(Err(InvalidEvent::new(event.name(), error.to_string()).into()));
                    }
                }
            }
            _ => None,
        };
        if inner.machine.send(&mut event)? == Step::Ignored {
            return Poll::Ready(Ok(()));
        }
        inner.outgoing.push_back(file.unwrap_or(event));
        let receiver = if inner.machine.state() == HttpState::Done { inner.receiver.take() } else { None };
        let client = inner.client.take();
        drop(guard);
        wake([receiver, client]);
        Poll::Ready(Ok(()))
    }

    fn poll_flush(&self, cx: &mut Context<'_>) -> Poll<Result<(), SendError>> {
        let mut inner = self.lock();
        match inner.machine.disconnect() {
            Some(Disconnect::Complete) | None if inner.outgoing.is_empty() || inner.room == usize::MAX => {
                Poll::Ready(Ok(()))
            }
            Some(Disconnect::Complete) | None => {
                keep(&mut inner.sender, cx);
                Poll::Pending
            }
            Some(reason) => Poll::Ready(Err(reason.into())),
        }
    }

    fn observe(&self, observer: Arc<dyn Observe>) {
        self.lock().machine.observe(observer);
    }
}

impl fmt::Debug for HttpWire {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let inner = self.lock();
        f.debug_struct("HttpWire")
            .field("machine", &inner.machine)
            .field("incoming", &inner.incoming.len())
            .field("outgoing", &inner.outgoing.len())
            .finish_non_exhaustive()
    }
}

/// Keeps the wire of the last exchange for the next one.
#[derive(Debug, Default)]
pub(super) struct Pool {
    free: Mutex<Option<Arc<HttpWire>>>,
}

impl Pool {
    pub(super) fn take(&self, head: &RequestHead) -> Arc<HttpWire> {
        let free = mem::take(&mut *self.free.lock().unwrap_or_else(PoisonError::into_inner));
        if let Some(mut wire) = free {
            if let Some(wire) = Arc::get_mut(&mut wire) {
                wire.reset(head);
            }
            return wire;
        }
        Arc::new(HttpWire::new(head))
    }

    /// Takes it back, unless someone else still holds it.
    pub(super) fn put(&self, mut wire: Arc<HttpWire>) {
        if let Some(free) = Arc::get_mut(&mut wire) {
            free.clear();
            *self.free.lock().unwrap_or_else(PoisonError::into_inner) = Some(wire);
        }
    }
}

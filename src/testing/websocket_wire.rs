//! The server's side of a WebSocket in memory.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use crate::asgi::call::{keep, wake};
use crate::asgi::event::{Close, Message, ReceiveEvent, SendEvent, WebSocketDisconnect};
use crate::asgi::machine::{WebSocketEnding, WebSocketMachine, WebSocketState};
use crate::asgi::{Disconnect, Exchange, SendError, WebSocketScope};
use crate::error::Error;
use crate::outcome::Observe;

/// Stands behind both halves; the order of events is [`WebSocketMachine`]'s.
pub(super) struct WebSocketWire {
    inner: Mutex<Inner>,
}

struct Inner {
    machine: WebSocketMachine,
    incoming: VecDeque<Message>,
    outgoing: VecDeque<SendEvent>,
    room: usize,
    send_pending: bool,
    opened: bool,
    /// What `receive` tells, again and again, once the socket is closed.
    disconnect: Option<WebSocketDisconnect>,
    receiver: Option<Waker>,
    sender: Option<Waker>,
    /// The client, where it waits for an event: the halves may be in another task.
    client: Option<Waker>,
}

impl WebSocketWire {
    pub(super) fn new(scope: &WebSocketScope) -> Self {
        let inner = Inner {
            machine: WebSocketMachine::new(scope),
            incoming: VecDeque::new(),
            outgoing: VecDeque::new(),
            room: 1,
            send_pending: false,
            opened: false,
            disconnect: None,
            receiver: None,
            sender: None,
            client: None,
        };
        Self { inner: Mutex::new(inner) }
    }

    pub(super) fn feed(&self, message: Message) {
        self.change(|inner| {
            if inner.disconnect.is_none() {
                inner.incoming.push_back(message);
            }
        });
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

    pub(super) fn set_room(&self, room: usize) {
        self.change(|inner| inner.room = room);
    }

    /// The peer closed the socket, or the connection is lost; the first one counts.
    pub(super) fn lose(&self, how: WebSocketDisconnect) {
        self.change(|inner| {
            inner.machine.lose(how.cause);
            inner.disconnect.get_or_insert(how);
        });
    }

    pub(super) fn end(&self, result: &Result<(), Error>) -> (WebSocketEnding, bool) {
        let ending = self.change(|inner| {
            let ending = inner.machine.end(result);
            inner.machine.finish();
            ending
        });
        self.lose(WebSocketDisconnect::new(ABNORMAL, Disconnect::Complete));
        ending
    }

    pub(super) fn abandon(&self) {
        self.change(|inner| inner.machine.finish());
        self.lose(WebSocketDisconnect::new(ABNORMAL, Disconnect::Shutdown));
    }

    pub(super) fn state(&self) -> WebSocketState {
        self.lock().machine.state()
    }

    pub(super) fn is_send_pending(&self) -> bool {
        self.lock().send_pending
    }

    fn change<T>(&self, change: impl FnOnce(&mut Inner) -> T) -> T {
        let mut inner = self.lock();
        let changed = change(&mut inner);
        let wakers = [inner.receiver.take(), inner.sender.take()];
        drop(inner);
        wake(wakers);
        changed
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    fn sent(&mut self, event: &SendEvent) {
        match event {
            SendEvent::WebSocketAccept(_) => self.opened = true,
            SendEvent::WebSocketClose(close) => {
                // A client answers a close with the code it got; a refused handshake has none.
                let code = if self.opened { close.code } else { ABNORMAL };
                self.closed(code, close);
            }
            SendEvent::WebSocketDenialBody(body) if !body.more_body => {
                self.closed(ABNORMAL, &Close::default())
            }
            _ => {}
        }
    }

    fn closed(&mut self, code: u16, close: &Close) {
        self.incoming.clear();
        let how = WebSocketDisconnect::new(code, Disconnect::Complete).with_reason(close.reason.clone());
        self.disconnect.get_or_insert(how);
    }
}

impl Exchange for WebSocketWire {
    fn poll_receive(&self, cx: &mut Context<'_>) -> Poll<ReceiveEvent> {
        let mut inner = self.lock();
        if inner.machine.connect() {
            return Poll::Ready(ReceiveEvent::WebSocketConnect);
        }
        if inner.opened
            && let Some(message) = inner.incoming.pop_front()
        {
            return Poll::Ready(ReceiveEvent::WebSocketReceive(message));
        }
        if let Some(how) = &inner.disconnect {
            return Poll::Ready(ReceiveEvent::WebSocketDisconnect(how.clone()));
        }
        keep(&mut inner.receiver, cx);
        Poll::Pending
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
        inner.send_pending =
            inner.machine.state() != WebSocketState::Closed && inner.outgoing.len() >= inner.room;
        if inner.send_pending {
            keep(&mut inner.sender, cx);
            return Poll::Pending;
        }
        let Some(event) = slot.take() else {
            return Poll::Ready(Ok(()));
        };
        inner.machine.send(&event)?;
        inner.sent(&event);
        inner.outgoing.push_back(event);
        let wakers = [inner.receiver.take(), inner.client.take()];
        drop(guard);
        wake(wakers);
        Poll::Ready(Ok(()))
    }

    fn poll_flush(&self, cx: &mut Context<'_>) -> Poll<Result<(), SendError>> {
        let mut inner = self.lock();
        if inner.outgoing.is_empty() || inner.room == usize::MAX {
            return Poll::Ready(Ok(()));
        }
        match inner.machine.disconnect() {
            Some(reason) if reason != Disconnect::Complete => Poll::Ready(Err(reason.into())),
            _ => {
                keep(&mut inner.sender, cx);
                Poll::Pending
            }
        }
    }

    fn observe(&self, observer: Arc<dyn Observe>) {
        self.lock().machine.observe(observer);
    }
}

impl fmt::Debug for WebSocketWire {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WebSocketWire").field("machine", &self.lock().machine).finish_non_exhaustive()
    }
}

/// The code of a socket that ended without a close.
pub(super) const ABNORMAL: u16 = 1006;

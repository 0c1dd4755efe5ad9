//! The exchange between an application and the framework that hosts it.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http::HeaderMap;

use super::failed::Failed;
use super::host::Host;
use super::state::{Next, RequestBlocks, State};
use crate::asgi::call::{keep, wake};
use crate::asgi::event::{ReceiveEvent, ResponseStart, SendEvent};
use crate::asgi::machine::{HttpState, Step};
use crate::asgi::{Disconnect, Exchange, SendError};
use crate::error::Error;
use crate::outcome::Observe;
use crate::queue::Queue;
use crate::request::RequestHead;

/// The exchange between an application and the framework that hosts it.
pub(super) struct HostedExchange {
    state: Mutex<State>,
    /// Whether the framework's own task is polling the application right now, and will look at the state when that
    /// is done: then it needs no waking.
    driving: AtomicBool,
    host: Arc<dyn Host>,
}

impl HostedExchange {
    pub(super) fn new(head: &RequestHead, request: Option<RequestBlocks>, host: Arc<dyn Host>) -> Self {
        Self { state: Mutex::new(State::new(head, request)), driving: AtomicBool::new(false), host }
    }

    pub(super) fn host(&self) -> &dyn Host {
        &*self.host
    }

    /// Polls the application by `poll`; what it sends meanwhile wakes no one.
    pub(super) fn drive(&self, poll: impl FnOnce()) {
        self.driving.store(true, Ordering::Relaxed);
        poll();
        self.driving.store(false, Ordering::Relaxed);
    }

    /// The application's call is over.
    pub(super) fn end(&self, result: Result<(), Error>) {
        let untold = self.change(|state| state.end(result));
        if let Some(error) = untold {
            self.host.report(&error);
        }
    }

    /// The exchange is lost.
    pub(super) fn lose(&self, reason: Disconnect) {
        self.change(|state| state.lose(reason));
    }

    /// The framework wants no more of the response.
    ///
    /// `wanted` says whether it was given less than the response was declared to have.
    pub(super) fn abandon(&self, wanted: bool) {
        self.change(|state| state.abandon(wanted));
    }

    /// The call is dropped: nothing more comes of the exchange.
    pub(super) fn finish(&self) {
        self.lock().machine.finish();
    }

    pub(super) fn poll_head(&self, cx: &Context<'_>) -> Poll<Result<ResponseStart, Failed>> {
        let mut state = self.lock();
        if let Some(start) = state.take_head() {
            return Poll::Ready(Ok(start));
        }
        if let Some(failed) = state.failed.clone() {
            return Poll::Ready(Err(failed));
        }
        keep(&mut state.framework, cx);
        Poll::Pending
    }

    pub(super) fn take_whole(&self) -> Option<Bytes> {
        self.lock().take_whole()
    }

    /// Takes all blocks that are there for the framework, without the application's doing; what follows them. Where
    /// nothing is there and `cx` is given, it leaves the waker of the framework, to be woken by an application's half
    /// in another task.
    pub(super) fn take_blocks(&self, blocks: &mut Queue, cx: Option<&Context<'_>>) -> Next {
        let mut state = self.lock();
        std::mem::swap(&mut state.queue, blocks);
        let next = state.next();
        if let (Some(cx), Next::Unknown, true) = (cx, next, blocks.is_empty()) {
            keep(&mut state.framework, cx);
        }
        let sender = if blocks.is_empty() { None } else { state.sender_to_wake() };
        drop(state);
        wake([sender, None]);
        next
    }

    pub(super) fn take_trailers(&self) -> Option<HeaderMap> {
        self.lock().trailers.take().map(|fields| *fields)
    }

    /// Why there is no response, or no more of it.
    pub(super) fn failed(&self) -> Option<Failed> {
        self.lock().failed.clone()
    }

    pub(super) fn declared_length(&self) -> Option<u64> {
        self.lock().machine.declared_length()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes the state and wakes the application's halves.
    fn change<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        let mut state = self.lock();
        let changed = change(&mut state);
        let halves = [state.receiver.take(), state.sender.take()];
        drop(state);
        wake(halves);
        changed
    }

    /// Lets the state go after the application sent something: wakes who waits for that.
    #[inline]
    fn sent(&self, state: MutexGuard<'_, State>) {
        if !self.driving.load(Ordering::Relaxed) || state.machine.state() == HttpState::Done {
            self.wake_others(state);
        }
    }

    /// Lets the state go when the exchange is lost: wakes who waits for what does not come any more.
    fn lost(&self, mut state: MutexGuard<'_, State>) {
        let others = [state.sender.take(), state.framework.take()];
        drop(state);
        wake(others);
    }

    fn wake_others(&self, mut state: MutexGuard<'_, State>) {
        let driving = self.driving.load(Ordering::Relaxed);
        let framework = if driving { None } else { state.framework.take() };
        let receiver = if state.machine.state() == HttpState::Done { state.receiver.take() } else { None };
        drop(state);
        wake([framework, receiver]);
    }
}

impl Exchange for HostedExchange {
    fn poll_receive(&self, cx: &mut Context<'_>) -> Poll<ReceiveEvent> {
        let mut state = self.lock();
        if state.disconnect().is_none()
            && !state.machine.is_request_read()
            && let Poll::Ready(Some(event)) = state.poll_request(cx)
        {
            state.machine.received(&event);
            return Poll::Ready(event);
        }
        match state.disconnect() {
            Some(reason) => {
                self.lost(state);
                Poll::Ready(ReceiveEvent::HttpDisconnect(reason))
            }
            None => {
                keep(&mut state.receiver, cx);
                Poll::Pending
            }
        }
    }

    fn poll_disconnect(&self, cx: &mut Context<'_>) -> Poll<Disconnect> {
        let mut state = self.lock();
        state.read_ahead(cx);
        match state.disconnect() {
            Some(reason) => {
                self.lost(state);
                Poll::Ready(reason)
            }
            None => {
                keep(&mut state.receiver, cx);
                Poll::Pending
            }
        }
    }

    fn poll_send(&self, cx: &mut Context<'_>, slot: &mut Option<SendEvent>) -> Poll<Result<(), SendError>> {
        let mut state = self.lock();
        if let Err(error) = ready!(state.poll_room(cx)) {
            *slot = None;
            return Poll::Ready(Err(error));
        }
        let Some(mut event) = slot.take() else {
            return Poll::Ready(Ok(()));
        };
        let len = if let SendEvent::ResponseBody(block) = &event { block.body.len() } else { 0 };
        if state.machine.send(&mut event)? == Step::Accepted {
            match event {
                SendEvent::ResponseStart(start) => state.start = Some(start),
                SendEvent::ResponseBody(block) => state.content(block.body, len),
                SendEvent::ResponseTrailers(trailers) => {
                    state.trailers.get_or_insert_default().extend(trailers.headers);
                }
                // Needs a capability that is not there, so the machine refused it.
                _ => {}
            }
            self.sent(state);
        }
        Poll::Ready(Ok(()))
    }

    fn poll_respond(
        &self,
        cx: &mut Context<'_>,
        start: &mut Option<ResponseStart>,
        body: &mut Option<Bytes>,
    ) -> Poll<Result<(), SendError>> {
        let Some(mut head) = start.take() else {
            return self.poll_block(cx, body, false);
        };
        let mut body = body.take().unwrap_or_default();
        let mut state = self.lock();
        let (len, idle) = (body.len(), state.machine.state() == HttpState::Idle);
        let step = state.machine.respond(&mut head, &mut body);
        if idle && state.machine.state() != HttpState::Idle {
            state.start = Some(head);
        }
        if step? == Step::Accepted {
            state.content(body, len);
            self.sent(state);
        }
        Poll::Ready(Ok(()))
    }

    fn poll_block(
        &self,
        cx: &mut Context<'_>,
        data: &mut Option<Bytes>,
        more_body: bool,
    ) -> Poll<Result<(), SendError>> {
        let mut state = self.lock();
        if let Err(error) = ready!(state.poll_room(cx)) {
            *data = None;
            return Poll::Ready(Err(error));
        }
        let Some(mut data) = data.take() else {
            return Poll::Ready(Ok(()));
        };
        let len = data.len();
        if state.machine.block(&mut data, more_body)? == Step::Accepted {
            state.content(data, len);
            self.sent(state);
        }
        Poll::Ready(Ok(()))
    }

    fn poll_flush(&self, cx: &mut Context<'_>) -> Poll<Result<(), SendError>> {
        let mut state = self.lock();
        match state.machine.disconnect() {
            Some(Disconnect::Complete) | None if state.queue.is_empty() => Poll::Ready(Ok(())),
            Some(Disconnect::Complete) | None => {
                keep(&mut state.sender, cx);
                Poll::Pending
            }
            Some(reason) => Poll::Ready(Err(reason.into())),
        }
    }

    fn observe(&self, observer: Arc<dyn Observe>) {
        self.lock().machine.observe(observer);
    }
}

//! The connection's side of an exchange.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use bytes::Bytes;
use gateway_iface::asgi::Disconnect;
use gateway_iface::asgi::machine::{Action, HttpState};
use gateway_iface::{Error, RequestHead};
use http::{HeaderMap, HeaderValue, Response, StatusCode, Version, header};
use parking_lot::{Mutex, MutexGuard};

use super::budget::BodyBudget;
use super::input::Input;
use super::state::State;
use crate::control::Control;
use crate::serving::Serving;

/// The exchange that a connection is at. When the application kept no half of it, the connection
/// uses the same one for its next request.
#[derive(Debug)]
pub(crate) struct HttpExchange {
    state: Mutex<State>,
    /// Whether the connection's own task is polling the application right now, and will look at
    /// the state when that is done: then it needs no waking.
    driving: AtomicBool,
    /// Whether there are links for responses with 103.
    hinted: AtomicBool,
}

impl HttpExchange {
    pub(crate) fn new(
        serving: &Serving,
        control: &Arc<Control>,
        head: &RequestHead,
        request: Option<Input>,
    ) -> Self {
        let budget = BodyBudget::new(serving, control);
        Self {
            state: Mutex::new(State::new(budget, head, request)),
            driving: AtomicBool::new(false),
            hinted: AtomicBool::new(false),
        }
    }

    /// Begins anew with the next request of the connection.
    pub(crate) fn reset(&mut self, head: &RequestHead, request: Option<Input>) {
        self.state.get_mut().reset(head, request);
        *self.hinted.get_mut() = false;
    }

    /// Polls the application by `poll`; what it sends meanwhile wakes no one.
    pub(crate) fn drive<T>(&self, poll: impl FnOnce() -> T) -> T {
        self.driving.store(true, Ordering::Relaxed);
        let result = poll();
        self.driving.store(false, Ordering::Relaxed);
        result
    }

    /// The application's call is over.
    pub(crate) fn end(&self, result: &Result<(), Error>) {
        self.lock().end(result);
    }

    /// The exchange is lost: the client is gone, or the server gives it up. Whether its response was
    /// under way.
    pub(crate) fn lose(&self, reason: Disconnect) -> bool {
        let mut state = self.lock();
        state.machine.lose(reason);
        state.request = None;
        state.budget.go_on();
        state.ahead.clear();
        state.queue.clear();
        state.queued = 0;
        state.file = None;
        state.wake_both();
        state.machine.state() != HttpState::Done
    }

    /// The connection ended as it should. Unless the response was under way the exchange is lost all the
    /// same; else the application may finish what no one sees. Whether it is lost.
    pub(crate) fn close(&self) -> bool {
        let mut state = self.lock();
        if !state.discard && state.machine.state() != HttpState::Done {
            drop(state);
            return self.lose(Disconnect::Client);
        }
        state.closed = true;
        state.discard = true;
        state.wake_both();
        false
    }

    /// Whether the response was broken off and only a reset tells the client so: H-87.
    pub(crate) fn needs_reset(&self) -> bool {
        let state = self.lock();
        // Only the end of the connection ends a body of unknown length (H-84).
        state.version == Version::HTTP_10
            && state.head_out
            && state.ended == Some(Action::Abort)
            && state.machine.declared_length().is_none()
    }

    /// The server gives a call up that its connection went on without, unless it is over: whoever looks
    /// learns of the shutdown.
    pub(crate) fn abandon(&self) {
        if self.lock().ended.is_none() {
            self.lose(Disconnect::Shutdown);
            self.finish();
        }
    }

    /// No more of the request's body is taken: `receive` tells that reason, and an application that returns
    /// it has the client answered with that status.
    pub(crate) fn refuse_body(&self, status: StatusCode, reason: Disconnect) {
        let mut state = self.lock();
        state.refuse(status, reason);
        state.wake_both();
    }

    /// The application took too long: unless the head of its response is out, the client is answered without
    /// it. Whether that is so.
    pub(crate) fn time_out(&self) -> bool {
        let mut state = self.lock();
        if state.content || state.ended.is_some() {
            return false;
        }
        state.too_slow = true;
        state.machine.lose(Disconnect::Timeout);
        state.request = None;
        state.budget.go_on();
        state.wake_both();
        self.wake_connection(&state);
        true
    }

    /// Whether the response is complete, and none of it waits any more.
    pub(crate) fn is_answered(&self) -> bool {
        let state = self.lock();
        state.machine.state() == HttpState::Done && state.queue.is_empty()
    }

    /// The call is dropped: nothing more comes of the exchange.
    pub(crate) fn finish(&self) {
        self.lock().machine.finish();
    }

    /// The server shuts down: an application that only waits learns of it; sending still works.
    pub(crate) fn shut_down(&self) {
        let mut state = self.lock();
        state.shutdown = true;
        if let Some(waker) = state.receiver.take() {
            waker.wake();
        }
    }

    /// The response, as soon as its head may go out; `Err` when the connection is to be closed
    /// without any. `ended` is what the application's call came to, if it is over just now, and `body` makes the
    /// body that the protocol sends: here, since a response is large to move for the sake of its body.
    pub(crate) fn poll_response<B>(
        &self,
        cx: &mut Context<'_>,
        ended: Option<&Result<(), Error>>,
        body: impl FnOnce(Reply) -> B,
    ) -> Poll<Result<Response<B>, Aborted>> {
        let mut state = self.lock();
        if let Some(result) = ended {
            state.end(result);
        }
        if std::mem::take(&mut state.too_slow) {
            state.head_out = true;
            return Poll::Ready(Ok(busy().map(Reply::Whole).map(body)));
        }
        if let Some(Action::Answer(status)) = state.ended {
            return Poll::Ready(Ok(answer(status).map(Reply::Whole).map(body)));
        }
        if !state.content {
            if state.ended.is_some() {
                return Poll::Ready(Err(Aborted));
            }
            state.wait(cx);
            return Poll::Pending;
        }
        let state = &mut *state;
        let Some(start) = &mut state.start else {
            return Poll::Ready(Err(Aborted));
        };
        let done = state.machine.state() == HttpState::Done;
        let whole = done && state.queue.len() <= 1 && state.file.is_none() && state.trailers.is_none();
        let reply = if whole {
            state.queued = 0;
            Reply::Whole(state.queue.pop_front().unwrap_or_else(|| std::mem::take(&mut state.whole)))
        } else {
            Reply::Streamed
        };
        let mut response = Response::new(body(reply));
        *response.status_mut() = start.status;
        std::mem::swap(response.headers_mut(), &mut start.headers);
        let hides = !matches!(start.status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED);
        // H-78, H-84: what is known of the length is said.
        let known = match &state.file {
            Some(file) if done && state.trailers.is_none() => state.queued as u64 + file.left(),
            _ if done => state.hidden_len,
            _ => 0,
        };
        if known > 0 && hides {
            response.headers_mut().entry(header::CONTENT_LENGTH).or_insert(HeaderValue::from(known));
        }
        if state.expects && state.version == Version::HTTP_11 {
            // Whether the body that nobody asked for still comes is not known (H-61).
            response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
        }
        state.start = None;
        state.head_out = true;
        Poll::Ready(Ok(response))
    }

    /// Whether there are links that are to be sent ahead of the head.
    #[inline]
    pub(crate) fn has_hints(&self) -> bool {
        self.hinted.load(Ordering::Relaxed)
    }

    /// Links that are to be sent ahead of the head, which was not out when they came.
    pub(crate) fn take_hints(&self) -> Vec<HeaderValue> {
        self.hinted.store(false, Ordering::Relaxed);
        std::mem::take(&mut self.lock().hints)
    }

    pub(super) fn hint(&self, state: &mut State, links: Vec<HeaderValue>) {
        state.hints.extend(links);
        self.hinted.store(true, Ordering::Relaxed);
        self.wake_connection(state);
    }

    /// Whether a client that waits for it is to be told to send its body.
    pub(crate) fn take_continue(&self) -> bool {
        std::mem::take(&mut self.lock().continues)
    }

    /// The fields that follow the body.
    pub(crate) fn take_trailers(&self) -> Option<HeaderMap> {
        self.lock().trailers.take()
    }

    /// Takes all blocks that are there for the client, without asking the application for more; what
    /// follows them. Where nothing is there, it leaves the waker of the connection, to be woken by an
    /// application's half in another task.
    pub(crate) fn take_blocks(&self, cx: &mut Context<'_>, blocks: &mut VecDeque<Bytes>) -> Next {
        let mut state = self.lock();
        if !state.queue.is_empty() {
            std::mem::swap(&mut state.queue, blocks);
            state.queued = 0;
            state.wake_sender();
        } else if state.file.is_some() {
            match state.poll_file(cx) {
                Poll::Ready(Ok(())) => std::mem::swap(&mut state.queue, blocks),
                Poll::Ready(Err(())) => {
                    state.file = None;
                    state.machine.lose(Disconnect::Client);
                    state.wake_both();
                    return Next::Abort;
                }
                Poll::Pending => return Next::Unknown,
            }
        }
        let next = match state.ended {
            _ if state.file.is_some() => Next::Unknown,
            _ if state.machine.state() == HttpState::Done => {
                if state.trailers.is_none() {
                    Next::End
                } else {
                    Next::Trailers
                }
            }
            Some(_) => Next::Abort,
            None => Next::Unknown,
        };
        if next == Next::Unknown && blocks.is_empty() {
            state.wait(cx);
        }
        next
    }

    /// hyper wants no more of the body; what the application still sends goes nowhere.
    /// `room` is a queue that was taken; it is used again.
    pub(crate) fn discard(&self, mut room: VecDeque<Bytes>) {
        if !room.is_empty() {
            room.clear();
        }
        let mut state = self.lock();
        state.discard = true;
        if !state.queue.is_empty() {
            state.queue.clear();
        }
        state.queued = 0;
        state.file = None;
        if state.queue.capacity() < room.capacity() {
            state.queue = room;
        }
        if let Some(waker) = state.sender.take() {
            waker.wake();
        }
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock()
    }

    /// Wakes the connection's task, unless it is the one that polls.
    pub(super) fn wake_connection(&self, state: &State) {
        if !self.driving.load(Ordering::Relaxed)
            && let Some(waker) = &state.connection
        {
            waker.wake_by_ref();
        }
    }
}

/// The body of a response, when its head may go out.
#[derive(Debug)]
pub(crate) enum Reply {
    /// All of it.
    Whole(Bytes),
    /// What [`HttpExchange::take_blocks`] gives.
    Streamed,
}

/// What follows the blocks that are there.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Next {
    /// The application has not said.
    Unknown,
    /// The end of the response.
    End,
    /// The fields that end the response.
    Trailers,
    /// The application ended before its response did.
    Abort,
}

/// The application ended before its response did: the response is broken off (A-106, H-87).
#[derive(Debug, thiserror::Error)]
#[error("the response was broken off")]
pub(crate) struct Aborted;

/// The server's own answer: the reason phrase, and nothing of the inside (W-139).
fn answer(status: StatusCode) -> Response<Bytes> {
    let mut response =
        Response::new(Bytes::from_static(status.canonical_reason().unwrap_or("Error").as_bytes()));
    *response.status_mut() = status;
    let mut headers = HeaderMap::new();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    *response.headers_mut() = headers;
    response
}

/// The server's own answer when it has, or gives, no more time: 503.
pub(crate) fn busy() -> Response<Bytes> {
    let mut response = answer(StatusCode::SERVICE_UNAVAILABLE);
    response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
    response
}

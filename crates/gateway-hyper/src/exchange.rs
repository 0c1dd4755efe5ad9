//! One HTTP exchange: what the application's halves and hyper's body meet in.

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::Arc;
use std::task::{Context, Poll, Waker, ready};

use bytes::Bytes;
use gateway_iface::asgi::event::{ReceiveEvent, RequestBody, ResponseStart, SendEvent};
use gateway_iface::asgi::machine::{Action, HttpMachine, HttpState, Step};
use gateway_iface::asgi::{Disconnect, Exchange, SendError};
use gateway_iface::{Error, Observe, RequestHead};
use http::{HeaderMap, HeaderValue, Response, StatusCode, header};
use http_body::Body as _;
use hyper::body::Incoming;
use parking_lot::{Mutex, MutexGuard};
use tracing::error;

use crate::body::{Aborted, Body};
use crate::link::Link;

/// Blocks of a response that wait for the client, at the most; a further `send` waits.
pub(crate) const MAX_QUEUED_BLOCKS: usize = 16;
/// Octets of a response that wait for the client; at this many a further `send` waits.
pub(crate) const MAX_QUEUED_OCTETS: usize = 64 * 1024;

/// The exchange that a connection is at. When the application kept no half of it, the connection
/// uses the same one for its next request.
#[derive(Debug)]
pub(crate) struct HttpExchange {
    state: Mutex<State>,
    /// Whether the connection's own task is polling the application right now, and will look at
    /// the state when that is done: then it needs no waking.
    driving: AtomicBool,
}

#[derive(Debug)]
struct State {
    machine: HttpMachine,
    request: Option<Incoming>,
    start: Option<ResponseStart>,
    /// Whether the application has sent content, so that the head may go out.
    content: bool,
    head_out: bool,
    /// The length of a body that HEAD does not carry (H-78).
    hidden_len: u64,
    /// The body of a response that came whole.
    whole: Bytes,
    queue: VecDeque<Bytes>,
    queued: usize,
    /// hyper wants no more of the body: HEAD, or the declared length is reached.
    discard: bool,
    shutdown: bool,
    ended: Option<Action>,
    receiver: Option<Waker>,
    sender: Option<Waker>,
    connection: Option<Waker>,
}

impl HttpExchange {
    pub(crate) fn new(head: &RequestHead, request: Option<Incoming>) -> Self {
        let state = State {
            machine: HttpMachine::new(head),
            request,
            start: None,
            content: false,
            head_out: false,
            hidden_len: 0,
            whole: Bytes::new(),
            queue: VecDeque::new(),
            queued: 0,
            discard: false,
            shutdown: false,
            ended: None,
            receiver: None,
            sender: None,
            connection: None,
        };
        Self { state: Mutex::new(state), driving: AtomicBool::new(false) }
    }

    /// Begins anew with the next request of the connection.
    pub(crate) fn reset(&mut self, head: &RequestHead, request: Option<Incoming>) {
        let state = self.state.get_mut();
        state.machine.reset(head);
        state.request = request;
        state.start = None;
        state.content = false;
        state.head_out = false;
        state.hidden_len = 0;
        state.whole = Bytes::new();
        if !state.queue.is_empty() {
            state.queue.clear();
        }
        state.queued = 0;
        state.discard = false;
        state.ended = None;
        state.receiver = None;
        state.sender = None;
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

    /// The exchange is lost: the client is gone, or the server gives it up.
    pub(crate) fn lose(&self, reason: Disconnect) {
        let mut state = self.lock();
        state.machine.lose(reason);
        state.request = None;
        state.queue.clear();
        state.queued = 0;
        state.wake_both();
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
    /// without any. `ended` is what the application's call came to, if it is over just now.
    pub(crate) fn poll_response(
        self: &Arc<Self>,
        cx: &mut Context<'_>,
        link: &Arc<Link>,
        ended: Option<&Result<(), Error>>,
    ) -> Poll<Result<Response<Body>, Aborted>> {
        let mut state = self.lock();
        if let Some(result) = ended {
            state.end(result);
        }
        if let Some(Action::Answer(status)) = state.ended {
            return Poll::Ready(Ok(answer(status)));
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
        let complete = state.machine.state() == HttpState::Done && state.queue.len() <= 1;
        let body = if complete {
            state.queued = 0;
            Body::full(state.queue.pop_front().unwrap_or_else(|| std::mem::take(&mut state.whole)))
        } else {
            Body::stream(Arc::clone(self), Arc::clone(link))
        };
        let mut response = Response::new(body);
        *response.status_mut() = start.status;
        std::mem::swap(response.headers_mut(), &mut start.headers);
        if complete && state.hidden_len > 0 && start.status != StatusCode::NO_CONTENT {
            let headers = response.headers_mut();
            headers.entry(header::CONTENT_LENGTH).or_insert(HeaderValue::from(state.hidden_len));
        }
        state.start = None;
        state.head_out = true;
        Poll::Ready(Ok(response))
    }

    /// Takes all blocks that are there for the client, without asking the application for more; what
    /// follows them.
    pub(crate) fn take_blocks(&self, blocks: &mut VecDeque<Bytes>) -> Next {
        let mut state = self.lock();
        if !state.queue.is_empty() {
            std::mem::swap(&mut state.queue, blocks);
            state.queued = 0;
            state.wake_sender();
        }
        match state.ended {
            _ if state.machine.state() == HttpState::Done => Next::End,
            Some(_) => Next::Abort,
            None => Next::Unknown,
        }
    }

    /// Leaves the waker of the connection, to be woken by an application's half in another task.
    pub(crate) fn wait(&self, cx: &Context<'_>) {
        self.lock().wait(cx);
    }

    /// hyper wants no more of the body; what the application still sends goes nowhere.
    /// `room` is a queue that was taken; it is used again.
    pub(crate) fn discard(&self, mut room: VecDeque<Bytes>) {
        room.clear();
        let mut state = self.lock();
        state.discard = true;
        state.queue.clear();
        state.queued = 0;
        if state.queue.capacity() < room.capacity() {
            state.queue = room;
        }
        if let Some(waker) = state.sender.take() {
            waker.wake();
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock()
    }

    fn wake_connection(&self, state: &State) {
        if !self.driving.load(Ordering::Relaxed)
            && let Some(waker) = &state.connection
        {
            waker.wake_by_ref();
        }
    }
}

impl State {
    fn is_full(&self) -> bool {
        self.queue.len() >= MAX_QUEUED_BLOCKS || self.queued >= MAX_QUEUED_OCTETS
    }

    fn end(&mut self, result: &Result<(), Error>) {
        let ending = self.machine.end(result, self.head_out);
        if ending.fault {
            report(result);
        }
        self.machine.finish();
        self.ended = Some(ending.action);
    }

    fn wait(&mut self, cx: &Context<'_>) {
        keep(&mut self.connection, cx);
    }

    /// Takes a block that the machine has accepted; `len` is what it was before HEAD made it empty.
    #[inline]
    fn content(&mut self, block: Bytes, len: usize, more_body: bool) {
        self.content = true;
        if self.machine.is_bodiless() {
            self.hidden_len += len as u64;
        } else if len > 0 && !self.discard {
            self.queued += len;
            self.queue.push_back(block);
        }
        if !more_body && let Some(waker) = self.receiver.take() {
            waker.wake();
        }
    }

    /// Wakes the sender, unless the connection's own task is about to poll it anyway.
    fn wake_sender(&mut self) {
        if let Some(waker) = self.sender.take() {
            let own = self.connection.as_ref().is_some_and(|connection| connection.will_wake(&waker));
            if own {
                self.sender = Some(waker);
            } else {
                waker.wake();
            }
        }
    }

    fn wake_both(&mut self) {
        for waker in [self.receiver.take(), self.sender.take()].into_iter().flatten() {
            waker.wake();
        }
    }

    fn poll_body(&mut self, cx: &mut Context<'_>) -> Poll<ReceiveEvent> {
        loop {
            let Some(request) = &mut self.request else {
                return Poll::Ready(ReceiveEvent::HttpRequest(RequestBody::last(Bytes::new())));
            };
            match ready!(Pin::new(&mut *request).poll_frame(cx)) {
                Some(Ok(frame)) => {
                    let Ok(block) = frame.into_data() else {
                        continue;
                    };
                    let body = if request.is_end_stream() {
                        self.request = None;
                        RequestBody::last(block)
                    } else {
                        RequestBody::block(block)
                    };
                    return Poll::Ready(ReceiveEvent::HttpRequest(body));
                }
                Some(Err(_)) => {
                    self.machine.lose(Disconnect::Client);
                    return Poll::Ready(ReceiveEvent::HttpDisconnect(Disconnect::Client));
                }
                None => self.request = None,
            }
        }
    }
}

impl Exchange for HttpExchange {
    fn poll_receive(&self, cx: &mut Context<'_>) -> Poll<ReceiveEvent> {
        let mut state = self.lock();
        if let Some(reason) = state.machine.disconnect() {
            return Poll::Ready(ReceiveEvent::HttpDisconnect(reason));
        }
        if !state.machine.is_request_read() {
            let Poll::Ready(event) = state.poll_body(cx) else {
                keep(&mut state.receiver, cx);
                return Poll::Pending;
            };
            state.machine.received(&event);
            return Poll::Ready(event);
        }
        if state.shutdown {
            return Poll::Ready(ReceiveEvent::HttpDisconnect(Disconnect::Shutdown));
        }
        keep(&mut state.receiver, cx);
        Poll::Pending
    }

    fn poll_disconnect(&self, cx: &mut Context<'_>) -> Poll<Disconnect> {
        let mut state = self.lock();
        if let Some(reason) = state.machine.disconnect() {
            return Poll::Ready(reason);
        }
        if state.shutdown {
            return Poll::Ready(Disconnect::Shutdown);
        }
        keep(&mut state.receiver, cx);
        Poll::Pending
    }

    fn poll_send(&self, cx: &mut Context<'_>, slot: &mut Option<SendEvent>) -> Poll<Result<(), SendError>> {
        let mut state = self.lock();
        if state.is_full() {
            keep(&mut state.sender, cx);
            return Poll::Pending;
        }
        let Some(event) = slot else {
            return Poll::Ready(Ok(()));
        };
        let len = if let SendEvent::ResponseBody(block) = event { block.body.len() } else { 0 };
        let step = state.machine.send(event);
        match (step, slot.take()) {
            (Err(error), _) => return Poll::Ready(Err(error)),
            (Ok(Step::Accepted), Some(SendEvent::ResponseStart(start))) => state.start = Some(start),
            (Ok(Step::Accepted), Some(SendEvent::ResponseBody(block))) => {
                state.content(block.body, len, block.more_body);
                self.wake_connection(&state);
            }
            _ => {}
        }
        Poll::Ready(Ok(()))
    }

    fn poll_respond(
        &self,
        _: &mut Context<'_>,
        start: &mut Option<ResponseStart>,
        body: &mut Option<Bytes>,
    ) -> Poll<Result<(), SendError>> {
        let (Some(head), Some(mut body)) = (start.as_mut(), body.take()) else {
            return Poll::Ready(Ok(()));
        };
        let mut state = self.lock();
        let len = body.len();
        let idle = state.machine.state() == HttpState::Idle;
        let step = state.machine.respond(head, &mut body);
        if idle && state.machine.state() != HttpState::Idle {
            state.start = start.take();
        }
        if matches!(step?, Step::Accepted) {
            state.content = true;
            if state.machine.is_bodiless() {
                state.hidden_len = len as u64;
            } else {
                state.whole = body;
            }
            if let Some(waker) = state.receiver.take() {
                waker.wake();
            }
            self.wake_connection(&state);
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
        if state.is_full() {
            keep(&mut state.sender, cx);
            return Poll::Pending;
        }
        let Some(mut data) = data.take() else {
            return Poll::Ready(Ok(()));
        };
        let len = data.len();
        if matches!(state.machine.block(&mut data, more_body)?, Step::Accepted) {
            state.content(data, len, more_body);
            self.wake_connection(&state);
        }
        Poll::Ready(Ok(()))
    }

    fn poll_flush(&self, cx: &mut Context<'_>) -> Poll<Result<(), SendError>> {
        let mut state = self.lock();
        if state.queue.is_empty() {
            return Poll::Ready(match state.machine.disconnect() {
                None | Some(Disconnect::Complete) => Ok(()),
                Some(reason) => Err(reason.into()),
            });
        }
        keep(&mut state.sender, cx);
        Poll::Pending
    }

    fn observe(&self, observer: Arc<dyn Observe>) {
        self.lock().machine.observe(observer);
    }
}

#[cold]
fn report(result: &Result<(), Error>) {
    match result {
        Ok(()) => error!("the application returned before its response was complete"),
        Err(error) => error!(error = %error, "the application failed"),
    }
}

/// What follows the blocks that are there.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Next {
    /// The application has not said.
    Unknown,
    /// The end of the response.
    End,
    /// The application ended before its response did.
    Abort,
}

fn keep(slot: &mut Option<Waker>, cx: &Context<'_>) {
    match slot {
        Some(waker) => waker.clone_from(cx.waker()),
        None => *slot = Some(cx.waker().clone()),
    }
}

/// The server's own answer: the reason phrase, and nothing of the inside (W-139).
fn answer(status: StatusCode) -> Response<Body> {
    let mut response = Response::new(Body::full(Bytes::from_static(
        status.canonical_reason().unwrap_or("Error").as_bytes(),
    )));
    *response.status_mut() = status;
    let mut headers = HeaderMap::new();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    *response.headers_mut() = headers;
    response
}

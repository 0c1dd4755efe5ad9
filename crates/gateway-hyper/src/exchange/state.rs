//! The state of one exchange, behind its lock.

use std::collections::VecDeque;
use std::task::{Context, Poll, Waker, ready};

use bytes::Bytes;
use gateway_iface::asgi::event::{RequestBody, ResponseStart};
use gateway_iface::asgi::machine::{Action, HttpMachine, HttpState};
use gateway_iface::asgi::{Disconnect, SendError};
use gateway_iface::{Error, RequestHead, RequestTrailers};
use http::{HeaderMap, HeaderValue, StatusCode, Version, header};
use tracing::error;

use super::budget::BodyBudget;
use super::file::FilePart;
use super::input::Input;

#[derive(Debug)]
pub(super) struct State {
    pub(super) machine: HttpMachine,
    pub(super) request: Option<Input>,
    pub(super) request_trailers: Option<RequestTrailers>,
    pub(super) ahead: VecDeque<RequestBody>,
    pub(super) ahead_octets: usize,
    /// Whether the client waits for 100 before it sends its body: only an application that reads asks
    /// for it (W-144).
    pub(super) expects: bool,
    /// Whether 100 is due, which the connection sends: HTTP/1 does so by itself.
    pub(super) continues: bool,
    /// What is answered to a request whose body is malformed, too large or too slow, where the application has
    /// no answer; and what it is told.
    pub(super) refused: Option<(StatusCode, Disconnect)>,
    /// Whether the client is answered without the application, which took too long.
    pub(super) too_slow: bool,
    pub(super) budget: BodyBudget,
    pub(super) start: Option<ResponseStart>,
    /// Whether the application has sent content, so that the head may go out.
    pub(super) content: bool,
    pub(super) head_out: bool,
    /// The length of a body that HEAD does not carry (H-78).
    pub(super) hidden_len: u64,
    /// The body of a response that came whole.
    pub(super) whole: Bytes,
    pub(super) queue: VecDeque<Bytes>,
    pub(super) queued: usize,
    /// A file that follows the queue; nothing is accepted while it is there.
    pub(super) file: Option<FilePart>,
    pub(super) trailers: Option<HeaderMap>,
    /// Links for responses with 103, ahead of the head.
    pub(super) hints: Vec<HeaderValue>,
    /// Sends since the last one that the client can see.
    pub(super) unqueued: usize,
    /// Blocks and octets that no client sees.
    pub(super) unseen: (usize, usize),
    /// hyper wants no more of the body: HEAD, or the declared length is reached.
    pub(super) discard: bool,
    pub(super) shutdown: bool,
    /// The connection ended as it should before the call did: nothing more reaches the client, and
    /// nothing was lost.
    pub(super) closed: bool,
    /// Whether the application was told that nothing it still sends is seen: then it may just return.
    pub(super) told_complete: bool,
    pub(super) version: Version,
    pub(super) ended: Option<Action>,
    pub(super) receiver: Option<Waker>,
    pub(super) sender: Option<Waker>,
    pub(super) connection: Option<Waker>,
}

impl State {
    pub(super) fn new(budget: BodyBudget, head: &RequestHead, request: Option<Input>) -> Self {
        let expects = request.is_some() && head.headers().contains_key(header::EXPECT);
        Self {
            machine: HttpMachine::new(head),
            request,
            request_trailers: head.extensions().get().cloned(),
            ahead: VecDeque::new(),
            ahead_octets: 0,
            expects,
            continues: false,
            refused: None,
            too_slow: false,
            budget,
            start: None,
            content: false,
            head_out: false,
            hidden_len: 0,
            whole: Bytes::new(),
            queue: VecDeque::new(),
            queued: 0,
            file: None,
            trailers: None,
            hints: Vec::new(),
            unqueued: 0,
            unseen: (0, 0),
            discard: false,
            shutdown: false,
            closed: false,
            told_complete: false,
            version: head.version(),
            ended: None,
            receiver: None,
            sender: None,
            connection: None,
        }
    }

    /// Begins anew with the next request of the connection.
    pub(super) fn reset(&mut self, head: &RequestHead, request: Option<Input>) {
        self.machine.reset(head);
        self.expects = request.is_some() && head.headers().contains_key(header::EXPECT);
        self.continues = false;
        self.refused = None;
        self.too_slow = false;
        self.budget.reset();
        self.request = request;
        self.request_trailers = head.extensions().get().cloned();
        if !self.ahead.is_empty() {
            self.ahead.clear();
        }
        self.ahead_octets = 0;
        self.start = None;
        self.content = false;
        self.head_out = false;
        self.hidden_len = 0;
        self.whole = Bytes::new();
        if !self.queue.is_empty() {
            self.queue.clear();
        }
        self.queued = 0;
        self.file = None;
        self.trailers = None;
        self.hints.clear();
        self.unqueued = 0;
        self.unseen = (0, 0);
        self.discard = false;
        self.closed = false;
        self.told_complete = false;
        self.version = head.version();
        self.ended = None;
        self.receiver = None;
        self.sender = None;
    }

    /// Waits for room. A sender of what no client sees (HEAD, empty blocks) has always room, so it is
    /// paused now and then for the sake of everything else on its thread, and at some point ended.
    #[inline]
    pub(super) fn poll_room(&mut self, cx: &Context<'_>) -> Poll<Result<(), SendError>> {
        if self.queue.len() >= MAX_QUEUED_BLOCKS || self.queued >= MAX_QUEUED_OCTETS || self.file.is_some() {
            keep(&mut self.sender, cx);
            return Poll::Pending;
        }
        if self.unqueued >= MAX_UNPAUSED {
            return self.pause(cx);
        }
        Poll::Ready(Ok(()))
    }

    #[cold]
    fn pause(&mut self, cx: &Context<'_>) -> Poll<Result<(), SendError>> {
        let (blocks, octets) = self.unseen;
        if blocks > MAX_UNSEEN_BLOCKS || octets > MAX_UNSEEN_OCTETS {
            self.told_complete = true;
            return Poll::Ready(Err(Disconnect::Complete.into()));
        }
        self.unqueued = 0;
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    pub(super) fn end(&mut self, result: &Result<(), Error>) {
        let mut ending = self.machine.end(result, self.head_out);
        let own =
            result.as_ref().is_err_and(Error::is_disconnected) && (self.discard || self.refused.is_some());
        let excused = own || (result.is_ok() && self.told_complete);
        if ending.fault && !excused {
            report(result);
            if result.is_ok() {
                self.budget.counters().incomplete();
            }
        }
        if let (Some((status, _)), true, false) = (self.refused, own, self.content || self.head_out) {
            ending.action = Action::Answer(status);
        }
        self.machine.finish();
        // A half that is left behind in another task is told so: no end of a body is forged for it, and
        // what it sends fails.
        self.machine.lose(Disconnect::Complete);
        self.drop_request();
        self.ended = Some(ending.action);
        self.wake_both();
    }

    pub(super) fn wait(&mut self, cx: &Context<'_>) {
        keep(&mut self.connection, cx);
    }

    /// Takes a block that the machine has accepted; `len` is what it was before HEAD made it empty. As a call it
    /// would take as long as what it does.
    #[inline(always)]
    pub(super) fn content(&mut self, block: Bytes, len: usize, more_body: bool) {
        self.content = true;
        if len > 0 && !self.machine.is_bodiless() && !self.discard {
            self.unqueued = 0;
            self.queued += len;
            self.queue.push_back(block);
        } else {
            self.pass_over(len);
        }
        if !more_body && self.machine.state() == HttpState::Done {
            self.complete();
        }
    }

    /// Counts a block that does not go to the client.
    #[inline(never)]
    fn pass_over(&mut self, len: usize) {
        let hidden = self.machine.is_bodiless();
        if hidden {
            self.hidden_len += len as u64;
        }
        if hidden || self.discard {
            self.unseen = (self.unseen.0 + 1, self.unseen.1.saturating_add(len));
        }
        self.unqueued += 1;
    }

    /// Takes a part of a file that the machine has accepted.
    pub(super) fn file(&mut self, part: FilePart) {
        self.content = true;
        part.accepted();
        if self.machine.is_bodiless() {
            self.hidden_len += part.left();
        } else if !self.discard && part.left() > 0 {
            self.file = Some(part);
        }
        if self.machine.state() == HttpState::Done {
            self.complete();
        }
    }

    /// Moves the next block of the file into the queue; whether there is one.
    pub(super) fn poll_file(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), ()>> {
        let Some(file) = &mut self.file else {
            return Poll::Ready(Ok(()));
        };
        match ready!(file.poll_block(cx)) {
            Some(Ok(block)) => self.queue.push_back(block),
            Some(Err(error)) => {
                error!(%error, "a file became unreadable while it was sent");
                return Poll::Ready(Err(()));
            }
            None => {}
        }
        if self.file.as_ref().is_some_and(|file| file.left() == 0) {
            self.file = None;
            self.wake_sender();
        }
        Poll::Ready(Ok(()))
    }

    /// The response is complete: whoever waits for the end learns of it, and hyper learns that no one
    /// reads the rest of the request (H-56).
    #[inline]
    pub(super) fn complete(&mut self) {
        self.drop_request();
        if let Some(waker) = self.receiver.take() {
            waker.wake();
        }
    }

    #[inline]
    fn drop_request(&mut self) {
        if self.request.is_some() || !self.ahead.is_empty() {
            self.give_request_up();
        }
    }

    #[inline(never)]
    fn give_request_up(&mut self) {
        self.request = None;
        self.ahead.clear();
        self.budget.go_on();
    }

    /// Why the exchange is over, as `receive` tells it; a shutdown is told by it alone.
    pub(super) fn disconnect(&mut self) -> Option<Disconnect> {
        match self.machine.disconnect() {
            None if self.refused.is_some() => self.refused.map(|(_, reason)| reason),
            None if self.closed => {
                self.told_complete = true;
                Some(Disconnect::Complete)
            }
            reason => reason,
        }
    }

    /// Wakes the sender, unless the connection's own task is about to poll it anyway: that of HTTP/1 polls the call when
    /// hyper asks for more, while a stream of HTTP/2 writes what was taken and polls the call in its next turn.
    pub(super) fn wake_sender(&mut self) {
        if let Some(waker) = self.sender.take() {
            let own = self.connection.as_ref().is_some_and(|connection| connection.will_wake(&waker));
            if own && self.version != Version::HTTP_2 {
                self.sender = Some(waker);
            } else {
                waker.wake();
            }
        }
    }

    #[inline]
    pub(super) fn wake_both(&mut self) {
        if let Some(waker) = self.receiver.take() {
            waker.wake();
        }
        if let Some(waker) = self.sender.take() {
            waker.wake();
        }
    }
}

#[cold]
fn report(result: &Result<(), Error>) {
    match result {
        Ok(()) => error!("the application returned before its response was complete"),
        Err(error) => error!(error = %error, "the application failed"),
    }
}

/// Keeps the waker of a half that waits.
pub(super) fn keep(slot: &mut Option<Waker>, cx: &Context<'_>) {
    match slot {
        Some(waker) => waker.clone_from(cx.waker()),
        None => *slot = Some(cx.waker().clone()),
    }
}

/// Blocks of a response that wait for the client, at the most; a further `send` waits.
const MAX_QUEUED_BLOCKS: usize = 16;
/// Octets of a response that wait for the client; at this many a further `send` waits.
const MAX_QUEUED_OCTETS: usize = 64 * 1024;

/// Sends that the client sees nothing of, in a row, before the sender is paused.
const MAX_UNPAUSED: usize = 32;
/// Blocks of a response that no client sees: after so many, sending fails.
const MAX_UNSEEN_BLOCKS: usize = 64 * 1024;
/// Octets of a response that no client sees: after so many, sending fails.
const MAX_UNSEEN_OCTETS: usize = 64 * 1024 * 1024;

//! The state of an exchange between an application and the framework that hosts it.

use std::pin::Pin;
use std::task::{Context, Poll, Waker, ready};

use bytes::Bytes;
use futures_core::Stream;
use http::{HeaderMap, StatusCode, header};

use super::failed::{Failed, Incomplete};
use crate::asgi::call::keep;
use crate::asgi::event::{ReceiveEvent, RequestBody, ResponseStart};
use crate::asgi::machine::{Action, HttpMachine, HttpState};
use crate::asgi::{Disconnect, SendError};
use crate::error::{BoxError, Error};
use crate::queue::{Limits, Queue};
use crate::request::RequestHead;

/// The body of a request, as the framework has it.
pub(super) type RequestBlocks = Pin<Box<dyn Stream<Item = Result<Bytes, BoxError>> + Send>>;

pub(super) struct State {
    pub(super) machine: HttpMachine,
    request: Option<RequestBlocks>,
    /// Whether the client waits for 100 before it sends its body, and the application has not asked for that.
    expects: bool,
    /// What was read of the request while the application only waited for its end.
    ahead: Queue,
    /// Why the body of the request was cut.
    cut: Option<BoxError>,
    pub(super) start: Option<ResponseStart>,
    /// Whether content was sent, with which the head may go.
    content: bool,
    head_out: bool,
    pub(super) queue: Queue,
    pub(super) trailers: Option<Box<HeaderMap>>,
    /// Sends in a row that filled no queue.
    unqueued: usize,
    /// Blocks and octets that no client sees.
    unseen: (usize, usize),
    /// Whether what is sent goes nowhere: the framework dropped the body, as it does for one that has none to send any
    /// more, or there was too much of it.
    discard: bool,
    /// Whether the framework looks at the exchange no more.
    abandoned: bool,
    pub(super) failed: Option<Failed>,
    pub(super) receiver: Option<Waker>,
    pub(super) sender: Option<Waker>,
    pub(super) framework: Option<Waker>,
}

impl State {
    pub(super) fn new(head: &RequestHead, request: Option<RequestBlocks>) -> Self {
        let expects = request.is_some() && head.headers().contains_key(header::EXPECT);
        Self {
            machine: HttpMachine::new(head),
            request,
            expects,
            ahead: Queue::default(),
            cut: None,
            start: None,
            content: false,
            head_out: false,
            queue: Queue::default(),
            trailers: None,
            unqueued: 0,
            unseen: (0, 0),
            discard: false,
            abandoned: false,
            failed: None,
            receiver: None,
            sender: None,
            framework: None,
        }
    }

    /// Why the exchange is over, as the application is told when it waits. What goes nowhere may still be sent.
    pub(super) fn disconnect(&self) -> Option<Disconnect> {
        self.machine.disconnect().or_else(|| self.discard.then_some(Disconnect::Complete))
    }

    /// The next event of the request; none when its body was cut.
    pub(super) fn poll_request(&mut self, cx: &mut Context<'_>) -> Poll<Option<ReceiveEvent>> {
        self.expects = false;
        let block = match self.ahead.pop() {
            Some(block) => Some(block),
            None => match ready!(self.poll_body(cx)) {
                Ok(block) => block,
                Err(()) => return Poll::Ready(None),
            },
        };
        let more_body = self.request.is_some() || !self.ahead.is_empty();
        let block = block.unwrap_or_default();
        let event = if more_body { RequestBody::block(block) } else { RequestBody::last(block) };
        Poll::Ready(Some(ReceiveEvent::HttpRequest(event)))
    }

    /// Reads ahead of an application that waits for the end alone: a framework that does not read does not see that
    /// its client left. To read is to ask for the body, so one that waits for that is left alone (H-57).
    pub(super) fn read_ahead(&mut self, cx: &mut Context<'_>) {
        let has_room = |ahead: &Queue| ahead.has_room(0, LIMITS) && ahead.octets() < LIMITS.octets;
        while self.request.is_some() && !self.expects && has_room(&self.ahead) {
            match self.poll_body(cx) {
                Poll::Ready(Ok(Some(block))) if !block.is_empty() => self.ahead.push(block),
                Poll::Ready(Ok(_)) => {}
                Poll::Ready(Err(())) | Poll::Pending => break,
            }
        }
    }

    /// The next block of the body; none after the last one.
    fn poll_body(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<Bytes>, ()>> {
        let Some(request) = &mut self.request else {
            return Poll::Ready(Ok(None));
        };
        let block = match ready!(request.as_mut().poll_next(cx)).transpose() {
            Ok(block) => block,
            Err(error) => {
                self.cut = Some(error);
                self.lose(Disconnect::Client);
                return Poll::Ready(Err(()));
            }
        };
        if block.is_none() || request.size_hint().1 == Some(0) {
            self.request = None;
        }
        Poll::Ready(Ok(block))
    }

    /// Waits for room.
    #[inline]
    pub(super) fn poll_room(&mut self, cx: &Context<'_>) -> Poll<Result<(), SendError>> {
        if self.has_room() && self.unqueued < MAX_UNPAUSED {
            return Poll::Ready(Ok(()));
        }
        self.pause(cx)
    }

    fn has_room(&self) -> bool {
        self.queue.len() < LIMITS.blocks && self.queue.octets() < LIMITS.octets
    }

    /// A sender of what no client sees (HEAD, empty blocks) has always room, so it is paused now and then for the sake
    /// of everything else on its thread, and at some point ended.
    #[cold]
    fn pause(&mut self, cx: &Context<'_>) -> Poll<Result<(), SendError>> {
        if self.machine.disconnect().is_some() {
            return Poll::Ready(Ok(()));
        }
        if !self.has_room() {
            keep(&mut self.sender, cx);
            return Poll::Pending;
        }
        let (blocks, octets) = self.unseen;
        if blocks > MAX_UNSEEN_BLOCKS || octets > MAX_UNSEEN_OCTETS {
            self.discard = true;
            return Poll::Ready(Err(Disconnect::Complete.into()));
        }
        self.unqueued = 0;
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    /// Takes a block that the machine has accepted; `len` is what it was before HEAD made it empty.
    #[inline]
    pub(super) fn content(&mut self, block: Bytes, len: usize) {
        self.content = true;
        let hidden = self.discard || self.machine.is_bodiless();
        if len > 0 && !hidden {
            self.unqueued = 0;
            self.queue.push(block);
        } else {
            self.unqueued += 1;
            if hidden {
                self.unseen = (self.unseen.0 + 1, self.unseen.1.saturating_add(len));
            }
        }
        if self.machine.state() == HttpState::Done {
            self.give_request_up();
        }
    }

    pub(super) fn take_head(&mut self) -> Option<ResponseStart> {
        let start = self.start.take_if(|_| self.content)?;
        self.head_out = true;
        Some(start)
    }

    pub(super) fn take_whole(&mut self) -> Option<Bytes> {
        let whole =
            self.machine.state() == HttpState::Done && self.trailers.is_none() && self.queue.len() <= 1;
        whole.then(|| self.queue.pop().unwrap_or_default())
    }

    /// What follows the blocks that are there.
    pub(super) fn next(&self) -> Next {
        match (self.machine.state(), &self.failed) {
            (HttpState::Done, _) if self.trailers.is_some() => Next::Trailers,
            (HttpState::Done, _) => Next::End,
            (_, Some(_)) => Next::Failure,
            (_, None) => Next::Unknown,
        }
    }

    /// The sender, when there is room for it again. One in the framework's own task is polled by it anyway.
    pub(super) fn sender_to_wake(&mut self) -> Option<Waker> {
        let framework = self.framework.as_ref();
        self.sender.take_if(|sender| !framework.is_some_and(|own| own.will_wake(sender)))
    }

    /// The exchange is lost: whoever sends learns of it, unless the response is complete.
    pub(super) fn lose(&mut self, reason: Disconnect) {
        self.machine.lose(reason);
        self.give_request_up();
        self.queue.clear();
    }

    fn give_request_up(&mut self) {
        self.request = None;
        self.ahead.clear();
    }

    /// The framework wants no more of the response: because it has all that there is to send, or because its client
    /// left.
    pub(super) fn abandon(&mut self, wanted: bool) {
        self.abandoned = true;
        self.framework = None;
        if self.machine.state() == HttpState::Done {
            self.queue.clear();
            return;
        }
        if self.head_out && (self.machine.is_bodiless() || !wanted) {
            self.discard = true;
            self.queue.clear();
        } else {
            self.lose(Disconnect::Client);
        }
    }

    /// The call is over; its error, where no response tells of it.
    pub(super) fn end(&mut self, result: Result<(), Error>) -> Option<Error> {
        let ending = self.machine.end(&result, self.head_out);
        let lost = self.machine.disconnect().is_some();
        self.machine.finish();
        // A half that is left behind in another task is told so: no end of a body is forged for it.
        self.machine.lose(Disconnect::Complete);
        self.give_request_up();
        // It was told that no one sees what it still sends.
        let excused = self.discard && result.as_ref().err().is_none_or(Error::is_disconnected);
        if excused && self.abandoned && ending.action != Action::Nothing {
            return None;
        }
        let error = match (result, self.cut.take()) {
            (Err(error), Some(cut)) if error.is_disconnected() => Error::new(cut),
            (Err(error), _) => error,
            (Ok(()), _) if ending.action == Action::Nothing => return None,
            (Ok(()), _) => Incomplete.into(),
        };
        let status = match ending.action {
            Action::Answer(status) => status,
            Action::Abort if lost => StatusCode::BAD_REQUEST,
            Action::Abort => StatusCode::INTERNAL_SERVER_ERROR,
            Action::Nothing => return ending.fault.then_some(error),
        };
        if self.abandoned {
            return ending.fault.then_some(error);
        }
        let failed = Failed::new(status, error);
        self.failed = Some(if ending.fault { failed } else { failed.excused() });
        None
    }
}

/// What follows the blocks that are there for the framework.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Next {
    /// The application has not said.
    Unknown,
    /// The end of the response.
    End,
    /// The fields that end the response.
    Trailers,
    /// That the response was broken off.
    Failure,
}

/// What may wait for the framework.
const LIMITS: Limits = Limits { blocks: 16, octets: 64 * 1024 };

/// Sends that the client sees nothing of, in a row, before the sender is paused.
const MAX_UNPAUSED: usize = 32;
/// Blocks of a response that no client sees: after so many, sending fails.
const MAX_UNSEEN_BLOCKS: usize = 64 * 1024;
/// Octets of a response that no client sees: after so many, sending fails.
const MAX_UNSEEN_OCTETS: usize = 64 * 1024 * 1024;

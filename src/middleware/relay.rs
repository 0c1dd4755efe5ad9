//! Both halves of an exchange behind one allocation: what a middleware keeps that has to know, when
//! the call is over, how far the response got, and to answer in the application's place.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};

use bytes::Bytes;

use crate::asgi::event::{ReceiveEvent, ResponseStart, SendEvent};
use crate::asgi::machine::check_start;
use crate::asgi::{Disconnect, Exchange, InvalidEvent, Receive, Send, SendError};
use crate::outcome::Observe;

/// Stands between an HTTP exchange of the server and the application.
pub(super) struct Relay {
    incoming: Mutex<Incoming>,
    outgoing: Mutex<Outgoing>,
}

struct Incoming {
    half: Receive,
    /// Octets of the body that may still come.
    left: u64,
    exceeded: bool,
    /// What the application was told of the end.
    told: Option<Disconnect>,
}

struct Outgoing {
    /// Gone when the middleware answers itself.
    half: Option<Send>,
    holds: bool,
    held: Option<ResponseStart>,
    progress: Progress,
    lost: bool,
}

/// What the server has accepted.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
enum Progress {
    Nothing,
    Start,
    Content,
    Done,
}

impl Relay {
    pub(super) const fn new(receive: Receive, send: Send) -> Self {
        let incoming = Incoming { half: receive, left: u64::MAX, exceeded: false, told: None };
        let outgoing =
            Outgoing { half: Some(send), holds: false, held: None, progress: Progress::Nothing, lost: false };
        Self { incoming: Mutex::new(incoming), outgoing: Mutex::new(outgoing) }
    }

    /// Keeps the start back until content or anything else follows that needs it, as a server does
    /// with the octets, so that it can be replaced.
    pub(super) fn holding(mut self) -> Self {
        self.outgoing.get_mut().unwrap_or_else(PoisonError::into_inner).holds = true;
        self
    }

    /// Lets so many octets of request body through; the one that is too many looks to the application
    /// like the loss of its client.
    pub(super) fn limited(mut self, octets: u64) -> Self {
        self.incoming.get_mut().unwrap_or_else(PoisonError::into_inner).left = octets;
        self
    }

    /// The halves for the application, and a handle.
    pub(super) fn share(self) -> (Arc<Self>, Receive, Send) {
        let relay = Arc::new(self);
        (Arc::clone(&relay), Receive::shared(relay.clone()), Send::shared(relay))
    }

    /// Whether content of the response was accepted, with which the head is out.
    pub(super) fn has_content(&self) -> bool {
        self.outgoing().progress >= Progress::Content
    }

    /// Whether the last block of the response was accepted.
    pub(super) fn is_answered(&self) -> bool {
        self.outgoing().progress == Progress::Done
    }

    /// Whether the application was told that the exchange is over, on either half.
    pub(super) fn is_over(&self) -> bool {
        self.outgoing().lost || self.incoming().told.is_some()
    }

    /// Whether the request body was larger than its limit.
    pub(super) fn is_exceeded(&self) -> bool {
        self.incoming().exceeded
    }

    /// The server's half, as long as it has no start: to answer in the application's place, whose own
    /// half is dead from now on.
    pub(super) fn take_unanswered(&self) -> Option<Send> {
        let mut outgoing = self.outgoing();
        outgoing.held = None;
        if outgoing.progress == Progress::Nothing { outgoing.half.take() } else { None }
    }

    fn incoming(&self) -> MutexGuard<'_, Incoming> {
        self.incoming.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn outgoing(&self) -> MutexGuard<'_, Outgoing> {
        self.outgoing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Why nothing is to be accepted, where the server would not say so: it knows nothing of a limit
    /// here, and is not asked about a start that is kept back.
    fn refusal(&self, outgoing: &Outgoing) -> Option<SendError> {
        let incoming = self.incoming();
        let told = incoming.told.filter(|&reason| reason != Disconnect::Shutdown)?;
        (incoming.exceeded || outgoing.keeps_starts()).then(|| told.into())
    }
}

impl Exchange for Relay {
    fn poll_receive(&self, cx: &mut Context<'_>) -> Poll<ReceiveEvent> {
        let mut incoming = self.incoming();
        if incoming.exceeded {
            return Poll::Ready(ReceiveEvent::HttpDisconnect(OVER_LIMIT));
        }
        let event = ready!(incoming.half.poll_receive(cx));
        Poll::Ready(incoming.admit(event))
    }

    fn poll_disconnect(&self, cx: &mut Context<'_>) -> Poll<Disconnect> {
        let mut incoming = self.incoming();
        if incoming.exceeded {
            return Poll::Ready(OVER_LIMIT);
        }
        let reason = ready!(incoming.half.poll_disconnect(cx));
        incoming.told = Some(reason);
        Poll::Ready(reason)
    }

    fn poll_send(&self, cx: &mut Context<'_>, slot: &mut Option<SendEvent>) -> Poll<Result<(), SendError>> {
        let mut outgoing = self.outgoing();
        if let Some(error) = self.refusal(&outgoing) {
            *slot = None;
            return Poll::Ready(Err(error));
        }
        outgoing.poll_send(cx, slot)
    }

    fn poll_respond(
        &self,
        cx: &mut Context<'_>,
        start: &mut Option<ResponseStart>,
        body: &mut Option<Bytes>,
    ) -> Poll<Result<(), SendError>> {
        let mut outgoing = self.outgoing();
        let refusal = self.refusal(&outgoing);
        if let Some(error) = refusal.or_else(|| outgoing.held.as_ref().map(|_| started_already())) {
            (*start, *body) = (None, None);
            return Poll::Ready(Err(error));
        }
        outgoing.poll_respond(cx, start, body)
    }

    fn poll_block(
        &self,
        cx: &mut Context<'_>,
        data: &mut Option<Bytes>,
        more_body: bool,
    ) -> Poll<Result<(), SendError>> {
        let mut outgoing = self.outgoing();
        if let Some(error) = self.refusal(&outgoing) {
            *data = None;
            return Poll::Ready(Err(error));
        }
        outgoing.poll_block(cx, data, more_body)
    }

    fn poll_flush(&self, cx: &mut Context<'_>) -> Poll<Result<(), SendError>> {
        match &mut self.outgoing().half {
            Some(half) => half.poll_flush(cx),
            None => Poll::Ready(Err(Disconnect::Complete.into())),
        }
    }

    fn observe(&self, observer: Arc<dyn Observe>) {
        if let Some(half) = &self.outgoing().half {
            half.observe(observer);
        }
    }
}

impl Incoming {
    fn admit(&mut self, event: ReceiveEvent) -> ReceiveEvent {
        if let ReceiveEvent::HttpRequest(block) = &event {
            match self.left.checked_sub(block.body.len() as u64) {
                Some(left) => self.left = left,
                None => {
                    self.exceeded = true;
                    self.told = Some(OVER_LIMIT);
                    return ReceiveEvent::HttpDisconnect(OVER_LIMIT);
                }
            }
        }
        if let Some(reason) = event.disconnect() {
            self.told = Some(reason);
        }
        event
    }
}

impl Outgoing {
    const fn keeps_starts(&self) -> bool {
        self.holds && matches!(self.progress, Progress::Nothing)
    }

    fn poll_send(
        &mut self,
        cx: &mut Context<'_>,
        slot: &mut Option<SendEvent>,
    ) -> Poll<Result<(), SendError>> {
        if self.keeps_starts() {
            match slot.take() {
                Some(SendEvent::ResponseStart(start)) => return Poll::Ready(self.hold(start)),
                event => *slot = event,
            }
            if slot.as_ref().is_some_and(follows_a_start)
                && let Err(error) = ready!(self.poll_release(cx))
            {
                *slot = None;
                return Poll::Ready(Err(error));
            }
        }
        let Some(half) = &mut self.half else {
            *slot = None;
            return Poll::Ready(Err(Disconnect::Complete.into()));
        };
        let progress = slot.as_ref().map_or(Progress::Nothing, progress_of);
        let polled = half.poll_send(cx, slot);
        self.note(polled, progress)
    }

    fn poll_block(
        &mut self,
        cx: &mut Context<'_>,
        data: &mut Option<Bytes>,
        more_body: bool,
    ) -> Poll<Result<(), SendError>> {
        if self.held.is_some() {
            if !more_body {
                // The server gets both in one go, as if the application had sent them so.
                let mut start = self.held.take();
                let polled = self.poll_respond(cx, &mut start, data);
                self.held = start.filter(|_| polled.is_pending());
                return polled;
            }
            if let Err(error) = ready!(self.poll_release(cx)) {
                *data = None;
                return Poll::Ready(Err(error));
            }
        }
        let Some(half) = &mut self.half else {
            *data = None;
            return Poll::Ready(Err(Disconnect::Complete.into()));
        };
        let polled = half.poll_block(cx, data, more_body);
        self.note(polled, content(more_body))
    }

    fn poll_respond(
        &mut self,
        cx: &mut Context<'_>,
        start: &mut Option<ResponseStart>,
        body: &mut Option<Bytes>,
    ) -> Poll<Result<(), SendError>> {
        let Some(half) = &mut self.half else {
            (*start, *body) = (None, None);
            return Poll::Ready(Err(Disconnect::Complete.into()));
        };
        let brings_start = start.is_some();
        let polled = half.poll_respond(cx, start, body);
        let only_start = match &polled {
            Poll::Pending => start.is_none(),
            // Where only the block is refused, the start was accepted.
            Poll::Ready(Err(SendError::Invalid(refused))) => refused.event() != START,
            Poll::Ready(_) => false,
        };
        if brings_start && only_start {
            self.progress = self.progress.max(Progress::Start);
        }
        self.note(polled, Progress::Done)
    }

    fn hold(&mut self, start: ResponseStart) -> Result<(), SendError> {
        if self.half.is_none() {
            return Err(Disconnect::Complete.into());
        }
        if self.held.is_some() {
            return Err(started_already());
        }
        check_start(&start)?;
        self.held = Some(start);
        Ok(())
    }

    /// Passes the start on that was kept back, if there is one.
    fn poll_release(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), SendError>> {
        let (Some(half), Some(start)) = (&mut self.half, self.held.take()) else {
            return Poll::Ready(Ok(()));
        };
        let mut slot = Some(SendEvent::ResponseStart(start));
        let polled = half.poll_send(cx, &mut slot);
        if let Some(SendEvent::ResponseStart(start)) = slot {
            self.held = Some(start);
        }
        self.note(polled, Progress::Start)
    }

    fn note(
        &mut self,
        polled: Poll<Result<(), SendError>>,
        progress: Progress,
    ) -> Poll<Result<(), SendError>> {
        match &polled {
            Poll::Ready(Ok(())) => self.progress = self.progress.max(progress),
            Poll::Ready(Err(SendError::Disconnected(_))) => self.lost = true,
            _ => {}
        }
        polled
    }
}

fn progress_of(event: &SendEvent) -> Progress {
    match event {
        SendEvent::ResponseStart(_) => Progress::Start,
        SendEvent::ResponseBody(block) => content(block.more_body),
        SendEvent::ZeroCopySend(part) => content(part.more_body),
        SendEvent::PathSend(_) => Progress::Done,
        _ => Progress::Nothing,
    }
}

const fn content(more_body: bool) -> Progress {
    if more_body { Progress::Content } else { Progress::Done }
}

/// Whether the event means something after a start only, or may: the server has to know the start then.
const fn follows_a_start(event: &SendEvent) -> bool {
    matches!(
        event,
        SendEvent::ResponseBody(_)
            | SendEvent::PathSend(_)
            | SendEvent::ZeroCopySend(_)
            | SendEvent::EarlyHint(_)
            | SendEvent::Push(_)
            | SendEvent::Debug(_)
            | SendEvent::Vendor(_)
    )
}

fn started_already() -> SendError {
    InvalidEvent::new(START, "the response is started already").into()
}

const START: &str = "http.response.start";

/// What the application is told when its request is too large: its client broke the rules.
const OVER_LIMIT: Disconnect = Disconnect::Client;

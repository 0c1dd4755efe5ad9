//! One exchange of an asynchronous application that a thread drives.

use std::future::Future;
use std::io::{self, BufRead};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};

use bytes::Bytes;

use super::parker::{Parker, lock};
use crate::asgi::event::{ReceiveEvent, RequestBody, ResponseStart, SendEvent};
use crate::asgi::machine::{HttpMachine, HttpState, Step};
use crate::asgi::{Disconnect, Exchange, SendError};
use crate::error::Error;
use crate::outcome::Observe;
use crate::request::RequestHead;
use crate::wsgi::Input;

/// The one allocation of an exchange beside the future: what stands behind both halves, and the waker.
pub(super) struct Gate {
    shared: Mutex<Shared>,
    /// Apart, because reading it blocks.
    input: Mutex<Input>,
    block_size: usize,
    future: Mutex<Option<CallFuture>>,
    parker: Parker,
}

pub(super) type CallFuture = Pin<Box<dyn Future<Output = Result<(), Error>> + Send>>;

/// How far a drive got.
pub(super) enum Drive {
    /// There is content for the server.
    Stopped,
    /// The application's call is over.
    Ended(Result<(), Error>),
}

struct Shared {
    machine: HttpMachine,
    head: Option<ResponseStart>,
    block: Option<Bytes>,
    /// Whether `call` is still under way, with nothing but the head taken.
    collecting: bool,
    /// Whether content waits for the server to ask for it.
    offered: bool,
    /// Whether the head is to leave ahead of content, as an empty block asks for.
    early_head: bool,
    /// Whether the server asks for a block.
    asked: bool,
    /// Blocks and octets that the server does not want, once it wants no more.
    unseen: Option<(usize, usize)>,
    /// Whether a block was accepted that the server did not come back from.
    unflushed: bool,
    observers: Vec<Arc<dyn Observe>>,
    result: Option<Result<(), Error>>,
    sender: Option<Waker>,
    receiver: Option<Waker>,
}

impl Gate {
    pub(super) fn new(head: &RequestHead, input: Input, block_size: usize) -> Self {
        let shared = Shared {
            machine: HttpMachine::new(head),
            head: None,
            block: None,
            collecting: true,
            offered: false,
            early_head: false,
            asked: false,
            unseen: None,
            unflushed: false,
            observers: Vec::new(),
            result: None,
            sender: None,
            receiver: None,
        };
        Self {
            shared: Mutex::new(shared),
            input: Mutex::new(input),
            block_size,
            future: Mutex::new(None),
            parker: Parker::default(),
        }
    }

    pub(super) fn begin(&self, future: CallFuture) {
        *lock(&self.future) = Some(future);
    }

    /// Drives the application up to its first content, or its whole response.
    pub(super) fn drive_to_content(self: &Arc<Self>) -> Drive {
        self.drive(|shared| shared.offered || shared.early_head || shared.is_done())
    }

    /// Whether the head is to leave ahead of content.
    pub(super) fn is_head_early(&self) -> bool {
        let shared = lock(&self.shared);
        shared.early_head && !shared.is_done()
    }

    /// The head, when the application sent one.
    pub(super) fn take_head(&self) -> Option<ResponseStart> {
        lock(&self.shared).head.take()
    }

    /// The observers so far, for the server to tell; from now on they are told here.
    pub(super) fn take_observers(&self) -> Vec<Arc<dyn Observe>> {
        let shared = &mut *lock(&self.shared);
        shared.collecting = false;
        std::mem::take(&mut shared.observers)
    }

    /// The block that was accepted.
    pub(super) fn take_block(&self) -> Option<Bytes> {
        lock(&self.shared).block.take()
    }

    /// Whether the response is complete.
    pub(super) fn is_done(&self) -> bool {
        lock(&self.shared).is_done()
    }

    /// Whether nothing is left for the server to ask for.
    pub(super) fn is_exhausted(&self) -> bool {
        let shared = lock(&self.shared);
        shared.is_done() && shared.block.is_none()
    }

    /// The next block, for which the server asks now; it drives the application until there is one.
    pub(super) fn next_block(self: &Arc<Self>) -> Option<Result<Bytes, Error>> {
        let wakers = {
            let shared = &mut *lock(&self.shared);
            (shared.asked, shared.unflushed) = (!shared.is_done(), false);
            [shared.sender.take(), shared.receiver.take()]
        };
        wakers.into_iter().for_each(wake);
        if self.is_exhausted() {
            return None;
        }
        let drive = self.drive(|shared| shared.block.is_some());
        let shared = &mut *lock(&self.shared);
        if let Drive::Ended(result) = drive {
            shared.result = Some(result);
        }
        match shared.block.take() {
            Some(block) => Some(Ok(block)),
            None if shared.is_done() => None,
            None => {
                let result = shared.result.take().and_then(Result::err);
                Some(Err(result.unwrap_or_else(|| Error::new("the application ended amid its response"))))
            }
        }
    }

    /// Tells the application that it is over, if the response is not complete, and drives it to its end.
    pub(super) fn close(self: &Arc<Self>) -> Result<(), Error> {
        let wakers = {
            let shared = &mut *lock(&self.shared);
            if shared.machine.is_bodiless() {
                // The body of an answer to HEAD is not wanted, which is nobody's loss.
                shared.unseen = Some((0, 0));
            } else if !shared.is_done() {
                shared.machine.lose(Disconnect::Client);
            }
            shared.unflushed = false;
            [shared.sender.take(), shared.receiver.take()]
        };
        wakers.into_iter().for_each(wake);
        let drive = self.drive(|_| false);
        let shared = &mut *lock(&self.shared);
        shared.machine.finish();
        // They hold this gate, which holds them.
        let wakers = [shared.sender.take(), shared.receiver.take()];
        drop(wakers);
        let result = match drive {
            Drive::Ended(result) => result,
            Drive::Stopped => shared.result.take().unwrap_or(Ok(())),
        };
        result.or_else(|error| if error.is_disconnected() { Ok(()) } else { Err(error) })
    }

    /// Polls until there is what to stop for; the thread sleeps in between. Stopped as well when the
    /// call is over already.
    fn drive(self: &Arc<Self>, stop: impl Fn(&Shared) -> bool) -> Drive {
        let Some(mut future) = lock(&self.future).take() else {
            return Drive::Stopped;
        };
        let waker = Waker::from(Arc::clone(self));
        let mut cx = Context::from_waker(&waker);
        loop {
            self.parker.reset();
            let polled = catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(&mut cx)));
            if let Poll::Ready(result) =
                polled.unwrap_or_else(|payload| Poll::Ready(Err(Error::from_panic(&*payload))))
            {
                return Drive::Ended(result);
            }
            if stop(&lock(&self.shared)) {
                *lock(&self.future) = Some(future);
                return Drive::Stopped;
            }
            self.parker.park();
        }
    }

    /// The next block of the request body, and whether more may follow.
    fn read(&self) -> io::Result<(Bytes, bool)> {
        let input = &mut *lock(&self.input);
        let block = loop {
            match input.fill_buf() {
                Ok(block) => break Bytes::copy_from_slice(&block[..block.len().min(self.block_size)]),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        };
        input.consume(block.len());
        let more = !block.is_empty() && input.remaining() != Some(0);
        Ok((block, more))
    }
}

impl Exchange for Gate {
    fn poll_receive(&self, cx: &mut Context<'_>) -> Poll<ReceiveEvent> {
        {
            let shared = &mut *lock(&self.shared);
            if let Some(reason) = shared.machine.disconnect() {
                return Poll::Ready(ReceiveEvent::HttpDisconnect(reason));
            }
            // Reading blocks the thread, which has something to give to the server first.
            if shared.machine.is_request_read() || shared.offered || shared.block.is_some() {
                keep(&mut shared.receiver, cx);
                return Poll::Pending;
            }
        }
        let read = self.read();
        let shared = &mut *lock(&self.shared);
        let event = match read {
            Ok((block, true)) => ReceiveEvent::HttpRequest(RequestBody::block(block)),
            Ok((block, false)) => ReceiveEvent::HttpRequest(RequestBody::last(block)),
            Err(error) => {
                let reason = error.get_ref().and_then(|inner| inner.downcast_ref().copied());
                shared.machine.lose(reason.unwrap_or(Disconnect::Client));
                ReceiveEvent::HttpDisconnect(shared.machine.disconnect().unwrap_or(Disconnect::Client))
            }
        };
        shared.machine.received(&event);
        Poll::Ready(event)
    }

    fn poll_disconnect(&self, cx: &mut Context<'_>) -> Poll<Disconnect> {
        let shared = &mut *lock(&self.shared);
        if let Some(reason) = shared.machine.disconnect() {
            return Poll::Ready(reason);
        }
        keep(&mut shared.receiver, cx);
        Poll::Pending
    }

    fn poll_send(&self, cx: &mut Context<'_>, slot: &mut Option<SendEvent>) -> Poll<Result<(), SendError>> {
        let Some(event) = slot else {
            return Poll::Ready(Ok(()));
        };
        let (result, receiver) = {
            let shared = &mut *lock(&self.shared);
            if shared.holds_back(event) {
                shared.offered = true;
                keep(&mut shared.sender, cx);
                (None, None)
            } else {
                let result = shared.accept(event);
                let receiver = if shared.is_done() { shared.receiver.take() } else { None };
                (Some(result), receiver)
            }
        };
        wake(receiver);
        // The sender may be on another thread than the one that waits for it.
        self.parker.unpark();
        let Some(result) = result else {
            return Poll::Pending;
        };
        *slot = None;
        Poll::Ready(result)
    }

    fn poll_flush(&self, cx: &mut Context<'_>) -> Poll<Result<(), SendError>> {
        let shared = &mut *lock(&self.shared);
        if let (Some(reason), false) = (shared.machine.disconnect(), shared.is_done()) {
            return Poll::Ready(Err(reason.into()));
        }
        if shared.unflushed {
            keep(&mut shared.sender, cx);
            return Poll::Pending;
        }
        Poll::Ready(Ok(()))
    }

    fn observe(&self, observer: Arc<dyn Observe>) {
        let shared = &mut *lock(&self.shared);
        if shared.collecting {
            shared.observers.push(observer);
        } else {
            shared.machine.observe(observer);
        }
    }
}

impl Shared {
    fn is_done(&self) -> bool {
        self.machine.state() == HttpState::Done
    }

    /// Whether this event has to wait until the server asks for a block.
    fn holds_back(&self, event: &SendEvent) -> bool {
        let SendEvent::ResponseBody(body) = event else {
            return false;
        };
        let in_order = matches!(self.machine.state(), HttpState::Started | HttpState::Streaming);
        if !in_order || self.machine.disconnect().is_some() || self.unseen.is_some() {
            return false;
        }
        if self.collecting {
            // What is empty tells nothing yet; what is last is the whole response.
            return body.more_body && !body.body.is_empty();
        }
        !self.asked || self.block.is_some()
    }

    fn accept(&mut self, event: &mut SendEvent) -> Result<(), SendError> {
        // As the application sent it: in answer to HEAD the server still learns the length.
        let content = match event {
            SendEvent::ResponseBody(body) => Some(body.body.clone()),
            _ => None,
        };
        if self.machine.send(event)? == Step::Ignored {
            return Ok(());
        }
        if let SendEvent::ResponseStart(start) = event {
            self.head = Some(ResponseStart::new(start.status, std::mem::take(&mut start.headers)));
        }
        let Some(content) = content else {
            return Ok(());
        };
        if let Some((blocks, octets)) = &mut self.unseen {
            (*blocks, *octets) = (*blocks + 1, octets.saturating_add(content.len()));
            if *blocks > MAX_UNSEEN_BLOCKS || *octets > MAX_UNSEEN_OCTETS {
                self.machine.lose(Disconnect::Complete);
            }
        } else if self.collecting && content.is_empty() {
            self.early_head = true;
        } else {
            self.block = Some(content);
            (self.asked, self.offered, self.unflushed) = (false, false, true);
        }
        Ok(())
    }
}

impl Wake for Gate {
    fn wake(self: Arc<Self>) {
        self.parker.unpark();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.parker.unpark();
    }
}

fn keep(slot: &mut Option<Waker>, cx: &Context<'_>) {
    match slot {
        Some(waker) => waker.clone_from(cx.waker()),
        None => *slot = Some(cx.waker().clone()),
    }
}

/// Never while a lock is held: a waker is foreign code.
fn wake(waker: Option<Waker>) {
    if let Some(waker) = waker {
        waker.wake();
    }
}

/// Blocks of a response that no client sees: after so many, sending fails.
const MAX_UNSEEN_BLOCKS: usize = 64 * 1024;
/// Octets of a response that no client sees: after so many, sending fails.
const MAX_UNSEEN_OCTETS: usize = 64 * 1024 * 1024;

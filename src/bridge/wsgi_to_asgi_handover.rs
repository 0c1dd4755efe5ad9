//! What the thread of a call and the task of its server have in common.

use std::fmt;
use std::io;
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::task::Waker;

use bytes::Bytes;

use super::parker::{lock, wait};
use super::wsgi_to_asgi::Options;
use crate::asgi::event::SendEvent;
use crate::asgi::{Disconnect, SendError};
use crate::error::Error;
use crate::outcome::{Observe, Observers};
use crate::queue::Queue;
use crate::request::RequestHead;
use crate::wsgi;

/// The one allocation of a call: request, response, and how far both got.
pub(super) struct Handover {
    pub(super) app: Arc<dyn wsgi::Application>,
    pub(super) options: Options,
    shared: Mutex<Shared>,
    thread: Condvar,
}

/// What the thread begins with.
pub(super) struct Request {
    pub(super) head: Box<RequestHead>,
    /// The body where it was there at once; else it is read through the hand-over.
    pub(super) body: Option<Bytes>,
}

/// How the thread's part ended.
pub(super) enum End {
    /// It ran.
    Ran(Result<(), Error>),
    /// The job was dropped.
    Abandoned,
}

/// What the task does next.
pub(super) struct Step {
    /// Whether there is something to send.
    pub(super) sends: bool,
    pub(super) wants_input: bool,
    pub(super) observers: Option<Vec<Arc<dyn Observe>>>,
    /// The thread's part is over, and nothing follows what is to be sent now.
    pub(super) end: Option<End>,
}

/// What the server is to take next.
#[derive(Default)]
pub(super) struct Slots {
    pub(super) start: Option<SendEvent>,
    pub(super) block: Option<Bytes>,
    pub(super) more_body: bool,
}

/// What the thread kept back, to hand it over with its end.
#[derive(Default)]
pub(super) struct Kept {
    pub(super) start: Option<SendEvent>,
    /// The last block.
    pub(super) last: Option<Bytes>,
}

#[derive(Default)]
struct Shared {
    request: Option<Request>,
    waker: Option<Waker>,
    /// Whether the task waits for output, and not for its server to take some.
    wants_output: bool,
    thread_waits: bool,
    gone: Option<Disconnect>,
    // the request body
    input: Queue,
    input_end: Option<Result<(), Disconnect>>,
    input_wanted: bool,
    input_full: bool,
    // the response
    start: Option<SendEvent>,
    start_taken: bool,
    output: Queue,
    /// Nothing follows what is in `output`.
    complete: bool,
    last_taken: bool,
    observers: Vec<Arc<dyn Observe>>,
    end: Option<End>,
}

impl Handover {
    pub(super) fn new(app: Arc<dyn wsgi::Application>, options: Options, request: Request) -> Self {
        let shared = Shared { request: Some(request), ..Shared::default() };
        Self { app, options, shared: Mutex::new(shared), thread: Condvar::new() }
    }

    /// What to do next; the task is woken when there is more.
    ///
    /// What is to be sent goes into `slots`, unless these are not empty yet.
    pub(super) fn step(&self, waker: &Waker, slots: Option<&mut Slots>) -> Step {
        let shared = &mut *lock(&self.shared);
        let observers = (!shared.observers.is_empty()).then(|| std::mem::take(&mut shared.observers));
        let can_send = slots.is_some();
        let (mut sends, mut end) = (false, None);
        if shared.gone.is_some() {
            shared.start = None;
            shared.output.clear();
            end = shared.end.take();
        } else if let Some(slots) = slots {
            sends = shared.take_output(slots);
            if sends && shared.output.is_low(self.options.limits) {
                self.notify(shared);
            }
            if !sends || shared.last_taken {
                end = shared.end.take();
            }
        }
        if !sends && end.is_none() {
            shared.wants_output = can_send;
            if !shared.waker.as_ref().is_some_and(|known| known.will_wake(waker)) {
                shared.waker = Some(waker.clone());
            }
        }
        let wants_input = shared.input_wanted && shared.input_end.is_none() && !shared.input_full;
        Step { sends, wants_input, observers, end }
    }

    /// The task hands a block of the request in; false when that is enough for now.
    pub(super) fn feed(&self, block: Bytes) -> bool {
        let shared = &mut *lock(&self.shared);
        shared.input.push(block);
        shared.input_full = !shared.input.has_room(0, self.options.limits);
        self.notify(shared);
        !shared.input_full
    }

    /// The request body is at its end, or cut.
    pub(super) fn feed_end(&self, end: Result<(), Disconnect>) {
        let shared = &mut *lock(&self.shared);
        shared.input_end.get_or_insert(end);
        self.notify(shared);
    }

    /// From now on reads and writes of the thread fail.
    pub(super) fn lose(&self, reason: Disconnect) {
        let shared = &mut *lock(&self.shared);
        shared.gone.get_or_insert(reason);
        self.notify(shared);
    }

    /// The task is over: a job that did not begin is not to begin.
    pub(super) fn leave(&self, reason: Disconnect) {
        self.lose(reason);
        // What was kept is foreign code to drop and to call, so no lock is held.
        let (request, waker, observers) = {
            let shared = &mut *lock(&self.shared);
            (shared.request.take(), shared.waker.take(), std::mem::take(&mut shared.observers))
        };
        drop((request, waker));
        observers.into_iter().for_each(|observer| tell_lost(observer, reason));
    }

    /// The job is dropped and will not run.
    pub(super) fn abandon(&self) {
        let mut shared = lock(&self.shared);
        let request = shared.request.take();
        shared.end.get_or_insert(End::Abandoned);
        wake(shared);
        drop(request);
    }

    /// The request, once, unless the task is over.
    pub(super) fn take_request(&self) -> Option<Request> {
        lock(&self.shared).request.take()
    }

    /// The thread reads: waits for a block; `None` at the end.
    pub(super) fn read(&self) -> io::Result<Option<Bytes>> {
        let mut shared = lock(&self.shared);
        loop {
            if let Some(block) = shared.input.pop() {
                if shared.input_full && shared.input.is_low(self.options.limits) {
                    shared.input_full = false;
                    wake(shared);
                }
                return Ok(Some(block));
            }
            if let Some(reason) = shared.input_end.and_then(Result::err).or(shared.gone) {
                return Err(SendError::Disconnected(reason).into());
            }
            if shared.input_end.is_some() {
                return Ok(None);
            }
            if !shared.input_wanted {
                shared.input_wanted = true;
                wake(shared);
                shared = lock(&self.shared);
                continue;
            }
            shared.thread_waits = true;
            shared = wait(&self.thread, shared);
        }
    }

    /// The thread hands a block over, and the head before the first: waits for room. An empty one lets
    /// the head leave.
    pub(super) fn put(&self, start: &mut Option<SendEvent>, block: Bytes, complete: bool) -> io::Result<()> {
        let mut shared = lock(&self.shared);
        loop {
            shared.check_gone()?;
            if shared.output.has_room(block.len(), self.options.limits) {
                break;
            }
            shared.thread_waits = true;
            shared = wait(&self.thread, shared);
        }
        shared.put(start.take(), block, complete);
        wake_for_output(shared);
        Ok(())
    }

    /// Nothing follows of the response, and the thread has something left to do.
    pub(super) fn complete(&self, start: &mut Option<SendEvent>) {
        let mut shared = lock(&self.shared);
        if start.is_some() {
            shared.start = start.take();
        }
        shared.complete = true;
        wake_for_output(shared);
    }

    /// The thread has nothing to hand over: whether the task still wants something.
    pub(super) fn check(&self) -> io::Result<()> {
        Ok(lock(&self.shared).check_gone()?)
    }

    /// The thread's part is over; whether the response is whole.
    pub(super) fn end(&self, result: Result<(), Error>, kept: Kept, complete: bool) {
        let mut shared = lock(&self.shared);
        if let Some(last) = kept.last {
            shared.put(kept.start, last, true);
        }
        shared.complete |= complete;
        shared.end.get_or_insert(End::Ran(result));
        if shared.gone.is_some() {
            wake(shared);
        } else {
            wake_for_output(shared);
        }
    }

    /// The task registers this observer with its server.
    pub(super) fn observe(&self, observer: Arc<dyn Observe>) {
        let mut shared = lock(&self.shared);
        match shared.gone {
            // Whoever would register it may have left.
            Some(reason) => {
                drop(shared);
                tell_lost(observer, reason);
            }
            None => shared.observers.push(observer),
        }
    }

    fn notify(&self, shared: &mut Shared) {
        if std::mem::take(&mut shared.thread_waits) {
            self.thread.notify_all();
        }
    }
}

impl Shared {
    fn put(&mut self, start: Option<SendEvent>, block: Bytes, complete: bool) {
        if start.is_some() {
            self.start = start;
        }
        self.output.push(block);
        self.complete |= complete;
    }

    /// Whether there was something.
    fn take_output(&mut self, slots: &mut Slots) -> bool {
        if self.last_taken || (self.output.is_empty() && !self.complete) {
            return false;
        }
        if self.start.is_some() {
            slots.start = self.start.take();
            self.start_taken = true;
        }
        if !self.start_taken {
            return false;
        }
        slots.block = Some(self.output.pop().unwrap_or_default());
        self.last_taken = self.complete && self.output.is_empty();
        slots.more_body = !self.last_taken;
        true
    }

    fn check_gone(&self) -> Result<(), SendError> {
        self.gone.map_or(Ok(()), |reason| Err(reason.into()))
    }
}

impl fmt::Debug for Handover {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Handover").finish_non_exhaustive()
    }
}

fn wake_for_output(shared: MutexGuard<'_, Shared>) {
    if shared.wants_output {
        wake(shared);
    }
}

/// Wakers are foreign code, so no lock is held.
fn wake(mut shared: MutexGuard<'_, Shared>) {
    let waker = shared.waker.take();
    drop(shared);
    if let Some(waker) = waker {
        waker.wake();
    }
}

fn tell_lost(observer: Arc<dyn Observe>, reason: Disconnect) {
    let mut observers = Observers::new();
    observers.add(observer);
    observers.finish(Some(reason));
}

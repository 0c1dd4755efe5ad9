//! The lifespan of an asynchronous application that a synchronous server hosts.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::{Arc, Mutex, mpsc};
use std::task::{Poll, Waker};
use std::thread::{self, JoinHandle};

use super::parker::lock;
use crate::asgi::{self, LifespanError, LifespanExchange, State};
use crate::error::Error;
use crate::testing::block_on;

/// A thread that drives one lifespan from start-up to shutdown.
pub(super) struct Lifespan {
    state: State,
    stop: Arc<Stop>,
    thread: Mutex<Option<JoinHandle<Result<(), Error>>>>,
}

impl Lifespan {
    /// Waits until start-up is complete; `None` when the application does not know the lifespan.
    pub(super) fn start<A: asgi::Application + 'static>(app: Arc<A>) -> Result<Option<Self>, Error> {
        let (stop, (tell, told)) = (Arc::new(Stop::default()), mpsc::sync_channel(1));
        let stopped = Arc::clone(&stop);
        let thread = thread::Builder::new()
            .name("lifespan".to_owned())
            .spawn(move || run(LifespanExchange::of_shared(app), &stopped, &tell))?;
        match told.recv() {
            Ok(Ok(state)) => Ok(Some(Self { state, stop, thread: Mutex::new(Some(thread)) })),
            Ok(Err(LifespanError::Unsupported)) => Ok(None),
            Ok(Err(LifespanError::Crashed(error))) => Err(error),
            Ok(Err(error)) => Err(error.into()),
            Err(mpsc::RecvError) => Err(Error::new("the application panicked in its start-up")),
        }
    }

    pub(super) const fn state(&self) -> &State {
        &self.state
    }

    pub(super) fn shutdown(&self) -> Result<(), Error> {
        self.stop.set();
        let Some(thread) = lock(&self.thread).take() else {
            return Ok(());
        };
        thread.join().unwrap_or_else(|_| Err(Error::new("the application panicked in its lifespan")))
    }
}

impl Drop for Lifespan {
    fn drop(&mut self) {
        // Whoever wants the error calls `shutdown` before.
        drop(self.shutdown());
    }
}

#[derive(Default)]
struct Stop {
    stopped: Mutex<(bool, Option<Waker>)>,
}

impl Stop {
    fn set(&self) {
        let waker = {
            let stopped = &mut *lock(&self.stopped);
            stopped.0 = true;
            stopped.1.take()
        };
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    fn poll(&self, waker: &Waker) -> Poll<()> {
        let stopped = &mut *lock(&self.stopped);
        if stopped.0 {
            return Poll::Ready(());
        }
        stopped.1 = Some(waker.clone());
        Poll::Pending
    }
}

fn run(
    mut lifespan: LifespanExchange<'static>,
    stop: &Stop,
    tell: &mpsc::SyncSender<Result<State, LifespanError>>,
) -> Result<(), Error> {
    let started = block_on(lifespan.startup());
    let serves = started.is_ok();
    if tell.send(started).is_err() || !serves {
        return Ok(());
    }
    let ended = {
        let mut running = pin!(lifespan.running());
        block_on(poll_fn(|cx| match stop.poll(cx.waker()) {
            Poll::Ready(()) => Poll::Ready(None),
            Poll::Pending => running.as_mut().poll(cx).map(Some),
        }))
    };
    match ended {
        // There is nobody left to tell of the shutdown.
        Some(result) => result,
        None => block_on(lifespan.shutdown()).map_err(|error| match error {
            LifespanError::Crashed(error) => error,
            error => error.into(),
        }),
    }
}

//! One lifespan, as a server drives it.

use std::fmt;
use std::future::poll_fn;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use super::call::{Call, CallFuture, keep, wake};
use crate::asgi::event::{ReceiveEvent, SendEvent};
use crate::asgi::machine::{LifespanMachine, LifespanPhase};
use crate::asgi::{
    Application, Disconnect, Exchange, LifespanScope, LifespanState, Receive, Scope, Send, SendError, State,
};
use crate::error::Error;
use crate::outcome::{Observe, Observers};

/// One lifespan of an application: start-up, the time while it serves, and shutdown.
///
/// It waits by wakers only and knows no runtime, so real servers use it as well as tests do. Drive
/// it from the runtime that serves the requests (A-45), and keep polling
/// [`running`](Self::running) while they are served: the application may do work of its own in its
/// lifespan. A panic of the application is an error of its call. Dropping it drops the application's
/// future, which is told of a [`Shutdown`](Disconnect::Shutdown) if it asks (A-06).
///
/// # Contract
///
/// The order of events is [`LifespanMachine`]'s (A-108 to A-116). A limit on time is the caller's: each
/// future can be dropped.
///
/// # Examples
///
/// ```
/// use gateway_iface::asgi::event::{ReceiveEvent, SendEvent};
/// use gateway_iface::asgi::LifespanExchange;
/// use gateway_iface::testing::block_on;
/// use gateway_iface::{Error, asgi};
///
/// async fn app(scope: asgi::Scope, mut receive: asgi::Receive, mut send: asgi::Send) -> Result<(), Error> {
///     let lifespan = scope.into_lifespan()?;
///     while let ReceiveEvent::LifespanStartup = receive.receive().await {
///         lifespan.state().insert("pool");
///         send.send(SendEvent::StartupComplete).await?;
///     }
///     send.send(SendEvent::ShutdownComplete).await?;
///     Ok(())
/// }
///
/// let mut lifespan = LifespanExchange::new(&app);
/// let state = block_on(lifespan.startup())?;
/// assert_eq!(state.get(), Some(&"pool"));
/// block_on(lifespan.shutdown())?;
/// # Ok::<(), Error>(())
/// ```
#[derive(Debug)]
pub struct LifespanExchange<'a> {
    call: Call<'a>,
    wire: Arc<Wire>,
    state: LifespanState,
}

impl<'a> LifespanExchange<'a> {
    /// Begins a lifespan of an application; its future is created, and not polled.
    #[must_use]
    pub fn new<A: Application + ?Sized>(app: &'a A) -> Self {
        Self::with_state(app, State::new())
    }

    /// Begins a lifespan whose application finds a state there already.
    pub(crate) fn with_state<A: Application + ?Sized>(app: &'a A, state: State) -> Self {
        Self::begin(state, |scope, receive, send| app.call(scope, receive, send))
    }

    fn begin(state: State, call: impl FnOnce(Scope, Receive, Send) -> CallFuture<'a>) -> Self {
        let (wire, state) = (Arc::new(Wire::default()), LifespanState::from_state(state));
        let scope = LifespanScope::new(state.clone()).into();
        let (receive, send) = (Receive::shared(wire.clone()), Send::shared(wire.clone()));
        Self { call: Call::new(|| call(scope, receive, send)), wire, state }
    }

    /// Drives the application until it answers start-up, and gives what it stored (A-108, A-109, A-117).
    ///
    /// # Errors
    ///
    /// [`LifespanError::Unsupported`]: serve without lifespan (A-111). Any other: do not serve.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future loses nothing; call again to go on.
    pub async fn startup(&mut self) -> Result<State, LifespanError> {
        poll_fn(|cx| {
            let over = self.poll(cx).is_ready();
            let inner = self.wire.lock();
            match inner.machine.state() {
                LifespanPhase::Starting if !over => Poll::Pending,
                // A start-up that failed has cleaning up to do.
                LifespanPhase::Ended if !over && !inner.exhausted => Poll::Pending,
                _ => Poll::Ready(()),
            }
        })
        .await;
        let (started, failure) = {
            let inner = self.wire.lock();
            (inner.started, inner.machine.failure().map(str::to_owned))
        };
        if started {
            return Ok(self.state.snapshot());
        }
        match failure {
            Some(message) => Err(LifespanError::Failed(message)),
            None => match self.call.take_result() {
                Some(Err(error)) if !error.is_unsupported_scope() => Err(LifespanError::Crashed(error)),
                _ => Err(LifespanError::Unsupported),
            },
        }
    }

    /// Drives the application while requests are served; done only when its call ends too early.
    ///
    /// [`shutdown`](Self::shutdown) has nothing to do then (A-115).
    ///
    /// # Errors
    ///
    /// The application's own, to be logged; told once.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future loses nothing.
    pub async fn running(&mut self) -> Result<(), Error> {
        poll_fn(|cx| self.poll(cx)).await;
        self.call.take_result().unwrap_or(Ok(()))
    }

    /// Tells the application that serving has ended, and drives it until it has answered and its call is
    /// over, or waits for an event after the last one (A-112, A-113).
    ///
    /// Nothing is told to one whose call is over, or whose start-up is not complete (A-115).
    ///
    /// # Errors
    ///
    /// [`LifespanError::Failed`] or [`LifespanError::Crashed`]: log it and exit non-zero (A-114).
    ///
    /// # Cancel safety
    ///
    /// Dropping the future loses nothing; call again to go on.
    pub async fn shutdown(&mut self) -> Result<(), LifespanError> {
        if self.wire.stop() {
            poll_fn(|cx| {
                let over = self.poll(cx).is_ready();
                let inner = self.wire.lock();
                // Code after the answer runs too (A-06), up to a wait for an event that never comes.
                let done = inner.machine.state() == LifespanPhase::Ended && inner.exhausted;
                if over || done { Poll::Ready(()) } else { Poll::Pending }
            })
            .await;
        }
        if let Some(Err(error)) = self.call.take_result() {
            return Err(LifespanError::Crashed(error));
        }
        match self.wire.lock().machine.failure() {
            Some(message) => Err(LifespanError::Failed(message.to_owned())),
            None => Ok(()),
        }
    }

    /// Whether the application's call is over.
    #[must_use]
    pub const fn is_finished(&self) -> bool {
        self.call.is_over()
    }

    /// How far the lifespan got.
    #[must_use]
    pub fn phase(&self) -> LifespanPhase {
        self.wire.lock().machine.state()
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if self.call.poll(cx).is_ready() {
            let mut inner = self.wire.lock();
            inner.machine.end();
            inner.observers.finish(None);
        }
        if self.call.is_over() { Poll::Ready(()) } else { Poll::Pending }
    }
}

impl LifespanExchange<'static> {
    /// Begins a lifespan of a shared application, that is not bound to the caller's stack.
    #[must_use]
    pub fn of_shared<A: Application + ?Sized + 'static>(app: Arc<A>) -> Self {
        Self::begin(State::new(), |scope, receive, send| {
            Box::pin(async move { app.call(scope, receive, send).await })
        })
    }
}

impl Drop for LifespanExchange<'_> {
    fn drop(&mut self) {
        self.wire.lock().stop = true;
    }
}

/// Why a lifespan did not start, or did not end well.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LifespanError {
    /// The application does not know the lifespan scope, or ended without an answer (A-05, A-111).
    #[error("the application does not support lifespan")]
    Unsupported,
    /// The application said so (A-110, A-114).
    #[error("the application failed: {0}")]
    Failed(String),
    /// The application's call ended with this error.
    #[error("the application crashed: {0}")]
    Crashed(Error),
}

#[derive(Default)]
struct Wire {
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    machine: LifespanMachine,
    startup_told: bool,
    started: bool,
    stop: bool,
    /// Whether the application waits for an event after the last one.
    exhausted: bool,
    observers: Observers,
    receiver: Option<Waker>,
}

impl Wire {
    /// Whether shutdown is to be waited for.
    fn stop(&self) -> bool {
        let mut inner = self.lock();
        let due = matches!(inner.machine.state(), LifespanPhase::Running | LifespanPhase::Stopping);
        inner.stop |= due;
        let receiver = inner.receiver.take();
        drop(inner);
        wake([receiver, None]);
        due
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Exchange for Wire {
    fn poll_receive(&self, cx: &mut Context<'_>) -> Poll<ReceiveEvent> {
        let mut inner = self.lock();
        if !std::mem::replace(&mut inner.startup_told, true) {
            return Poll::Ready(ReceiveEvent::LifespanStartup);
        }
        if inner.stop && inner.machine.state() == LifespanPhase::Running {
            let event = ReceiveEvent::LifespanShutdown;
            inner.machine.received(&event);
            return Poll::Ready(event);
        }
        inner.exhausted = inner.machine.state() == LifespanPhase::Ended;
        keep(&mut inner.receiver, cx);
        Poll::Pending
    }

    fn poll_disconnect(&self, cx: &mut Context<'_>) -> Poll<Disconnect> {
        let mut inner = self.lock();
        if inner.stop {
            return Poll::Ready(Disconnect::Shutdown);
        }
        keep(&mut inner.receiver, cx);
        Poll::Pending
    }

    fn poll_send(&self, _: &mut Context<'_>, slot: &mut Option<SendEvent>) -> Poll<Result<(), SendError>> {
        let Some(event) = slot.take() else {
            return Poll::Ready(Ok(()));
        };
        let mut inner = self.lock();
        inner.machine.send(&event)?;
        inner.started |= matches!(event, SendEvent::StartupComplete);
        Poll::Ready(Ok(()))
    }

    fn poll_flush(&self, _: &mut Context<'_>) -> Poll<Result<(), SendError>> {
        Poll::Ready(Ok(()))
    }

    fn observe(&self, observer: Arc<dyn Observe>) {
        self.lock().observers.add(observer);
    }
}

impl fmt::Debug for Wire {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Wire").field("machine", &self.lock().machine).finish_non_exhaustive()
    }
}

#[cfg(test)]
#[path = "lifespan_tests.rs"]
mod tests;

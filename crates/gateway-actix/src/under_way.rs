//! What is waited for before something ends.

use std::future::Future;

use tokio::runtime::{EnterGuard, Handle};
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};
use tokio_util::task::TaskTracker;

/// What goes on beside the responses of a worker or a server, which ends only then. It is among the extensions
/// of requests.
#[derive(Clone, Debug, Default)]
pub(crate) struct UnderWay {
    tasks: TaskTracker,
    runtime: Option<Handle>,
    stopping: CancellationToken,
}

impl UnderWay {
    /// What is to outlive the threads that it comes from.
    pub(crate) fn on(runtime: Handle) -> Self {
        Self { runtime: Some(runtime), ..Self::default() }
    }

    /// Stops when the other does.
    pub(crate) fn stopped_by(mut self, other: &Self) -> Self {
        self.stopping = other.stopping.clone();
        self
    }

    /// To be held while a call is polled that may be moved to the runtime: what it makes of timers and sockets belongs to
    /// that, and not to the worker, which ends before it.
    pub(crate) fn enter(&self) -> Option<EnterGuard<'_>> {
        self.runtime.as_ref().map(Handle::enter)
    }

    /// Tells WebSockets that the server stops.
    pub(crate) fn shut_down(&self) {
        self.stopping.cancel();
    }

    /// Resolves when the server stops.
    pub(crate) fn stopping(&self) -> WaitForCancellationFutureOwned {
        self.stopping.clone().cancelled_owned()
    }

    /// Polls the future to its end.
    ///
    /// Without a runtime the thread is about to end, and so is the future: dropped, a call is told so.
    pub(crate) fn spawn(&self, future: impl Future<Output = ()> + Send + 'static) {
        if let Some(runtime) = self.runtime.clone().or_else(|| Handle::try_current().ok()) {
            runtime.spawn(self.tasks.track_future(future));
        }
    }

    /// Polls the future to its end, on the thread of a worker.
    pub(crate) fn spawn_here(&self, future: impl Future<Output = ()> + 'static) {
        actix_rt::spawn(self.tasks.track_future(future));
    }

    /// Waits until all have ended.
    pub(crate) async fn ended(&self) {
        self.tasks.close();
        self.tasks.wait().await;
    }
}

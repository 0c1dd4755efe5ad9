//! What is waited for before something ends.

use std::future::Future;

use tokio::runtime::Handle;
use tokio_util::task::TaskTracker;

/// What goes on beside the responses of a worker or a server, which ends only then. It is among the extensions
/// of requests.
#[derive(Clone, Debug, Default)]
pub(crate) struct UnderWay {
    tasks: TaskTracker,
    runtime: Option<Handle>,
}

impl UnderWay {
    /// What is to outlive the threads that it comes from.
    pub(crate) fn on(runtime: Handle) -> Self {
        Self { tasks: TaskTracker::new(), runtime: Some(runtime) }
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

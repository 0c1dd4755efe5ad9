//! What goes on beside the requests that a server knows of.

use std::future::Future;

use gateway_iface::Error;
use gateway_iface::adapter::{Host, Rest};
use gateway_websocket::Session;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::runtime::Handle;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::error;

/// What is left of calls, and WebSockets: tasks of tokio's.
#[derive(Debug, Default)]
pub(crate) struct Tasks {
    tracker: TaskTracker,
    stopping: CancellationToken,
}

impl Tasks {
    /// Drives a socket, when it was handed over.
    pub(crate) fn drive<Io>(
        &self,
        session: Session,
        upgraded: impl Future<Output = std::io::Result<Io>> + Send + 'static,
    ) where
        Io: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let stopping = self.stopping.clone().cancelled_owned();
        self.run(session.run_until(upgraded, stopping));
    }

    /// Polls a call to its end whose handshake was not answered, or refused.
    pub(crate) fn finish(&self, session: Session) {
        self.run(session.finish());
    }

    pub(crate) fn shut_down(&self) {
        self.stopping.cancel();
    }

    pub(crate) async fn finished(&self) {
        self.tracker.close();
        self.tracker.wait().await;
    }

    /// Outside of tokio's runtimes there is nowhere to go on.
    fn run(&self, future: impl Future<Output = ()> + Send + 'static) {
        if let Ok(runtime) = Handle::try_current() {
            self.tracker.spawn_on(future, &runtime);
        }
    }
}

impl Host for Tasks {
    fn spawn(&self, rest: Rest) {
        self.run(rest);
    }

    fn report(&self, error: &Error) {
        report(error);
    }
}

#[cold]
pub(crate) fn report(error: &Error) {
    error!(%error, "the application failed");
}

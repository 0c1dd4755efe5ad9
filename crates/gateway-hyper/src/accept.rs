//! Accepts connections.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::runtime;
use tokio::task::JoinSet;
use tracing::warn;

use crate::listener::{Acceptor, Listener};
use crate::serving::Serving;
use crate::stats::Counters;

/// Listeners that are ready to accept, on one runtime or several.
#[derive(Debug)]
pub(crate) struct Acceptors {
    /// What each runtime accepts from.
    runtimes: Vec<(runtime::Handle, Vec<Acceptor>)>,
    /// Kept until no one accepts any more: with them goes the file of a unix socket.
    listeners: Vec<Listener>,
}

impl Acceptors {
    /// Every runtime accepts from every listener.
    pub(crate) fn of(listeners: Vec<Listener>, runtimes: &[runtime::Handle]) -> io::Result<Self> {
        let mut on = runtimes.iter().map(|runtime| (runtime.clone(), Vec::new())).collect::<Vec<_>>();
        let mut kept = Vec::new();
        for listener in listeners {
            let sockets = listener.spread(runtimes.len())?;
            for ((runtime, acceptors), socket) in on.iter_mut().zip(sockets.iter().cycle()) {
                let _entered = runtime.enter();
                acceptors.push(Acceptor::new(socket)?);
            }
            kept.extend(sockets);
        }
        Ok(Self { runtimes: on, listeners: kept })
    }

    /// Begins to accept; each runtime counts for itself.
    pub(crate) fn accept(self, serving: &Arc<Serving>, counters: impl Fn() -> Arc<Counters>) -> Accepting {
        let mut tasks = JoinSet::new();
        for (runtime, acceptors) in self.runtimes {
            let counters = counters();
            for acceptor in acceptors {
                tasks.spawn_on(accept(acceptor, Arc::clone(serving), Arc::clone(&counters)), &runtime);
            }
        }
        Accepting { tasks, _listeners: self.listeners }
    }
}

/// Accepts until it is dropped.
#[derive(Debug)]
pub(crate) struct Accepting {
    tasks: JoinSet<()>,
    _listeners: Vec<Listener>,
}

impl Accepting {
    /// Accepts no more, and closes the sockets.
    pub(crate) async fn end(mut self) {
        // A thread that an application blocks cannot be waited for.
        if tokio::time::timeout(END, self.tasks.shutdown()).await.is_err() {
            warn!("a thread is blocked and still holds its listeners");
        }
    }
}

/// Hands every connection over, until it is dropped.
async fn accept(acceptor: Acceptor, serving: Arc<Serving>, counters: Arc<Counters>) {
    loop {
        match acceptor.accept().await {
            Ok(accepted) => serving.connect(accepted, &acceptor, &counters),
            Err(error) if is_of_one_connection(&error) => {}
            Err(error) => {
                warn!(%error, "cannot accept");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

fn is_of_one_connection(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset)
}

/// How long accepting pauses when the system is out of descriptors or memory.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// How long tasks that accept may take to end.
const END: Duration = Duration::from_secs(1);

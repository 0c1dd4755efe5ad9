//! Accepts connections.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::runtime;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tracing::warn;

use crate::listener::{Acceptor, Listener};
use crate::serving::Serving;
use crate::stats::Counters;

/// Listeners that are ready to accept, on one runtime or several.
#[derive(Debug)]
pub(crate) struct Acceptors {
    /// What each runtime accepts from.
    runtimes: Vec<(runtime::Handle, Vec<Acceptor>)>,
    listeners: Vec<Listener>,
}

impl Acceptors {
    /// Every runtime accepts from every listener, and there is one for every socket.
    pub(crate) fn of(mut listeners: Vec<Listener>, runtimes: &[runtime::Handle]) -> io::Result<Self> {
        let mut on = runtimes.iter().map(|runtime| (runtime.clone(), Vec::new())).collect::<Vec<_>>();
        for listener in &mut listeners {
            listener.spread(runtimes.len())?;
            for index in 0..runtimes.len().max(listener.sockets()) {
                let (runtime, acceptors) = &mut on[index % runtimes.len()];
                let _entered = runtime.enter();
                acceptors.push(Acceptor::new(listener, index)?);
            }
        }
        Ok(Self { runtimes: on, listeners })
    }

    /// Begins to accept; each runtime counts for itself.
    pub(crate) fn accept(self, serving: &Arc<Serving>, counters: impl Fn() -> Arc<Counters>) -> Accepting {
        let (mut tasks, end) = (JoinSet::new(), CancellationToken::new());
        for (runtime, acceptors) in self.runtimes {
            let counters = counters();
            for acceptor in acceptors {
                let (serving, counters, end) = (Arc::clone(serving), Arc::clone(&counters), end.clone());
                tasks.spawn_on(async move { accept(&acceptor, &serving, &counters, &end).await }, &runtime);
            }
        }
        Accepting { tasks, end, listeners: self.listeners }
    }
}

/// Accepts until it is dropped.
#[derive(Debug)]
pub(crate) struct Accepting {
    tasks: JoinSet<()>,
    end: CancellationToken,
    /// Kept until no one accepts any more: with them goes the file of a unix socket.
    listeners: Vec<Listener>,
}

impl Accepting {
    pub(crate) fn listeners(&self) -> &[Listener] {
        &self.listeners
    }

    /// Accepts no more than waits already, and closes the sockets.
    pub(crate) async fn end(&mut self) {
        self.end.cancel();
        let ended = async { while self.tasks.join_next().await.is_some() {} };
        // A thread that an application blocks cannot be waited for.
        if tokio::time::timeout(END, ended).await.is_err() {
            warn!("a thread is blocked and still holds its listeners");
        }
        self.listeners.clear();
    }

    /// Accepts no more, and leaves what waits to the process that has the sockets as well.
    pub(crate) async fn hand_over(&mut self) {
        self.listeners.iter_mut().for_each(Listener::release);
        self.tasks.abort_all();
        self.end().await;
    }
}

/// Hands every connection over, until the end.
async fn accept(
    acceptor: &Acceptor,
    serving: &Arc<Serving>,
    counters: &Arc<Counters>,
    end: &CancellationToken,
) {
    let mut failing = false;
    loop {
        let accepted = tokio::select! {
            // What waits already is served; tokio's budget ends that where more and more comes.
            biased;
            accepted = acceptor.accept() => accepted,
            () = end.cancelled() => return,
        };
        match accepted {
            Ok(accepted) => {
                failing = false;
                serving.connect(accepted, acceptor, counters);
            }
            Err(error) if is_of_one_connection(&error) => {}
            Err(error) => {
                // Once for each time that it lasts.
                if !std::mem::replace(&mut failing, true) {
                    warn!(%error, "cannot accept");
                }
                tokio::select! {
                    () = end.cancelled() => return,
                    () = tokio::time::sleep(ACCEPT_PAUSE) => {}
                }
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

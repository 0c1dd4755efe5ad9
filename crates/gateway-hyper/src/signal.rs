//! When a server is to stop.

use std::future::pending;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;
use tracing::warn;

/// What tells a server to stop: its handle, and Ctrl-C and SIGTERM if it is to listen to them.
#[derive(Debug)]
pub(crate) struct Stop {
    told: watch::Receiver<bool>,
    interrupt: Option<Signal>,
    terminate: Option<Signal>,
}

impl Stop {
    /// From now on a signal is noticed, and does not end the process.
    pub(crate) fn new(told: watch::Receiver<bool>, signals: bool) -> Self {
        let listen = |kind, name| match signal(kind) {
            Ok(signal) => Some(signal),
            Err(error) => {
                warn!(%error, "{name} does not stop this server");
                None
            }
        };
        Self {
            told,
            // Only to ask for it takes a signal away from the rest of the process.
            interrupt: signals.then(|| listen(SignalKind::interrupt(), "Ctrl-C")).flatten(),
            terminate: signals.then(|| listen(SignalKind::terminate(), "SIGTERM")).flatten(),
        }
    }

    /// Waits until the server is told to stop.
    pub(crate) async fn requested(&mut self) {
        let Self { told, interrupt, terminate } = self;
        tokio::select! {
            // The sender lives in the server: it cannot be gone while this waits.
            _ = told.wait_for(|&stop| stop) => {}
            () = next(interrupt) => {}
            () = next(terminate) => {}
        }
    }

    /// Waits for a further signal: whoever sends one has lost patience.
    pub(crate) async fn insisted(&mut self) {
        let Self { interrupt, terminate, .. } = self;
        tokio::select! {
            () = next(interrupt) => {}
            () = next(terminate) => {}
        }
    }
}

async fn next(signal: &mut Option<Signal>) {
    match signal {
        Some(signal) => {
            signal.recv().await;
        }
        None => pending().await,
    }
}

//! Certificates that are read anew while the server goes on.

use std::future::pending;
use std::sync::Arc;

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::Notify;
use tracing::{error, info, warn};

use super::acceptor::Acceptor;

/// Reads the files of the acceptors anew on SIGHUP, if the server listens to signals, and when it is told to; it
/// never ends.
pub(crate) async fn reload(acceptors: Vec<Arc<Acceptor>>, told: &Notify, signals: bool) {
    let mut hangup = None;
    // Only to ask for it takes the signal away from the rest of the process.
    if signals && !acceptors.is_empty() {
        match signal(SignalKind::hangup()) {
            Ok(signal) => hangup = Some(signal),
            Err(error) => warn!(%error, "SIGHUP does not reload certificates"),
        }
    }
    loop {
        let signalled = async {
            match &mut hangup {
                Some(signal) => signal.recv().await,
                None => pending().await,
            }
        };
        tokio::select! {
            _ = signalled => {}
            () = told.notified() => {}
        }
        for acceptor in &acceptors {
            let acceptor = Arc::clone(acceptor);
            match tokio::task::spawn_blocking(move || acceptor.reload()).await {
                Ok(Ok(())) => info!("certificates reloaded"),
                Ok(Err(error)) => error!(%error, "certificates not reloaded, the old ones stay"),
                Err(error) => error!(%error, "certificates not reloaded"),
            }
        }
    }
}

//! When a server is to stop.

use tokio::sync::watch;
use tracing::warn;

/// Waits for Ctrl-C or SIGTERM, if signals are asked for, or for the server's handle.
pub(crate) async fn stopped(stop: &watch::Sender<bool>, signals: bool) {
    let mut told = stop.subscribe();
    let handle = async move {
        // The sender lives in the server: it cannot be gone while this waits.
        let _ = told.wait_for(|&stop| stop).await;
    };
    if !signals {
        return handle.await;
    }
    tokio::select! {
        () = handle => {}
        () = interrupted() => {}
        () = terminated() => {}
    }
}

async fn interrupted() {
    if let Err(error) = tokio::signal::ctrl_c().await {
        warn!(%error, "Ctrl-C does not stop this server");
        std::future::pending::<()>().await;
    }
}

async fn terminated() {
    use tokio::signal::unix::{SignalKind, signal};
    match signal(SignalKind::terminate()) {
        Ok(mut signal) => {
            signal.recv().await;
        }
        Err(error) => {
            warn!(%error, "SIGTERM does not stop this server");
            std::future::pending::<()>().await;
        }
    }
}

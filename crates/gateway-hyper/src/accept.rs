//! Accepts connections.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use tracing::warn;

use crate::listener::Listener;
use crate::serving::Serving;

/// Hands every connection over, until it is dropped.
pub(crate) async fn accept(listener: &Listener, serving: &Arc<Serving>) {
    let server = listener.server_addr();
    loop {
        match listener.accept().await {
            Ok(accepted) => {
                serving.connect(accepted, server.clone(), listener.tls());
            }
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

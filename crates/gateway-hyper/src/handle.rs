//! A server seen from elsewhere.

use std::sync::Arc;

use crate::stats::{Stats, Status};

/// Stops a server, has it read its certificates anew, and tells how it is doing; from anywhere.
#[derive(Clone, Debug)]
pub struct Handle {
    status: Arc<Status>,
}

impl Handle {
    pub(crate) const fn new(status: Arc<Status>) -> Self {
        Self { status }
    }

    /// Stops it gracefully, as SIGTERM does.
    pub fn shutdown(&self) {
        self.status.stop();
    }

    /// Has the files of [`TlsConfig`](crate::TlsConfig) read anew, as SIGHUP does.
    pub fn reload(&self) {
        self.status.reload();
    }

    /// Whether it has begun to stop: no request is refused yet, but who sends them had better go elsewhere.
    #[must_use]
    pub fn is_draining(&self) -> bool {
        self.status.is_draining()
    }

    /// Its figures.
    #[must_use]
    pub fn stats(&self) -> Stats {
        self.status.stats()
    }
}

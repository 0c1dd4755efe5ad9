//! Why a server did not serve.

use std::fmt;
use std::io;

/// Why a server did not serve, or did not stop as it should.
#[derive(thiserror::Error)]
#[non_exhaustive]
pub enum ServeError {
    /// The socket could not be used.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// The application's start-up failed; nothing was served.
    #[error("start-up failed: {0}")]
    Startup(String),
    /// The application's shutdown failed.
    #[error("shutdown failed: {0}")]
    Shutdown(String),
}

/// As it reads, because this is what `main` prints when it returns an error.
impl fmt::Debug for ServeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

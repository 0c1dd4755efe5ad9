//! What became of a call that left nothing to send.

use std::error::Error as StdError;
use std::fmt;
use std::sync::Arc;

use http::StatusCode;

use crate::error::Error;

/// Why there is no response of the application's own: the framework answers with the [`status`](Self::status), and
/// nothing of the inside (A-106, W-138, W-139).
///
/// An adapter puts it among the extensions of that answer: whoever stands around the framework learns of the error
/// by it, and logs it.
#[derive(Clone, Debug)]
pub struct Failed {
    status: StatusCode,
    error: Arc<Error>,
    fault: bool,
}

impl Failed {
    /// With that status, because of that error, which is the application's fault unless it tells of a lost client.
    #[must_use]
    pub fn new(status: StatusCode, error: Error) -> Self {
        let fault = !error.is_disconnected();
        Self { status, error: Arc::new(error), fault }
    }

    /// Says that it is not the application's fault, whatever the error is.
    pub(super) const fn excused(mut self) -> Self {
        self.fault = false;
        self
    }

    /// The status to answer with.
    #[must_use]
    pub const fn status(&self) -> StatusCode {
        self.status
    }

    /// The error of the call.
    #[must_use]
    pub fn error(&self) -> &Error {
        &self.error
    }

    /// Whether it is to be logged: not the loss of a client.
    #[must_use]
    pub const fn is_fault(&self) -> bool {
        self.fault
    }
}

impl fmt::Display for Failed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.error, f)
    }
}

impl StdError for Failed {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        Some(self.error.get_ref())
    }
}

/// The application's call ended well, and its response was not complete.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("the application returned before its response was complete")]
pub(super) struct Incomplete;

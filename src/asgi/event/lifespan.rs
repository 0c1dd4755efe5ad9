//! The events of the `lifespan` protocol.

/// Why start-up or shutdown failed.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub struct Failure {
    /// For the server's log; may be empty.
    pub message: String,
}

impl Failure {
    /// With that message.
    pub fn new(message: impl Into<String>) -> Self {
        Self { message: message.into() }
    }
}

//! What can go wrong between an application and its server.

use std::borrow::Cow;
use std::io;

use crate::validate::Violation;

/// Why an exchange is over.
///
/// It is sticky: once told, every later [`receive`](super::Receive::receive) tells the same; only
/// [`Shutdown`](Self::Shutdown), which leaves time to finish, may be followed by another.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Disconnect {
    /// The response is complete; nothing was lost.
    #[error("the response is complete")]
    Complete,
    /// The client went away, or broke the protocol.
    #[error("the client disconnected")]
    Client,
    /// The server is shutting down.
    #[error("the server is shutting down")]
    Shutdown,
    /// A limit on time ran out.
    #[error("the exchange timed out")]
    Timeout,
}

/// Why an event was not sent.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SendError {
    /// The client is gone, or the server gave the exchange up. An application may clean up
    /// and return it: the server knows its own error again and does not log it.
    #[error(transparent)]
    Disconnected(#[from] Disconnect),
    /// The event is not valid here. Nothing of it was sent and the state is as before.
    #[error(transparent)]
    Invalid(#[from] InvalidEvent),
}

impl SendError {
    /// Why the exchange is over, if that is the reason.
    #[must_use]
    pub const fn disconnect(&self) -> Option<Disconnect> {
        match self {
            Self::Disconnected(reason) => Some(*reason),
            Self::Invalid(_) => None,
        }
    }
}

impl From<SendError> for io::Error {
    fn from(error: SendError) -> Self {
        match error {
            SendError::Disconnected(Disconnect::Timeout) => {
                Self::new(io::ErrorKind::TimedOut, Disconnect::Timeout)
            }
            SendError::Disconnected(reason) => Self::new(io::ErrorKind::BrokenPipe, reason),
            SendError::Invalid(event) => Self::new(io::ErrorKind::InvalidInput, event),
        }
    }
}

/// An event that is not valid in the state of its exchange.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{event}: {reason}")]
pub struct InvalidEvent {
    event: &'static str,
    reason: Cow<'static, str>,
    other_protocol: bool,
    #[source]
    violation: Option<Violation>,
}

impl InvalidEvent {
    /// The event of that name is refused for that reason.
    #[must_use]
    pub fn new(event: &'static str, reason: impl Into<Cow<'static, str>>) -> Self {
        Self { event, reason: reason.into(), other_protocol: false, violation: None }
    }

    /// The event belongs to another protocol than the scope.
    #[must_use]
    pub const fn other_protocol(event: &'static str, protocol: &'static str) -> Self {
        Self { event, reason: Cow::Borrowed(protocol), other_protocol: true, violation: None }
    }

    /// A validator refuses the event of that name.
    pub(crate) fn of(event: &'static str, violation: Violation) -> Self {
        let reason = Cow::Owned(violation.to_string());
        Self { event, reason, other_protocol: false, violation: Some(violation) }
    }

    /// The id of the rule that is broken, where a [`Validator`](crate::validate::Validator) refused it.
    #[must_use]
    pub fn rule(&self) -> Option<&'static str> {
        self.violation.as_ref().map(Violation::rule)
    }

    /// The name of the event, such as `http.response.start`.
    #[must_use]
    pub const fn event(&self) -> &'static str {
        self.event
    }

    /// Whether the event belongs to another protocol than the scope.
    #[must_use]
    pub const fn is_other_protocol(&self) -> bool {
        self.other_protocol
    }
}

/// A body is larger than its reader allows.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("the body is larger than the limit of {limit} octets")]
pub struct BodyLimitError {
    limit: usize,
}

impl BodyLimitError {
    /// Larger than `limit` octets.
    #[must_use]
    pub const fn new(limit: usize) -> Self {
        Self { limit }
    }

    /// The limit, in octets.
    #[must_use]
    pub const fn limit(&self) -> usize {
        self.limit
    }
}

/// Why a body could not be read whole.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReadBodyError {
    /// It is larger than the limit; passed on by an application it is answered with 413.
    #[error(transparent)]
    Limit(#[from] BodyLimitError),
    /// It was cut: the client is gone, or the response was complete before.
    #[error("the body was cut: {0}")]
    Disconnected(#[from] Disconnect),
}

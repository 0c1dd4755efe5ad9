//! What is asked of each protocol.

use crate::asgi::event::{ReceiveEvent, SendEvent};
use crate::asgi::{Disconnect, InvalidEvent, SendError};
use crate::error::Error;
use crate::validate::session::Findings;

/// What a protocol knows of the order of its events.
pub(super) trait Protocol: Send {
    /// What is wrong about the event alone, whatever the server makes of it.
    fn lint(&self, event: &SendEvent, found: &mut Findings);

    /// The server's answer to an event, unless it [failed](Self::failed); whether it was accepted, as far
    /// as that is sure.
    fn sent(
        &mut self,
        event: &SendEvent,
        result: &Result<(), SendError>,
        before: Before,
        found: &mut Findings,
    ) -> Sent;

    /// The server handed in an event.
    fn received(&mut self, event: &ReceiveEvent, before: Before, found: &mut Findings);

    /// The server told that the exchange is over, other than by an event; whether no other event may
    /// come before it is told by one.
    fn lost(&mut self, reason: Disconnect, before: Before, found: &mut Findings) -> bool;

    /// A send, or a flush, failed for that reason.
    fn failed(&mut self, reason: Disconnect, before: Before, found: &mut Findings);

    /// Whether the response is complete, which may be told after a loss was: of a request whose body was
    /// cut, and which was answered all the same.
    fn is_complete(&self) -> bool {
        false
    }

    /// Whether the exchange is over: complete, closed or lost.
    fn is_over(&self) -> bool;

    /// Whether nothing but a disconnect is to come, at once.
    fn is_disconnect_due(&self) -> bool;

    /// The application's call ended.
    fn ended(&mut self, result: &Result<(), Error>, found: &mut Findings);

    /// Whether the server may drop the call now.
    fn may_be_dropped(&self) -> bool {
        false
    }
}

/// What was known before the server was asked: the other half may have gone on since.
#[derive(Clone, Copy, Debug)]
pub(super) struct Before {
    /// Whether a disconnect was due.
    pub(super) due: bool,
    /// Whether the exchange was over.
    pub(super) over: bool,
    /// Whether an event was, or is, on its way to the server.
    pub(super) sending: bool,
}

/// What became of an event.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Sent {
    Accepted,
    Not,
    /// Server and table disagree: from now on nothing is known of the server's state.
    Unsure,
}

impl Sent {
    /// An event that breaks a rule where the exchange stands: the application is wrong, and so is a server
    /// that took it.
    pub(super) fn invalid(
        event: &SendEvent,
        at: &str,
        (rule, error): (&'static str, &InvalidEvent),
        result: &Result<(), SendError>,
        found: &mut Findings,
    ) -> Self {
        found.inner(rule, format!("{error}, {at}"));
        if result.is_err() {
            return Self::Not;
        }
        let rule = if rule == "A-123" { "A-122" } else { rule };
        found.outer(rule, format!("accepted {} {at}", event.name()));
        Self::Unsure
    }
}

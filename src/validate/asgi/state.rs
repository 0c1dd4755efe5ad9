//! The state of one exchange, behind its lock.

use super::protocol::{Before, Protocol, Sent};
use crate::asgi::event::SendEvent;
use crate::asgi::{Disconnect, SendError};
use crate::validate::session::Findings;

/// What is known of an exchange by now.
pub(super) struct State {
    pub(super) protocol: Box<dyn Protocol>,
    pub(super) unsure: bool,
    pub(super) over: bool,
    pub(super) sent_any: bool,
    pub(super) sending: usize,
    pub(super) waited: bool,
    /// Told by an event or by the wait for it.
    pub(super) told: Option<Disconnect>,
    /// Whether the application knows in any way that the exchange is over; then to return is no fault.
    pub(super) knows: bool,
    /// Told of the end that the server's policy makes.
    pub(super) stopped: bool,
    /// Whether observers learn why the exchange ended.
    pub(super) tells: bool,
    /// Whether a witness is still to tell why the exchange ended.
    pub(super) witnessed: bool,
    /// Dropped before its end, and not told why yet.
    pub(super) dropped: bool,
}

impl State {
    /// What is known before the server is asked.
    pub(super) fn before(&self) -> Before {
        let told = self.told.is_some_and(|reason| reason != Disconnect::Shutdown);
        Before {
            due: told || (!self.unsure && self.protocol.is_disconnect_due()),
            over: self.protocol.is_over(),
            sending: self.sending > 0,
        }
    }

    /// The server's answer to an event.
    pub(super) fn sent(
        &mut self,
        event: &SendEvent,
        result: &Result<(), SendError>,
        before: Before,
        found: &mut Findings,
    ) -> Sent {
        self.sent_any |= result.is_ok();
        if let Err(SendError::Disconnected(reason)) = result {
            self.failed(*reason, before, found);
            return Sent::Not;
        }
        // What a call that is over left behind sends into the void.
        if self.unsure || self.over {
            return Sent::Not;
        }
        let sent = self.protocol.sent(event, result, before, found);
        self.unsure |= sent == Sent::Unsure;
        sent
    }

    /// A send, or a flush, failed for that reason.
    pub(super) fn failed(&mut self, reason: Disconnect, before: Before, found: &mut Findings) {
        self.knows = true;
        self.stopped |= is_policy(reason);
        if !self.unsure && !self.over {
            self.protocol.failed(reason, before, found);
        }
    }

    /// A call was dropped: a fault, once no one is left to tell a good reason.
    pub(super) fn judge_drop(&mut self, found: &mut Findings) {
        if !self.witnessed && std::mem::replace(&mut self.dropped, false) {
            found.outer("A-06", "the application's call was dropped before its end");
        }
    }

    /// The first reason stays, except that a shutdown leaves time for another, and that a client
    /// whose request was cut may have been answered.
    pub(super) fn told(&mut self, reason: Disconnect, before: Before, found: &mut Findings) {
        self.knows = true;
        self.stopped |= is_policy(reason);
        let answered = reason == Disconnect::Complete && (before.sending || self.protocol.is_complete());
        match self.told {
            Some(first) if first != reason && first != Disconnect::Shutdown && !answered => {
                found.outer("A-99", format!("told `{first}` and then `{reason}`"));
            }
            _ => self.told = Some(reason),
        }
    }
}

/// Whether the server's operator made that end.
pub(super) const fn is_policy(reason: Disconnect) -> bool {
    matches!(reason, Disconnect::Shutdown | Disconnect::Timeout)
}

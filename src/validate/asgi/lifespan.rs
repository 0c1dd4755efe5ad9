//! One lifespan.

use super::protocol::{Before, Protocol, Sent};
use crate::asgi::event::{ReceiveEvent, SendEvent};
use crate::asgi::machine::{LifespanMachine, LifespanPhase};
use crate::asgi::{Disconnect, SendError};
use crate::error::Error;
use crate::validate::session::Findings;

/// What the table of A-116 says, beside what the server does.
#[derive(Default)]
pub(super) struct Lifespan {
    machine: LifespanMachine,
    startup: bool,
    shutdown: bool,
    early: bool,
}

impl Protocol for Lifespan {
    fn lint(&self, event: &SendEvent, found: &mut Findings) {
        if !self.startup && event.name().starts_with("lifespan.") {
            found.inner("A-109", format!("{} before lifespan.startup was received", event.name()));
        }
    }

    fn sent(
        &mut self,
        event: &SendEvent,
        result: &Result<(), SendError>,
        _: Before,
        found: &mut Findings,
    ) -> Sent {
        let name = event.name();
        let state = self.machine.state();
        match (self.machine.send(event), result) {
            (Ok(()), Ok(())) => {
                self.lint(event, found);
                if std::mem::take(&mut self.early) {
                    self.machine.received(&ReceiveEvent::LifespanShutdown);
                }
                Sent::Accepted
            }
            (Ok(()), Err(error)) => {
                found.outer("A-116", format!("{name} is refused while the lifespan is {state:?}: {error}"));
                Sent::Unsure
            }
            (Err(error), result) => {
                let other = matches!(&error, SendError::Invalid(event) if event.is_other_protocol());
                let rule = if other { "A-07" } else { "A-116" };
                found.inner(rule, format!("{name} while the lifespan is {state:?}"));
                if result.is_err() {
                    return Sent::Not;
                }
                found.outer(rule, format!("accepted {name} while the lifespan is {state:?}"));
                Sent::Unsure
            }
        }
    }

    fn received(&mut self, event: &ReceiveEvent, before: Before, found: &mut Findings) {
        match event {
            ReceiveEvent::LifespanStartup => {
                if std::mem::replace(&mut self.startup, true) {
                    found.outer("A-108", "lifespan.startup for the second time");
                }
            }
            ReceiveEvent::LifespanShutdown => {
                let state = self.machine.state();
                if std::mem::replace(&mut self.shutdown, true) {
                    found.outer("A-112", "lifespan.shutdown for the second time");
                } else if state != LifespanPhase::Running && !before.sending {
                    found.outer("A-116", format!("lifespan.shutdown while the lifespan is {state:?}"));
                }
                if state == LifespanPhase::Running {
                    self.machine.received(event);
                } else if before.sending {
                    // The answer to startup is taken, and not told of here yet.
                    self.early = true;
                }
            }
            ReceiveEvent::Vendor(_) => {}
            event => found.outer("A-07", format!("{} in a lifespan scope", event.name())),
        }
    }

    fn lost(&mut self, _: Disconnect, _: Before, _: &mut Findings) -> bool {
        true
    }

    fn failed(&mut self, _: Disconnect, _: Before, _: &mut Findings) {}

    fn is_over(&self) -> bool {
        false
    }

    fn is_disconnect_due(&self) -> bool {
        false
    }

    fn ended(&mut self, result: &Result<(), Error>, found: &mut Findings) {
        if result.is_ok() && self.machine.state() == LifespanPhase::Starting {
            found.inner("A-05", "the call ended without an answer to lifespan.startup, and without an error");
        }
    }

    fn may_be_dropped(&self) -> bool {
        // The waits for answers may be bounded, and only one that serves can be told of an end.
        self.machine.state() != LifespanPhase::Running
    }
}

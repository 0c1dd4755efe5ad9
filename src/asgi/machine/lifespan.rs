//! The order of events of a lifespan.

use crate::asgi::event::{ReceiveEvent, SendEvent};
use crate::asgi::{Disconnect, InvalidEvent, SendError};

/// The order of events of a lifespan.
#[derive(Debug, Default)]
pub struct LifespanMachine {
    state: LifespanState,
    failure: Option<String>,
}

/// How far the lifespan got.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub enum LifespanState {
    /// Start-up not answered yet.
    #[default]
    Starting,
    /// Serving.
    Running,
    /// Shutdown not answered yet.
    Stopping,
    /// Over.
    Ended,
}

impl LifespanMachine {
    /// Before start-up.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// How far the lifespan got.
    #[must_use]
    pub const fn state(&self) -> LifespanState {
        self.state
    }

    /// What the application said when it failed.
    #[must_use]
    pub fn failure(&self) -> Option<&str> {
        self.failure.as_deref()
    }

    /// An event was handed to the application.
    pub const fn received(&mut self, event: &ReceiveEvent) {
        if matches!(event, ReceiveEvent::LifespanShutdown) {
            self.state = LifespanState::Stopping;
        }
    }

    /// The application's call is over.
    pub const fn end(&mut self) {
        self.state = LifespanState::Ended;
    }

    /// The application sends this event.
    ///
    /// # Errors
    ///
    /// [`SendError::Invalid`] when the event is not valid now; the state is as before.
    pub fn send(&mut self, event: &SendEvent) -> Result<(), SendError> {
        use LifespanState::{Ended, Running, Starting, Stopping};
        let name = event.name();
        self.state = match (event, self.state) {
            (SendEvent::StartupComplete, Starting) => Running,
            (SendEvent::ShutdownComplete, Stopping) => Ended,
            (SendEvent::StartupFailed(failure), Starting)
            | (SendEvent::ShutdownFailed(failure), Stopping) => {
                self.failure = Some(failure.message.clone());
                Ended
            }
            (
                SendEvent::StartupComplete
                | SendEvent::StartupFailed(_)
                | SendEvent::ShutdownComplete
                | SendEvent::ShutdownFailed(_),
                state,
            ) => {
                return Err(
                    InvalidEvent::new(name, format!("not valid while the lifespan is {state:?}")).into()
                );
            }
            (_, Ended) => return Err(Disconnect::Complete.into()),
            _ => {
                return Err(
                    InvalidEvent::other_protocol(name, "not an event of the lifespan protocol").into()
                );
            }
        };
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::asgi::event::{Failure, ResponseBody};

    fn in_state(state: LifespanState) -> LifespanMachine {
        LifespanMachine { state, failure: None }
    }

    #[test]
    fn a_116_every_cell_of_the_table_holds() {
        use LifespanState::{Ended, Running, Starting, Stopping};
        let rows = [
            (SendEvent::StartupComplete, [Some(Running), None, None, None]),
            (SendEvent::StartupFailed(Failure::new("no")), [Some(Ended), None, None, None]),
            (SendEvent::ShutdownComplete, [None, None, Some(Ended), None]),
            (SendEvent::ShutdownFailed(Failure::new("no")), [None, None, Some(Ended), None]),
            (SendEvent::ResponseBody(ResponseBody::default()), [None, None, None, None]),
        ];
        for (event, cells) in rows {
            for (state, cell) in [Starting, Running, Stopping, Ended].into_iter().zip(cells) {
                let mut machine = in_state(state);
                let result = machine.send(&event).ok().map(|()| machine.state());
                assert_eq!(result, cell, "{} in {state:?}", event.name());
                assert_eq!(machine.state(), cell.unwrap_or(state));
            }
        }
    }

    #[test]
    fn a_110_the_message_of_a_failure_is_kept() {
        let mut machine = LifespanMachine::new();
        machine.send(&SendEvent::StartupFailed(Failure::new("no database"))).unwrap();
        assert_eq!(machine.failure(), Some("no database"));
    }

    #[test]
    fn a_05_event_of_another_protocol_says_that_lifespan_is_unsupported() {
        let error =
            LifespanMachine::new().send(&SendEvent::ResponseBody(ResponseBody::default())).unwrap_err();
        assert!(crate::Error::from(error).is_unsupported_scope());
    }
}

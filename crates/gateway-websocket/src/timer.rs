//! The waits of a WebSocket: for its client, and for the client to take something.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::time::{Instant, Sleep, sleep};

/// What is waited for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Due {
    /// Some time without a sign of the client.
    Silence,
    /// The answer to a ping.
    Pong,
    /// The end of the connection.
    Close,
}

/// The one wait for its client that a WebSocket has at a time.
#[derive(Debug, Default)]
pub(super) struct Timer {
    due: Option<Due>,
    sleep: Option<Pin<Box<Sleep>>>,
}

impl Timer {
    /// Waits for this from now on.
    pub(super) fn start(&mut self, due: Due, duration: Duration) {
        self.due = Some(due);
        match &mut self.sleep {
            Some(sleep) => match Instant::now().checked_add(duration) {
                Some(deadline) => sleep.as_mut().reset(deadline),
                None => self.sleep = Some(Box::pin(tokio::time::sleep(duration))),
            },
            none => *none = Some(Box::pin(sleep(duration))),
        }
    }

    pub(super) fn waits_for(&self, due: Due) -> bool {
        self.due == Some(due)
    }

    pub(super) fn stop(&mut self) {
        *self = Self::default();
    }

    /// What was waited for in vain.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Due> {
        let (Some(due), Some(sleep)) = (self.due, &mut self.sleep) else {
            return Poll::Pending;
        };
        if sleep.as_mut().poll(cx).is_ready() {
            self.due = None;
            return Poll::Ready(due);
        }
        Poll::Pending
    }
}

/// The wait for a client that takes nothing.
#[derive(Debug, Default)]
pub(super) struct Stall {
    sleep: Option<Pin<Box<Sleep>>>,
}

impl Stall {
    /// Has the wait go on while writing is `blocked`, and begin anew where the client took something: ready when it
    /// was too long.
    pub(super) fn poll(
        &mut self,
        cx: &mut Context<'_>,
        blocked: bool,
        moved: bool,
        limit: Option<Duration>,
    ) -> Poll<()> {
        let Some(limit) = limit.filter(|_| blocked) else {
            self.sleep = None;
            return Poll::Pending;
        };
        if moved {
            self.sleep = None;
        }
        self.sleep.get_or_insert_with(|| Box::pin(sleep(limit))).as_mut().poll(cx)
    }
}

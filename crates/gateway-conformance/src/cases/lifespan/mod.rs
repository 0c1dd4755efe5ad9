//! Start-up and shutdown.

mod ends;
mod layers;
mod serving;

use gateway_iface::asgi::event::ReceiveEvent;
use gateway_iface::asgi::{self, Receive};

use crate::case::Case;
use crate::journal::Journal;

pub(super) const TABLES: &[&[Case]] = &[serving::CASES, ends::CASES, layers::CASES];

/// Receives, and notes what came.
async fn next(receive: &mut Receive, journal: &Journal) {
    journal.note(match receive.receive().await {
        ReceiveEvent::LifespanStartup => "startup",
        ReceiveEvent::LifespanShutdown => "shutdown",
        event => event.name(),
    });
}

/// Answers a request, and notes it.
async fn serve(
    scope: asgi::Scope,
    send: &mut asgi::Send,
    journal: &Journal,
) -> Result<(), gateway_iface::Error> {
    scope.into_http()?;
    journal.note("request");
    Ok(send.text(200, "served").await?)
}

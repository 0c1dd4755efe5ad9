//! Start-up and shutdown.

mod ends;
mod layers;
mod serving;

use std::thread;
use std::time::Duration;

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

/// A while that no server takes for nothing.
async fn pause() {
    let timer = Journal::default();
    let over = timer.wait("over");
    thread::spawn(move || {
        thread::sleep(Duration::from_millis(50));
        timer.note("over");
    });
    over.await;
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

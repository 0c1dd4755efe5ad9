//! What a client of a WebSocket sees, frame by frame.

mod closes;
mod faults;
mod frames;
mod handshakes;

use std::sync::Arc;

use gateway_iface::asgi;
use gateway_iface::asgi::Handshake;
use gateway_iface::asgi::event::{Accept, Message};

use crate::case::{Case, asgi};
use crate::journal::Journal;

pub(super) const TABLES: &[&[Case]] = &[handshakes::CASES, frames::CASES, faults::CASES, closes::CASES];

/// Sends every message back.
fn echoes() -> Arc<dyn asgi::Application> {
    asgi(|scope, receive, send| async move {
        scope.into_websocket()?;
        let mut socket = Handshake::begin(receive, send).await?.accept(Accept::new()).await?;
        while let Ok(message) = socket.next().await {
            socket.send(message).await?;
        }
        Ok(())
    })
}

/// Notes every message, and how the socket ended.
fn notes(journal: Journal) -> Arc<dyn asgi::Application> {
    asgi(move |scope, receive, send| {
        let journal = journal.clone();
        async move {
            scope.into_websocket()?;
            let mut socket = Handshake::begin(receive, send).await?.accept(Accept::new()).await?;
            let closed = loop {
                match socket.next().await {
                    Ok(Message::Text(text)) => journal.note(text),
                    Ok(_) => journal.note("octets"),
                    Err(closed) => break closed,
                }
            };
            journal.note(closed.code().to_string());
            Ok(())
        }
    })
}

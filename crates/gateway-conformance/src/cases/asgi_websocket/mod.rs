//! The asynchronous interface, for WebSockets.

mod close;
mod handshake;
mod layers;
mod messages;

use crate::case::Case;

pub(super) const TABLES: &[&[Case]] = &[handshake::CASES, messages::CASES, close::CASES, layers::CASES];

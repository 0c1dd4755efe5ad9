//! What a client sees on its socket.

mod apps;
mod connections;
mod expect;
mod framing;
mod requests;
mod responses;
mod uploads;

use crate::case::Case;

pub(super) const TABLES: &[&[Case]] =
    &[requests::CASES, uploads::CASES, responses::CASES, framing::CASES, connections::CASES, expect::CASES];

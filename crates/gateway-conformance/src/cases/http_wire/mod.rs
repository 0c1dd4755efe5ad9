//! What a client sees on its socket.

mod apps;
mod connections;
mod cut;
mod expect;
mod files;
mod framing;
mod keep_alive;
mod limits;
mod requests;
mod responses;
mod uploads;

use crate::case::Case;

pub(super) const TABLES: &[&[Case]] = &[
    requests::CASES,
    limits::CASES,
    uploads::CASES,
    cut::CASES,
    responses::CASES,
    framing::CASES,
    connections::CASES,
    keep_alive::CASES,
    expect::CASES,
    files::CASES,
];

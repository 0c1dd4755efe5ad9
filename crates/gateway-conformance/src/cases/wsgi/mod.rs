//! The synchronous interface.

mod bodies;
mod close;
mod environ;
mod faults;
mod fields;
mod input;
mod start_response;
mod write;

use crate::case::Case;

pub(super) const TABLES: &[&[Case]] = &[
    environ::CASES,
    fields::CASES,
    input::CASES,
    start_response::CASES,
    write::CASES,
    bodies::CASES,
    close::CASES,
    faults::CASES,
];

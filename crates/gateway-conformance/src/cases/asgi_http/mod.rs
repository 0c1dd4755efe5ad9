//! The asynchronous interface, for requests.

mod capabilities;
mod disconnect;
mod ends;
mod receive;
mod scope;
mod send;
mod streaming;

use crate::case::Case;

pub(super) const TABLES: &[&[Case]] = &[
    scope::CASES,
    receive::CASES,
    send::CASES,
    streaming::CASES,
    disconnect::CASES,
    ends::CASES,
    capabilities::CASES,
];

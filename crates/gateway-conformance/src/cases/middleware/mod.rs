//! The middleware that comes with the interface.

mod identity;
mod observing;
mod routing;

use crate::case::Case;

pub(super) const TABLES: &[&[Case]] = &[observing::CASES, routing::CASES, identity::CASES];

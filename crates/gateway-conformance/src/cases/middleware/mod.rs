//! The middleware that comes with the interface.

mod observing;

use crate::case::Case;

pub(super) const TABLES: &[&[Case]] = &[observing::CASES];

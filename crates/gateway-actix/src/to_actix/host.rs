//! What a call needs of actix.

use gateway_iface::Error;
use gateway_iface::adapter::{Host, Rest};

use crate::under_way::UnderWay;

/// Runs what is left of a call beside its response.
#[derive(Debug, Default)]
pub(super) struct Actix {
    pub(super) under_way: UnderWay,
}

impl Actix {
    pub(super) const fn new(under_way: UnderWay) -> Self {
        Self { under_way }
    }
}

impl Host for Actix {
    fn spawn(&self, rest: Rest) {
        self.under_way.spawn(rest);
    }

    fn report(&self, error: &Error) {
        tracing::error!(%error, "the application failed");
    }
}

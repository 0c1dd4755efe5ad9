//! How large and how slow the body of a request may be.

use std::sync::Arc;

use crate::control::Control;
use crate::serving::Serving;
use crate::stats::Counters;
use crate::waits::{Limited, Wait};

/// What a request's body may still take: octets, and time that the application waits for it.
#[derive(Debug)]
pub(super) struct BodyBudget {
    control: Arc<Control>,
    limit: Limited,
    min_rate: u32,
    max_octets: u64,
    octets: u64,
    /// Milliseconds that were waited before this wait.
    waited: u32,
    /// When this wait began.
    since: Option<u32>,
}

impl BodyBudget {
    pub(super) fn new(serving: &Serving, control: &Arc<Control>) -> Self {
        let settings = serving.settings();
        Self {
            control: Arc::clone(control),
            limit: serving.limits().body,
            min_rate: settings.body_min_rate.max(1),
            max_octets: settings.max_body_size.unwrap_or(u64::MAX),
            octets: 0,
            waited: 0,
            since: None,
        }
    }

    /// Begins anew with the next request.
    pub(super) fn reset(&mut self) {
        self.go_on();
        self.octets = 0;
        self.waited = 0;
    }

    pub(super) fn counters(&self) -> &Counters {
        self.control.counters()
    }

    /// Nothing is there, and the application waits.
    pub(super) fn wait(&mut self) {
        if self.since.is_some() || self.limit.is_none() {
            return;
        }
        let waits = self.control.waits();
        self.since = Some(waits.clock().now());
        let earned = self.octets.saturating_mul(1000) / u64::from(self.min_rate);
        let allowed =
            u64::from(self.limit.millis()).saturating_add(earned).saturating_sub(self.waited.into());
        waits.begin(Wait::Body, Limited::from_millis(u32::try_from(allowed).unwrap_or(u32::MAX / 2).max(1)));
    }

    /// Something is there, or the wait is over for another reason.
    #[inline]
    pub(super) fn go_on(&mut self) {
        if let Some(since) = self.since.take() {
            let waits = self.control.waits();
            self.waited = self.waited.saturating_add(waits.clock().now().wrapping_sub(since));
            waits.end(Wait::Body);
        }
    }

    /// Counts octets; whether they are more than there may be.
    #[inline]
    pub(super) fn is_exceeded_by(&mut self, octets: usize) -> bool {
        self.octets = self.octets.saturating_add(octets as u64);
        self.octets > self.max_octets
    }
}

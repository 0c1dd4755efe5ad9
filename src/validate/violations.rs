//! What was collected.

use std::fmt::Write;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::Violation;

/// The violations that one or several validators have seen; a clone is a handle on the same.
///
/// # Examples
///
/// ```
/// use gateway_iface::http::Request;
/// use gateway_iface::testing::{AsgiClient, block_on};
/// use gateway_iface::validate::{OnViolation, Validator};
/// use gateway_iface::{Error, asgi};
///
/// async fn silent(scope: asgi::Scope, _: asgi::Receive, _: asgi::Send) -> Result<(), Error> {
///     scope.into_http()?;
///     Ok(())
/// }
///
/// let app = Validator::new(silent).on_violation(OnViolation::Collect);
/// let violations = app.violations();
/// block_on(AsgiClient::new(app).request(Request::get("/").body("")?))?;
/// assert_eq!(violations.take()[0].rule(), "A-65");
/// violations.assert_none();
/// # Ok::<(), Error>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct Violations {
    collected: Arc<Mutex<Collected>>,
}

#[derive(Debug, Default)]
struct Collected {
    list: Vec<Violation>,
    missed: u64,
}

impl Violations {
    /// How many are kept; of further ones only the number is.
    pub const MAX_COLLECTED: usize = 1000;

    /// None yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.lock().list.is_empty()
    }

    /// How many there are, those that were not kept included.
    #[must_use]
    pub fn count(&self) -> u64 {
        let collected = self.lock();
        collected.list.len() as u64 + collected.missed
    }

    /// Those that are there now, in the order they were seen.
    pub fn iter(&self) -> impl Iterator<Item = Violation> {
        self.lock().list.clone().into_iter()
    }

    /// Takes them out, and starts anew.
    #[must_use]
    pub fn take(&self) -> Vec<Violation> {
        std::mem::take(&mut *self.lock()).list
    }

    /// Asserts that there are none.
    ///
    /// # Panics
    ///
    /// With a list of them, when there are.
    #[track_caller]
    pub fn assert_none(&self) {
        if let Some(listing) = self.listing() {
            panic!("{listing}");
        }
    }

    pub(super) fn push(&self, violation: Violation) {
        let mut collected = self.lock();
        if collected.list.len() < Self::MAX_COLLECTED {
            collected.list.push(violation);
        } else {
            collected.missed += 1;
        }
    }

    /// One line each, or nothing.
    pub(super) fn listing(&self) -> Option<String> {
        let collected = self.lock();
        if collected.list.is_empty() {
            return None;
        }
        let mut listing = String::from("the contract was broken:");
        for violation in &collected.list {
            // A string takes everything.
            let _ = write!(listing, "\n  {violation}");
        }
        if collected.missed > 0 {
            let _ = write!(listing, "\n  and {} more", collected.missed);
        }
        Some(listing)
    }

    fn lock(&self) -> MutexGuard<'_, Collected> {
        self.collected.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::validate::Culprit;

    #[test]
    fn more_than_the_limit_are_counted_and_not_kept() {
        let violations = Violations::new();
        for _ in 0..Violations::MAX_COLLECTED + 2 {
            violations.push(Violation::new("A-66", Culprit::Server, "seen".into(), "GET /"));
        }
        assert_eq!(violations.iter().count(), Violations::MAX_COLLECTED);
        assert_eq!(violations.count(), Violations::MAX_COLLECTED as u64 + 2);
        assert!(violations.listing().unwrap().ends_with("and 2 more"));
        assert_eq!(violations.take().len(), Violations::MAX_COLLECTED);
        violations.assert_none();
    }

    #[test]
    #[should_panic(expected = "A-66 broken by the server (GET /): seen")]
    fn assert_none_lists_what_is_there() {
        let violations = Violations::new();
        violations.push(Violation::new("A-66", Culprit::Server, "seen".into(), "GET /"));
        violations.assert_none();
    }
}

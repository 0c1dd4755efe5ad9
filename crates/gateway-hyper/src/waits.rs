//! The waits of a connection that have a limit, and what watches over them.
//!
//! A wait is begun and ended by storing a number, and one task looks after all of them: a timer for each
//! request would cost a fifth of what the request does.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicU32, Ordering};
use std::time::{Duration, Instant};

/// What is waited for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Wait {
    /// The head of a request.
    Head,
    /// The next request on a connection.
    Idle,
    /// More of a request's body, for which the application asks.
    Body,
    /// The head of the application's response.
    Call,
    /// A client that takes none of what is written.
    Write,
}

impl Wait {
    pub(crate) const ALL: [Self; 5] = [Self::Head, Self::Idle, Self::Body, Self::Call, Self::Write];

    const fn bit(self) -> u8 {
        1 << self as u8
    }
}

/// Coarse time, in milliseconds since the server began; it is moved on by [`Clock::tick`] only.
#[derive(Debug)]
pub(crate) struct Clock {
    began: Instant,
    now: AtomicU32,
}

impl Clock {
    pub(crate) fn new() -> Self {
        Self { began: Instant::now(), now: AtomicU32::new(1) }
    }

    #[inline]
    pub(crate) fn now(&self) -> u32 {
        self.now.load(Ordering::Relaxed)
    }

    pub(crate) fn tick(&self) {
        // It wraps after seven weeks; what compares it knows.
        self.now.store(self.began.elapsed().as_millis() as u32, Ordering::Relaxed);
    }
}

/// The waits of one connection, or of one stream.
#[derive(Debug)]
pub(crate) struct Waits {
    clock: Arc<Clock>,
    /// When each one is over, in milliseconds of the clock; 0 where nothing is waited for, and [`FOREVER`].
    deadlines: [AtomicU32; Wait::ALL.len()],
    /// Those that were too long.
    expired: AtomicU8,
}

impl Waits {
    pub(crate) fn new(clock: Arc<Clock>) -> Self {
        Self { clock, deadlines: Default::default(), expired: AtomicU8::new(0) }
    }

    pub(crate) fn clock(&self) -> &Clock {
        &self.clock
    }

    /// Begins a wait.
    #[inline]
    pub(crate) fn begin(&self, wait: Wait, limit: Limited) {
        let deadline = match limit.millis {
            0 => FOREVER,
            millis => self.clock.now().wrapping_add(millis).clamp(1, FOREVER - 1),
        };
        self.deadlines[wait as usize].store(deadline, Ordering::Relaxed);
    }

    #[inline]
    pub(crate) fn end(&self, wait: Wait) {
        self.deadlines[wait as usize].store(0, Ordering::Relaxed);
    }

    /// Has a wait go on while something is `blocked`, and begin anew where it `moved` in between.
    #[inline]
    pub(crate) fn watch(&self, wait: Wait, blocked: bool, moved: bool, limit: Limited) {
        if !blocked {
            if self.is_waiting(wait) {
                self.end(wait);
            }
        } else if moved || !self.is_waiting(wait) {
            self.begin(wait, limit);
        }
    }

    #[inline]
    pub(crate) fn is_waiting(&self, wait: Wait) -> bool {
        self.deadlines[wait as usize].load(Ordering::Relaxed) != 0
    }

    /// Marks the waits that were too long, and tells each; whether there are any.
    pub(crate) fn check(&self, mut tell: impl FnMut(Wait)) -> bool {
        let now = self.clock.now();
        let mut found = false;
        for wait in Wait::ALL {
            let deadline = &self.deadlines[wait as usize];
            let until = deadline.load(Ordering::Relaxed);
            let over = until != 0 && until != FOREVER && now.wrapping_sub(until) < u32::MAX / 2;
            // Where it was ended meanwhile it stays so.
            if over && deadline.compare_exchange(until, 0, Ordering::Relaxed, Ordering::Relaxed).is_ok() {
                self.expired.fetch_or(wait.bit(), Ordering::Relaxed);
                tell(wait);
                found = true;
            }
        }
        found
    }

    /// Whether any wait was too long since this was last asked.
    #[inline]
    pub(crate) fn take_expired(&self) -> Option<Expired> {
        if self.expired.load(Ordering::Relaxed) == 0 {
            return None;
        }
        Some(Expired { bits: self.expired.swap(0, Ordering::Relaxed) })
    }
}

/// Waits that were too long.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Expired {
    bits: u8,
}

impl Expired {
    pub(crate) const fn contains(self, wait: Wait) -> bool {
        self.bits & wait.bit() != 0
    }
}

/// How long a wait may last: in milliseconds, 0 is no limit.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) struct Limited {
    millis: u32,
}

impl Limited {
    /// The longest time that a limit can have: three weeks; a longer one is none.
    const MAX: u128 = u32::MAX as u128 / 2;

    pub(crate) const fn new(limit: Option<Duration>) -> Self {
        let Some(limit) = limit else {
            return Self { millis: 0 };
        };
        match limit.as_millis() {
            0 => Self { millis: 1 },
            Self::MAX.. => Self { millis: 0 },
            millis => Self { millis: millis as u32 },
        }
    }

    pub(crate) const fn from_millis(millis: u32) -> Self {
        Self { millis }
    }

    /// Lasts longer by that; one that is none stays so.
    pub(crate) const fn later(self, millis: u32) -> Self {
        match self.millis {
            0 => self,
            limit if limit as u128 + millis as u128 >= Self::MAX => Self { millis: 0 },
            limit => Self { millis: limit + millis },
        }
    }

    pub(crate) const fn is_none(self) -> bool {
        self.millis == 0
    }

    pub(crate) const fn millis(self) -> u32 {
        self.millis
    }
}

/// The deadline of a wait without a limit.
const FOREVER: u32 = u32::MAX;

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: u32) -> Waits {
        let waits = Waits::new(Arc::new(Clock::new()));
        waits.clock.now.store(millis, Ordering::Relaxed);
        waits
    }

    #[test]
    fn wait_expires_at_its_limit_and_is_told_once() {
        let waits = at(1000);
        waits.begin(Wait::Head, Limited::new(Some(Duration::from_secs(1))));
        waits.clock.now.store(1999, Ordering::Relaxed);
        assert!(!waits.check(|_| {}));
        waits.clock.now.store(2000, Ordering::Relaxed);
        assert!(waits.check(|_| {}));
        let expired = waits.take_expired().unwrap();
        assert!(expired.contains(Wait::Head) && !expired.contains(Wait::Idle));
        assert!(waits.take_expired().is_none());
        assert!(!waits.check(|_| {}));
    }

    #[test]
    fn wait_that_ended_does_not_expire() {
        let waits = at(1000);
        waits.begin(Wait::Idle, Limited::new(Some(Duration::from_secs(1))));
        waits.end(Wait::Idle);
        waits.clock.now.store(9999, Ordering::Relaxed);
        assert!(!waits.check(|_| {}));
    }

    #[test]
    fn wait_begins_anew_where_something_moved() {
        let waits = at(1000);
        let limit = Limited::new(Some(Duration::from_secs(1)));
        for (now, moved, expires) in
            [(1000, false, false), (1900, true, false), (2800, false, false), (2900, false, true)]
        {
            waits.clock.now.store(now, Ordering::Relaxed);
            waits.watch(Wait::Write, true, moved, limit);
            assert_eq!(waits.check(|_| {}), expires, "at {now}");
        }
        waits.watch(Wait::Write, true, false, limit);
        waits.watch(Wait::Write, false, true, limit);
        assert!(!waits.is_waiting(Wait::Write));
    }

    #[test]
    fn clock_that_wraps_expires_nothing_early() {
        let waits = at(u32::MAX - 10);
        waits.begin(Wait::Call, Limited::new(Some(Duration::from_millis(100))));
        assert!(!waits.check(|_| {}));
        waits.clock.now.store(50, Ordering::Relaxed);
        assert!(!waits.check(|_| {}));
        waits.clock.now.store(90, Ordering::Relaxed);
        assert!(waits.check(|_| {}));
    }

    #[test]
    fn wait_without_a_limit_never_expires() {
        let waits = at(1);
        waits.begin(Wait::Write, Limited::new(None));
        waits.begin(Wait::Body, Limited::new(Some(Duration::MAX)));
        assert!(waits.is_waiting(Wait::Write) && waits.is_waiting(Wait::Body));
        for now in [2, u32::MAX / 2, u32::MAX - 1, u32::MAX] {
            waits.clock.now.store(now, Ordering::Relaxed);
            assert!(!waits.check(|_| {}));
        }
    }
}

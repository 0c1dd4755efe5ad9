//! The limits of a server on time, in the form that it looks at them.

use std::time::Duration;

use crate::builder::Builder;
use crate::waits::Limited;

/// How long each wait may last.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    pub(crate) head: Limited,
    pub(crate) idle: Limited,
    pub(crate) body: Limited,
    pub(crate) call: Limited,
    pub(crate) write: Limited,
    tick: Duration,
}

impl Limits {
    pub(crate) fn new(settings: &Builder) -> Self {
        let limits = [
            settings.header_read_timeout,
            settings.idle_timeout,
            settings.body_read_timeout,
            settings.handler_timeout,
            settings.write_timeout,
        ];
        let shortest = limits.map(Limited::new).into_iter().filter(|limit| !limit.is_none()).min();
        let tick = shortest.map_or(1000, |shortest| (shortest.millis() / 4).clamp(5, 1000));
        // The clock may be late by a tick, and no wait is to be cut short by that.
        let [head, idle, body, call, write] = limits.map(|limit| Limited::new(limit).later(tick));
        Self { head, idle, body, call, write, tick: Duration::from_millis(tick.into()) }
    }

    /// How often to look: four times in the shortest wait, and once a second where all are long.
    pub(crate) const fn tick(&self) -> Duration {
        self.tick
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tick_is_a_quarter_of_the_shortest_wait_and_is_added_to_each() {
        let settings = Builder::default().header_read_timeout(Some(Duration::from_millis(400)));
        let limits = Limits::new(&settings);
        assert_eq!(limits.tick(), Duration::from_millis(100));
        assert_eq!((limits.head.millis(), limits.write.millis()), (500, 30_100));
        assert!(limits.call.is_none());
    }
}

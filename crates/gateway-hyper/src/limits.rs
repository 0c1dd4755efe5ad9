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
}

impl Limits {
    pub(crate) const fn new(settings: &Builder) -> Self {
        Self {
            head: Limited::new(settings.header_read_timeout),
            idle: Limited::new(settings.idle_timeout),
            body: Limited::new(settings.body_read_timeout),
            call: Limited::new(settings.handler_timeout),
            write: Limited::new(settings.write_timeout),
        }
    }

    /// How often to look: four times in the shortest wait, and once a second where all are long.
    pub(crate) fn tick(&self) -> Duration {
        let waits = [self.head, self.idle, self.body, self.call, self.write];
        let shortest = waits.into_iter().map(Limited::millis).filter(|&millis| millis > 0).min();
        let millis = shortest.map_or(1000, |millis| (millis / 4).clamp(5, 1000));
        Duration::from_millis(millis.into())
    }
}

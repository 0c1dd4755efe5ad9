//! Blocks between two sides, bounded in number and in octets.

use std::collections::VecDeque;

use bytes::Bytes;

/// How much may wait between the two sides.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    pub(crate) blocks: usize,
    pub(crate) octets: usize,
}

/// Blocks in order; one block alone costs no allocation.
#[derive(Debug, Default)]
pub(crate) struct Queue {
    first: Option<Bytes>,
    /// Made when it is needed, which for most exchanges is never.
    rest: Option<VecDeque<Bytes>>,
    octets: usize,
}

impl Queue {
    /// Whether a block of `len` octets may enter; into an empty queue one of any size may.
    pub(crate) fn has_room(&self, len: usize, limits: Limits) -> bool {
        self.is_empty() || (self.len() < limits.blocks && self.octets.saturating_add(len) <= limits.octets)
    }

    /// Whether it is time to wake the side that fills it: late, so that it fills in several at once.
    pub(crate) fn is_low(&self, limits: Limits) -> bool {
        self.len() <= limits.blocks / 2 && self.octets <= limits.octets / 2
    }

    pub(crate) fn push(&mut self, block: Bytes) {
        self.octets = self.octets.saturating_add(block.len());
        if self.is_empty() {
            self.first = Some(block);
        } else {
            self.rest.get_or_insert_with(|| VecDeque::with_capacity(FEW)).push_back(block);
        }
    }

    pub(crate) fn pop(&mut self) -> Option<Bytes> {
        let block = self.first.take().or_else(|| self.rest.as_mut()?.pop_front())?;
        self.octets = self.octets.saturating_sub(block.len());
        Some(block)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub(crate) const fn octets(&self) -> usize {
        self.octets
    }

    pub(crate) fn clear(&mut self) {
        *self = Self::default();
    }

    pub(crate) fn len(&self) -> usize {
        usize::from(self.first.is_some()) + self.rest.as_ref().map_or(0, VecDeque::len)
    }
}

/// Blocks for which there is room at once, when there is more than one.
const FEW: usize = 15;

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: Limits = Limits { blocks: 4, octets: 10 };

    #[test]
    fn blocks_leave_in_the_order_they_came_also_when_it_runs_empty_between() {
        let mut queue = Queue::default();
        queue.push("a".into());
        queue.push("b".into());
        assert_eq!(queue.pop().unwrap(), "a");
        queue.push("c".into());
        assert_eq!([queue.pop().unwrap(), queue.pop().unwrap()], ["b", "c"]);
        assert!(queue.pop().is_none() && queue.is_empty());
        queue.push("d".into());
        assert_eq!(queue.pop().unwrap(), "d");
    }

    #[test]
    fn it_is_bounded_by_number_and_by_octets_but_takes_one_block_of_any_size() {
        let mut queue = Queue::default();
        assert!(queue.has_room(99, LIMITS));
        queue.push("123456".into());
        assert!(queue.has_room(4, LIMITS) && !queue.has_room(5, LIMITS));
        for _ in 0..3 {
            queue.push(Bytes::new());
        }
        assert!(!queue.has_room(0, LIMITS) && !queue.is_low(LIMITS));
        queue.pop();
        queue.pop();
        assert!(queue.is_low(LIMITS));
    }
}

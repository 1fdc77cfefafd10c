//! Blocks: a key that did not fit stays refused for a while, each time for longer.
//!
//! The state lives beside the key's counter and changes in the same step. The clock that steps back prolongs a block
//! by as much, as it does every wait.

use crate::time::{Nanos, Timestamp};

/// `block for D doubling up to D2 forget after D3`: a key that did not fit stays refused for a while.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Block {
    /// How long the first block lasts.
    pub first: Nanos,
    /// The longest one. As long as the first where blocks do not double.
    pub up_to: Nanos,
    /// After this long without a block the next is a first one again.
    pub forget: Nanos,
}

/// The last block of a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct State {
    /// How many blocks followed each other: the first is 1.
    pub level: u32,
    /// The first instant at which it no longer runs.
    pub until: Timestamp,
}

impl State {
    /// How long it still runs; `None` if it does not.
    #[must_use]
    pub fn remaining(&self, now: Timestamp) -> Option<Nanos> {
        (now < self.until).then(|| self.until.since(now))
    }
}

impl Block {
    /// The block that a charge sets off which does not fit while none runs.
    #[must_use]
    pub fn set_off(&self, last: Option<State>, now: Timestamp) -> State {
        let known = last.filter(|last| now < self.forgotten_at(last));
        let level = known.map_or(1, |last| last.level.saturating_add(1));
        State { level, until: now.after(self.length(level)) }
    }

    /// From this instant on the state equals none at all.
    #[must_use]
    pub fn forgotten_at(&self, last: &State) -> Timestamp {
        last.until.after(self.forget.max(Nanos::ZERO))
    }

    /// How long a block of this level lasts: at least a nanosecond, or it would not be one.
    fn length(&self, level: u32) -> Nanos {
        let first = self.first.max(Nanos(1));
        let doubled = 1_i64
            .checked_shl(level.saturating_sub(1))
            .filter(|times| *times > 0)
            .and_then(|times| first.0.checked_mul(times))
            .map_or(self.up_to, Nanos);
        doubled.min(self.up_to).max(first)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DOUBLING: Block = Block { first: Nanos(10), up_to: Nanos(60), forget: Nanos(100) };

    #[test]
    fn each_block_doubles_up_to_the_longest() {
        let (mut last, mut now, mut lengths) = (None, Timestamp(0), Vec::new());
        for _ in 0..70 {
            let block = DOUBLING.set_off(last, now);
            lengths.push(block.until.since(now).0);
            assert_eq!(block.remaining(Timestamp(block.until.0 - 1)), Some(Nanos(1)));
            assert_eq!(block.remaining(block.until), None);
            (last, now) = (Some(block), block.until.after(Nanos(99)));
        }
        assert_eq!(lengths[..5], [10, 20, 40, 60, 60]);
        assert!(lengths[5..].iter().all(|length| *length == 60));
    }

    #[test]
    fn a_block_is_forgotten_after_as_long_without_one() {
        let first = DOUBLING.set_off(None, Timestamp(0));
        let second = DOUBLING.set_off(Some(first), Timestamp(109));
        assert_eq!((second.level, second.until), (2, Timestamp(129)));
        let again = DOUBLING.set_off(Some(first), Timestamp(110));
        assert_eq!((again.level, again.until), (1, Timestamp(120)));
        assert_eq!(DOUBLING.forgotten_at(&first), Timestamp(110));
    }

    #[test]
    fn without_doubling_every_block_is_as_long_as_the_first() {
        let plain = Block { first: Nanos(10), up_to: Nanos(10), forget: Nanos(10) };
        let mut last = None;
        for now in [0, 10, 20, 30] {
            let block = plain.set_off(last, Timestamp(now));
            assert_eq!(block.until, Timestamp(now + 10));
            last = Some(block);
        }
    }

    #[test]
    fn a_clock_that_steps_back_ends_no_block() {
        let block = DOUBLING.set_off(None, Timestamp(100));
        assert_eq!(block.remaining(Timestamp(40)), Some(Nanos(70)));
    }

    #[test]
    fn a_block_beyond_the_range_of_instants_lasts_to_its_end() {
        let long = Block { first: Nanos(i64::MAX), up_to: Nanos(i64::MAX), forget: Nanos(i64::MAX) };
        let block = long.set_off(None, Timestamp(5));
        assert_eq!(block.until, Timestamp::MAX);
        assert_eq!(long.set_off(Some(block), Timestamp(6)).level, 2);
        assert_eq!(long.forgotten_at(&block), Timestamp::MAX);
    }
}

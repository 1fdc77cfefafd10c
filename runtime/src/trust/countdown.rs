//! Which decisions are recomputed: one in so many, at random, at the cost of a decrement for all others.

use std::{
    cell::Cell,
    hash::{BuildHasher as _, RandomState},
};

thread_local! {
    /// After how many decisions of this thread the next is recomputed, that one included; 0 where none was drawn.
    static LEFT: Cell<u32> = const { Cell::new(0) };
    /// The state of this thread's random numbers; 0 where they have not begun.
    static RANDOM: Cell<u64> = const { Cell::new(0) };
}

/// Counts the decisions of each thread down.
///
/// The distance to the next is drawn anew each time, so that no rhythm of the requests, nor of limiters that take turns,
/// keeps any decision from being looked at, and nobody knows which it will be.
#[derive(Debug, Clone, Copy)]
pub(super) struct Countdown {
    /// The greatest distance; 0 for never. The least is 1.
    most: u32,
}

impl Countdown {
    /// One in `every` on average, none where that is 0.
    pub(super) const fn new(every: u32) -> Self {
        Self { most: every.saturating_mul(2).saturating_sub(1) }
    }

    /// Whether this decision is one of them.
    #[inline]
    pub(super) fn is_due(self) -> bool {
        if self.most == 0 {
            return false;
        }
        let left = LEFT.get();
        if left > 1 && left <= self.most {
            LEFT.set(left - 1);
            return false;
        }
        self.renew(left)
    }

    /// Draws a distance: the countdown has ended, has not begun, or is another limiter's of longer distances.
    #[cold]
    fn renew(self, left: u32) -> bool {
        let drawn = self.draw();
        if left == 1 || drawn == 1 {
            LEFT.set(if left == 1 { drawn } else { self.draw() });
            return true;
        }
        LEFT.set(drawn - 1);
        false
    }

    /// A distance from 1 to the greatest.
    fn draw(self) -> u32 {
        let drawn = random() % u64::from(self.most);
        u32::try_from(drawn).unwrap_or(0) + 1
    }
}

/// The next of this thread's random numbers, by splitmix64 (Steele, Lea and Flood 2014).
fn random() -> u64 {
    let state = match RANDOM.get() {
        0 => RandomState::new().hash_one("countdown"),
        state => state,
    };
    let state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    RANDOM.set(state);
    let mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

#[cfg(test)]
mod tests {
    use super::{Countdown, LEFT, RANDOM};

    fn due(countdown: Countdown, decisions: u32) -> usize {
        (0..decisions).filter(|_| countdown.is_due()).count()
    }

    #[test]
    fn none_is_due_where_none_is_asked_for() {
        assert_eq!(due(Countdown::new(0), 1_000), 0);
    }

    #[test]
    fn every_one_is_due_where_all_are_asked_for() {
        assert_eq!(due(Countdown::new(1), 1_000), 1_000);
    }

    #[test]
    #[cfg_attr(miri, ignore = "takes too long there")]
    fn one_in_so_many_is_due_on_average() {
        RANDOM.set(7);
        for every in [2, 10, 100] {
            LEFT.set(0);
            let found = due(Countdown::new(every), 100_000 * every);
            assert!((98_000..102_000).contains(&found), "{every}: {found}");
        }
    }

    #[test]
    #[cfg_attr(miri, ignore = "takes too long there")]
    fn limiters_that_take_turns_are_all_looked_at() {
        RANDOM.set(7);
        LEFT.set(0);
        let (often, rarely) = (Countdown::new(10), Countdown::new(1_000));
        let mut found = [0; 2];
        for _ in 0..100_000 {
            found[0] += usize::from(often.is_due());
            found[1] += usize::from(rarely.is_due());
        }
        assert!(found[0] > 1_000 && found[1] > 10, "{found:?}");
    }

    #[test]
    #[cfg_attr(miri, ignore = "takes too long there")]
    fn a_thread_that_decides_once_has_its_chance() {
        RANDOM.set(7);
        let found = (0..10_000).filter(|_| {
            LEFT.set(0);
            Countdown::new(10).is_due()
        });
        assert!((300..2_000).contains(&found.count()));
    }
}

//! The clocks of callers whose calls go by them, for dropping what is idle.
//!
//! The server drops what is idle by its own clock. Where callers have another one, a replay of last year for example, that
//! would drop what still counts for them: so what they said last is heeded too, for a while after they said it.

use std::sync::atomic::{AtomicI64, AtomicU32, Ordering::Relaxed};

use limitrate_core::time::Timestamp;

/// For how many rounds of dropping the callers of an earlier one are heeded. One call by a clock of its own must not keep
/// all that is idle for ever.
const ROUNDS: u32 = 6;

/// Says that there were no such calls.
const NONE: i64 = i64::MAX;

/// What callers say of their clocks.
#[derive(Debug)]
pub(super) struct Callers {
    /// The earliest instant since the last round.
    earliest: AtomicI64,
    /// The earliest one of the last round that had any.
    last: AtomicI64,
    /// For how many rounds more it is heeded.
    rounds: AtomicU32,
}

impl Default for Callers {
    fn default() -> Self {
        Self { earliest: AtomicI64::new(NONE), last: AtomicI64::new(NONE), rounds: AtomicU32::new(0) }
    }
}

impl Callers {
    /// Takes note of a call by its caller's clock.
    pub(super) fn note(&self, now: Timestamp) {
        if now.0 < self.earliest.load(Relaxed) {
            self.earliest.fetch_min(now.0, Relaxed);
        }
    }

    /// The instant to heed in the round that begins.
    pub(super) fn take(&self) -> Option<Timestamp> {
        let earliest = self.earliest.swap(NONE, Relaxed);
        if earliest != NONE {
            self.last.store(earliest, Relaxed);
            self.rounds.store(ROUNDS, Relaxed);
            return Some(Timestamp(earliest));
        }
        let more = |rounds: u32| rounds.checked_sub(1).filter(|left| *left > 0);
        let is_heeded = self.rounds.fetch_update(Relaxed, Relaxed, more).is_ok();
        is_heeded.then(|| Timestamp(self.last.load(Relaxed)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_caller_is_heeded_for_a_while_and_then_no_more() {
        let callers = Callers::default();
        assert_eq!(callers.take(), None);
        callers.note(Timestamp(7));
        callers.note(Timestamp(5));
        callers.note(Timestamp(9));
        for _ in 0..ROUNDS {
            assert_eq!(callers.take(), Some(Timestamp(5)));
        }
        assert_eq!(callers.take(), None);
        callers.note(Timestamp(9));
        assert_eq!(callers.take(), Some(Timestamp(9)));
    }
}

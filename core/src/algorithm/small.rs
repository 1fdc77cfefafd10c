//! States of a few words, and the whole of a plain charge on one in a single pass.
//!
//! [`Algorithm::judge`], [`Algorithm::take`] and [`Algorithm::status`] define what a charge comes to. Each works out anew
//! where the counter stands; a store that does one after the other asks [`Algorithm::charge`] instead. It answers in
//! 64-bit arithmetic where all numbers fit, as they nearly always do, and by the three where they do not.

use super::{Algorithm, LeaseId, Refusal, State, Status, Terms, bucket, fixed_window, sliding_window};
use crate::time::Timestamp;

/// A state that is a few words: of a window or a bucket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Small {
    /// Of a fixed window.
    FixedWindow(fixed_window::State),
    /// Of a sliding window.
    SlidingWindow(sliding_window::State),
    /// Of any bucket.
    Bucket(bucket::State),
}

/// What a charge that must fit came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Charged {
    /// Whether it fit.
    pub judged: Result<(), Refusal>,
    /// What is to be stored, and from when on that equals no state at all; `None` if nothing changes.
    pub fresh: Option<(Small, Timestamp)>,
    /// The counter after it: charged if the charge fit, untouched otherwise.
    pub status: Status,
}

impl Small {
    /// The state in a few words; `None` of a list.
    #[inline]
    #[must_use]
    pub const fn of(state: &State) -> Option<Self> {
        match state {
            State::FixedWindow(state) => Some(Self::FixedWindow(*state)),
            State::SlidingWindow(state) => Some(Self::SlidingWindow(*state)),
            State::Bucket(state) => Some(Self::Bucket(*state)),
            State::SlidingLog(_) | State::InFlight(_) => None,
        }
    }
}

impl From<Small> for State {
    #[inline]
    fn from(small: Small) -> Self {
        match small {
            Small::FixedWindow(state) => Self::FixedWindow(state),
            Small::SlidingWindow(state) => Self::SlidingWindow(state),
            Small::Bucket(state) => Self::Bucket(state),
        }
    }
}

impl Algorithm {
    /// Judges a cost, takes it if it fits, and reads what is left: of counters in a few words.
    ///
    /// The counter of a list is judged and read as if it had never been seen, and `fresh` is `None`.
    // A store that knows which kind of state it has keeps of this only the arm for it. Terms are borrowed since they have
    // just been written: to copy them in wider pieces would wait for that.
    #[inline(always)]
    #[must_use]
    pub fn charge(&self, state: Option<Small>, terms: &Terms, now: Timestamp, cost: i64) -> Charged {
        let quick = match (self, state) {
            (Self::Bucket(span), Some(Small::Bucket(state))) => {
                bucket::charge(*span, state, terms, now, cost)
            }
            (Self::SlidingWindow(span), Some(Small::SlidingWindow(state))) => {
                sliding_window::charge(*span, state, terms.ceiling, now, cost)
            }
            (Self::FixedWindow(_), Some(Small::FixedWindow(state))) => {
                fixed_window::charge(state, terms.ceiling, now, cost)
            }
            // Never seen, of another algorithm, or of a list.
            (
                Self::FixedWindow(_)
                | Self::SlidingLog(_)
                | Self::SlidingWindow(_)
                | Self::Bucket(_)
                | Self::InFlight(_),
                _,
            ) => None,
        };
        quick.unwrap_or_else(|| self.charge_in_steps(state, terms, now, cost))
    }

    /// What [`Self::charge`] comes to, by definition.
    #[cold]
    #[inline(never)]
    fn charge_in_steps(&self, state: Option<Small>, terms: &Terms, now: Timestamp, cost: i64) -> Charged {
        let terms = *terms;
        let mut state = state.map(State::from);
        let judged = self.judge(state.as_ref(), terms, now, cost);
        let mut fresh = None;
        if judged.is_ok() && cost > 0 {
            self.take(&mut state, terms, now, cost, LeaseId(0));
            fresh =
                state.as_ref().and_then(|state| Small::of(state).map(|small| (small, self.idle_at(state))));
        }
        Charged { judged, fresh, status: self.status(state.as_ref(), terms, now) }
    }
}

#[cfg(test)]
mod tests;

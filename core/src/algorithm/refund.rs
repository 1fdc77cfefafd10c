//! Refunds: a cost that was taken before is given back, without a reservation that says where it was taken.
//!
//! What was used last is given back first, and never more than is in use: no balance is lifted above its full state.

use super::{Algorithm, State, Terms, bucket, fixed_window, sliding_window};
use crate::time::Timestamp;

impl Algorithm {
    /// Gives back so much of what is in use at `now`; less than nothing counts as nothing.
    ///
    /// In buckets an amount is worth the time that taking it under `terms` moves. Use that saturated is not given back: it
    /// was more than was counted. Limits in flight are left alone: their leases are released.
    pub fn refund(&self, state: &mut Option<State>, terms: Terms, now: Timestamp, amount: i64) {
        let amount = amount.max(0);
        match self {
            Self::FixedWindow(_) => {
                if let Some(window) = State::fixed_window(state.as_ref()).copied()
                    && let Some(left) =
                        fixed_window::settle(Some(&window), window.start, window.end, now, -amount)
                {
                    *state = Some(State::FixedWindow(left));
                }
            }
            Self::SlidingWindow(span) => {
                let Some(window) = State::sliding_window(state.as_ref()).copied() else { return };
                let (current, previous) = sliding_window::counting(*span, &window, now);
                let from_current = amount.min(current.used);
                let mut left = window;
                for (place, part) in [(current, from_current), (previous, amount - from_current)] {
                    let settled = sliding_window::settle(*span, Some(&left), place.index, now, -part);
                    left = settled.unwrap_or(left);
                }
                *state = Some(State::SlidingWindow(left));
            }
            Self::SlidingLog(span) => {
                let mut log = State::take_sliding_log(state);
                log.give_back(*span, now, amount);
                *state = (!log.is_empty()).then_some(State::SlidingLog(log));
            }
            Self::Bucket(span) => {
                let Some(full) = State::bucket(state.as_ref()) else { return };
                let (tat, ceiling) = (full.tat, terms.ceiling);
                let taken = bucket::Taken { tat, ceiling, lingers: false, reserved: amount };
                if let Some(left) = bucket::settle(*span, Some(full), taken, now, 0) {
                    *state = Some(State::Bucket(left));
                }
            }
            Self::InFlight(_) => {}
        }
    }
}

#[cfg(test)]
mod tests;

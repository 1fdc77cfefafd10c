//! Reservations: what a store keeps of a cost that was taken and is to be replaced by the real one.
//!
//! A hold says where its cost was taken, so that settling changes that window, entry or stretch of a bucket and no
//! other. It is a few integers, which any store can keep under the ticket of a decision until it expires.

use super::{Algorithm, LeaseId, State, Terms, bucket, fixed_window, sliding_log, sliding_window};
use crate::time::Timestamp;

/// What was reserved of one counter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hold {
    /// How much, in base units. Never negative.
    pub reserved: i64,
    /// Where it was taken.
    pub place: Place,
}

/// Where a cost was taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// In the fixed window with these bounds. For a cost of 0 it is the one that would have begun.
    FixedWindow {
        /// Its first instant.
        start: Timestamp,
        /// The first instant after it.
        end: Timestamp,
    },
    /// In the log's entry of this instant.
    SlidingLog(Timestamp),
    /// In the sliding window of this index.
    SlidingWindow(i64),
    /// In a bucket.
    Bucket {
        /// The theoretical arrival time that taking it stored.
        tat: Timestamp,
        /// The ceiling of then: at its rate the difference is taken or given back.
        ceiling: i64,
        /// Whether the key counts as seen for a window after the bucket is full.
        lingers: bool,
    },
    /// Nowhere: settling changes nothing. Of limits in flight, and of buckets without a rate.
    Nowhere,
}

impl Algorithm {
    /// Takes a cost as [`take`](Self::take) does, and says where.
    ///
    /// A cost of 0 changes nothing, but it has a place all the same: settling may take there what it really came to.
    pub fn reserve(
        &self,
        state: &mut Option<State>,
        terms: Terms,
        now: Timestamp,
        cost: i64,
        lease: LeaseId,
    ) -> Place {
        self.take(state, terms, now, cost, lease);
        let state = state.as_ref();
        match self {
            Self::FixedWindow(window) => fixed_window::place(window, State::fixed_window(state), now),
            Self::SlidingLog(_) => sliding_log::place(State::sliding_log(state), now),
            Self::SlidingWindow(span) => sliding_window::place(*span, State::sliding_window(state), now),
            Self::Bucket(span) => bucket::place(*span, State::bucket(state), terms, now),
            Self::InFlight(_) => Place::Nowhere,
        }
    }

    /// Replaces a reserved cost by the actual one, of which less than nothing counts as nothing.
    ///
    /// In windows the difference, of either sign, goes to where the cost was taken; if that no longer counts, nothing
    /// changes. In buckets, what time has refilled is not given back again. More than was reserved is taken past the
    /// ceiling; use never falls below zero, and use that saturated is not given back.
    pub fn settle(&self, state: &mut Option<State>, hold: &Hold, now: Timestamp, actual: i64) {
        let (reserved, actual) = (hold.reserved.max(0), actual.max(0));
        // Both are between 0 and the largest number.
        let difference = actual - reserved;
        match (self, hold.place) {
            (_, _) if difference == 0 => {}
            (Self::FixedWindow(_), Place::FixedWindow { start, end }) => {
                let stored = State::fixed_window(state.as_ref());
                if let Some(settled) = fixed_window::settle(stored, start, end, now, difference) {
                    *state = Some(State::FixedWindow(settled));
                }
            }
            (Self::SlidingLog(span), Place::SlidingLog(at)) => {
                let mut log = State::take_sliding_log(state);
                log.settle(*span, at, now, difference);
                *state = (!log.is_empty()).then_some(State::SlidingLog(log));
            }
            (Self::SlidingWindow(span), Place::SlidingWindow(index)) => {
                let stored = State::sliding_window(state.as_ref());
                if let Some(settled) = sliding_window::settle(*span, stored, index, now, difference) {
                    *state = Some(State::SlidingWindow(settled));
                }
            }
            (Self::Bucket(span), Place::Bucket { tat, ceiling, lingers }) => {
                let taken = bucket::Taken { tat, ceiling, lingers, reserved };
                let stored = State::bucket(state.as_ref());
                if let Some(settled) = bucket::settle(*span, stored, taken, now, actual) {
                    *state = Some(State::Bucket(settled));
                }
            }
            // Of another algorithm, as after the limit changed: what it was taken from is gone.
            (
                Self::FixedWindow(_)
                | Self::SlidingLog(_)
                | Self::SlidingWindow(_)
                | Self::Bucket(_)
                | Self::InFlight(_),
                Place::FixedWindow { .. }
                | Place::SlidingLog(_)
                | Place::SlidingWindow(_)
                | Place::Bucket { .. }
                | Place::Nowhere,
            ) => {}
        }
    }
}

#[cfg(test)]
mod tests;

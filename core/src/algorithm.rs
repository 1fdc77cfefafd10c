//! The arithmetic of a limit: one pure step per algorithm, one type that a store keeps per counter.
//!
//! Every step takes the stored state (`None` is a counter never seen), the [`Terms`] that judge this charge, the
//! instant and the cost. Nothing here reads a clock, holds a map of counters or uses floating point; what saturates,
//! saturates towards "does not fit".
//!
//! The order of a decision is: [`Algorithm::judge`] every charge, then, if all fit, [`Algorithm::take`] each;
//! [`Algorithm::status`] reads `remaining` and `reset_after` of what is stored then. A cost known only afterwards is
//! taken by [`Algorithm::reserve`] and replaced by [`Algorithm::settle`].

pub mod bucket;
pub mod fixed_window;
pub mod hold;
pub mod in_flight;
mod refund;
pub mod sliding_log;
pub mod sliding_window;
mod small;

pub use self::{
    hold::{Hold, Place},
    small::{Charged, Small},
};
use crate::{
    time::{Nanos, Timestamp, saturate},
    window::Window,
};

/// How a limit counts, with everything about it that is part of its counters' identity.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Algorithm {
    /// Counts per window and starts anew at its end.
    FixedWindow(Window),
    /// Keeps every charge of the last window: exact, memory grows with the ceiling.
    SlidingLog(Nanos),
    /// Two counters weighted by time: constant space, nearly the log.
    SlidingWindow(Nanos),
    /// GCRA, token bucket and leaky bucket as a meter: one admission function over the theoretical arrival time.
    Bucket(Nanos),
    /// Leases held at once; each ends by release or after this long.
    InFlight(Nanos),
}

/// The ceiling that judges one charge. It may differ from charge to charge of one counter: branches, plans, reloads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Terms {
    /// How much per window, or how many at once, in base units. Zero or less refuses everything.
    pub ceiling: i64,
    /// Buckets only: what can be taken at once from idle, in base units.
    pub burst: i64,
    /// Buckets only: what a key never seen begins with, when not with a full bucket.
    pub starting: Option<i64>,
}

/// Why a charge did not fit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// It would fit after exactly this long if nothing else were charged, and not a nanosecond sooner. Never zero.
    Wait(Nanos),
    /// It can never fit: its cost is above the ceiling or the burst.
    Never,
}

/// What the answer says of one counter after a decision.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Status {
    /// What could still be taken now, in base units, rounded down, never below zero.
    pub remaining: i64,
    /// Until the window ends, the oldest entry leaves, the bucket is full, the last lease has expired.
    pub reset_after: Nanos,
}

/// Names a lease of an in-flight limit, so that it can be released. Unique within a counter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct LeaseId(pub u64);

/// A counter's stored state. One of another algorithm than the counter's counts as none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum State {
    /// Of a fixed window.
    FixedWindow(fixed_window::State),
    /// Of a sliding log.
    SlidingLog(sliding_log::State),
    /// Of a sliding window.
    SlidingWindow(sliding_window::State),
    /// Of any bucket.
    Bucket(bucket::State),
    /// Of an in-flight limit.
    InFlight(in_flight::State),
}

impl Algorithm {
    /// Whether `cost` fits at `now`. Nothing is charged.
    ///
    /// A cost of 0 always fits, a negative one never does.
    ///
    /// # Errors
    ///
    /// [`Refusal::Wait`] when less is left, [`Refusal::Never`] when the cost is above the ceiling (of a bucket: its
    /// burst), or the ceiling is not above 0.
    #[inline]
    pub fn judge(
        &self,
        state: Option<&State>,
        terms: Terms,
        now: Timestamp,
        cost: i64,
    ) -> Result<(), Refusal> {
        if cost == 0 {
            return Ok(());
        }
        let highest = match self {
            Self::Bucket(_) => terms.burst,
            Self::FixedWindow(_) | Self::SlidingLog(_) | Self::SlidingWindow(_) | Self::InFlight(_) => {
                terms.ceiling
            }
        };
        if cost < 0 || terms.ceiling <= 0 || cost > highest {
            return Err(Refusal::Never);
        }
        match self {
            Self::FixedWindow(_) => fixed_window::judge(State::fixed_window(state), terms.ceiling, now, cost),
            Self::SlidingLog(span) => {
                sliding_log::judge(*span, State::sliding_log(state), terms.ceiling, now, cost)
            }
            Self::SlidingWindow(span) => {
                sliding_window::judge(*span, State::sliding_window(state), terms.ceiling, now, cost)
            }
            Self::Bucket(span) => bucket::judge(*span, State::bucket(state), terms, now, cost),
            Self::InFlight(_) => in_flight::judge(State::in_flight(state), terms.ceiling, now, cost),
        }
    }

    /// Takes a cost that was judged to fit, or is taken regardless, and creates the state if there is none.
    ///
    /// A cost of 0 or less changes nothing. Nor does any cost of a bucket whose ceiling is not above 0: without a rate
    /// it is no stretch of time. Only limits in flight look at `lease`.
    #[inline]
    pub fn take(&self, state: &mut Option<State>, terms: Terms, now: Timestamp, cost: i64, lease: LeaseId) {
        if cost <= 0 {
            return;
        }
        match self {
            Self::FixedWindow(window) => {
                let taken = fixed_window::take(window, State::fixed_window(state.as_ref()), now, cost);
                *state = Some(State::FixedWindow(taken));
            }
            Self::SlidingLog(span) => {
                let mut log = State::take_sliding_log(state);
                log.take(*span, now, cost);
                *state = Some(State::SlidingLog(log));
            }
            Self::SlidingWindow(span) => {
                let taken = sliding_window::take(*span, State::sliding_window(state.as_ref()), now, cost);
                *state = Some(State::SlidingWindow(taken));
            }
            Self::Bucket(span) => {
                if let Some(taken) = bucket::take(*span, State::bucket(state.as_ref()), terms, now, cost) {
                    *state = Some(State::Bucket(taken));
                }
            }
            Self::InFlight(at_most) => {
                let mut leases = State::take_in_flight(state);
                leases.take(*at_most, now, cost, lease);
                *state = Some(State::InFlight(leases));
            }
        }
    }

    /// What is left at `now` and when the counter starts anew.
    #[inline]
    #[must_use]
    pub fn status(&self, state: Option<&State>, terms: Terms, now: Timestamp) -> Status {
        match self {
            Self::FixedWindow(window) => {
                fixed_window::status(window, State::fixed_window(state), terms.ceiling, now)
            }
            Self::SlidingLog(span) => {
                sliding_log::status(*span, State::sliding_log(state), terms.ceiling, now)
            }
            Self::SlidingWindow(span) => {
                sliding_window::status(*span, State::sliding_window(state), terms.ceiling, now)
            }
            Self::Bucket(span) => bucket::status(*span, State::bucket(state), terms, now),
            Self::InFlight(_) => in_flight::status(State::in_flight(state), terms.ceiling, now),
        }
    }

    /// From this instant on the state equals no state at all and may be dropped without changing any decision.
    ///
    /// [`Timestamp::MAX`] stands for never. A store whose clock may step back keeps states a little longer.
    #[must_use]
    pub fn idle_at(&self, state: &State) -> Timestamp {
        let state = Some(state);
        let idle_at = match self {
            Self::FixedWindow(_) => State::fixed_window(state).map(fixed_window::State::idle_at),
            Self::SlidingLog(span) => State::sliding_log(state).map(|log| log.idle_at(*span)),
            Self::SlidingWindow(span) => State::sliding_window(state).map(|window| window.idle_at(*span)),
            Self::Bucket(_) => State::bucket(state).map(bucket::State::idle_at),
            Self::InFlight(_) => State::in_flight(state).map(in_flight::State::idle_at),
        };
        idle_at.unwrap_or(Timestamp::MIN)
    }

    /// What is in use at `now`, in base units; `None` for buckets, which only know when they are full again.
    ///
    /// Of a sliding window it is what counts of both windows, rounded up, so that it and `remaining` add up.
    #[must_use]
    pub fn used(&self, state: Option<&State>, now: Timestamp) -> Option<i64> {
        match self {
            Self::FixedWindow(_) => Some(fixed_window::used(State::fixed_window(state), now)),
            Self::SlidingLog(span) => Some(sliding_log::used(*span, State::sliding_log(state), now)),
            Self::SlidingWindow(span) => Some(sliding_window::used(*span, State::sliding_window(state), now)),
            Self::Bucket(_) => None,
            Self::InFlight(_) => Some(in_flight::used(State::in_flight(state), now)),
        }
    }

    /// Makes this much be in use at `now`, as if charged just then; less than nothing counts as nothing.
    ///
    /// A limit in flight then holds one lease of that weight, named `LeaseId(0)`. False, and no change, for buckets.
    pub fn set_used(&self, state: &mut Option<State>, now: Timestamp, used: i64) -> bool {
        let used = used.max(0);
        match self {
            Self::FixedWindow(window) => {
                let set = fixed_window::set_used(window, State::fixed_window(state.as_ref()), now, used);
                *state = Some(State::FixedWindow(set));
            }
            Self::SlidingLog(span) => {
                *state = sliding_log::State::with_used(*span, now, used).map(State::SlidingLog);
            }
            Self::SlidingWindow(span) => {
                let set = sliding_window::set_used(*span, State::sliding_window(state.as_ref()), now, used);
                *state = Some(State::SlidingWindow(set));
            }
            Self::Bucket(_) => return false,
            Self::InFlight(at_most) => {
                *state = in_flight::State::with_used(*at_most, now, used).map(State::InFlight);
            }
        }
        true
    }
}

impl State {
    /// How many bytes are allocated for it beside its own.
    #[inline]
    #[must_use]
    pub fn heap_bytes(&self) -> usize {
        match self {
            Self::FixedWindow(_) | Self::SlidingWindow(_) | Self::Bucket(_) => 0,
            Self::SlidingLog(log) => log.heap_bytes(),
            Self::InFlight(leases) => leases.heap_bytes(),
        }
    }

    #[inline]
    fn fixed_window(state: Option<&Self>) -> Option<&fixed_window::State> {
        if let Some(Self::FixedWindow(state)) = state { Some(state) } else { None }
    }

    #[inline]
    fn sliding_log(state: Option<&Self>) -> Option<&sliding_log::State> {
        if let Some(Self::SlidingLog(state)) = state { Some(state) } else { None }
    }

    #[inline]
    fn sliding_window(state: Option<&Self>) -> Option<&sliding_window::State> {
        if let Some(Self::SlidingWindow(state)) = state { Some(state) } else { None }
    }

    #[inline]
    fn bucket(state: Option<&Self>) -> Option<&bucket::State> {
        if let Some(Self::Bucket(state)) = state { Some(state) } else { None }
    }

    #[inline]
    fn in_flight(state: Option<&Self>) -> Option<&in_flight::State> {
        if let Some(Self::InFlight(state)) = state { Some(state) } else { None }
    }

    fn take_sliding_log(state: &mut Option<Self>) -> sliding_log::State {
        if let Some(Self::SlidingLog(log)) = state.take() { log } else { sliding_log::State::default() }
    }

    fn take_in_flight(state: &mut Option<Self>) -> in_flight::State {
        if let Some(Self::InFlight(leases)) = state.take() { leases } else { in_flight::State::default() }
    }
}

/// The refusal of what fits from `instant` on, which is after `now`.
fn wait_until(instant: i128, now: Timestamp) -> Refusal {
    Refusal::Wait(Nanos(saturate(instant - i128::from(now.0)).max(1)))
}

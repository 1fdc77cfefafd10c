//! The places at which a store keeps counters, each with a breaker of its own: what keeps one from answering says nothing of the
//! others.
//!
//! A call asks all places that its counters are at. Where one of them is left alone, the call is not made.

use std::{
    hash::{BuildHasher as _, RandomState},
    sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed},
    time::Duration,
};

use limitrate_core::key::CounterKey;
use parking_lot::Mutex;
use smallvec::SmallVec;
use tokio::time::Instant;

use super::{
    OnSwitch, Switch,
    breaker::{Asked, Breaker, BreakerOptions, Permit, State},
};
use crate::store::{Store, StoreError};

/// How many places are told apart. Of more, some share a breaker.
const PLACES: usize = 64;

/// A place, and one of a call's counters that it keeps.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place {
    number: usize,
    pub(super) counter: CounterKey,
}

impl Place {
    /// Whether it is all that there is, as far as is known.
    pub(super) const fn is_first(&self) -> bool {
        self.number == 0
    }
}

/// The places that a call asks.
pub(super) type Concerned = SmallVec<[Place; 2]>;

/// See the [module](self).
pub(super) struct Places {
    breakers: Vec<Mutex<Breaker>>,
    /// How many of them are not closed, to be looked at without their locks.
    away: AtomicUsize,
    began: Instant,
    on_switch: Option<OnSwitch>,
    /// Drawn for each failure.
    jitter: RandomState,
    failures: AtomicU64,
}

/// Whether a call may be made.
pub(super) enum Allowed<'g> {
    /// It may. What came of it is to be recorded.
    Ask(Recording<'g>),
    /// It may not.
    Skip,
    /// It may not; and whoever gets this must probe this place, and record what came of that.
    SkipAndProbe(Recording<'g>, Place),
}

impl Places {
    pub(super) fn new(options: BreakerOptions, on_switch: Option<OnSwitch>) -> Self {
        Self {
            breakers: (0..PLACES).map(|_| Mutex::new(Breaker::new(options))).collect(),
            away: AtomicUsize::new(0),
            began: Instant::now(),
            on_switch,
            jitter: RandomState::new(),
            failures: AtomicU64::new(0),
        }
    }

    /// Where a store keeps counters, each place once.
    pub(super) fn of(store: &dyn Store, counters: impl Iterator<Item = CounterKey>) -> Concerned {
        let mut concerned = Concerned::new();
        for counter in counters {
            let number = store.place_of(counter);
            if !concerned.iter().any(|place| place.number == number) {
                concerned.push(Place { number, counter });
            }
        }
        concerned
    }

    /// Whether all calls go to the store, wherever it keeps their counters.
    pub(super) fn are_well(&self) -> bool {
        self.away.load(Relaxed) == 0
    }

    /// Whether any calls go to this place.
    pub(super) fn is_asked(&self, number: usize) -> bool {
        self.are_well() || self.breaker(number).is_none_or(|breaker| breaker.lock().state() != State::Open)
    }

    /// What is true of the place that is worst off.
    pub(super) fn state(&self) -> State {
        let states = || self.breakers.iter().map(|breaker| breaker.lock().state());
        match self.are_well() {
            true => State::Closed,
            false if states().any(|state| state == State::Open) => State::Open,
            false if states().any(|state| state == State::Recovering) => State::Recovering,
            false => State::Closed,
        }
    }

    /// Asks for a call.
    pub(super) fn permit(&self, concerned: &[Place]) -> Allowed<'_> {
        let now = self.began.elapsed();
        let mut recording = Recording { places: self, asked: SmallVec::new() };
        for place in concerned {
            let Some(breaker) = self.breaker(place.number) else { continue };
            let permit = breaker.lock().permit(now);
            match permit {
                Permit::Ask(asked) => recording.asked.push((place.number, asked)),
                Permit::Skip => return Allowed::Skip,
                Permit::SkipAndProbe(asked) => {
                    let probing = SmallVec::from_elem((place.number, asked), 1);
                    return Allowed::SkipAndProbe(Recording { places: self, asked: probing }, *place);
                }
            }
        }
        Allowed::Ask(recording)
    }

    /// How long until the last of these places is probed, if any is left alone.
    pub(super) fn next_probe(&self, concerned: &[Place]) -> Option<Duration> {
        let breakers = concerned.iter().filter_map(|place| self.breaker(place.number));
        let last = breakers.filter_map(|breaker| breaker.lock().next_probe()).max();
        last.map(|at| at.saturating_sub(self.began.elapsed()))
    }

    fn breaker(&self, number: usize) -> Option<&Mutex<Breaker>> {
        self.breakers.get(number % PLACES)
    }

    /// Changes a breaker, and tells if that made it switch.
    fn change(&self, number: usize, why: Option<&'static str>, change: impl FnOnce(&mut Breaker)) {
        let Some(breaker) = self.breaker(number) else { return };
        let (before, after) = {
            let mut breaker = breaker.lock();
            let before = breaker.state();
            change(&mut breaker);
            (before, breaker.state())
        };
        if before == after {
            return;
        }
        if before == State::Closed {
            self.away.fetch_add(1, Relaxed);
            metrics::gauge!("limitrate_store_away").increment(1.0);
        } else if after == State::Closed {
            self.away.fetch_sub(1, Relaxed);
            metrics::gauge!("limitrate_store_away").decrement(1.0);
        }
        let (switch, word) = match after {
            State::Open => (Switch::Away { why: why.unwrap_or("unknown") }, "away"),
            State::Recovering => (Switch::Recovering, "recovering"),
            State::Closed => (Switch::Back, "back"),
        };
        metrics::counter!("limitrate_store_switches_total", "to" => word).increment(1);
        match switch {
            Switch::Away { why } => {
                tracing::warn!(
                    why,
                    place = number,
                    "the store is away: limits decide by their `fail` clauses"
                );
            }
            Switch::Recovering => {
                tracing::info!(place = number, "the store answers again: a few calls go to it");
            }
            Switch::Back => tracing::info!(place = number, "the store is back"),
        }
        if let Some(told) = &self.on_switch {
            told(switch);
        }
    }

    /// Below 1 000, another each time.
    fn jitter(&self) -> u32 {
        let drawn = self.jitter.hash_one(self.failures.fetch_add(1, Relaxed));
        u32::try_from(drawn % 1_000).unwrap_or(0)
    }
}

/// A call that breakers wait to hear of; dropped with its future, it says that nobody will.
pub(super) struct Recording<'g> {
    places: &'g Places,
    asked: ToRecord,
}

/// What breakers wait to hear of, to be taken to another task.
pub(super) type ToRecord = SmallVec<[(usize, Asked); 2]>;

impl<'g> Recording<'g> {
    /// To be recorded by another task, which must make it [again](Self::again).
    pub(super) fn into_asked(mut self) -> ToRecord {
        std::mem::take(&mut self.asked)
    }

    /// What another task is to record.
    pub(super) const fn again(places: &'g Places, asked: ToRecord) -> Self {
        Self { places, asked }
    }

    /// Says what came of it. Where a call over several places failed, those are to blame that the store misses, if it misses any.
    pub(super) fn record(mut self, store: &dyn Store, error: Option<&StoreError>) {
        let asked = std::mem::take(&mut self.asked);
        let places = self.places;
        match error {
            // A store that tells what is wrong with one counter of its is there.
            None | Some(StoreError::Corrupt { .. }) => {
                for (number, asked) in asked {
                    places.change(number, None, |breaker| breaker.succeeded(asked));
                }
            }
            Some(error) => {
                let (now, jitter) = (places.began.elapsed(), places.jitter());
                metrics::counter!("limitrate_store_failures_total", "kind" => error.word()).increment(1);
                let missing: SmallVec<[bool; 2]> =
                    asked.iter().map(|(number, _)| asked.len() == 1 || store.is_missing(*number)).collect();
                let any = missing.iter().any(|is_missing| *is_missing);
                for ((number, asked), is_missing) in asked.into_iter().zip(missing) {
                    let is_to_blame = is_missing || !any;
                    places.change(number, Some(error.word()), |breaker| match is_to_blame {
                        true => breaker.failed(asked, now, jitter),
                        false => breaker.abandoned(asked),
                    });
                }
            }
        }
    }
}

impl Drop for Recording<'_> {
    fn drop(&mut self) {
        for (number, asked) in std::mem::take(&mut self.asked) {
            self.places.change(number, None, |breaker| breaker.abandoned(asked));
        }
    }
}

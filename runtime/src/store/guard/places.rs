//! The places at which a store keeps counters, each with a breaker of its own: what keeps one from answering says nothing of the
//! others.
//!
//! A call asks all places that its counters are at. Where one of them is left alone, the call is not made; but where nothing depends
//! on it, because it keeps counters of shadow charges only, the call is made without these.

use std::{
    hash::{BuildHasher as _, RandomState},
    sync::atomic::{AtomicU64, Ordering::Relaxed},
    time::Duration,
};

use parking_lot::Mutex;
use smallvec::SmallVec;
use tokio::time::Instant;

use super::{
    OnSwitch, Switch,
    breaker::{Asked, Breaker, BreakerOptions, Permit, State},
    concerned::{Concerned, PLACES, Place},
};
use crate::store::{Charged, Store, StoreError};

/// Why a place is left alone that counted shadow charges nowhere: the call was answered, so that no error says more.
const UNCOUNTED: &str = "uncounted";

/// See the [module](self).
pub(super) struct Places {
    guards: Vec<Mutex<PlaceGuard>>,
    /// A bit for each of them that is not closed, to be looked at without their locks.
    away: AtomicU64,
    began: Instant,
    on_switch: Option<OnSwitch>,
    /// Drawn for each failure.
    jitter: RandomState,
    failures: AtomicU64,
}

/// The breaker of a place.
struct PlaceGuard {
    breaker: Breaker,
    /// The place that opened it last.
    place: usize,
}

/// Whether a call may be made.
pub(super) struct Allowed<'g> {
    /// What is to be recorded of the call; without it, it may not be made.
    pub(super) call: Option<Recording<'g>>,
    /// The places whose charges are left out of the call.
    pub(super) left_out: LeftOut,
    /// Whoever gets these must probe each place, and record what came of that.
    pub(super) probes: SmallVec<[(Recording<'g>, Place); 1]>,
}

/// Places by their numbers.
pub(super) type LeftOut = SmallVec<[usize; 2]>;

impl Places {
    pub(super) fn new(options: BreakerOptions, on_switch: Option<OnSwitch>) -> Self {
        Self {
            guards: (0..PLACES)
                .map(|place| Mutex::new(PlaceGuard { breaker: Breaker::new(options), place }))
                .collect(),
            away: AtomicU64::new(0),
            began: Instant::now(),
            on_switch,
            jitter: RandomState::new(),
            failures: AtomicU64::new(0),
        }
    }

    /// Whether all calls go to the store, wherever it keeps their counters.
    pub(super) fn are_well(&self) -> bool {
        self.away.load(Relaxed) == 0
    }

    /// Whether any calls go to this place.
    pub(super) fn is_asked(&self, number: usize) -> bool {
        self.are_well() || self.guard(number).is_none_or(|guard| guard.lock().breaker.state() != State::Open)
    }

    /// What is true of the place that is worst off.
    pub(super) fn state(&self) -> State {
        let states: SmallVec<[State; 2]> = self.away().map(|guard| guard.lock().breaker.state()).collect();
        let worst = [State::Open, State::Recovering].into_iter().find(|state| states.contains(state));
        worst.unwrap_or(State::Closed)
    }

    /// Asks for a call.
    pub(super) fn permit(&self, store: &dyn Store, concerned: &Concerned) -> Allowed<'_> {
        self.forget_gone(store);
        let now = self.began.elapsed();
        let recording = |asked| Recording { places: self, asked };
        let (mut asked, mut left_out, mut probes) =
            (recording(ToRecord::new()), LeftOut::new(), SmallVec::new());
        for place in concerned.places() {
            let Some(guard) = self.guard(place.number) else { continue };
            let permit = guard.lock().breaker.permit(now);
            match permit {
                Permit::Ask(permit) => {
                    asked.asked.push((*place, permit));
                    continue;
                }
                Permit::Skip => {}
                Permit::SkipAndProbe(permit) => {
                    probes.push((recording(SmallVec::from_elem((*place, permit), 1)), *place));
                }
            }
            if !place.in_shadow {
                return Allowed { call: None, left_out, probes };
            }
            left_out.push(place.number);
        }
        let is_anything = left_out.is_empty() || !asked.asked.is_empty();
        Allowed { call: is_anything.then_some(asked), left_out, probes }
    }

    /// How long until the last of the places is probed that a call needs, if any is left alone.
    pub(super) fn next_probe(&self, concerned: &Concerned) -> Option<Duration> {
        let guards = concerned.needed().filter_map(|place| self.guard(place.number));
        let last = guards.filter_map(|guard| guard.lock().breaker.next_probe()).max();
        last.map(|at| at.saturating_sub(self.began.elapsed()))
    }

    fn guard(&self, number: usize) -> Option<&Mutex<PlaceGuard>> {
        self.guards.get(number % PLACES)
    }

    /// Those that were not closed just now.
    fn away(&self) -> impl Iterator<Item = &Mutex<PlaceGuard>> {
        let away = self.away.load(Relaxed);
        let is_away = move |index: usize| away & (1 << (index % PLACES)) != 0;
        let some = if away == 0 { &[] } else { self.guards.as_slice() };
        some.iter().enumerate().filter(move |(index, _)| is_away(*index)).map(|(_, guard)| guard)
    }

    /// Forgets what is held against places that the store does not use any more: no call would find them back.
    fn forget_gone(&self, store: &dyn Store) {
        for guard in self.away() {
            let place = guard.lock().place;
            if !store.has_place(place) {
                self.change(place, None, Breaker::reset);
            }
        }
    }

    /// Changes a breaker, and tells if that made it switch.
    fn change(&self, number: usize, why: Option<&'static str>, change: impl FnOnce(&mut Breaker)) {
        let Some(guard) = self.guard(number) else { return };
        let (before, after) = {
            let mut guard = guard.lock();
            let before = guard.breaker.state();
            change(&mut guard.breaker);
            let after = guard.breaker.state();
            let bit = 1 << (number % PLACES);
            if before == State::Closed && after != State::Closed {
                guard.place = number;
                self.away.fetch_or(bit, Relaxed);
            } else if before != State::Closed && after == State::Closed {
                self.away.fetch_and(!bit, Relaxed);
            }
            (before, after)
        };
        if before == after {
            return;
        }
        if before == State::Closed {
            metrics::gauge!("limitrate_store_away").increment(1.0);
        } else if after == State::Closed {
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

impl Drop for Places {
    fn drop(&mut self) {
        metrics::gauge!("limitrate_store_away").decrement(f64::from(self.away.load(Relaxed).count_ones()));
    }
}

/// A call that breakers wait to hear of; dropped with its future, it says that nobody will.
pub(super) struct Recording<'g> {
    places: &'g Places,
    asked: ToRecord,
}

/// What breakers wait to hear of, to be taken to another task.
pub(super) type ToRecord = SmallVec<[(Place, Asked); 2]>;

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
    pub(super) fn record(self, store: &dyn Store, error: Option<&StoreError>) {
        match error {
            None => self.answered(store, |_| false, true),
            // A store that tells what is wrong with one counter of its is there; which of several places said so is not known.
            Some(error @ StoreError::Corrupt { .. }) => {
                count_failure(error.word());
                if self.asked.len() == 1 {
                    self.answered(store, |_| false, true);
                }
            }
            Some(error) => self.failed(store, error),
        }
    }

    /// Says what came of charges. A place of shadow charges only may have failed although the call was answered; it is to blame if it
    /// had time.
    pub(super) fn record_charged(
        self,
        store: &dyn Store,
        concerned: &Concerned,
        result: Result<&Charged, &StoreError>,
        had_time: bool,
    ) {
        match result {
            Ok(charged) => {
                self.answered(store, |number| concerned.is_missed(number, &charged.verdicts), had_time);
            }
            Err(error) => self.record(store, Some(error)),
        }
    }

    fn answered(mut self, store: &dyn Store, is_missed: impl Fn(usize) -> bool, had_time: bool) {
        let places = self.places;
        for (Place { number, .. }, asked) in std::mem::take(&mut self.asked) {
            // One that answers, but not what was asked, is there.
            if !is_missed(number) || !store.is_missing(number) {
                places.change(number, None, |breaker| breaker.succeeded(asked));
            } else if had_time {
                count_failure(UNCOUNTED);
                let (now, jitter) = (places.began.elapsed(), places.jitter());
                places.change(number, Some(UNCOUNTED), |breaker| breaker.failed(asked, now, jitter));
            } else {
                places.change(number, None, |breaker| breaker.abandoned(asked));
            }
        }
        places.forget_gone(store);
    }

    fn failed(mut self, store: &dyn Store, error: &StoreError) {
        let asked = std::mem::take(&mut self.asked);
        let places = self.places;
        let (now, jitter) = (places.began.elapsed(), places.jitter());
        count_failure(error.word());
        // Places of shadow charges only fail no call that asks others as well.
        let all = asked.iter().all(|(place, _)| place.in_shadow);
        let (needed, others): (ToRecord, ToRecord) =
            asked.into_iter().partition(|(place, _)| all || !place.in_shadow);
        let missing: SmallVec<[bool; 2]> =
            needed.iter().map(|(place, _)| store.is_missing(place.number)).collect();
        let is_known = needed.len() > 1 && missing.contains(&true);
        for ((place, asked), is_missing) in needed.into_iter().zip(missing) {
            places.change(place.number, Some(error.word()), |breaker| match is_missing || !is_known {
                true => breaker.failed(asked, now, jitter),
                false => breaker.abandoned(asked),
            });
        }
        drop(Self { places, asked: others });
        places.forget_gone(store);
    }
}

fn count_failure(kind: &'static str) {
    metrics::counter!("limitrate_store_failures_total", "kind" => kind).increment(1);
}

impl Drop for Recording<'_> {
    fn drop(&mut self) {
        for (place, asked) in std::mem::take(&mut self.asked) {
            self.places.change(place.number, None, |breaker| breaker.abandoned(asked));
        }
    }
}

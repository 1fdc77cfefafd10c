//! What is known here of one counter: units leased of it, or that it refuses. Read and used up without a lock.
//!
//! One word says which of the two it is and how much, and numbers what stands in the other words. Those change only while the
//! word says that the slot is closed, and opening it gives the next number. Who takes units exchanges the word last: that
//! fails if anything was written since he read it.

use std::sync::atomic::{
    AtomicI64, AtomicU64,
    Ordering::{AcqRel, Acquire, Release},
};

use limitrate_core::{
    algorithm::{Algorithm, Refusal, Status},
    charge::{Charge, Counted, Verdict},
    key::CounterKey,
    time::{Nanos, Timestamp},
};

/// The most units that one slot holds.
pub(super) const MAX_UNITS: i64 = (1 << KIND_AT) - 1;

/// Where in the word the kind stands, above the amount.
const KIND_AT: u32 = 40;
/// Where the number stands.
const NUMBER_AT: u32 = 42;

const AMOUNT: u64 = (1 << KIND_AT) - 1;
const KIND: u64 = 3 << KIND_AT;
const LEASE: u64 = 1 << KIND_AT;
const REFUSAL: u64 = 2 << KIND_AT;

/// A counter's slot, on a cache line of its own.
#[derive(Debug, Default)]
#[repr(align(64))]
pub(super) struct Slot {
    /// Number, kind, amount.
    word: AtomicU64,
    upper: AtomicU64,
    lower: AtomicU64,
    /// What [`terms_of`] says of the charges it is for.
    terms: AtomicU64,
    /// Before this instant it [holds](holds).
    until: AtomicI64,
    /// What the store said was left of the counter.
    remaining: AtomicI64,
    /// When the counter starts anew.
    reset_at: AtomicI64,
    /// Of a refusal: when what was refused fits; [`Timestamp::MAX`] is never.
    fits_at: AtomicI64,
}

/// What a slot is opened with.
#[derive(Debug, Clone, Copy)]
pub(super) struct Content {
    pub(super) key: CounterKey,
    pub(super) terms: u64,
    pub(super) until: Timestamp,
    pub(super) remaining: i64,
    pub(super) reset_at: Timestamp,
    pub(super) what: What,
}

/// What is known of a counter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum What {
    /// So many units are here to be used.
    Lease(i64),
    /// A cost of so much was refused, and fits from then on.
    Refusal(i64, Timestamp),
}

impl Content {
    /// What a counter's slot is opened with of which nothing is known yet.
    pub(super) const fn nothing(key: CounterKey, terms: u64, now: Timestamp) -> Self {
        let until = Timestamp::MIN;
        Self { key, terms, until, remaining: 0, reset_at: now, what: What::Lease(0) }
    }
}

/// What a charge came to.
#[derive(Debug)]
pub(super) enum Taking<'s> {
    /// It was taken from these units.
    Taken(Taken<'s>, Status),
    /// It is known not to fit.
    Refused(Verdict),
}

/// Units that were taken from a slot.
#[derive(Debug)]
pub(super) struct Taken<'s> {
    slot: &'s Slot,
    number: u64,
    units: u64,
}

/// What makes two charges on one counter alike: units leased under the terms of one are not used under others.
#[inline]
pub(super) fn terms_of(charge: &Charge<'_>) -> u64 {
    let span = if let Algorithm::Bucket(span) = charge.algorithm { span.0 } else { 0 };
    let add =
        |sum: u64, part: i64, factor: u64| sum.rotate_left(21) ^ part.cast_unsigned().wrapping_mul(factor);
    let sum = add(0, charge.terms.ceiling, 0x9E37_79B9_7F4A_7C15);
    let sum = add(sum, charge.terms.burst, 0xC2B2_AE3D_27D4_EB4F);
    add(sum, span ^ charge.overshoot.rotate_left(40), 0x1656_67B1_9E37_79F9)
}

/// Whether `now` is before an instant that was set to be this far away at most. By a clock that stepped back since, it is farther
/// away than that, and nothing lasts longer for it.
#[inline]
pub(super) fn holds(until: Timestamp, now: Timestamp, at_most: Nanos) -> bool {
    let left = until.since(now);
    Nanos::ZERO < left && left <= at_most
}

#[expect(clippy::cast_possible_truncation, reason = "both halves are wanted")]
const fn halves(key: CounterKey) -> (u64, u64) {
    ((key.0 >> 64) as u64, key.0 as u64)
}

/// The amount in a word.
const fn amount(word: u64) -> i64 {
    (word & AMOUNT).cast_signed()
}

impl Slot {
    /// Whether it is, or was last, this counter's.
    #[inline]
    pub(super) fn is_of(&self, key: CounterKey) -> bool {
        let (upper, lower) = halves(key);
        self.lower.load(Acquire) == lower && self.upper.load(Acquire) == upper
    }

    /// Decides a charge by what is known here; `None` where that does not decide it. Nothing holds for longer than `span`.
    #[inline]
    pub(super) fn take(
        &self,
        charge: &Charge<'_>,
        terms: u64,
        now: Timestamp,
        span: Nanos,
    ) -> Option<Taking<'_>> {
        let mut word = self.word.load(Acquire);
        let number = word >> NUMBER_AT;
        let kind = word & KIND;
        if kind == 0
            || !self.is_of(charge.counter)
            || self.terms.load(Acquire) != terms
            || !holds(self.until(), now, span)
        {
            return None;
        }
        let remaining = self.remaining.load(Acquire);
        let reset_after = Nanos(self.reset_at.load(Acquire).saturating_sub(now.0).max(0));
        if kind == REFUSAL {
            return self.refused(charge, word, Status { remaining, reset_after }, now);
        }
        let units = u64::try_from(charge.cost).ok()?;
        loop {
            if word >> NUMBER_AT != number || word & KIND != LEASE || word & AMOUNT < units {
                return None;
            }
            match self.word.compare_exchange_weak(word, word - units, AcqRel, Acquire) {
                Ok(_) => {
                    let remaining = remaining.saturating_add(amount(word - units));
                    let taken = Taken { slot: self, number, units };
                    return Some(Taking::Taken(taken, Status { remaining, reset_after }));
                }
                Err(changed) => word = changed,
            }
        }
    }

    fn refused(&self, charge: &Charge<'_>, word: u64, status: Status, now: Timestamp) -> Option<Taking<'_>> {
        let fits_at = self.fits_at.load(Acquire);
        if charge.cost < amount(word).max(1) {
            return None;
        }
        // INVARIANT: what was read belongs together, as the word is still the same.
        self.word.compare_exchange(word, word, AcqRel, Acquire).ok()?;
        let refusal = match fits_at {
            i64::MAX => Refusal::Never,
            at => Refusal::Wait(Nanos(at.saturating_sub(now.0).max(1))),
        };
        Some(Taking::Refused(Verdict::new(Err(refusal), status, Counted::Own)))
    }

    /// The units in it, if it is open with a lease.
    pub(super) fn units(&self) -> i64 {
        let word = self.word.load(Acquire);
        if word & KIND == LEASE { amount(word) } else { 0 }
    }

    /// Whether it is open with a refusal.
    pub(super) fn is_refusal(&self) -> bool {
        self.word.load(Acquire) & KIND == REFUSAL
    }

    /// Before which instant it holds.
    #[inline]
    fn until(&self) -> Timestamp {
        Timestamp(self.until.load(Acquire))
    }

    /// Whether anything holds here at `now`.
    pub(super) fn is_live(&self, now: Timestamp, span: Nanos) -> bool {
        self.word.load(Acquire) & KIND != 0 && holds(self.until(), now, span)
    }

    /// Closes it, and takes the units that were in it. Called by one thread at a time.
    pub(super) fn close(&self) -> i64 {
        let mut word = self.word.load(Acquire);
        loop {
            let closed = (word >> NUMBER_AT).wrapping_add(1) << NUMBER_AT;
            match self.word.compare_exchange_weak(word, closed, AcqRel, Acquire) {
                Ok(_) => return if word & KIND == LEASE { amount(word) } else { 0 },
                Err(changed) => word = changed,
            }
        }
    }

    /// Opens it, after it was closed, by the same thread.
    pub(super) fn open(&self, content: &Content) {
        let (upper, lower) = halves(content.key);
        self.upper.store(upper, Release);
        self.lower.store(lower, Release);
        self.terms.store(content.terms, Release);
        self.until.store(content.until.0, Release);
        self.remaining.store(content.remaining, Release);
        self.reset_at.store(content.reset_at.0, Release);
        let (kind, amount) = match content.what {
            What::Lease(units) => (LEASE, units),
            What::Refusal(cost, fits_at) => {
                self.fits_at.store(fits_at.0, Release);
                (REFUSAL, cost)
            }
        };
        let number = self.word.load(Acquire) & !(KIND | AMOUNT);
        self.word.store(number | kind | amount.clamp(0, MAX_UNITS).cast_unsigned(), Release);
    }
}

impl Taken<'_> {
    /// Gives the units back; how many there is no place for any more.
    pub(super) fn give_back(self) -> i64 {
        let mut word = self.slot.word.load(Acquire);
        loop {
            if word >> NUMBER_AT != self.number || word & KIND != LEASE {
                return self.units.cast_signed();
            }
            match self.slot.word.compare_exchange_weak(word, word + self.units, AcqRel, Acquire) {
                Ok(_) => return 0,
                Err(changed) => word = changed,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use limitrate_core::algorithm::Terms;

    use super::*;

    const SECOND: i64 = 1_000_000_000;
    const SPAN: Nanos = Nanos(SECOND);
    const ALGORITHM: Algorithm = Algorithm::SlidingWindow(Nanos::from_secs(60));

    fn charge(cost: i64, ceiling: i64) -> Charge<'static> {
        let terms = Terms { ceiling, burst: ceiling, starting: None };
        Charge {
            overshoot: 50_000,
            ..Charge::new(CounterKey((1 << 64) | 7), CounterKey(2), &ALGORITHM, terms, cost)
        }
    }

    fn open(what: What) -> Slot {
        let slot = Slot::default();
        let charge = charge(1, 100);
        let (until, reset_at) = (Timestamp(SECOND), Timestamp(5 * SECOND));
        let terms = terms_of(&charge);
        slot.open(&Content { key: charge.counter, terms, until, remaining: 40, reset_at, what });
        slot
    }

    fn take(slot: &Slot, charge: &Charge<'_>, now: i64) -> Option<(bool, Status)> {
        slot.take(charge, terms_of(charge), Timestamp(now), SPAN).map(|taking| match taking {
            Taking::Taken(_, status) => (true, status),
            Taking::Refused(verdict) => (false, verdict.status),
        })
    }

    #[test]
    fn units_are_used_until_none_is_left() {
        let slot = open(What::Lease(5));
        let status = |remaining| Status { remaining, reset_after: Nanos(5 * SECOND) };
        assert_eq!(take(&slot, &charge(3, 100), 0), Some((true, status(42))));
        assert_eq!(take(&slot, &charge(3, 100), 0), None);
        assert_eq!(take(&slot, &charge(2, 100), 0), Some((true, status(40))));
        assert_eq!(take(&slot, &charge(0, 100), 0), Some((true, status(40))));
        assert_eq!(take(&slot, &charge(-1, 100), 0), None);
    }

    #[test]
    fn a_lease_is_for_its_counter_its_terms_and_its_time() {
        let slot = open(What::Lease(5));
        assert_eq!(take(&slot, &charge(1, 101), 0), None);
        assert_eq!(take(&slot, &Charge { counter: CounterKey(7), ..charge(1, 100) }, 0), None);
        assert_eq!(take(&slot, &Charge { overshoot: 40_000, ..charge(1, 100) }, 0), None);
        assert_eq!(take(&slot, &charge(1, 100), SECOND), None);
        assert!(take(&slot, &charge(1, 100), SECOND - 1).is_some());
        // A clock that stepped back makes nothing last longer.
        assert_eq!(take(&slot, &charge(1, 100), -1), None);
    }

    #[test]
    fn what_was_refused_is_refused_again_and_less_is_asked_for_anew() {
        let slot = open(What::Refusal(3, Timestamp(2 * SECOND)));
        assert_eq!(take(&slot, &charge(2, 100), 0), None);
        let Some(Taking::Refused(verdict)) =
            slot.take(&charge(3, 100), terms_of(&charge(3, 100)), Timestamp(1), SPAN)
        else {
            panic!("not refused")
        };
        assert_eq!(verdict.judged, Err(Refusal::Wait(Nanos(2 * SECOND - 1))));
        assert_eq!(take(&slot, &charge(3, 100), SECOND), None);
    }

    #[test]
    fn units_go_back_only_where_they_came_from() {
        let slot = open(What::Lease(5));
        let taken = |slot: &Slot| -> i64 {
            let charge = charge(2, 100);
            let Some(Taking::Taken(taken, _)) = slot.take(&charge, terms_of(&charge), Timestamp(0), SPAN)
            else {
                panic!("nothing taken")
            };
            taken.give_back()
        };
        assert_eq!((taken(&slot), slot.units()), (0, 5));
        let charge = charge(2, 100);
        let Some(Taking::Taken(taken, _)) = slot.take(&charge, terms_of(&charge), Timestamp(0), SPAN) else {
            panic!("nothing taken")
        };
        assert_eq!(slot.close(), 3);
        assert_eq!(taken.give_back(), 2);
        assert_eq!(slot.units(), 0);
    }
}

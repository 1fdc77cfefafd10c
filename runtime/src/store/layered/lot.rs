//! Units that were leased together, and how long they count in the store.
//!
//! Units are alike: of those in a slot, the ones that cease to count first are taken to be used first. What counts no more is not
//! given back, as that would take from what others used since. Of a bucket, that is what it has refilled.

use std::sync::Arc;

use limitrate_core::{
    algorithm::{Algorithm, Status},
    charge::Charge,
    time::{Nanos, Timestamp},
};

use super::slot::terms_of;
use crate::store::{Call, ClockOf, OwnedCharge};

/// Lots on the same terms that end so close to each other are one, which ends with the first.
const MERGED_WITHIN: Nanos = Nanos(250_000_000);

/// How long to try to return what was leased: after that it stands as used, unless the counter is leased from again.
const RETURN_WITHIN: Nanos = Nanos::from_secs(60);

/// How long before they end units are not given back any more: a call may take so long.
const TOO_LATE: Nanos = Nanos(250_000_000);

/// Units that are charged in the store and not used yet.
#[derive(Debug, Clone)]
pub(super) struct Lot {
    /// The charge they were leased for.
    pub(super) charge: Arc<OwnedCharge>,
    pub(super) clock: ClockOf,
    /// Whether the store goes by another clock than the calls.
    pub(super) is_apart: bool,
    pub(super) units: i64,
    /// When they cease to count in the store.
    pub(super) ends: Timestamp,
    /// When they were looked at last.
    pub(super) seen: Timestamp,
    /// Until when they are tried to be given back.
    pub(super) give_up: Timestamp,
}

/// When units cease to count that were charged just now, if the store says this of their counter.
pub(super) fn ends(algorithm: &Algorithm, status: Status, now: Timestamp) -> Timestamp {
    match algorithm {
        // Until the window is over; until all of the bucket is refilled.
        Algorithm::FixedWindow(_) | Algorithm::Bucket(_) => now.after(status.reset_after),
        // Until the window after it is over.
        Algorithm::SlidingWindow(span) => now.after(status.reset_after).after(*span),
        Algorithm::SlidingLog(span) => now.after(*span),
        Algorithm::InFlight(_) => now,
    }
}

impl Lot {
    pub(super) fn new(
        charge: &Arc<OwnedCharge>,
        call: &Call,
        is_apart: bool,
        units: i64,
        ends: Timestamp,
    ) -> Self {
        let (charge, now) = (Arc::clone(charge), call.now);
        let give_up = now.after(RETURN_WITHIN);
        Self { charge, clock: call.clock, is_apart, units, ends, seen: now, give_up }
    }

    /// How many of its units still count.
    fn counting(&self, now: Timestamp) -> i64 {
        let left = self.ends.since(now);
        let charge = self.charge.borrow();
        let most = match charge.algorithm {
            _ if left == Nanos::ZERO => 0,
            Algorithm::Bucket(span) => {
                // What is worth no more than what is left of the time, where worth is rounded down.
                let worth = (i128::from(left.0) + 1) * i128::from(charge.terms.ceiling) - 1;
                i64::try_from(worth / i128::from(span.0.max(1))).unwrap_or(i64::MAX).max(0)
            }
            Algorithm::FixedWindow(_)
            | Algorithm::SlidingLog(_)
            | Algorithm::SlidingWindow(_)
            | Algorithm::InFlight(_) => i64::MAX,
        };
        self.units.min(most)
    }

    /// Takes a clock for what it is that stepped back: what is left of its time is what was left when it was seen last.
    fn look(&mut self, now: Timestamp) {
        let step = self.seen.since(now);
        self.give_up = Timestamp(self.give_up.0.saturating_sub(step.0));
        if self.is_apart {
            self.ends = Timestamp(self.ends.0.saturating_sub(step.0));
        }
        self.seen = now;
    }

    /// Whether its units may be used for this charge: they were leased on the same terms, or under a ceiling that is no higher.
    pub(super) fn is_for(&self, charge: &Charge<'_>, clock: ClockOf) -> bool {
        let own = self.charge.borrow();
        let is_bucket = matches!(own.algorithm, Algorithm::Bucket(_));
        let is_stricter = !is_bucket && own.terms.ceiling <= charge.terms.ceiling;
        self.clock == clock && (is_stricter || terms_of(&own) == terms_of(charge))
    }

    /// Whether the store gives back its units in one step with those of another.
    fn returns_with(&self, other: &Self) -> bool {
        let (own, other_charge) = (self.charge.borrow(), other.charge.borrow());
        // Of a bucket, units are worth what they were taken for.
        let is_bucket = matches!(own.algorithm, Algorithm::Bucket(_));
        self.clock == other.clock && (!is_bucket || terms_of(&own) == terms_of(&other_charge))
    }

    /// Whether it is worth a call to give it back.
    fn is_due(&self, now: Timestamp) -> bool {
        let is_bucket = matches!(self.charge.borrow().algorithm, Algorithm::Bucket(_));
        let until = if is_bucket { self.ends } else { Timestamp(self.ends.0.saturating_sub(TOO_LATE.0)) };
        now < until && now < self.give_up
    }

    fn merges_with(&self, other: &Self) -> bool {
        let apart = self.ends.since(other.ends).max(other.ends.since(self.ends));
        self.clock == other.clock
            && self.is_apart == other.is_apart
            && apart <= MERGED_WITHIN
            && terms_of(&self.charge.borrow()) == terms_of(&other.charge.borrow())
    }
}

/// Lots of one counter, those first that end first.
#[derive(Debug, Default)]
pub(super) struct Lots(Vec<Lot>);

impl Lots {
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn units(&self) -> i64 {
        self.0.iter().fold(0, |sum, lot| sum.saturating_add(lot.units))
    }

    /// When the first of them ends.
    pub(super) fn ends(&self) -> Option<Timestamp> {
        self.0.first().map(|lot| lot.ends)
    }

    pub(super) fn add(&mut self, lot: Lot) {
        if lot.units <= 0 {
            return;
        }
        if let Some(same) = self.0.iter_mut().find(|other| other.merges_with(&lot)) {
            same.units = same.units.saturating_add(lot.units);
            same.ends = same.ends.min(lot.ends);
            same.seen = same.seen.max(lot.seen);
            same.give_up = same.give_up.max(lot.give_up);
            return;
        }
        let at = self.0.partition_point(|other| other.ends <= lot.ends);
        self.0.insert(at, lot);
    }

    /// Takes them for those of another list.
    pub(super) fn append(&mut self, others: &mut Self) {
        others.0.drain(..).for_each(|lot| self.add(lot));
    }

    pub(super) fn clear(&mut self) {
        self.0.clear();
    }

    /// Leaves so many units: those that end last.
    pub(super) fn keep(&mut self, units: i64) {
        let mut used = self.units().saturating_sub(units);
        for lot in &mut self.0 {
            let part = lot.units.min(used);
            lot.units -= part;
            used -= part;
        }
        self.0.retain(|lot| lot.units > 0);
    }

    /// Looks at the clock, and leaves what still counts.
    pub(super) fn look(&mut self, now: Timestamp) {
        self.0.iter_mut().for_each(|lot| lot.look(now));
        self.0.sort_by_key(|lot| lot.ends);
    }

    /// Leaves what still counts.
    pub(super) fn pass(&mut self, now: Timestamp) {
        for lot in &mut self.0 {
            lot.units = lot.counting(now);
        }
        self.0.retain(|lot| lot.units > 0);
    }

    /// How many units may be used for a charge.
    pub(super) fn units_for(&self, charge: &Charge<'_>, clock: ClockOf) -> i64 {
        let usable = self.0.iter().filter(|lot| lot.is_for(charge, clock));
        usable.fold(0, |sum, lot| sum.saturating_add(lot.units))
    }

    /// Takes out what may be used for a call's charge, up to so many units.
    pub(super) fn take_for(&mut self, charge: &Charge<'_>, call: &Call, most: i64) -> Self {
        let (mut taken, mut room) = (Self::default(), most.max(0));
        let give_up = call.now.after(RETURN_WITHIN);
        for lot in self.0.iter_mut().filter(|lot| lot.is_for(charge, call.clock)) {
            let units = lot.units.min(room);
            lot.units -= units;
            room -= units;
            taken.add(Lot { units, give_up, ..lot.clone() });
        }
        self.0.retain(|lot| lot.units > 0);
        taken
    }

    /// Takes out what is to be given back now: what goes in one call is together.
    pub(super) fn take_due(&mut self, now: Timestamp) -> Vec<Self> {
        let mut due: Vec<Self> = Vec::new();
        let mut left = Vec::new();
        for lot in self.0.drain(..) {
            if !lot.is_due(now) {
                left.push(lot);
                continue;
            }
            let with =
                due.iter_mut().find(|lots| lots.0.first().is_some_and(|other| other.returns_with(&lot)));
            match with {
                Some(lots) => lots.0.push(lot),
                None => due.push(Self(vec![lot])),
            }
        }
        self.0 = left;
        due
    }

    /// Whether any are still to be given back.
    pub(super) fn is_owing(&self, now: Timestamp) -> bool {
        self.0.iter().any(|lot| now < lot.give_up)
    }

    /// A charge on their counter, and whose clock it goes by.
    pub(super) fn charge(&self) -> Option<(Arc<OwnedCharge>, ClockOf)> {
        self.0.first().map(|lot| (Arc::clone(&lot.charge), lot.clock))
    }
}

#[cfg(test)]
mod tests {
    use limitrate_core::{algorithm::Terms, key::CounterKey, window::Window};

    use super::*;
    use crate::store::Ticket;

    const SPAN: Nanos = Nanos(1_000_000_000);
    const LOG: Algorithm = Algorithm::SlidingLog(SPAN);
    const BUCKET: Algorithm = Algorithm::Bucket(SPAN);

    fn charge(algorithm: &Algorithm, ceiling: i64) -> Charge<'_> {
        let terms = Terms { ceiling, burst: ceiling, starting: None };
        Charge::new(CounterKey(1), CounterKey(2), algorithm, terms, 1)
    }

    fn call(now: i64) -> Call {
        Call::at(Timestamp(now), Ticket(0))
    }

    fn lot(algorithm: &Algorithm, ceiling: i64, units: i64, ends: i64) -> Lot {
        let charge = Arc::new(OwnedCharge::from(&charge(algorithm, ceiling)));
        Lot::new(&charge, &call(0), true, units, Timestamp(ends))
    }

    fn lots(parts: &[(i64, i64)]) -> Lots {
        let mut lots = Lots::default();
        parts.iter().for_each(|(units, ends)| lots.add(lot(&LOG, 100, *units, *ends)));
        lots
    }

    #[test]
    fn units_end_as_the_algorithm_says() {
        let status = Status { remaining: 7, reset_after: Nanos(300_000_000) };
        let ends = |algorithm: &Algorithm| ends(algorithm, status, Timestamp(5)).0;
        assert_eq!(ends(&Algorithm::FixedWindow(Window::Rolling(SPAN))), 300_000_005);
        assert_eq!(ends(&Algorithm::SlidingWindow(SPAN)), 1_300_000_005);
        assert_eq!(ends(&LOG), 1_000_000_005);
        assert_eq!(ends(&BUCKET), 300_000_005);
    }

    #[test]
    fn what_a_bucket_refilled_counts_no_more() {
        // One unit in a tenth of a second.
        let four = lot(&BUCKET, 10, 4, 400_000_000);
        let counting = |now| four.counting(Timestamp(now));
        assert_eq!([0, 1, 100_000_000, 350_000_000, 400_000_000].map(counting), [4, 3, 3, 0, 0]);
        let log = lot(&LOG, 10, 4, 400_000_000);
        assert_eq!([0, 399_999_999, 400_000_000].map(|now| log.counting(Timestamp(now))), [4, 4, 0]);
    }

    #[test]
    fn those_that_end_first_are_used_first_and_those_close_together_are_one() {
        let mut lots = lots(&[(5, 900_000_000), (3, 500_000_000), (2, 600_000_000)]);
        assert_eq!((lots.len(), lots.units(), lots.ends()), (2, 10, Some(Timestamp(500_000_000))));
        lots.keep(6);
        assert_eq!((lots.len(), lots.units()), (2, 6));
        lots.keep(5);
        assert_eq!((lots.len(), lots.ends()), (1, Some(Timestamp(900_000_000))));
    }

    #[test]
    fn units_are_used_under_the_same_ceiling_or_a_higher_one() {
        let mut lots = Lots::default();
        lots.add(lot(&LOG, 100, 5, 900_000_000));
        lots.add(lot(&LOG, 50, 3, 900_000_000));
        let units = |ceiling| lots.units_for(&charge(&LOG, ceiling), ClockOf::Caller);
        assert_eq!([49, 50, 99, 100, 101].map(units), [0, 3, 3, 8, 8]);
        let taken = lots.take_for(&charge(&LOG, 100), &call(0), 6);
        assert_eq!((taken.units(), lots.units()), (6, 2));
        let bucket = lot(&BUCKET, 50, 3, 900_000_000);
        assert!(!bucket.is_for(&charge(&BUCKET, 100), ClockOf::Caller));
        assert!(bucket.is_for(&charge(&BUCKET, 50), ClockOf::Caller));
    }

    #[test]
    fn what_goes_back_in_one_call_is_together_and_what_is_late_stays() {
        let now = Timestamp(500_000_000);
        let due = |mut lots: Lots| -> Vec<i64> { lots.take_due(now).iter().map(Lots::units).collect() };
        assert_eq!(due(lots(&[(1, 600_000_000), (2, 900_000_000), (4, 2_000_000_000)])), [6]);
        let mut buckets = Lots::default();
        for (ceiling, units) in [(100, 1), (50, 2), (100, 4)] {
            buckets.add(lot(&BUCKET, ceiling, units, 400_000_000 * ceiling));
        }
        assert_eq!(due(buckets), [2, 5]);
    }

    #[test]
    fn by_a_clock_that_stepped_back_what_is_left_is_what_was_left_before() {
        let mut lots = lots(&[(4, 900_000_000)]);
        lots.look(Timestamp(200_000_000));
        lots.look(Timestamp(-600_000_000_000));
        assert_eq!(lots.ends(), Some(Timestamp(-599_300_000_000)));
        lots.look(Timestamp(0));
        lots.pass(Timestamp(0));
        assert!(lots.is_empty());
    }
}

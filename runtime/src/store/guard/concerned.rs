//! Which places a call asks, and which of its counters each keeps.

use limitrate_core::{
    charge::{Charge, Counted, Mode, Verdict},
    key::CounterKey,
};
use smallvec::SmallVec;

use crate::store::Store;

/// How many places are told apart. Of more, some share a breaker.
pub(super) const PLACES: usize = 64;

/// A place, and one of a call's counters that it keeps.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place {
    pub(super) number: usize,
    pub(super) counter: CounterKey,
    /// Whether it keeps nothing but counters of shadow charges, on which no answer depends.
    pub(super) in_shadow: bool,
}

impl Place {
    /// Whether it is all that there is, as far as is known.
    pub(super) const fn is_first(&self) -> bool {
        self.number == 0
    }
}

/// The places that a call asks, each breaker once.
#[derive(Debug, Default)]
pub(super) struct Concerned {
    places: SmallVec<[Place; 2]>,
    /// Where each counter of the call is, among these places.
    homes: SmallVec<[usize; 8]>,
}

impl Concerned {
    /// Where a store keeps counters.
    pub(super) fn of(store: &dyn Store, counters: impl Iterator<Item = CounterKey>) -> Self {
        Self::found(store, counters.map(|counter| (counter, false)))
    }

    /// Where a store keeps the counters of charges.
    pub(super) fn of_charges(store: &dyn Store, charges: &[Charge<'_>]) -> Self {
        Self::found(store, charges.iter().map(|charge| (charge.counter, charge.mode == Mode::Shadow)))
    }

    fn found(store: &dyn Store, counters: impl Iterator<Item = (CounterKey, bool)>) -> Self {
        let mut concerned = Self::default();
        for (counter, in_shadow) in counters {
            let number = store.place_of(counter);
            let mut places = concerned.places.iter_mut().enumerate();
            let known = places.find(|(_, place)| place.number % PLACES == number % PLACES);
            let home = if let Some((home, place)) = known {
                place.in_shadow &= in_shadow;
                home
            } else {
                concerned.places.push(Place { number, counter, in_shadow });
                concerned.places.len() - 1
            };
            concerned.homes.push(home);
        }
        concerned
    }

    /// The places, those first that the answer depends on.
    pub(super) fn places(&self) -> impl Iterator<Item = &Place> {
        let those = |in_shadow| self.places.iter().filter(move |place| place.in_shadow == in_shadow);
        those(false).chain(those(true))
    }

    /// The places that the answer depends on; of a call that consists of shadow charges, all.
    pub(super) fn needed(&self) -> impl Iterator<Item = &Place> {
        let all = self.places.iter().all(|place| place.in_shadow);
        self.places.iter().filter(move |place| all || !place.in_shadow)
    }

    /// Whether the counter of this index is at one of these places.
    pub(super) fn is_at(&self, index: usize, places: &[usize]) -> bool {
        let home = self.homes.get(index).and_then(|home| self.places.get(*home));
        home.is_some_and(|place| places.contains(&place.number))
    }

    /// Whether a place counted none of its charges, which are all in shadow, although the call was answered.
    pub(super) fn is_missed(&self, number: usize, verdicts: &[Verdict]) -> bool {
        let is_here = |place: &&Place| place.number == number && place.in_shadow;
        let mut its = (0..).zip(verdicts).filter(|(index, _)| self.is_at(*index, &[number]));
        self.places.iter().any(|place| is_here(&place))
            && its.all(|(_, verdict)| verdict.counted == Counted::Nowhere)
    }
}

//! A counter that a decision has in its hands: taken out of its slot or the table, and put back changed or not.

use limitrate_core::{
    algorithm::{Algorithm, Hold, Place, State, Terms},
    key::CounterKey,
    time::Timestamp,
};

use super::{
    entry::Step,
    pages::{Pages, Spot},
    shard::{Kind, Locked, Shard},
    slot::{Look, Narrow, NarrowKept, Slot, Wide, WideKept},
    sync::Spin,
};

/// Where a counter is to be put back.
#[derive(Debug, Clone, Copy)]
pub(super) enum Home<'s> {
    /// It is new.
    Nowhere,
    Narrow(Spot<'s, Narrow>, NarrowKept),
    Wide(Spot<'s, Wide>, WideKept),
    Table,
}

/// A counter under its shard's lock. Its slot, if it has one, is held.
#[derive(Debug)]
pub(super) struct Counter<'s> {
    pub(super) key: CounterKey,
    pub(super) home: Home<'s>,
    /// Where it goes if it has no home yet.
    kind: Kind,
    state: Option<State>,
    idle_at: Timestamp,
    has_changed: bool,
}

impl<'s> Counter<'s> {
    /// Takes out the counter of a key. Counters of several keys are taken out in the keys' order.
    pub(super) fn take_out(shard: &'s Shard, locked: &mut Locked, key: CounterKey) -> Self {
        let counter =
            |home, kind, state, idle_at| Self { key, home, kind, state, idle_at, has_changed: false };
        if let Some((spot, kept)) = hold(&shard.narrow, key) {
            let state = Some(Narrow::state(kept));
            return counter(Home::Narrow(spot, kept), Kind::Narrow, state, Narrow::idle_at(kept));
        }
        if let Some((spot, kept)) = hold(&shard.wide, key) {
            let state = Some(Wide::state(kept));
            return counter(Home::Wide(spot, kept), Kind::Wide, state, Wide::idle_at(kept));
        }
        match locked.table.take_out(key) {
            Some((state, idle_at)) => counter(Home::Table, Kind::Wide, Some(state), idle_at),
            None => counter(Home::Nowhere, Kind::Wide, None, Timestamp::MIN),
        }
    }

    /// When the state is idle.
    #[cfg(feature = "sqlite")]
    pub(super) const fn idle_at(&self) -> Timestamp {
        self.idle_at
    }

    pub(super) const fn state(&self) -> Option<&State> {
        self.state.as_ref()
    }

    /// Whether putting it back makes a new key.
    pub(super) const fn is_new(&self) -> bool {
        matches!(self.home, Home::Nowhere) && self.state.is_some()
    }

    pub(super) fn take(&mut self, step: &Step<'_>, kind: Kind) {
        step.algorithm.take(&mut self.state, step.terms, step.now, step.cost, step.lease);
        self.note(step.algorithm, kind);
    }

    /// The same, and where it was taken.
    pub(super) fn reserve(&mut self, step: &Step<'_>) -> Place {
        let place = step.algorithm.reserve(&mut self.state, step.terms, step.now, step.cost, step.lease);
        self.note(step.algorithm, Kind::Wide);
        place
    }

    pub(super) fn settle(&mut self, algorithm: &Algorithm, hold: &Hold, now: Timestamp, actual: i64) {
        algorithm.settle(&mut self.state, hold, now, actual);
        self.note(algorithm, Kind::Wide);
    }

    pub(super) fn refund(&mut self, algorithm: &Algorithm, terms: Terms, now: Timestamp, amount: i64) {
        if self.state.is_some() {
            algorithm.refund(&mut self.state, terms, now, amount);
            self.note(algorithm, Kind::Wide);
        }
    }

    /// Drops its state; false if it has none.
    pub(super) fn forget(&mut self) -> bool {
        self.has_changed = true;
        self.state.take().is_some()
    }

    /// Takes a state over as it is, which nothing is kept of yet.
    pub(super) fn adopt(&mut self, state: State, kind: Kind, idle_at: Timestamp) {
        (self.state, self.kind, self.idle_at, self.has_changed) = (Some(state), kind, idle_at, true);
    }

    /// Sets what is in use; false if the algorithm counts none.
    pub(super) fn set_used(&mut self, algorithm: &Algorithm, now: Timestamp, used: i64) -> bool {
        let was_set = algorithm.set_used(&mut self.state, now, used);
        self.note(algorithm, Kind::Wide);
        was_set
    }

    fn note(&mut self, algorithm: &Algorithm, kind: Kind) {
        self.idle_at = self.state.as_ref().map_or(Timestamp::MIN, |state| algorithm.idle_at(state));
        // Once in a wide slot, it stays there.
        self.kind = if self.has_changed && self.kind == Kind::Wide { Kind::Wide } else { kind };
        self.has_changed = true;
    }

    /// Puts it back, as it was or changed, and lets go of its slot.
    pub(super) fn put_back(self, shard: &Shard, locked: &mut Locked) {
        let Self { key, home, kind, state, idle_at, has_changed } = self;
        match home {
            Home::Narrow(spot, held) => {
                if !has_changed {
                    return spot.slot().restore(held);
                }
                if let Some(fresh) = state.as_ref().and_then(|state| Narrow::kept(state, idle_at)) {
                    return if Narrow::may_become(held, fresh) {
                        spot.slot().release(held, fresh);
                    } else {
                        spot.slot().fill(key, fresh);
                    };
                }
                shard.remove_narrow(locked, spot, held);
            }
            Home::Wide(spot, held) => {
                if !has_changed {
                    return spot.slot().restore(held);
                }
                if let Some(fresh) = state.as_ref().and_then(|state| Wide::kept(state, idle_at)) {
                    return spot.slot().release(held, fresh);
                }
                shard.remove_wide(locked, spot, held);
            }
            Home::Table => {
                let Some(state) = state else {
                    locked.table.remove(key);
                    return;
                };
                // Its page may have a slot for it by now.
                if !has_changed || !shard.move_to_slot(locked, key, kind, &state, idle_at) {
                    locked.table.put_back(key, state, idle_at);
                }
                return;
            }
            Home::Nowhere => {}
        }
        if let Some(state) = state {
            // What leaves a narrow slot does so because it is not for one.
            let kind = if matches!(home, Home::Narrow(..)) { Kind::Wide } else { kind };
            shard.add(locked, key, kind, state, idle_at);
        }
    }
}

/// Holds the slot of a key, if it has one. Under the shard's lock, so that it stays where it is.
fn hold<S: Slot>(pages: &Pages<S>, key: CounterKey) -> Option<(Spot<'_, S>, S::Kept)> {
    let spot = pages.find(key)?;
    let mut spin = Spin::default();
    loop {
        match spot.slot().look(key) {
            Look::Kept(kept) if spot.slot().try_hold(kept) => return Some((spot, kept)),
            Look::Kept(_) | Look::Held => spin.wait(),
            Look::Gone => return None,
        }
    }
}

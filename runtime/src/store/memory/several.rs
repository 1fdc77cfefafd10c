//! Decisions of several charges, and those with a key that finds no room.
//!
//! The charges become parts, one per counter. All shards concerned are locked in ascending order, then, if a part needs
//! it, the table of shared counters. Every part is judged before any is taken.

use limitrate_core::{
    algorithm::{LeaseId, Refusal, State, Status},
    charge::{Charge, Counted, Fail, Verdict},
    key::CounterKey,
    time::Timestamp,
};
use parking_lot::MutexGuard;
use smallvec::SmallVec;

use super::{
    MemoryStore, NO_ROOM_RETRY,
    part::{Part, Parts, merge},
    table::{Step, Table},
};
use crate::store::{Ticket, Verdicts};

/// See [`LocalStore::charge`](crate::store::LocalStore::charge); `verdicts` is empty.
pub(super) fn charge(
    store: &MemoryStore,
    now: Timestamp,
    charges: &[Charge<'_>],
    ticket: Ticket,
    verdicts: &mut Verdicts,
) -> bool {
    let (mut own, mut shared) = (Parts::new(), Parts::new());
    merge(&mut own, charges.iter().copied(), Counted::Own);
    let mut tables = Tables::lock(store, &own);
    tables.find_room(&mut own, now);
    let is_shared = |part: &&Part<'_>| part.counted == Counted::Shared;
    if own.iter().any(|part| is_shared(&part)) {
        merge(&mut shared, own.iter().filter(is_shared).map(Part::as_shared), Counted::Shared);
        tables.shared = Some(store.shared.lock());
        tables.find_room(&mut shared, now);
    }

    // What goes to a shared counter fits its own: it would have been new there.
    for part in own.iter_mut().filter(|part| part.counted != Counted::Shared).chain(&mut shared) {
        part.judged = tables.judge(part, now);
    }
    let fits = own.iter().chain(&shared).all(|part| part.judged.is_ok());
    if fits {
        tables.take(&own, &shared, now, ticket);
    }
    for charge in charges {
        let part = part_on(&own, charge.counter);
        let part = part.filter(|part| !is_shared(part)).or_else(|| part_on(&shared, charge.limit));
        verdicts.extend(part.map(|part| tables.verdict(part, now)));
    }
    fits
}

/// The lease that a ticket holds on a counter shared by several: each of them is released by itself.
pub(super) const fn shared_lease(ticket: Ticket, counter: CounterKey) -> LeaseId {
    LeaseId(ticket.0 ^ super::table::table_hash(counter))
}

fn part_on<'a, 'p>(parts: &'a Parts<'p>, counter: CounterKey) -> Option<&'a Part<'p>> {
    parts.iter().find(|part| part.charge.counter == counter)
}

/// A locked shard.
struct Held<'s> {
    index: usize,
    table: MutexGuard<'s, Table>,
}

/// The tables that a decision touches, locked.
struct Tables<'s> {
    store: &'s MemoryStore,
    held: SmallVec<[Held<'s>; 8]>,
    shared: Option<MutexGuard<'s, Table>>,
}

impl<'s> Tables<'s> {
    /// Locks the shards of all parts: in ascending order, so that no two decisions wait for each other.
    fn lock(store: &'s MemoryStore, parts: &Parts<'_>) -> Self {
        let mut indices: SmallVec<[usize; 8]> =
            parts.iter().map(|part| store.shard_of(part.charge.counter)).collect();
        indices.sort_unstable();
        indices.dedup();
        let lock = |index| store.shards.get(index).map(|shard| Held { index, table: shard.0.lock() });
        Self { store, held: indices.into_iter().filter_map(lock).collect(), shared: None }
    }

    /// The table where a part is counted; `None` if it is counted nowhere.
    fn table(&self, part: &Part<'_>) -> Option<&Table> {
        match part.counted {
            Counted::Own => {
                let index = self.store.shard_of(part.charge.counter);
                self.held.iter().find(|held| held.index == index).map(|held| &*held.table)
            }
            Counted::Shared => self.shared.as_deref(),
            Counted::Nowhere => None,
        }
    }

    fn table_mut(&mut self, part: &Part<'_>) -> Option<&mut Table> {
        match part.counted {
            Counted::Own => {
                let index = self.store.shard_of(part.charge.counter);
                self.held.iter_mut().find(|held| held.index == index).map(|held| &mut *held.table)
            }
            Counted::Shared => self.shared.as_deref_mut(),
            Counted::Nowhere => None,
        }
    }

    fn state(&self, part: &Part<'_>) -> Option<&State> {
        self.table(part).and_then(|table| table.state(part.charge.counter))
    }

    /// Decides where each part is counted: where it is, unless its key is new and there is no room for it.
    fn find_room(&mut self, parts: &mut Parts<'_>, now: Timestamp) {
        let mut new_keys = 0;
        for part in &*parts {
            if self.is_new(part, now)
                && let Some(table) = self.table_mut(part)
            {
                new_keys += 1;
                table.sweep(now, new_keys);
            }
        }
        if new_keys == 0 {
            return;
        }
        // Only now that nothing is dropped any more is it known which keys are new.
        let mut placed: SmallVec<[_; 8]> = SmallVec::new();
        for part in parts {
            if !self.is_new(part, now) {
                continue;
            }
            let shard = self.store.shard_of(part.charge.counter);
            let place = (part.counted == Counted::Own).then_some(shard);
            let before = placed.iter().filter(|other| **other == place).count();
            if self.table(part).is_some_and(|table| table.has_room_for(before + 1)) {
                placed.push(place);
            } else {
                part.counted = match part.charge.fail {
                    Fail::Open | Fail::Closed => Counted::Nowhere,
                    Fail::Local(_) => Counted::Shared,
                };
            }
        }
    }

    /// Whether taking this part would add a key. What does not even fit an untouched counter adds none.
    fn is_new(&self, part: &Part<'_>, now: Timestamp) -> bool {
        part.charge.cost > 0 && self.state(part).is_none() && judging(part, now).judge(None).is_ok()
    }

    fn judge(&self, part: &Part<'_>, now: Timestamp) -> Result<(), Refusal> {
        let no_room = Err(Refusal::Wait(NO_ROOM_RETRY));
        match (part.counted, part.charge.fail) {
            (Counted::Nowhere, Fail::Open) => Ok(()),
            (Counted::Nowhere, Fail::Closed | Fail::Local(_)) => no_room,
            (Counted::Own, _) => judging(part, now).judge(self.state(part)),
            // What never fits a share of the limit may yet fit the counter of its own, when there is room.
            (Counted::Shared, _) => match judging(part, now).judge(self.state(part)) {
                Err(Refusal::Never) => no_room,
                judged => judged,
            },
        }
    }

    /// Takes all parts, which were judged to fit.
    fn take(&mut self, own: &Parts<'_>, shared: &Parts<'_>, now: Timestamp, ticket: Ticket) {
        for part in own {
            let counter = part.charge.counter;
            let (key, step) = match part.counted {
                Counted::Own => (counter, part.step(now, LeaseId(ticket.0))),
                Counted::Shared => {
                    let limit = part.charge.limit;
                    let terms = part_on(shared, limit).map_or(part.charge.terms, |part| part.charge.terms);
                    let step = part.step(now, shared_lease(ticket, counter));
                    (limit, Step { terms, ..step })
                }
                Counted::Nowhere => continue,
            };
            if let Some(table) = self.table_mut(part) {
                table.take(key, &step);
            }
        }
    }

    fn verdict(&self, part: &Part<'_>, now: Timestamp) -> Verdict {
        let is_refused_for_room = part.counted == Counted::Nowhere && part.judged.is_err();
        let status = if is_refused_for_room {
            Status { remaining: 0, reset_after: NO_ROOM_RETRY }
        } else {
            judging(part, now).status(self.state(part))
        };
        Verdict::new(part.judged, status, part.counted)
    }
}

/// A step that is not taken, for which no lease matters.
fn judging<'p>(part: &Part<'p>, now: Timestamp) -> Step<'p> {
    part.step(now, LeaseId(0))
}

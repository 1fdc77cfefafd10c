//! The tables that a decision touches, locked, and where in them each of its parts is counted.

use limitrate_core::{
    algorithm::{Refusal, State},
    charge::{Counted, Fail, Mode},
    key::CounterKey,
    time::{Nanos, Timestamp},
};
use parking_lot::MutexGuard;
use smallvec::SmallVec;

use super::{
    MemoryStore, NO_ROOM_RETRY,
    entry::block_key,
    part::{Part, Parts},
    table::Table,
};

/// A locked shard.
struct Held<'s> {
    index: usize,
    table: MutexGuard<'s, Table>,
}

/// The tables of a decision.
pub(super) struct Tables<'s> {
    store: &'s MemoryStore,
    held: SmallVec<[Held<'s>; 8]>,
    shared: Option<MutexGuard<'s, Table>>,
}

/// Where keys were found room so far: one entry for each key, `None` for the shared table.
type Placed = SmallVec<[Option<usize>; 8]>;

impl<'s> Tables<'s> {
    /// Locks the shards of all counters: in ascending order, so that no two decisions wait for each other.
    pub(super) fn lock(store: &'s MemoryStore, counters: impl IntoIterator<Item = CounterKey>) -> Self {
        let mut indices: SmallVec<[usize; 8]> =
            counters.into_iter().map(|counter| store.shard_of(counter)).collect();
        indices.sort_unstable();
        indices.dedup();
        let lock = |index| store.shards.get(index).map(|shard| Held { index, table: shard.0.lock() });
        Self { store, held: indices.into_iter().filter_map(lock).collect(), shared: None }
    }

    /// Locks the shared counters, after all shards.
    pub(super) fn lock_shared(&mut self) -> &mut Table {
        self.shared.get_or_insert_with(|| self.store.shared.lock())
    }

    /// The table where a part is counted; `None` if it is counted nowhere.
    fn table(&self, part: &Part<'_>) -> Option<&Table> {
        match part.counted {
            Counted::Own => self.beside(part),
            Counted::Shared => self.shared.as_deref(),
            Counted::Nowhere => None,
        }
    }

    pub(super) fn table_mut(&mut self, part: &Part<'_>) -> Option<&mut Table> {
        match part.counted {
            Counted::Own => self.beside_mut(part),
            Counted::Shared => self.shared.as_deref_mut(),
            Counted::Nowhere => None,
        }
    }

    /// The table of a part's own key, wherever it is counted: its block and warning stand there.
    pub(super) fn beside(&self, part: &Part<'_>) -> Option<&Table> {
        let index = self.store.shard_of(part.charge.counter);
        self.held.iter().find(|held| held.index == index).map(|held| &*held.table)
    }

    pub(super) fn beside_mut(&mut self, part: &Part<'_>) -> Option<&mut Table> {
        self.shard_mut(part.charge.counter)
    }

    /// The locked shard of a counter.
    pub(super) fn shard_mut(&mut self, counter: CounterKey) -> Option<&mut Table> {
        let index = self.store.shard_of(counter);
        self.held.iter_mut().find(|held| held.index == index).map(|held| &mut *held.table)
    }

    pub(super) fn state(&self, part: &Part<'_>) -> Option<&State> {
        self.table(part).and_then(|table| table.state(part.charge.counter))
    }

    /// How long the block of a part's key still runs.
    pub(super) fn running_block(&self, part: &Part<'_>, now: Timestamp) -> Option<Nanos> {
        part.charge.block?;
        let block = self.beside(part)?.block(block_key(part.charge.counter, part.charge.mode))?;
        block.remaining(now)
    }

    /// Judges a part where it is counted, whatever its block says.
    pub(super) fn judge(&self, part: &Part<'_>, now: Timestamp) -> Result<(), Refusal> {
        let no_room = Err(Refusal::Wait(NO_ROOM_RETRY));
        match (part.counted, part.charge.fail) {
            (Counted::Nowhere, Fail::Open) => Ok(()),
            (Counted::Nowhere, Fail::Closed | Fail::Local(_)) => no_room,
            (Counted::Own, _) => part.judging(now).judge(self.state(part)),
            // What never fits a share of the limit may yet fit the counter of its own, when there is room.
            (Counted::Shared, _) => match part.judging(now).judge(self.state(part)) {
                Err(Refusal::Never) => no_room,
                judged => judged,
            },
        }
    }

    /// Decides where each part is counted: where it is, unless its key is new and there is no room for it. Shadow parts
    /// have what room the others leave.
    pub(super) fn find_room(&mut self, parts: &mut Parts<'_>, now: Timestamp) {
        let mut new_keys = 0;
        for part in &*parts {
            for _ in 0..usize::from(self.is_new(part, now)) + usize::from(self.wants_hold(part, now)) {
                if let Some(table) = self.table_mut(part) {
                    new_keys += 1;
                    table.sweep(now, new_keys);
                }
            }
        }
        if new_keys == 0 {
            return;
        }
        // Only now that nothing is dropped any more is it known which keys are new.
        let mut placed = Placed::new();
        for shadow in [false, true] {
            for part in parts.iter_mut().filter(|part| part.is_shadow() == shadow) {
                self.place(part, now, &mut placed);
            }
        }
    }

    /// Finds room for a part's counter, if that is new, and for its reservation.
    ///
    /// An enforced reservation without room is refused by `fail closed`; else the cost is taken and stands. Only with a new counter
    /// does it move to the shared one: what a counter of its own holds would be forgotten there.
    fn place(&self, part: &mut Part<'_>, now: Timestamp, placed: &mut Placed) {
        let (is_new, wants_hold) = (self.is_new(part, now), self.wants_hold(part, now));
        let place = (part.counted == Counted::Own).then(|| self.store.shard_of(part.charge.counter));
        let before = placed.iter().filter(|other| **other == place).count();
        let has_room = |keys| self.table(part).is_some_and(|table| table.has_room_for(before + keys));
        let (counter, hold) = (usize::from(is_new), usize::from(wants_hold));
        let wanted = if matches!(part.charge.fail, Fail::Local(_)) { counter + hold } else { counter };
        if is_new && !has_room(wanted) {
            part.counted = match part.charge.fail {
                Fail::Open | Fail::Closed => Counted::Nowhere,
                Fail::Local(_) => Counted::Shared,
            };
            return;
        }
        let holds = wants_hold && has_room(counter + hold);
        let is_refusable = part.charge.mode == Mode::Enforce && part.charge.fail == Fail::Closed;
        if wants_hold && !holds && is_refusable {
            part.counted = Counted::Nowhere;
            return;
        }
        part.holds = holds;
        placed.extend((0..counter + usize::from(holds)).map(|_| place));
    }

    /// Whether taking this part would add a counter, or settling it may. What does not even fit an untouched counter
    /// adds none, unless it is taken regardless.
    fn is_new(&self, part: &Part<'_>, now: Timestamp) -> bool {
        part.charge.judged_cost() > 0
            && self.state(part).is_none()
            && (part.is_regardless() || part.judging(now).judge(None).is_ok())
    }

    /// Whether taking this part would add a reservation of its own. Whether a shadow part fits is known only once the
    /// others have been taken.
    fn wants_hold(&self, part: &Part<'_>, now: Timestamp) -> bool {
        let is_taken = || {
            let fits = self.running_block(part, now).is_none() && self.judge(part, now).is_ok();
            fits || part.charge.mode != Mode::Enforce
        };
        part.counted == Counted::Own && part.charge.hold.is_some() && is_taken()
    }
}

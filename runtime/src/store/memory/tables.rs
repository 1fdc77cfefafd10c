//! What a decision touches: the shards of its counters, locked, and the counters, taken out of them.

use limitrate_core::{
    algorithm::{Hold, Refusal, State},
    charge::{Counted, Fail, Mode},
    key::CounterKey,
    time::{Nanos, Timestamp},
};
use smallvec::SmallVec;

use super::{
    MemoryStore, NO_ROOM_RETRY,
    counter::Counter,
    entry::{Kept, block_key, warning_key},
    part::{Part, Parts},
    shard::{Kind, Locked, Promised},
    sync::MutexGuard,
    table::Table,
};

/// How many buckets of the shared counters each new one looks at for idle ones.
pub(super) const SWEPT_SHARED: usize = 32;

/// A locked shard.
struct Held<'s> {
    index: usize,
    locked: MutexGuard<'s, Locked>,
    /// What of its room the parts of the decision have been promised.
    promised: Promised,
}

/// Shards under their locks, with the counters of a decision taken out; dropping it puts them back.
pub(super) struct Tables<'s> {
    store: &'s MemoryStore,
    held: SmallVec<[Held<'s>; 4]>,
    /// In the order of their keys.
    counters: SmallVec<[Counter<'s>; 4]>,
    shared: Option<MutexGuard<'s, Table>>,
}

impl Drop for Tables<'_> {
    fn drop(&mut self) {
        for counter in self.counters.drain(..) {
            let index = self.store.shard_of(counter.key);
            let held = self.held.iter_mut().find(|held| held.index == index);
            if let (Some(held), Some(shard)) = (held, self.store.shards.get(index)) {
                held.locked.table.elsewhere -= usize::from(counter.is_new());
                counter.put_back(shard, &mut held.locked);
            }
        }
        // Only now that nothing is held any more.
        for held in &mut self.held {
            if let Some(shard) = self.store.shards.get(held.index) {
                shard.grow(&mut held.locked);
            }
        }
    }
}

impl<'s> Tables<'s> {
    /// Locks the shards of all counters, in ascending order, and takes the counters out, in the order of their keys: no
    /// two decisions wait for each other.
    pub(super) fn lock(store: &'s MemoryStore, counters: impl IntoIterator<Item = CounterKey>) -> Self {
        let mut keys: SmallVec<[CounterKey; 8]> = counters.into_iter().collect();
        keys.sort_unstable();
        keys.dedup();
        let mut indices: SmallVec<[usize; 8]> = keys.iter().map(|key| store.shard_of(*key)).collect();
        indices.sort_unstable();
        indices.dedup();
        let lock = |index: usize| {
            let locked = store.shards.get(index)?.lock();
            Some(Held { index, locked, promised: Promised::default() })
        };
        let held = indices.into_iter().filter_map(lock).collect();
        let mut tables = Self { store, held, counters: SmallVec::new(), shared: None };
        for key in keys {
            let index = store.shard_of(key);
            if let Some(shard) = store.shards.get(index)
                && let Some(held) = tables.held.iter_mut().find(|held| held.index == index)
            {
                tables.counters.push(Counter::take_out(shard, &mut held.locked, key));
            }
        }
        tables
    }

    /// Locks the shared counters, after all shards.
    pub(super) fn lock_shared(&mut self) -> &mut Table {
        self.shared.get_or_insert_with(|| self.store.shared.lock())
    }

    fn held(&self, counter: CounterKey) -> Option<&Held<'s>> {
        let index = self.store.shard_of(counter);
        self.held.iter().find(|held| held.index == index)
    }

    fn held_mut(&mut self, counter: CounterKey) -> Option<&mut Held<'s>> {
        let index = self.store.shard_of(counter);
        self.held.iter_mut().find(|held| held.index == index)
    }

    /// The table of a counter's shard: what is beside the counter stands there.
    pub(super) fn beside(&self, counter: CounterKey) -> Option<&Table> {
        self.held(counter).map(|held| &held.locked.table)
    }

    fn counter(&self, key: CounterKey) -> Option<&Counter<'s>> {
        let found = self.counters.binary_search_by_key(&key, |counter| counter.key);
        found.ok().and_then(|at| self.counters.get(at))
    }

    /// Changes a counter that was taken out; a new one takes its room at once.
    pub(super) fn change<T>(
        &mut self,
        key: CounterKey,
        change: impl FnOnce(&mut Counter<'s>) -> T,
    ) -> Option<T> {
        let at = self.counters.binary_search_by_key(&key, |counter| counter.key).ok()?;
        let counter = self.counters.get_mut(at)?;
        let was_new = counter.is_new();
        let result = change(counter);
        let is_new = counter.is_new();
        if was_new != is_new
            && let Some(held) = self.held_mut(key)
        {
            let table = &mut held.locked.table;
            table.elsewhere = table.elsewhere + usize::from(is_new) - usize::from(was_new);
        }
        Some(result)
    }

    /// The state of a counter of its own.
    pub(super) fn own_state(&self, key: CounterKey) -> Option<&State> {
        self.counter(key).and_then(Counter::state)
    }

    /// The same with the instant at which it is idle.
    #[cfg(feature = "sqlite")]
    pub(super) fn own(&self, key: CounterKey) -> Option<(&State, Timestamp)> {
        self.counter(key).and_then(|counter| Some((counter.state()?, counter.idle_at())))
    }

    /// The state of the counter that a part is counted on.
    pub(super) fn state(&self, part: &Part<'_>) -> Option<&State> {
        match part.counted {
            Counted::Own => self.own_state(part.charge.counter),
            Counted::Shared => self.shared.as_ref().and_then(|shared| shared.state(part.charge.counter)),
            Counted::Nowhere => None,
        }
    }

    /// Keeps something beside a counter until an instant, after a sweep if it is new. False if there is no room for it.
    pub(super) fn put_beside(
        &mut self,
        counter: CounterKey,
        now: Timestamp,
        key: CounterKey,
        kept: Kept,
        idle_at: Timestamp,
    ) -> bool {
        if self.beside(counter).is_some_and(|table| table.entry(key).is_none()) {
            self.sweep(counter, now, Promised::default().with(Kind::Listed, 1));
        }
        self.held_mut(counter).is_some_and(|held| held.locked.table.put(key, kept, idle_at))
    }

    /// The same of a reservation, for which room was found.
    pub(super) fn put_hold(&mut self, counter: CounterKey, key: CounterKey, hold: Hold, until: Timestamp) {
        if let Some(held) = self.held_mut(counter) {
            held.locked.table.put(key, Kept::Hold(hold), until);
        }
    }

    /// Drops a counter's blocks and its warning.
    pub(super) fn forget_beside(&mut self, counter: CounterKey) {
        let Some(held) = self.held_mut(counter) else { return };
        for mode in [Mode::Enforce, Mode::Shadow] {
            held.locked.table.remove(block_key(counter, mode));
        }
        held.locked.table.remove(warning_key(counter));
    }

    /// Takes out the reservation of a counter.
    pub(super) fn take_hold(&mut self, counter: CounterKey, key: CounterKey, now: Timestamp) -> Option<Hold> {
        self.held_mut(counter)?.locked.table.take_hold(key, now)
    }

    /// Drops what is idle in a counter's shard, for one of so many new keys.
    fn sweep(&mut self, counter: CounterKey, now: Timestamp, keys: Promised) {
        let index = self.store.shard_of(counter);
        if let Some(shard) = self.store.shards.get(index)
            && let Some(held) = self.held.iter_mut().find(|held| held.index == index)
        {
            let finds_room = shard.has_room_for(&held.locked, keys);
            shard.sweep(&mut held.locked, now, finds_room);
        }
    }

    /// Whether a counter's shard has room for these keys, after a sweep for one new key.
    pub(super) fn has_room_swept(&mut self, counter: CounterKey, now: Timestamp, keys: Promised) -> bool {
        if !self.has_room_for(counter, keys) {
            self.sweep(counter, now, keys);
        }
        self.has_room_for(counter, keys)
    }

    fn has_room_for(&self, counter: CounterKey, keys: Promised) -> bool {
        let shard = self.store.shards.get(self.store.shard_of(counter));
        shard.zip(self.held(counter)).is_some_and(|(shard, held)| shard.has_room_for(&held.locked, keys))
    }

    /// How long the block of a part's key still runs.
    pub(super) fn running_block(&self, part: &Part<'_>, now: Timestamp) -> Option<Nanos> {
        part.charge.block?;
        let table = self.beside(part.charge.counter)?;
        table.block(block_key(part.charge.counter, part.charge.mode))?.remaining(now)
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
        let mut wanted = Promised::default();
        for part in &*parts {
            let (kind, counter) = (Kind::of(&part.charge), part.charge.counter);
            if self.is_new(part, now) {
                wanted = wanted.with(kind, 1);
                self.sweep(counter, now, wanted);
            }
            if self.wants_hold(part, now) {
                wanted = wanted.with(Kind::Listed, 1);
                self.sweep(counter, now, wanted);
            }
        }
        if wanted.is_empty() {
            return;
        }
        for shadow in [false, true] {
            for part in parts.iter_mut().filter(|part| part.is_shadow() == shadow) {
                self.place(part, now);
            }
        }
    }

    /// The same for parts on shared counters: what has no room there either is counted nowhere.
    pub(super) fn find_shared_room(&mut self, parts: &mut Parts<'_>, now: Timestamp) {
        self.lock_shared();
        for part in &*parts {
            if self.is_new(part, now) {
                self.lock_shared().sweep(now, SWEPT_SHARED);
            }
        }
        // Only now that nothing is dropped any more is it known which keys are new.
        let mut new_keys = 0;
        for shadow in [false, true] {
            for part in parts.iter_mut().filter(|part| part.is_shadow() == shadow) {
                if !self.is_new(part, now) {
                    continue;
                }
                if self.lock_shared().has_room_for(new_keys + 1, new_keys + 1) {
                    new_keys += 1;
                } else {
                    part.counted = Counted::Nowhere;
                }
            }
        }
    }

    /// Finds room for a part's counter, if that is new, and for its reservation.
    ///
    /// An enforced reservation without room is refused by `fail closed`; else the cost is taken and stands. Only with a new counter
    /// does it move to the shared one: what a counter of its own holds would be forgotten there.
    fn place(&mut self, part: &mut Part<'_>, now: Timestamp) {
        let (is_new, wants_hold) = (self.is_new(part, now), self.wants_hold(part, now));
        let (kind, counter) = (Kind::of(&part.charge), part.charge.counter);
        let Some(promised) = self.held(counter).map(|held| held.promised) else { return };
        let with_counter = promised.with(kind, usize::from(is_new));
        let with_both = with_counter.with(Kind::Listed, usize::from(wants_hold));
        let wanted = if matches!(part.charge.fail, Fail::Local(_)) { with_both } else { with_counter };
        if is_new && !self.has_room_for(counter, wanted) {
            part.counted = match part.charge.fail {
                Fail::Open | Fail::Closed => Counted::Nowhere,
                Fail::Local(_) => Counted::Shared,
            };
            return;
        }
        let holds = wants_hold && self.has_room_for(counter, with_both);
        let is_refusable = part.charge.mode == Mode::Enforce && part.charge.fail == Fail::Closed;
        if wants_hold && !holds && is_refusable {
            part.counted = Counted::Nowhere;
            return;
        }
        part.holds = holds;
        if let Some(held) = self.held_mut(counter) {
            held.promised = if holds { with_both } else { with_counter };
        }
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

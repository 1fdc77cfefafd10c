//! A bounded table of counters: one shard of the memory store, under one lock.
//!
//! Keys are keyed hashes already, so their bits place them. Each new key pays for looking at a few of the table's
//! buckets in turn and dropping what is idle there: between two growths every bucket is looked at, no request ever
//! pays for the whole table, and a counter that still counts is never dropped.

use hashbrown::HashTable;
use limitrate_core::{
    algorithm::{Algorithm, LeaseId, Refusal, State, Status, Terms},
    key::CounterKey,
    time::{Nanos, Timestamp},
};

/// How long a counter is kept after it became idle: a clock that steps back by less finds it still there.
pub(super) const KEPT_IDLE: Nanos = Nanos::from_secs(1);

/// How many buckets each new key looks at for idle counters. The table doubles when it grows, to 16 buckets for every 7
/// keys, and grows again after as many more keys: 3 each are enough to have looked at all of them.
const SWEPT_PER_KEY: usize = 4;

/// How many when there is no room left, where every idle counter found is a key that can be counted.
const SWEPT_WHEN_FULL: usize = 32;

/// How any in-flight limit reads its state: how long its leases last stands in the leases.
const IN_FLIGHT: Algorithm = Algorithm::InFlight(Nanos::ZERO);

/// One charge as the arithmetic sees it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Step<'p> {
    pub(super) algorithm: &'p Algorithm,
    pub(super) terms: Terms,
    pub(super) now: Timestamp,
    pub(super) cost: i64,
    pub(super) lease: LeaseId,
}

impl Step<'_> {
    #[inline]
    pub(super) fn judge(&self, state: Option<&State>) -> Result<(), Refusal> {
        self.algorithm.judge(state, self.terms, self.now, self.cost)
    }

    #[inline]
    pub(super) fn status(&self, state: Option<&State>) -> Status {
        self.algorithm.status(state, self.terms, self.now)
    }
}

/// One counter.
// Of the size of a cache line and aligned to it, so that a look-up that finds its key has loaded all of it.
#[derive(Debug)]
#[repr(align(64))]
pub(super) struct Entry {
    key: CounterKey,
    idle_at: Timestamp,
    /// Never `None` in a table; an option because that is what [`Algorithm::take`] changes in place.
    state: Option<State>,
}

impl Entry {
    fn new(key: CounterKey) -> Self {
        Self { key, idle_at: Timestamp::MIN, state: None }
    }

    #[inline]
    pub(super) fn state(&self) -> Option<&State> {
        self.state.as_ref()
    }

    /// Takes the cost of a step that was judged to fit.
    #[inline]
    pub(super) fn take(&mut self, step: &Step<'_>) {
        step.algorithm.take(&mut self.state, step.terms, step.now, step.cost, step.lease);
        self.note_idle(step.algorithm);
    }

    #[inline]
    fn note_idle(&mut self, algorithm: &Algorithm) {
        self.idle_at = self.state.as_ref().map_or(Timestamp::MIN, |state| algorithm.idle_at(state));
    }

    fn is_idle(&self, now: Timestamp) -> bool {
        now.since(self.idle_at) >= KEPT_IDLE
    }
}

/// Counters by key, at most so many.
#[derive(Debug)]
pub(super) struct Table {
    entries: HashTable<Entry>,
    max: usize,
    /// The bucket at which the next sweep begins.
    hand: usize,
}

/// The low half of the key. The store picks the shard by bits of the other half.
#[inline]
#[expect(clippy::cast_possible_truncation, reason = "the low half is what is wanted")]
pub(super) const fn table_hash(key: CounterKey) -> u64 {
    key.0 as u64
}

impl Table {
    pub(super) const fn new(max: usize) -> Self {
        Self { entries: HashTable::new(), max, hand: 0 }
    }

    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    #[inline]
    pub(super) fn state(&self, key: CounterKey) -> Option<&State> {
        self.entries.find(table_hash(key), |entry| entry.key == key).and_then(Entry::state)
    }

    #[inline]
    pub(super) fn entry_mut(&mut self, key: CounterKey) -> Option<&mut Entry> {
        self.entries.find_mut(table_hash(key), |entry| entry.key == key)
    }

    /// Whether so many new keys find room.
    #[inline]
    pub(super) fn has_room_for(&self, keys: usize) -> bool {
        self.max.saturating_sub(self.len()) >= keys
    }

    /// Drops idle counters from the next few buckets, for one of so many new keys that want room. Returns how many
    /// buckets it looked at, which is bounded.
    pub(super) fn sweep(&mut self, now: Timestamp, new_keys: usize) -> usize {
        let buckets = self.entries.num_buckets();
        let budget = if self.has_room_for(new_keys) { SWEPT_PER_KEY } else { SWEPT_WHEN_FULL };
        let looked_at = budget.min(buckets);
        for _ in 0..looked_at {
            if self.hand >= buckets {
                self.hand = 0;
            }
            if let Ok(entry) = self.entries.get_bucket_entry(self.hand)
                && entry.get().is_idle(now)
            {
                entry.remove();
            }
            self.hand += 1;
        }
        looked_at
    }

    /// Takes the cost of a step that was judged to fit; a new key must have been found room before.
    pub(super) fn take(&mut self, key: CounterKey, step: &Step<'_>) {
        if let Some(entry) = self.entry_mut(key) {
            entry.take(step);
        } else {
            let mut entry = Entry::new(key);
            entry.take(step);
            self.insert(entry);
        }
    }

    /// Ends a lease. False if it has expired, was released before or was never there.
    pub(super) fn release(&mut self, key: CounterKey, now: Timestamp, lease: LeaseId) -> bool {
        let Some(entry) = self.entry_mut(key) else { return false };
        let held = IN_FLIGHT.used(entry.state(), now);
        if let Some(State::InFlight(leases)) = &mut entry.state
            && leases.release(lease)
        {
            entry.note_idle(&IN_FLIGHT);
        }
        // A lease that had expired but was not yet dropped did not count any more.
        IN_FLIGHT.used(entry.state(), now) < held
    }

    /// Sets what is in use. False if the algorithm counts no use or there is no room for a new key.
    pub(super) fn set_used(
        &mut self,
        key: CounterKey,
        now: Timestamp,
        algorithm: &Algorithm,
        used: i64,
    ) -> bool {
        let mut state = self.remove(key);
        let was_set = algorithm.set_used(&mut state, now, used);
        let mut entry = Entry { state, ..Entry::new(key) };
        entry.note_idle(algorithm);
        if !self.has_room_for(1) && entry.state.is_some() {
            self.sweep(now, 1);
        }
        self.insert(entry) && was_set
    }

    fn remove(&mut self, key: CounterKey) -> Option<State> {
        let found = self.entries.find_entry(table_hash(key), |entry| entry.key == key);
        found.ok().and_then(|entry| entry.remove().0.state)
    }

    /// Adds a key that is not there, if it has a state. False if there is no room.
    fn insert(&mut self, entry: Entry) -> bool {
        if entry.state.is_none() {
            return true;
        }
        let has_room = self.has_room_for(1);
        if has_room {
            self.entries.insert_unique(table_hash(entry.key), entry, |entry| table_hash(entry.key));
        }
        has_room
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Nanos = Nanos::from_secs(1);
    const EACH_SECOND: Algorithm = Algorithm::Bucket(SECOND);

    fn step(now: Timestamp) -> Step<'static> {
        let terms = Terms { ceiling: 1, burst: 1, starting: None };
        Step { algorithm: &EACH_SECOND, terms, now, cost: 1, lease: LeaseId(1) }
    }

    fn key(number: u64) -> CounterKey {
        CounterKey::of_limit(&number.to_le_bytes(), 7)
    }

    #[test]
    fn an_entry_is_one_cache_line() {
        assert_eq!(size_of::<Entry>(), 64);
    }

    #[test]
    fn keys_that_go_idle_leave_room_for_as_many_more_at_a_bounded_cost_each() {
        let mut table = Table::new(1_000);
        let mut refused = 0;
        for number in 0..200_000 {
            // 300 keys a second, each counting for two: 600 of the 1000 are in use.
            let now = Timestamp(1).after(Nanos(i64::try_from(number).unwrap() * SECOND.0 / 300));
            assert!(table.sweep(now, 1) <= SWEPT_WHEN_FULL);
            if table.has_room_for(1) {
                table.take(key(number), &step(now));
            } else {
                refused += 1;
            }
            assert!(table.len() <= 1_000);
        }
        assert_eq!(refused, 0);
        assert!(table.entries.num_buckets() <= 2_048);
    }

    #[test]
    fn a_full_table_whose_counters_all_count_drops_none() {
        let mut table = Table::new(100);
        let now = Timestamp(0);
        for number in 0..100 {
            table.take(key(number), &step(now));
        }
        for _ in 0..1_000 {
            assert!(table.sweep(now.after(SECOND), 1) <= SWEPT_WHEN_FULL);
            assert!(!table.has_room_for(1));
        }
        table.take(key(100), &step(now));
        assert_eq!(table.len(), 100);
        assert!((0..100).all(|number| table.state(key(number)).is_some()));
    }

    #[test]
    fn an_idle_counter_is_kept_for_a_while_and_then_dropped() {
        let mut table = Table::new(1);
        table.take(key(1), &step(Timestamp(0)));
        table.sweep(Timestamp(SECOND.0 + KEPT_IDLE.0 - 1), 1);
        assert_eq!(table.len(), 1);
        table.sweep(Timestamp(SECOND.0 + KEPT_IDLE.0), 1);
        assert_eq!(table.len(), 0);
    }

    #[test]
    fn a_counter_that_is_never_idle_is_kept_to_the_end_of_time() {
        let mut table = Table::new(1);
        table.take(key(1), &step(Timestamp::MAX));
        table.sweep(Timestamp::MAX, 1);
        assert_eq!(table.len(), 1);
    }
}

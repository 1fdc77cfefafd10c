//! A bounded table of entries: one shard of the memory store, under one lock.
//!
//! Keys are keyed hashes already, so their bits place them. Each new key pays for looking at a few of the table's
//! buckets in turn and dropping what is idle there: between two growths every bucket is looked at, no request ever
//! pays for the whole table, and a counter that still counts is never dropped. The same goes for what is kept beside
//! counters: reservations until they expire, blocks until they are forgotten, warnings until they lapse.

use hashbrown::HashTable;
use limitrate_core::{
    algorithm::{Algorithm, Hold, LeaseId, Place, State},
    block,
    key::CounterKey,
    time::{Nanos, Timestamp},
    warning,
};

use super::entry::{Entry, Kept, Step};

/// How many buckets each new key looks at for idle counters. The table doubles when it grows, to 16 buckets for every 7
/// keys, and grows again after as many more keys: 3 each are enough to have looked at all of them.
const SWEPT_PER_KEY: usize = 4;

/// How many when there is no room left, where every idle counter found is a key that can be counted.
const SWEPT_WHEN_FULL: usize = 32;

/// How any in-flight limit reads its state: how long its leases last stands in the leases.
const IN_FLIGHT: Algorithm = Algorithm::InFlight(Nanos::ZERO);

/// Counters and what is kept beside them by key, at most so many.
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
        self.entry(key).and_then(Entry::state)
    }

    #[inline]
    fn entry(&self, key: CounterKey) -> Option<&Entry> {
        self.entries.find(table_hash(key), |entry| entry.key == key)
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

    /// Drops what is idle from the next few buckets, for one of so many new keys that want room. Returns how many
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
            let mut entry = Entry::new(key, None);
            entry.take(step);
            self.insert(entry);
        }
    }

    /// The same of a cost that may be settled.
    pub(super) fn reserve(&mut self, key: CounterKey, step: &Step<'_>) -> Place {
        if let Some(entry) = self.entry_mut(key) {
            return entry.reserve(step);
        }
        let mut entry = Entry::new(key, None);
        let place = entry.reserve(step);
        self.insert(entry);
        place
    }

    /// Takes out a reservation and settles it; what it was is returned, unless it had expired or was never there.
    pub(super) fn settle(
        &mut self,
        hold: CounterKey,
        counter: CounterKey,
        algorithm: &Algorithm,
        now: Timestamp,
        actual: i64,
    ) -> Option<Hold> {
        let entry = self.remove(hold)?;
        let hold = match entry.kept {
            Kept::Hold(hold) if now < entry.idle_at => hold,
            Kept::Hold(_) | Kept::Counter(_) | Kept::Block(_) | Kept::Warning(_) => return None,
        };
        if let Some(entry) = self.entry_mut(counter) {
            entry.settle(algorithm, &hold, now, actual);
        } else {
            // In the room that the reservation had.
            let mut entry = Entry::new(counter, None);
            entry.settle(algorithm, &hold, now, actual);
            self.insert(entry);
        }
        Some(hold)
    }

    /// The block under a key.
    pub(super) fn block(&self, key: CounterKey) -> Option<block::State> {
        self.entry(key).and_then(|entry| if let Kept::Block(block) = entry.kept { Some(block) } else { None })
    }

    /// The warning under a key.
    pub(super) fn warning(&self, key: CounterKey) -> Option<warning::State> {
        self.entry(key).and_then(
            |entry| {
                if let Kept::Warning(warning) = entry.kept { Some(warning) } else { None }
            },
        )
    }

    /// Keeps something beside a counter until an instant. False if its key is new and there is no room for it.
    pub(super) fn put(&mut self, key: CounterKey, kept: Kept, idle_at: Timestamp) -> bool {
        let fresh = Entry { key, idle_at, kept };
        if let Some(entry) = self.entry_mut(key) {
            *entry = fresh;
            return true;
        }
        self.insert(fresh)
    }

    /// The same, after a sweep: for what was found no room before.
    pub(super) fn put_swept(
        &mut self,
        now: Timestamp,
        key: CounterKey,
        kept: Kept,
        idle_at: Timestamp,
    ) -> bool {
        if self.entry(key).is_none() {
            self.sweep(now, 1);
        }
        self.put(key, kept, idle_at)
    }

    /// The same for a reservation beside a shared counter, which leaves half of the table to counters.
    pub(super) fn put_shared(&mut self, now: Timestamp, key: CounterKey, kept: Kept, idle_at: Timestamp) {
        self.sweep(now, 1);
        if self.len() < self.max / 2 || self.entry(key).is_some() {
            self.put(key, kept, idle_at);
        }
    }

    /// How many reservations may still be settled.
    pub(super) fn holds(&self, now: Timestamp) -> usize {
        self.entries.iter().filter(|entry| entry.is_open(now)).count()
    }

    /// Ends a lease. False if it has expired, was released before or was never there.
    pub(super) fn release(&mut self, key: CounterKey, now: Timestamp, lease: LeaseId) -> bool {
        let Some(entry) = self.entry_mut(key) else { return false };
        let held = IN_FLIGHT.used(entry.state(), now);
        if let Kept::Counter(Some(State::InFlight(leases))) = &mut entry.kept
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
        let removed = self.remove(key).map(|entry| entry.kept);
        let mut state = if let Some(Kept::Counter(state)) = removed { state } else { None };
        let was_set = algorithm.set_used(&mut state, now, used);
        let mut entry = Entry::new(key, state);
        entry.note_idle(algorithm);
        if !self.has_room_for(1) && entry.state().is_some() {
            self.sweep(now, 1);
        }
        self.insert(entry) && was_set
    }

    fn remove(&mut self, key: CounterKey) -> Option<Entry> {
        let found = self.entries.find_entry(table_hash(key), |entry| entry.key == key);
        found.ok().map(|entry| entry.remove().0)
    }

    /// Adds a key that is not there, unless it is a counter without a state. False if there is no room.
    fn insert(&mut self, entry: Entry) -> bool {
        if matches!(entry.kept, Kept::Counter(None)) {
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
    use limitrate_core::algorithm::Terms;

    use super::{super::entry::KEPT_IDLE, *};

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

//! A bounded table of entries under a lock: what stands in no slot, or is shared by keys without room.
//!
//! Keys are keyed hashes already, so their bits place them. Each new key pays for looking at a few of the table's
//! buckets in turn and dropping what is idle there: between two growths every bucket is looked at, no request ever
//! pays for the whole table, and a counter that still counts is never dropped. The same goes for what is kept beside
//! counters: reservations until they expire, blocks until they are forgotten, warnings until they lapse.

use hashbrown::HashTable;
use limitrate_core::{
    algorithm::{Algorithm, Hold, LeaseId, State},
    block,
    key::CounterKey,
    time::{Nanos, Timestamp},
    warning,
};

use super::entry::{Entry, Kept, Step};

/// What part of the table is left to counters that find no slot in their pages although those have room.
const LEFT_TO_SLOTS: usize = 8;

/// More than a list of one entry takes beside its place in the table.
const LIST_BYTES: usize = 192;

/// How any in-flight limit reads its state: how long its leases last stands in the leases.
const IN_FLIGHT: Algorithm = Algorithm::InFlight(Nanos::ZERO);

/// Counters and what is kept beside them by key, at most so many.
#[derive(Debug)]
pub(super) struct Table {
    entries: HashTable<Entry>,
    max: usize,
    /// How many keys of the same room are kept elsewhere, or about to be.
    pub(super) elsewhere: usize,
    /// How many bytes it may take, its counters' lists included.
    pub(super) max_bytes: usize,
    /// How many bytes those lists take.
    listed: usize,
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
    pub(super) const fn new(max: usize, max_bytes: usize) -> Self {
        Self { entries: HashTable::new(), max, elsewhere: 0, max_bytes, listed: 0, hand: 0 }
    }

    /// How many bytes are allocated.
    pub(super) fn bytes(&self) -> usize {
        self.entries.allocation_size() + self.listed
    }

    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    #[inline]
    pub(super) fn state(&self, key: CounterKey) -> Option<&State> {
        self.entry(key).and_then(Entry::state)
    }

    #[inline]
    pub(super) fn entry(&self, key: CounterKey) -> Option<&Entry> {
        self.entries.find(table_hash(key), |entry| entry.key == key)
    }

    #[inline]
    pub(super) fn entry_mut(&mut self, key: CounterKey) -> Option<&mut Entry> {
        self.entries.find_mut(table_hash(key), |entry| entry.key == key)
    }

    /// Whether so many new keys find room, of which some are for this table.
    #[inline]
    pub(super) fn has_room_for(&self, keys: usize, here: usize) -> bool {
        let is_allocated = || {
            self.entries.capacity() - self.entries.len() >= here + self.entries.capacity() / LEFT_TO_SLOTS
                && self.bytes() + here * LIST_BYTES <= self.max_bytes
        };
        // A table that grows is there twice for a moment, and then twice as large.
        let may_grow = || self.entries.allocation_size() * 3 + self.listed < self.max_bytes;
        self.max.saturating_sub(self.len() + self.elsewhere) >= keys
            && (here == 0 || is_allocated() || may_grow())
    }

    /// Drops what is idle from the next so many buckets.
    pub(super) fn sweep(&mut self, now: Timestamp, buckets: usize) {
        let all = self.entries.num_buckets();
        for _ in 0..buckets.min(all) {
            if self.hand >= all {
                self.hand = 0;
            }
            if let Ok(entry) = self.entries.get_bucket_entry(self.hand)
                && entry.get().is_idle(now)
            {
                self.listed -= entry.remove().0.heap_bytes();
            }
            self.hand += 1;
        }
    }

    /// Takes the cost of a step that was judged to fit from a counter that is there; false if it is not.
    pub(super) fn take(&mut self, key: CounterKey, step: &Step<'_>) -> bool {
        let hash = table_hash(key);
        let Some(entry) = self.entries.find_mut(hash, |entry| entry.key == key) else { return false };
        self.listed -= entry.heap_bytes();
        entry.take(step);
        self.listed += entry.heap_bytes();
        true
    }

    /// Takes out the state of a counter and when it is idle. Its place is kept until it is put back or removed.
    pub(super) fn take_out(&mut self, key: CounterKey) -> Option<(State, Timestamp)> {
        let entry = self.entries.find_mut(table_hash(key), |entry| entry.key == key)?;
        let (heap_bytes, idle_at) = (entry.heap_bytes(), entry.idle_at);
        let Kept::Counter(state) = &mut entry.kept else { return None };
        let state = state.take()?;
        entry.idle_at = Timestamp::MAX;
        self.listed -= heap_bytes;
        Some((state, idle_at))
    }

    /// Puts back what was taken out.
    pub(super) fn put_back(&mut self, key: CounterKey, state: State, idle_at: Timestamp) {
        self.listed += state.heap_bytes();
        if let Some(entry) = self.entry_mut(key) {
            *entry = Entry::new(key, state, idle_at);
        }
    }

    /// Changes a counter that `change` says the idle instant of; one that is not there is added if it comes to be.
    pub(super) fn change(&mut self, key: CounterKey, change: impl FnOnce(&mut Option<State>) -> Timestamp) {
        let mut state = self.take_out(key).map(|(state, _)| state);
        let was_there = state.is_some();
        let idle_at = change(&mut state);
        match state {
            Some(state) if was_there => self.put_back(key, state, idle_at),
            Some(state) => self.add(Entry::new(key, state, idle_at)),
            None => drop(self.remove(key)),
        }
    }

    /// Adds a key that is not there and for which room was found.
    pub(super) fn add(&mut self, entry: Entry) {
        self.listed += entry.heap_bytes();
        self.entries.insert_unique(table_hash(entry.key), entry, |entry| table_hash(entry.key));
    }

    /// Takes out a reservation; `None` if it has expired or was never there.
    pub(super) fn take_hold(&mut self, key: CounterKey, now: Timestamp) -> Option<Hold> {
        let entry = self.remove(key)?;
        match entry.kept {
            Kept::Hold(hold) if now < entry.idle_at => Some(hold),
            Kept::Hold(_) | Kept::Counter(_) | Kept::Block(_) | Kept::Warning(_) => None,
        }
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
        let has_room = self.has_room_for(1, 1);
        if has_room {
            self.add(fresh);
        }
        has_room
    }

    /// The same for a reservation beside a shared counter, which leaves half of the table to counters.
    pub(super) fn put_shared(&mut self, key: CounterKey, kept: Kept, idle_at: Timestamp) {
        if self.len() < self.max / 2 || self.entry(key).is_some() {
            self.put(key, kept, idle_at);
        }
    }

    /// Everything in it.
    pub(super) fn each(&self) -> impl Iterator<Item = &Entry> {
        self.entries.iter()
    }

    /// How many reservations may still be settled.
    pub(super) fn holds(&self, now: Timestamp) -> usize {
        self.entries.iter().filter(|entry| entry.is_open(now)).count()
    }

    /// Ends a lease. False if it has expired, was released before or was never there.
    pub(super) fn release(&mut self, key: CounterKey, now: Timestamp, lease: LeaseId) -> bool {
        let Some(entry) = self.entry_mut(key) else { return false };
        let (held, before) = (IN_FLIGHT.used(entry.state(), now), entry.heap_bytes());
        if let Kept::Counter(Some(State::InFlight(leases))) = &mut entry.kept
            && leases.release(lease)
        {
            entry.note_idle(&IN_FLIGHT);
        }
        // A lease that had expired but was not yet dropped did not count any more.
        let (left, after) = (IN_FLIGHT.used(entry.state(), now), entry.heap_bytes());
        self.listed = self.listed - before + after;
        left < held
    }

    pub(super) fn remove(&mut self, key: CounterKey) -> Option<Entry> {
        let found = self.entries.find_entry(table_hash(key), |entry| entry.key == key).ok()?;
        let removed = found.remove().0;
        self.listed -= removed.heap_bytes();
        Some(removed)
    }
}

#[cfg(test)]
mod tests {
    use limitrate_core::algorithm::Terms;

    use super::{super::entry::KEPT_IDLE, *};

    const SECOND: Nanos = Nanos::from_secs(1);
    const LOG: Algorithm = Algorithm::SlidingLog(SECOND);

    fn step(now: Timestamp) -> Step<'static> {
        let terms = Terms { ceiling: i64::MAX, burst: 1, starting: None };
        Step { algorithm: &LOG, terms, now, cost: 1, lease: LeaseId(1) }
    }

    fn key(number: u64) -> CounterKey {
        CounterKey::of_limit(&number.to_le_bytes(), 7)
    }

    fn fill(table: &mut Table, keys: u64, now: Timestamp) {
        for number in 0..keys {
            let mut state = None;
            LOG.take(&mut state, step(now).terms, now, 1, LeaseId(0));
            let state = state.unwrap();
            table.add(Entry::new(key(number), state.clone(), LOG.idle_at(&state)));
        }
    }

    #[test]
    fn an_idle_counter_is_kept_for_a_while_and_then_dropped() {
        let mut table = Table::new(1, usize::MAX);
        fill(&mut table, 1, Timestamp(0));
        table.sweep(Timestamp(SECOND.0 + KEPT_IDLE.0 - 1), 16);
        assert_eq!(table.len(), 1);
        table.sweep(Timestamp(SECOND.0 + KEPT_IDLE.0), 16);
        assert_eq!((table.len(), table.listed), (0, 0));
    }

    #[test]
    fn what_is_taken_out_keeps_its_place_until_it_is_put_back() {
        let mut table = Table::new(1, usize::MAX);
        fill(&mut table, 1, Timestamp(0));
        let before = table.bytes();
        let (state, idle_at) = table.take_out(key(0)).unwrap();
        table.sweep(Timestamp(SECOND.0 * 9), 16);
        assert!(table.len() == 1 && !table.has_room_for(1, 0) && table.take_out(key(0)).is_none());
        table.put_back(key(0), state, idle_at);
        assert_eq!((table.len(), table.bytes()), (1, before));
        table.sweep(Timestamp(SECOND.0 * 9), 16);
        assert_eq!(table.len(), 0);
    }

    #[test]
    #[cfg_attr(miri, ignore = "takes too long there")]
    fn lists_count_as_memory() {
        let mut table = Table::new(10, 100_000);
        fill(&mut table, 1, Timestamp(0));
        assert!(table.has_room_for(5, 5));
        for nanos in 1..10_000 {
            assert!(table.take(key(0), &step(Timestamp(nanos))));
        }
        assert!(table.bytes() > 100_000, "{}", table.bytes());
        assert!(!table.has_room_for(9, 9));
        table.remove(key(0));
        assert!(table.bytes() < 10_000 && table.has_room_for(9, 9));
    }
}

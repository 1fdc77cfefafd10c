//! The store in this process's memory: shards under locks, bounded, without a thread of its own.
//!
//! A decision with one plain charge takes one lock and one look-up and allocates nothing unless its table grows. One
//! with several holds the locks of all shards concerned, in ascending order, for as long as it judges and takes.
//!
//! The number of keys is bounded, and a counter that still counts is never dropped for another. What a key without
//! room meets is its limit's [`Fail`] clause; see [`NO_ROOM_RETRY`] and [`MAX_SHARED`].
//!
//! Open reservations, blocks and warnings are keys too, kept beside their counter until they expire, are forgotten or
//! lapse. A reservation without room is refused by `fail closed`; by the others the cost is taken and stands at what
//! was reserved. A block without room is not kept: the charge is refused as if its limit had none. A warning without
//! room is given, and may be given again. Keys that share a counter have no blocks or warnings there.
//!
//! [`Fail`]: limitrate_core::charge::Fail

mod entry;
mod part;
mod several;
mod table;
mod tables;

use std::{fmt, num::NonZeroUsize, thread};

use limitrate_core::{
    algorithm::{Algorithm, LeaseId},
    charge::{Charge, Counted, Verdict},
    key::CounterKey,
    time::{Nanos, Timestamp},
};
use parking_lot::Mutex;

use self::{entry::Step, several::shared_ticket, table::Table, tables::Tables};
use super::{Lease, LocalStore, Settled, Settlement, Settlements, Ticket, Verdicts};

/// How many keys a store keeps unless told otherwise. A table that grew to hold them takes about 130 MB.
pub const DEFAULT_MAX_KEYS: usize = 1_000_000;

/// How many counters shared by a limit's keys (`fail local`) a store keeps, outside `max_keys`: one per limit that
/// had a key without room. Limits beyond them refuse such keys. Half of them may be open reservations; one beyond
/// those stands at what was reserved.
pub const MAX_SHARED: usize = 65_536;

/// After how long to ask again when a key finds no room: what `fail closed` says, and `fail local` of a cost above
/// its share.
pub const NO_ROOM_RETRY: Nanos = Nanos::from_secs(1);

/// Shards per thread that the machine runs at once, so that two threads seldom want the same lock.
const SHARDS_PER_THREAD: usize = 16;

/// More shards than this help no machine.
const MAX_SHARDS: usize = 4_096;

/// Without a wish for a number of shards there are so few that each holds as many keys: a shard that is full while
/// others have room is then a matter of a few percent.
const MIN_KEYS_PER_SHARD: usize = 1_024;

/// How a memory store is laid out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MemoryOptions {
    /// How many keys are kept at most: counters, open reservations, blocks and warnings. Each shard holds an equal part
    /// of them.
    pub max_keys: usize,
    /// How many shards; rounded up to a power of two, and down so that each may hold a key. `None` suits the machine.
    pub shards: Option<NonZeroUsize>,
}

impl Default for MemoryOptions {
    fn default() -> Self {
        Self { max_keys: DEFAULT_MAX_KEYS, shards: None }
    }
}

impl MemoryOptions {
    /// A power of two.
    fn shard_count(self) -> usize {
        let (wanted, keys_each) = match self.shards {
            Some(wanted) => (wanted.get(), 1),
            None => {
                let threads = thread::available_parallelism().map_or(1, NonZeroUsize::get);
                (threads.saturating_mul(SHARDS_PER_THREAD), MIN_KEYS_PER_SHARD)
            }
        };
        let most = (self.max_keys / keys_each).checked_ilog2().map_or(1, |log| 1 << log);
        wanted.min(MAX_SHARDS).next_power_of_two().min(most)
    }
}

/// A table on cache lines of its own, in pairs since processors fetch them so: shards do not slow each other down.
#[repr(align(128))]
struct Shard(Mutex<Table>);

/// Counters in memory.
pub struct MemoryStore {
    /// INVARIANT: a power of two of them.
    shards: Box<[Shard]>,
    /// The counters of limits whose keys found no room. Locked after any shard, never before one.
    shared: Mutex<Table>,
}

impl MemoryStore {
    /// An empty store.
    #[must_use]
    pub fn new(options: MemoryOptions) -> Self {
        let count = options.shard_count();
        let (each, rest) = (options.max_keys / count, options.max_keys % count);
        let shards = (0..count).map(|index| Shard(Mutex::new(Table::new(each + usize::from(index < rest)))));
        Self { shards: shards.collect(), shared: Mutex::new(Table::new(MAX_SHARED)) }
    }

    /// How many reservations may still be settled at `now`. Looks at every key, for tests and the curious; shard by
    /// shard, as [`len`](LocalStore::len) does.
    #[must_use]
    pub fn holds(&self, now: Timestamp) -> usize {
        let own: usize = self.shards.iter().map(|shard| shard.0.lock().holds(now)).sum();
        own + self.shared.lock().holds(now)
    }

    /// The shard of a key, by bits that the table does not use.
    #[inline]
    #[expect(clippy::cast_possible_truncation, reason = "the mask leaves fewer bits than any integer has")]
    const fn shard_of(&self, key: CounterKey) -> usize {
        (key.0 >> 64) as usize & (self.shards.len() - 1)
    }

    #[inline]
    #[expect(clippy::indexing_slicing, reason = "`shard_of` masks by the number of shards")]
    fn shard(&self, key: CounterKey) -> &Mutex<Table> {
        &self.shards[self.shard_of(key)].0
    }

    /// Decides a single charge; `None` if its key is new and its shard full.
    #[inline]
    fn charge_one(&self, now: Timestamp, charge: &Charge<'_>, ticket: Ticket) -> Option<Verdict> {
        let step = Step {
            algorithm: charge.algorithm,
            terms: charge.terms,
            now,
            cost: charge.cost,
            lease: LeaseId(ticket.0),
        };
        let mut table = self.shard(charge.counter).lock();
        let verdict = if let Some(entry) = table.entry_mut(charge.counter) {
            let judged = step.judge(entry.state());
            if judged.is_ok() {
                entry.take(&step);
            }
            Verdict::new(judged, step.status(entry.state()), Counted::Own)
        } else {
            let judged = step.judge(None);
            if judged.is_ok() && charge.cost > 0 {
                if !table.has_room_for(1) {
                    return None;
                }
                table.sweep(now, 1);
                table.take(charge.counter, &step);
            }
            Verdict::new(judged, step.status(table.state(charge.counter)), Counted::Own)
        };
        Some(verdict)
    }
}

impl LocalStore for MemoryStore {
    fn charge(
        &self,
        now: Timestamp,
        charges: &[Charge<'_>],
        ticket: Ticket,
        verdicts: &mut Verdicts,
    ) -> bool {
        verdicts.clear();
        if let [charge] = charges
            && charge.is_plain()
            && let Some(verdict) = self.charge_one(now, charge, ticket)
        {
            verdicts.push(verdict);
            return verdict.judged.is_ok();
        }
        several::charge(self, now, charges, ticket, verdicts)
    }

    fn settle(&self, now: Timestamp, settlements: &[Settlement<'_>], settled: &mut Settlements) {
        settled.clear();
        let mut tables = Tables::lock(self, settlements.iter().map(|settlement| settlement.counter));
        settled.extend(settlements.iter().map(|settlement| {
            let hold = tables.settle(now, settlement);
            hold.map_or(Settled::Gone, |hold| Settled::Replaced { reserved: hold.reserved })
        }));
    }

    fn release(&self, now: Timestamp, lease: Lease) -> bool {
        self.shard(lease.counter).lock().release(lease.counter, now, LeaseId(lease.ticket.0)) || {
            let shared = shared_ticket(lease.ticket, lease.counter);
            self.shared.lock().release(lease.limit, now, LeaseId(shared.0))
        }
    }

    fn used(&self, now: Timestamp, counter: CounterKey, algorithm: &Algorithm) -> Option<i64> {
        algorithm.used(self.shard(counter).lock().state(counter), now)
    }

    fn set_used(&self, now: Timestamp, counter: CounterKey, algorithm: &Algorithm, used: i64) -> bool {
        self.shard(counter).lock().set_used(counter, now, algorithm, used)
    }

    /// Shard by shard: while others charge, no instant need have had exactly as many.
    fn len(&self) -> usize {
        self.shards.iter().map(|shard| shard.0.lock().len()).sum()
    }
}

impl fmt::Debug for MemoryStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryStore").field("shards", &self.shards.len()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn count(max_keys: usize, shards: usize) -> usize {
        MemoryStore::new(MemoryOptions { max_keys, shards: NonZeroUsize::new(shards) }).shards.len()
    }

    #[test]
    fn the_number_of_shards_is_a_power_of_two_and_no_shard_is_without_keys() {
        assert_eq!(count(100, 3), 4);
        assert_eq!(count(100, 100), 64);
        assert_eq!(count(1, 8), 1);
        assert_eq!(count(0, 8), 1);
        assert_eq!(count(usize::MAX, usize::MAX), MAX_SHARDS);
        assert_eq!(count(MIN_KEYS_PER_SHARD, 0), 1);
    }

    #[test]
    fn a_shard_stands_on_its_own_cache_lines() {
        assert_eq!(size_of::<Shard>(), 128);
    }
}

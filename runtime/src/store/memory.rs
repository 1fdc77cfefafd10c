//! The store in this process's memory: bounded, without a thread of its own, and mostly without locks.
//!
//! Counters of windows and buckets stand in slots that are found and changed without a lock: a charge on one of them
//! waits for nobody and allocates nothing, and a refusal writes nothing. So are several plain charges, all or none. What
//! is new, in a list (logs, leases) or beside a counter is under the lock of its shard; a decision that needs several
//! locks takes them in ascending order, for as long as it judges and takes.
//!
//! Memory is bounded, and a counter that still counts is never dropped for another: what is dropped equals a key never
//! seen. What a key without room meets is its limit's [`Fail`] clause; see [`NO_ROOM_RETRY`] and [`MAX_SHARED`].
//!
//! Open reservations, blocks and warnings are keys too, kept beside their counter until they expire, are forgotten or
//! lapse. A reservation without room is refused by `fail closed`; by the others the cost is taken and stands at what
//! was reserved. A block without room is not kept: the charge is refused as if its limit had none. A warning without
//! room is given, and may be given again. Keys that share a counter have no blocks or warnings there.
//!
//! [`Fail`]: limitrate_core::charge::Fail

mod counter;
pub(super) mod entry;
mod pages;
pub(super) mod part;
mod quick;
mod receipts;
mod several;
mod shard;
mod slot;
mod snapshot;
mod sync;
mod table;
mod tables;

use std::{fmt, hint::black_box, num::NonZeroUsize, thread};

use limitrate_core::{
    algorithm::{Algorithm, LeaseId},
    charge::{Charge, Counted, Verdict},
    key::CounterKey,
    time::{Nanos, Timestamp},
};

pub use self::receipts::MAX_RECEIPTS;
use self::{
    counter::Counter,
    entry::Step,
    quick::{charge_one, charge_several},
    receipts::Receipts,
    several::shared_ticket,
    shard::{Kind, Promised, Shard},
    sync::Mutex,
    table::Table,
    tables::Tables,
};
use super::{
    Charged, Kept, Lease, LocalStore, RequestId, Settled, Settlement, Settlements, Ticket, Verdicts,
    beside::receipt_key,
};

/// How many bytes a store takes at most unless told otherwise: some three million counters of one word, or half as
/// many of several. It takes them as keys come.
pub const DEFAULT_MAX_BYTES: usize = 256 * 1024 * 1024;

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

/// Without a wish for a number of shards there are so few that each holds as many keys and bytes: a shard that is full
/// while others have room is then a matter of a few percent.
const MIN_KEYS_PER_SHARD: usize = 1_024;
const MIN_BYTES_PER_SHARD: usize = 256 * 1024;

/// More bytes than these are taken for as many.
const MAX_BYTES: usize = 1 << 40;

/// How a memory store is laid out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MemoryOptions {
    /// How many bytes it takes at most for what it keeps. Each shard has an equal part of them, of which either kind of
    /// slot may have five eighths. Only the lists of counters that are there may grow beyond: those of sliding logs and
    /// of limits in flight, which have a bound of their own; and the answers to calls that named themselves are beside it, at most
    /// [`MAX_RECEIPTS`] of some hundred bytes.
    pub max_bytes: usize,
    /// How many keys are kept at most: counters, open reservations, blocks and warnings. Each shard holds an equal part
    /// of them. By default only memory bounds them.
    pub max_keys: usize,
    /// How many shards; rounded up to a power of two, and down so that each may hold a key. `None` suits the machine.
    pub shards: Option<NonZeroUsize>,
}

impl Default for MemoryOptions {
    fn default() -> Self {
        Self { max_bytes: DEFAULT_MAX_BYTES, max_keys: usize::MAX, shards: None }
    }
}

impl MemoryOptions {
    /// A power of two.
    fn shard_count(self) -> usize {
        let (wanted, keys_each, bytes_each) = match self.shards {
            Some(wanted) => (wanted.get(), 1, 1),
            None => {
                let threads = thread::available_parallelism().map_or(1, NonZeroUsize::get);
                (threads.saturating_mul(SHARDS_PER_THREAD), MIN_KEYS_PER_SHARD, MIN_BYTES_PER_SHARD)
            }
        };
        let most = (self.max_keys / keys_each).min(self.max_bytes / bytes_each);
        let most = most.checked_ilog2().map_or(1, |log| 1 << log);
        wanted.min(MAX_SHARDS).next_power_of_two().min(most)
    }
}

/// Counters in memory.
pub struct MemoryStore {
    /// INVARIANT: a power of two of them.
    shards: Box<[Shard]>,
    /// The counters of limits whose keys found no room. Locked after any shard, never before one.
    shared: Mutex<Table>,
    receipts: Receipts,
}

impl MemoryStore {
    /// An empty store.
    #[must_use]
    pub fn new(options: MemoryOptions) -> Self {
        let count = options.shard_count();
        let (each, rest) = (options.max_keys / count, options.max_keys % count);
        let bytes = options.max_bytes.min(MAX_BYTES) / count;
        let shards = (0..count).map(|index| Shard::new(index, each + usize::from(index < rest), bytes));
        Self {
            shards: shards.collect(),
            shared: Mutex::new(Table::new(MAX_SHARED, usize::MAX)),
            receipts: Receipts::new(),
        }
    }

    /// How many reservations may still be settled at `now`. Looks at every key, for tests and the curious; shard by
    /// shard, as [`len`](LocalStore::len) does.
    #[must_use]
    pub fn holds(&self, now: Timestamp) -> usize {
        let own: usize = self.shards.iter().map(|shard| shard.lock().table.holds(now)).sum();
        own + self.shared.lock().holds(now)
    }

    /// How many bytes are allocated for what is kept, the counters of limits without room left out.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.shards.iter().map(|shard| shard.bytes(&shard.lock())).sum()
    }

    /// What stands under a key.
    #[cfg(feature = "sqlite")]
    pub(super) fn kept(&self, key: CounterKey) -> Option<Kept> {
        snapshot::kept(self, key)
    }

    /// The shard of a key, by bits that its tables do not use.
    #[inline]
    #[expect(clippy::cast_possible_truncation, reason = "the mask leaves fewer bits than any integer has")]
    const fn shard_of(&self, key: CounterKey) -> usize {
        (key.0 >> 64) as usize & (self.shards.len() - 1)
    }

    #[inline]
    fn shard(&self, key: CounterKey) -> Option<&Shard> {
        self.shards.get(self.shard_of(key))
    }

    /// Decides a single charge on a new counter or one in the table; `None` if it is neither, or has no room.
    fn charge_locked(&self, now: Timestamp, charge: &Charge<'_>, ticket: Ticket) -> Option<Verdict> {
        let step = Step {
            algorithm: charge.algorithm,
            terms: charge.terms,
            now,
            cost: charge.cost,
            lease: LeaseId(ticket.0),
        };
        let (key, kind) = (charge.counter, Kind::of(charge));
        let shard = self.shard(key)?;
        let mut locked = shard.lock();
        if let Some(entry) = locked.table.entry(key) {
            if kind != Kind::Listed {
                // It may find a slot by now.
                return None;
            }
            let judged = step.judge(entry.state());
            if judged.is_ok() {
                locked.table.take(key, &step);
            }
            return Some(Verdict::new(judged, step.status(locked.table.state(key)), Counted::Own));
        }
        if shard.narrow.find(key).is_some() || shard.wide.find(key).is_some() {
            return None;
        }
        let judged = step.judge(None);
        let mut state = None;
        if judged.is_ok() && charge.cost > 0 {
            if !shard.has_room_for(&locked, Promised::default().with(kind, 1)) {
                return None;
            }
            shard.sweep(&mut locked, now, true);
            step.take(&mut state);
        }
        let verdict = Verdict::new(judged, step.status(state.as_ref()), Counted::Own);
        if let Some(state) = state {
            let idle_at = step.idle_at(&state);
            shard.add(&mut locked, key, kind, state, idle_at);
            shard.grow(&mut locked);
        }
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
        {
            if let Some(fits) = charge_one(self, now, charge, verdicts) {
                return fits;
            }
            if let Some(verdict) = self.charge_locked(now, charge, ticket) {
                verdicts.push(verdict);
                return verdict.judged.is_ok();
            }
        } else if let Some(taken) = charge_several(self, now, charges, verdicts) {
            return taken;
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
        let released =
            |shard: &Shard| shard.lock().table.release(lease.counter, now, LeaseId(lease.ticket.0));
        self.shard(lease.counter).is_some_and(released) || {
            let shared = shared_ticket(lease.ticket, lease.counter);
            self.shared.lock().release(lease.limit, now, LeaseId(shared.0))
        }
    }

    fn used(&self, now: Timestamp, counter: CounterKey, algorithm: &Algorithm) -> Option<i64> {
        algorithm.used(Tables::lock(self, [counter]).own_state(counter), now)
    }

    fn set_used(&self, now: Timestamp, counter: CounterKey, algorithm: &Algorithm, used: i64) -> bool {
        let mut tables = Tables::lock(self, [counter]);
        let kind = Kind::of_algorithm(algorithm);
        // A list of nothing is no state, and needs no room.
        let is_new = tables.own_state(counter).is_none() && (kind != Kind::Listed || used > 0);
        let has_room = !is_new || tables.has_room_swept(counter, now, Promised::default().with(kind, 1));
        let set = |counter: &mut Counter<'_>| counter.set_used(algorithm, now, used);
        has_room && tables.change(counter, set).unwrap_or(false)
    }

    fn charge_once(
        &self,
        now: Timestamp,
        request: RequestId,
        charges: &[Charge<'_>],
        ticket: Ticket,
    ) -> Charged {
        let charge = || {
            let mut verdicts = Verdicts::new();
            let taken = self.charge(now, charges, ticket, &mut verdicts);
            Charged { taken, now, verdicts, degraded: false }
        };
        match charges {
            [first, ..] => self.receipts.once(now, receipt_key(first.counter, request), charge),
            [] => charge(),
        }
    }

    fn refund(&self, now: Timestamp, charge: &Charge<'_>) {
        let Charge { counter, algorithm, terms, cost, .. } = *charge;
        Tables::lock(self, [counter]).change(counter, |counter| counter.refund(algorithm, terms, now, cost));
    }

    fn reset(&self, counter: CounterKey) -> bool {
        let mut tables = Tables::lock(self, [counter]);
        tables.forget_beside(counter);
        tables.change(counter, Counter::forget).unwrap_or(false)
    }

    fn snapshot(&self, now: Timestamp, tell: &mut dyn FnMut(Kept)) {
        snapshot::tell(self, now, tell);
    }

    fn restore(&self, now: Timestamp, kept: Vec<Kept>) -> usize {
        kept.into_iter().filter(|kept| snapshot::keep(self, now, kept)).count()
    }

    /// Shard by shard: while others charge, no instant need have had exactly as many.
    fn len(&self) -> usize {
        self.shards.iter().map(|shard| shard.lock().len()).sum()
    }

    /// A processor goes on past a load that misses, but only for some hundred instructions. So the loads stand close
    /// together, and nothing waits for one of them, nor is decided by it, before all are on their way.
    fn prefetch(&self, charges: &[Charge<'_>]) {
        let touched = charges.iter().fold(0, |touched, charge| {
            let key = charge.counter;
            let word = self.shard(key).and_then(|shard| match Kind::of(charge) {
                Kind::Narrow => shard.narrow.touch(key),
                Kind::Wide => shard.wide.touch(key),
                Kind::Listed => None,
            });
            touched ^ word.unwrap_or(0)
        });
        black_box(touched);
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

    fn count(max_keys: usize, max_bytes: usize, shards: usize) -> usize {
        let options = MemoryOptions { max_bytes, max_keys, shards: NonZeroUsize::new(shards) };
        options.shard_count()
    }

    #[test]
    fn the_number_of_shards_is_a_power_of_two_and_no_shard_is_without_keys() {
        let (all, many) = (usize::MAX, DEFAULT_MAX_BYTES);
        assert_eq!(count(100, many, 3), 4);
        assert_eq!(count(100, many, 100), 64);
        assert_eq!(count(1, many, 8), 1);
        assert_eq!(count(0, many, 8), 1);
        assert_eq!(count(all, 0, 8), 1);
        assert_eq!(count(all, all, all), MAX_SHARDS);
        assert_eq!(count(MIN_KEYS_PER_SHARD, many, 0), 1);
        assert_eq!(count(all, MIN_BYTES_PER_SHARD, 0), 1);
    }

    #[test]
    fn a_shard_stands_on_its_own_cache_lines() {
        assert_eq!(align_of::<Shard>(), 128);
    }
}

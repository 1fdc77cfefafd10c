//! The whole arithmetic of a store over entries that were read for it: what stores without code of their own execute.
//!
//! A store reads the entries that a call names ([`Ledger::keys_of_charges`] and its like) under whatever keeps others off,
//! loads them, lets the ledger execute the call, and writes [`Ledger::changes`]. Many calls may be executed on one ledger
//! before it is written: each sees what those before it did.

mod answered;
mod deciding;
#[cfg(feature = "redis")]
mod tentative;

use std::mem;

use hashbrown::HashMap;
#[cfg(feature = "redis")]
use limitrate_core::algorithm::in_flight;
use limitrate_core::{
    algorithm::{Algorithm, Hold, LeaseId, State},
    block,
    charge::{Charge, Mode},
    key::CounterKey,
    time::{Nanos, Timestamp},
    warning,
};

use self::answered::receipt_of;
use super::{
    Call, Charged, Entry, Kept, Lease, Settled, Settlement, Settlements, Ticket,
    beside::{block_key, hold_key, warning_key},
    contract::RECEIPT_KEPT,
};

/// Entries by key, as far as they were loaded.
#[derive(Debug, Default)]
pub struct Ledger {
    rows: HashMap<CounterKey, Row>,
    /// The keys of the rows that have changed, and perhaps of some that were loaded anew since.
    changed: Vec<CounterKey>,
}

/// What stands under one key.
#[derive(Debug, Default)]
struct Row {
    entry: Option<Entry>,
    idle_at: Timestamp,
    has_changed: bool,
    /// Whether anything stands under the key where it was loaded from, as far as was said.
    is_there: bool,
}

impl Ledger {
    /// An empty one.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The keys whose entries [`Self::charge`] looks at; a key may come twice.
    pub fn keys_of_charges(call: &Call, charges: &[Charge<'_>], mut tell: impl FnMut(CounterKey)) {
        for charge in charges {
            tell(charge.counter);
            if charge.block.is_some() {
                tell(block_key(charge.counter, charge.mode));
            }
            if !charge.warn.is_empty() {
                tell(warning_key(charge.counter));
            }
        }
        if let Some(key) = receipt_of(call, charges) {
            tell(key);
        }
    }

    /// The keys whose entries [`Self::settle`] looks at.
    pub fn keys_of_settlements(settlements: &[Settlement<'_>], mut tell: impl FnMut(CounterKey)) {
        for settlement in settlements {
            tell(settlement.counter);
            tell(hold_key(settlement.counter, settlement.ticket));
        }
    }

    /// The keys whose entries [`Self::reset`] looks at.
    #[must_use]
    pub fn keys_of_counter(counter: CounterKey) -> [CounterKey; 4] {
        let block = |mode| block_key(counter, mode);
        [counter, block(Mode::Enforce), block(Mode::Shadow), warning_key(counter)]
    }

    /// Whether a key was loaded or written.
    #[must_use]
    pub fn has(&self, key: CounterKey) -> bool {
        self.rows.contains_key(&key)
    }

    /// Says what stands under a key. `None` is nothing; so is a key that is never loaded.
    pub fn load(&mut self, key: CounterKey, kept: Option<(Entry, Timestamp)>) {
        let is_there = kept.is_some();
        let (entry, idle_at) = kept.map_or((None, Timestamp::MIN), |(entry, at)| (Some(entry), at));
        self.rows.insert(key, Row { entry, idle_at, has_changed: false, is_there });
    }

    /// Forgets everything, to be loaded anew.
    pub fn clear(&mut self) {
        self.rows.clear();
        self.changed.clear();
    }

    /// What the calls have changed since it was loaded: entries to keep until they are idle, and keys to drop.
    pub fn changes(&self) -> impl Iterator<Item = (CounterKey, Option<(&Entry, Timestamp)>)> {
        let changed = self.changed.iter().filter_map(|key| Some((*key, self.rows.get(key)?)));
        let changed = changed.filter(|(_, row)| row.has_changed);
        changed.map(|(key, row)| (key, row.entry.as_ref().map(|entry| (entry, row.idle_at))))
    }

    /// Takes what has changed for written. How many keys have something there now that had not before.
    pub fn mark_written(&mut self) -> usize {
        let mut new = 0;
        for key in self.changed.drain(..) {
            if let Some(row) = self.rows.get_mut(&key).filter(|row| row.has_changed) {
                let was_there = mem::replace(&mut row.is_there, row.entry.is_some());
                new += usize::from(row.is_there && !was_there);
                row.has_changed = false;
            }
        }
        new
    }

    /// Judges all charges and takes all or none, at `now`; see [`LocalStore::charge`](super::LocalStore::charge). A call that
    /// names itself and was executed before is answered as it was then.
    pub fn charge(&mut self, now: Timestamp, call: &Call, charges: &[Charge<'_>]) -> Charged {
        let receipt = receipt_of(call, charges);
        if let Some(charged) = receipt.and_then(|key| self.answered(key, now, call, charges)) {
            return charged;
        }
        let (taken, verdicts) = deciding::charge(self, now, charges, call.ticket);
        let charged = Charged { taken, now, verdicts, degraded: false };
        if let Some(key) = receipt {
            self.put(key, Entry::Receipt(Box::new(charged.clone())), now.after(RECEIPT_KEPT));
        }
        charged
    }

    /// Replaces reserved costs by actual ones; see [`LocalStore::settle`](super::LocalStore::settle).
    pub fn settle(&mut self, now: Timestamp, settlements: &[Settlement<'_>]) -> Settlements {
        settlements.iter().map(|settlement| self.settle_one(now, settlement)).collect()
    }

    fn settle_one(&mut self, now: Timestamp, settlement: &Settlement<'_>) -> Settled {
        let &Settlement { counter, algorithm, ticket, actual, .. } = settlement;
        let key = hold_key(counter, ticket);
        let Some((Entry::Hold(hold), until)) = self.take(key) else { return Settled::Gone };
        if until <= now {
            return Settled::Gone;
        }
        self.change(counter, algorithm, |state| algorithm.settle(state, &hold, now, actual));
        Settled::Replaced { reserved: hold.reserved }
    }

    /// Ends leases; how many did.
    pub fn release(&mut self, now: Timestamp, leases: &[Lease]) -> usize {
        leases.iter().filter(|lease| self.release_one(now, lease)).count()
    }

    fn release_one(&mut self, now: Timestamp, lease: &Lease) -> bool {
        let any = Algorithm::InFlight(Nanos::ZERO);
        let Some(Row { entry: Some(Entry::Counter(State::InFlight(leases))), .. }) =
            self.rows.get_mut(&lease.counter)
        else {
            return false;
        };
        let mut left = leases.clone();
        if !left.release(LeaseId(lease.ticket.0)) {
            return false;
        }
        // A lease that had expired but was not yet dropped did not count any more.
        let used = |state: &State| any.used(Some(state), now);
        let (before, after) = (State::InFlight(leases.clone()), State::InFlight(left));
        let has_ended = used(&after) < used(&before);
        self.change(lease.counter, &any, |state| *state = Some(after));
        has_ended
    }

    /// Ends the last lease of this weight that a ticket names, if it names any: it was taken for a decision that is refused.
    #[cfg(feature = "redis")]
    pub(super) fn take_back(&mut self, lease: &Lease, weight: i64) {
        let Some(State::InFlight(leases)) = self.state(lease.counter) else { return };
        let mut left: Vec<_> = leases.leases().collect();
        let is_it = |(id, _, held): &(LeaseId, Timestamp, i64)| id.0 == lease.ticket.0 && *held == weight;
        let Some(last) = left.iter().rposition(is_it) else { return };
        left.remove(last);
        let left = in_flight::State::from_leases(leases.latest(), left).map(State::InFlight);
        self.change(lease.counter, &Algorithm::InFlight(Nanos::ZERO), |state| *state = left);
    }

    /// Gives back a cost that was taken.
    pub fn refund(&mut self, now: Timestamp, charge: &Charge<'_>) {
        let Charge { counter, algorithm, terms, cost, .. } = *charge;
        if self.state(counter).is_some() {
            self.change(counter, algorithm, |state| algorithm.refund(state, terms, now, cost));
        }
    }

    /// What is in use of a counter.
    #[must_use]
    pub fn used(&self, now: Timestamp, counter: CounterKey, algorithm: &Algorithm) -> Option<i64> {
        algorithm.used(self.state(counter), now)
    }

    /// Sets what is in use of a counter; false if the algorithm counts no use.
    pub fn set_used(
        &mut self,
        now: Timestamp,
        counter: CounterKey,
        algorithm: &Algorithm,
        used: i64,
    ) -> bool {
        if matches!(algorithm, Algorithm::Bucket(_)) {
            return false;
        }
        self.change(counter, algorithm, |state| algorithm.set_used(state, now, used))
    }

    /// Forgets a counter, its blocks and its warning; false if there was no counter.
    pub fn reset(&mut self, counter: CounterKey) -> bool {
        // Whatever stood there: what was damaged is no counter, and is dropped with the same word.
        let was_there = self.rows.get(&counter).is_some_and(|row| row.entry.is_some());
        for key in Self::keys_of_counter(counter) {
            self.take(key);
        }
        was_there
    }

    /// Keeps an entry where nothing is kept; false if something is.
    pub fn restore(&mut self, now: Timestamp, kept: Kept) -> bool {
        let Kept { key, entry, idle_at } = kept;
        let is_free = self.rows.get(&key).is_none_or(|row| row.entry.is_none() || row.idle_at <= now);
        if is_free && now < idle_at {
            self.put(key, entry, idle_at);
            return true;
        }
        false
    }

    fn state(&self, counter: CounterKey) -> Option<&State> {
        match &self.rows.get(&counter)?.entry {
            Some(Entry::Counter(state)) => Some(state),
            Some(
                Entry::Hold(_) | Entry::Block(_) | Entry::Warning(_) | Entry::Receipt(_) | Entry::Judged(_),
            )
            | None => None,
        }
    }

    fn block(&self, counter: CounterKey, mode: Mode) -> Option<block::State> {
        match &self.rows.get(&block_key(counter, mode))?.entry {
            Some(Entry::Block(block)) => Some(*block),
            Some(
                Entry::Counter(_) | Entry::Hold(_) | Entry::Warning(_) | Entry::Receipt(_) | Entry::Judged(_),
            )
            | None => None,
        }
    }

    fn warning(&self, counter: CounterKey) -> Option<warning::State> {
        match &self.rows.get(&warning_key(counter))?.entry {
            Some(Entry::Warning(warning)) => Some(*warning),
            Some(
                Entry::Counter(_) | Entry::Hold(_) | Entry::Block(_) | Entry::Receipt(_) | Entry::Judged(_),
            )
            | None => None,
        }
    }

    /// Takes a cost on a counter, and keeps its reservation.
    fn take_cost(&mut self, now: Timestamp, charge: &Charge<'_>, reserved: i64, ticket: Ticket) {
        let Charge { counter, algorithm, terms, cost, hold, .. } = *charge;
        let lease = LeaseId(ticket.0);
        let place =
            self.change(counter, algorithm, |state| algorithm.reserve(state, terms, now, cost, lease));
        if let Some(span) = hold {
            let until = now.after(span.max(Nanos(1)));
            self.put(hold_key(counter, ticket), Entry::Hold(Hold { reserved, place }), until);
        }
    }

    fn put(&mut self, key: CounterKey, entry: Entry, idle_at: Timestamp) {
        let row = self.rows.entry(key).or_default();
        (row.entry, row.idle_at) = (Some(entry), idle_at);
        if !mem::replace(&mut row.has_changed, true) {
            self.changed.push(key);
        }
    }

    /// Takes an entry out, to be dropped.
    fn take(&mut self, key: CounterKey) -> Option<(Entry, Timestamp)> {
        let row = self.rows.get_mut(&key)?;
        let entry = row.entry.take()?;
        if !mem::replace(&mut row.has_changed, true) {
            self.changed.push(key);
        }
        Some((entry, row.idle_at))
    }

    /// Changes a counter's state. What is not a counter counts as none, and gives way.
    fn change<T>(
        &mut self,
        counter: CounterKey,
        algorithm: &Algorithm,
        change: impl FnOnce(&mut Option<State>) -> T,
    ) -> T {
        let row = self.rows.entry(counter).or_default();
        let mut state = match row.entry.take() {
            Some(Entry::Counter(state)) => Some(state),
            Some(
                Entry::Hold(_) | Entry::Block(_) | Entry::Warning(_) | Entry::Receipt(_) | Entry::Judged(_),
            )
            | None => None,
        };
        let result = change(&mut state);
        if !mem::replace(&mut row.has_changed, true) {
            self.changed.push(counter);
        }
        row.idle_at = state.as_ref().map_or(Timestamp::MIN, |state| algorithm.idle_at(state));
        row.entry = state.map(Entry::Counter);
        result
    }
}

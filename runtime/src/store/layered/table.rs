//! Where the slots are, and what is remembered of their counters beside: how much to lease next, and what is to be returned.
//!
//! Slots are read without a lock. They are opened and closed under that of their shard, which nobody holds while the
//! store is asked.

use std::{mem, sync::atomic::Ordering::Relaxed};

use limitrate_core::{
    algorithm::{Algorithm, Status},
    charge::Charge,
    key::CounterKey,
    time::{Nanos, Timestamp},
};

use super::{
    shard::{RETURN_WITHIN, Return, Shard, warm},
    slot::{Content, MAX_UNITS, Slot, Taken, Taking, What},
};
use crate::store::{Call, OwnedCharge};

/// How many locks there are.
const SHARDS: usize = 64;

/// What is asked for first is so many times what a request costs; each further time, twice as much as before.
const FIRST_LEASE: i64 = 4;

/// All that is known here of counters.
#[derive(Debug)]
pub(super) struct Table {
    /// INVARIANT: [`SHARDS`] of them.
    shards: Box<[Shard]>,
    /// How long a lease lasts.
    span: Nanos,
    /// Among how many instances a ceiling's share is divided.
    pub(super) instances: i64,
}

/// Where a counter's slot is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    shard: usize,
    slot: usize,
}

impl Table {
    pub(super) fn new(max_keys: usize, span: Nanos, instances: i64) -> Self {
        Self { shards: (0..SHARDS).map(|_| Shard::new(max_keys / SHARDS)).collect(), span, instances }
    }

    const fn shard_of(key: CounterKey) -> usize {
        (key.0 >> 58) as usize & (SHARDS - 1)
    }

    fn shard(&self, key: CounterKey) -> Option<&Shard> {
        self.shards.get(Self::shard_of(key))
    }

    /// Decides a charge by what is known here.
    #[inline]
    pub(super) fn take(&self, charge: &Charge<'_>, terms: u64, now: Timestamp) -> Option<Taking<'_>> {
        let shard = self.shard(charge.counter)?;
        shard.slots_of(charge.counter).find_map(|(_, slot)| slot.take(charge, terms, now))
    }

    /// Counts a decision that was made here.
    #[inline]
    pub(super) fn count_local(&self, key: CounterKey) {
        if let Some(shard) = self.shard(key) {
            shard.local.0.fetch_add(1, Relaxed);
        }
    }

    /// How many decisions were made here since this was asked last.
    pub(super) fn count_since(&self) -> u64 {
        self.shards.iter().map(|shard| shard.local.0.swap(0, Relaxed)).sum()
    }

    /// Undoes what was taken for a decision that is not made here.
    pub(super) fn give_back(&self, taken: Taken<'_>, charge: &Charge<'_>, call: &Call) {
        let units = taken.give_back();
        if units == 0 {
            return;
        }
        let Some(shard) = self.shard(charge.counter) else { return };
        let mut books = shard.books.lock();
        let ends = shard.find(charge.counter).and_then(|at| Some(books.record(at)?.ends));
        let returned = Return {
            charge: OwnedCharge::from(charge),
            units,
            clock: call.clock,
            ends: ends.unwrap_or(Timestamp::MAX),
            give_up: call.now.after(RETURN_WITHIN),
        };
        books.put_back(returned);
    }

    /// How much to lease with this call; no more than `most` may be here. Whoever is told must [install](Self::install) or
    /// [give up](Self::give_up).
    pub(super) fn ask(
        &self,
        charge: &Charge<'_>,
        terms: u64,
        call: &Call,
        most: i64,
    ) -> Option<(Place, i64)> {
        let shard = self.shard(charge.counter)?;
        let mut books = shard.books.lock();
        let Some(at) = shard.find(charge.counter) else {
            shard.remember(&mut books, charge, terms, call, self.span);
            return None;
        };
        let Some(record) = books.record(at) else {
            shard.remember(&mut books, charge, terms, call, self.span);
            return None;
        };
        if record.asking {
            return None;
        }
        if record.terms != terms || record.clock != call.clock || record.warm_until <= call.now {
            shard.end(&mut books, at, call.now);
            shard.remember(&mut books, charge, terms, call, self.span);
            return None;
        }
        let (step, remaining) = (record.step, record.remaining);
        let slot = shard.slots.get(at)?;
        let units = slot.units();
        let first = charge.cost.saturating_mul(FIRST_LEASE);
        let is_live = slot.is_live(terms, call.now);
        if is_live && units >= charge.cost {
            return None; // it is another limit that sent the request here
        }
        // One that was used up before its time was too small.
        let wanted = if is_live { step.saturating_mul(2) } else { step }.max(first);
        // What is left last is for the store to give out, one by one.
        let left = remaining / self.instances.saturating_mul(2);
        let room = most.min(MAX_UNITS) - units;
        let asked = wanted.min(room).min(left);
        if asked < charge.cost.max(1) {
            return None;
        }
        let record = books.record_mut(at)?;
        record.asking = true;
        record.step = asked;
        Some((Place { shard: Self::shard_of(charge.counter), slot: at }, asked))
    }

    /// Ends asking without a lease.
    pub(super) fn give_up(&self, place: Place) {
        let Some(shard) = self.shards.get(place.shard) else { return };
        if let Some(record) = shard.books.lock().record_mut(place.slot) {
            record.asking = false;
        }
    }

    /// Puts units that were leased where they can be used; no more than `most` are.
    pub(super) fn install(&self, place: Place, units: i64, most: i64, status: Status, call: &Call) {
        let Some(shard) = self.shards.get(place.shard) else { return };
        let Some(slot) = shard.slots.get(place.slot) else { return };
        let mut books = shard.books.lock();
        let books = &mut *books;
        let Some(record) = books.records.get_mut(place.slot).and_then(Option::as_deref_mut) else { return };
        record.asking = false;
        let reset_at = call.now.after(status.reset_after);
        let Charge { counter, algorithm, .. } = record.charge.borrow();
        let is_fixed = matches!(algorithm, Algorithm::FixedWindow(_));
        let ends = if is_fixed { reset_at } else { Timestamp::MAX };
        // What was leased in an earlier window is gone with it.
        let before = slot.close();
        let before = if call.now < record.ends { before } else { 0 };
        let total = before.saturating_add(units);
        let kept = total.min(most);
        record.ends = ends;
        record.remaining = status.remaining;
        record.warm_until = call.now.after(warm(self.span));
        slot.open(&Content {
            key: counter,
            terms: record.terms,
            until: call.now.after(self.span).min(ends),
            remaining: status.remaining,
            reset_at,
            what: What::Lease(kept),
        });
        if !mem::replace(&mut record.listed, true) {
            books.leased.push(place.slot);
        }
        if total > kept {
            let returned = record.to_return(total - kept, call.now);
            books.put_back(returned);
        }
    }

    /// Notes what the store said of a counter: what is left, and for a while what it refused.
    pub(super) fn note(
        &self,
        charge: &Charge<'_>,
        terms: u64,
        call: &Call,
        status: Status,
        fits_at: Option<Timestamp>,
    ) {
        let Some(shard) = self.shard(charge.counter) else { return };
        let mut books = shard.books.lock();
        let Some(at) = shard.find(charge.counter) else { return };
        let Some(slot) = shard.slots.get(at) else { return };
        let Some(record) = books.record_mut(at).filter(|record| record.terms == terms) else { return };
        record.remaining = status.remaining;
        record.warm_until = call.now.after(warm(self.span));
        let Some(fits_at) = fits_at else { return };
        if record.asking || charge.cost > MAX_UNITS || slot.is_live(terms, call.now) && slot.units() > 0 {
            return;
        }
        record.step = 0;
        shard.end(&mut books, at, call.now);
        slot.open(&Content {
            key: charge.counter,
            terms,
            until: call.now.after(self.span).min(fits_at),
            remaining: status.remaining,
            reset_at: call.now.after(status.reset_after),
            what: What::Refusal(charge.cost, fits_at),
        });
    }

    /// The units of a counter that are here.
    pub(super) fn units(&self, key: CounterKey) -> i64 {
        let Some(shard) = self.shard(key) else { return 0 };
        let _books = shard.books.lock();
        shard.find(key).and_then(|at| shard.slots.get(at)).map_or(0, Slot::units)
    }

    /// Forgets what is known of a counter, units included: the store is about to forget them too.
    pub(super) fn forget(&self, key: CounterKey) {
        let Some(shard) = self.shard(key) else { return };
        let mut books = shard.books.lock();
        books.returns.retain(|returned| returned.charge.borrow().counter != key);
        if let Some(slot) = shard.find(key).and_then(|at| shard.slots.get(at)) {
            slot.close();
        }
    }

    /// Forgets that a counter refuses: some of it is about to be given back.
    pub(super) fn admit(&self, key: CounterKey) {
        let Some(shard) = self.shard(key) else { return };
        let _books = shard.books.lock();
        let slot = shard.find(key).and_then(|at| shard.slots.get(at));
        if let Some(slot) = slot.filter(|slot| slot.is_refusal()) {
            slot.close();
        }
    }

    /// Ends leases that are over, or all of them, and hands out what is to be returned.
    pub(super) fn returns(&self, now: Timestamp, all: bool) -> Vec<Return> {
        let mut returns = Vec::new();
        for shard in &self.shards {
            let mut books = shard.books.lock();
            let leased = mem::take(&mut books.leased);
            for at in leased {
                let until = shard.slots.get(at).map_or(Timestamp::MIN, Slot::until);
                if now < until && !all {
                    books.leased.push(at);
                    continue;
                }
                let units = shard.slots.get(at).map_or(0, Slot::units);
                if let Some(record) = books.record_mut(at) {
                    record.listed = false;
                    // One that was mostly not used was too large.
                    if units > record.step / 2 {
                        record.step /= 2;
                    }
                }
                shard.end(&mut books, at, now);
            }
            returns.extend(books.returns.drain(..));
        }
        returns.retain(|returned| now < returned.ends && now < returned.give_up);
        returns
    }

    /// Takes a return again that the store did not.
    pub(super) fn put_back(&self, returned: Return) {
        if let Some(shard) = self.shard(returned.charge.borrow().counter) {
            shard.books.lock().put_back(returned);
        }
    }
}

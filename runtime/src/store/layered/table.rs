//! Where the slots are, and what is remembered of their counters beside: how much to lease next, and what is to be returned.
//!
//! Slots are read without a lock. They are opened and closed under that of their shard, which nobody holds while the
//! store is asked.

use std::{
    num::NonZeroU32,
    sync::atomic::{AtomicU32, Ordering::Relaxed},
};

use limitrate_core::{
    charge::Charge,
    key::CounterKey,
    time::{Nanos, Timestamp},
};

use super::{
    lot,
    record::Told,
    shard::Shard,
    slot::{Content, MAX_UNITS, Taking, What},
};
use crate::store::Call;

/// How many locks there are.
const SHARDS: usize = 64;

/// What is asked for first is so many times what a request costs; each further time, twice as much as before.
const FIRST_LEASE: i64 = 4;

/// By how much the instants of two calls may differ that are made at once: by no more did the clock step back.
const SKEW: Nanos = Nanos(10_000_000);

/// All that is known here of counters.
#[derive(Debug)]
pub(super) struct Table {
    /// INVARIANT: [`SHARDS`] of them.
    shards: Box<[Shard]>,
    /// How long a lease lasts.
    span: Nanos,
    /// How far from now the end of one may be.
    pub(super) reach: Nanos,
    /// Among how many instances a ceiling's share is divided.
    instances: AtomicU32,
}

/// Where a counter's slot is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) shard: usize,
    pub(super) slot: usize,
}

impl Table {
    pub(super) fn new(max_keys: usize, span: Nanos, instances: NonZeroU32) -> Self {
        let shards = (0..SHARDS).map(|_| Shard::new(max_keys / SHARDS)).collect();
        let reach = Nanos(span.0.saturating_add(SKEW.0));
        Self { shards, span, reach, instances: AtomicU32::new(instances.get()) }
    }

    /// Among how many instances a ceiling's share is divided.
    pub(super) fn instances(&self) -> i64 {
        i64::from(self.instances.load(Relaxed))
    }

    /// Divides a ceiling's share among so many, or as many as before if they were more.
    pub(super) fn divide_among(&self, instances: NonZeroU32) -> NonZeroU32 {
        let before = self.instances.fetch_max(instances.get(), Relaxed);
        NonZeroU32::new(before).map_or(instances, |before| before.max(instances))
    }

    const fn shard_of(key: CounterKey) -> usize {
        (key.0 >> 58) as usize & (SHARDS - 1)
    }

    #[inline]
    pub(super) fn shard(&self, key: CounterKey) -> Option<&Shard> {
        self.shards.get(Self::shard_of(key))
    }

    /// The shards by their numbers.
    pub(super) fn numbered(&self, number: usize) -> Option<&Shard> {
        self.shards.get(number)
    }

    pub(super) fn len(&self) -> usize {
        self.shards.len()
    }

    /// Decides a charge by what is known here.
    #[inline]
    pub(super) fn take(&self, charge: &Charge<'_>, terms: u64, now: Timestamp) -> Option<Taking<'_>> {
        let shard = self.shard(charge.counter)?;
        shard.slots_of(charge.counter).find_map(|(_, slot)| slot.take(charge, terms, now, self.reach))
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
        let found = shard.find(&mut books, charge.counter);
        // While a lease is asked for, nobody asks for another.
        if found.as_ref().is_some_and(|(_, _, record)| record.is_asking) {
            return None;
        }
        let found = found.filter(|(_, _, record)| {
            record.terms == terms && record.clock == call.clock && record.is_warm(call.now, self.span)
        });
        let Some((at, slot, record)) = found else {
            shard.remember(&mut books, charge, terms, call, self.span);
            return None;
        };
        record.waiting.pass(call.now);
        let units = slot.units();
        let is_live = slot.is_live(call.now, self.reach);
        if is_live && units >= charge.cost {
            return None; // it is another limit that sent the request here
        }
        let first = charge.cost.saturating_mul(FIRST_LEASE);
        // One that was used up before its time was too small.
        let wanted = if is_live { record.step.saturating_mul(2) } else { record.step }.max(first);
        // What waits, or is left of a lease that is over, is used first.
        let over = if is_live { 0 } else { units };
        let here = record.waiting.units_for(charge, call.clock).saturating_add(over);
        // What is left last is for the store to give out, one by one.
        let left = record.remaining / self.instances().saturating_mul(2);
        let room = most.min(MAX_UNITS) - units - record.owed();
        let asked = wanted.saturating_sub(here).min(room).min(left);
        if asked < charge.cost.max(1) || record.is_full() {
            return None;
        }
        record.is_asking = true;
        record.step = asked.saturating_add(here);
        Some((Place { shard: Self::shard_of(charge.counter), slot: at }, asked))
    }

    /// Ends asking without a lease.
    pub(super) fn give_up(&self, place: Place) {
        let Some(shard) = self.shards.get(place.shard) else { return };
        if let Some(record) = shard.books.lock().record_mut(place.slot) {
            record.is_asking = false;
        }
    }

    /// Puts units that were leased where they can be used, with what waits.
    pub(super) fn install(&self, place: Place, units: i64, told: &Told, call: &Call) {
        let Some(shard) = self.shards.get(place.shard) else { return };
        let Some(slot) = shard.slots.get(place.slot) else { return };
        let mut books = shard.books.lock();
        let Some(record) = books.record_mut(place.slot) else { return };
        record.is_asking = false;
        record.hear(told, call, self.span);
        record.end(slot);
        let ends = lot::ends(record.charge.borrow().algorithm, told.status, call.now);
        let lot = record.lot(units, ends, call);
        record.waiting.add(lot);
        record.open(slot, told, call, self.span);
        books.list(place.slot);
    }

    /// Notes what the store said of a counter. What waits here is leased again; else what was refused is remembered for a while.
    pub(super) fn note(&self, charge: &Charge<'_>, terms: u64, call: &Call, told: &Told) {
        let Some(shard) = self.shard(charge.counter) else { return };
        let mut books = shard.books.lock();
        let Some((at, slot, record)) = shard.find(&mut books, charge.counter) else { return };
        if record.terms != terms || record.clock != call.clock {
            return;
        }
        record.hear(told, call, self.span);
        if record.is_asking || slot.is_live(call.now, self.reach) && slot.units() > 0 {
            return;
        }
        record.waiting.pass(call.now);
        let here = record.waiting.units_for(charge, call.clock).saturating_add(slot.units());
        if here >= charge.cost.max(1) {
            record.end(slot);
            record.open(slot, told, call, self.span);
        } else if let Some(fits_at) = told.fits_at
            && charge.cost <= MAX_UNITS
        {
            record.step = 0;
            record.end(slot);
            slot.open(&Content {
                key: charge.counter,
                terms,
                until: call.now.after(self.span).min(fits_at),
                remaining: told.status.remaining,
                reset_at: call.now.after(told.status.reset_after),
                what: What::Refusal(charge.cost, fits_at),
            });
        } else {
            return;
        }
        books.list(at);
    }

    /// The units of a counter that are here to be used.
    pub(super) fn units(&self, key: CounterKey) -> i64 {
        let Some(shard) = self.shard(key) else { return 0 };
        let mut books = shard.books.lock();
        shard.find(&mut books, key).map_or(0, |(_, slot, _)| slot.units())
    }

    /// The units of a counter that count in the store and were not used, those that wait to be given back included.
    pub(super) fn unused(&self, key: CounterKey) -> i64 {
        let Some(shard) = self.shard(key) else { return 0 };
        let mut books = shard.books.lock();
        let found = shard.find(&mut books, key);
        found.map_or(0, |(_, slot, record)| slot.units().saturating_add(record.waiting.units()))
    }

    /// Forgets what is known of a counter, units included: the store is about to forget them too.
    pub(super) fn forget(&self, key: CounterKey) {
        let Some(shard) = self.shard(key) else { return };
        let mut books = shard.books.lock();
        if let Some((_, slot, record)) = shard.find(&mut books, key) {
            record.end(slot);
            record.forget();
        }
    }

    /// Forgets that a counter refuses: some of it is about to be given back.
    pub(super) fn admit(&self, key: CounterKey) {
        let Some(shard) = self.shard(key) else { return };
        let mut books = shard.books.lock();
        if let Some((_, slot, _)) = shard.find(&mut books, key)
            && slot.is_refusal()
        {
            slot.close();
        }
    }
}

//! The slots under one lock, and what is remembered of their counters.

use std::{mem, sync::atomic::AtomicU64};

use limitrate_core::{charge::Charge, key::CounterKey, time::Nanos};
use parking_lot::Mutex;

use super::{
    record::Record,
    slot::{Content, Slot},
};
use crate::store::Call;

/// How many slots a counter may stand in.
const WAYS: usize = 4;

/// Some of the slots, and the lock under which they change.
#[derive(Debug)]
#[repr(align(128))]
pub(super) struct Shard {
    /// INVARIANT: a power of two of them, at least [`WAYS`].
    pub(super) slots: Box<[Slot]>,
    pub(super) local: Local,
    pub(super) books: Mutex<Books>,
}

/// How many decisions were made here. On cache lines of its own: others read what stands beside it.
#[derive(Debug, Default)]
#[repr(align(128))]
pub(super) struct Local(pub(super) AtomicU64);

#[derive(Debug)]
pub(super) struct Books {
    /// Of each slot.
    records: Box<[Option<Box<Record>>]>,
    /// The slots with a lease or with units that wait to be given back, each once.
    pub(super) listed: Vec<usize>,
}

impl Shard {
    pub(super) fn new(max_keys: usize) -> Self {
        let each = max_keys.max(WAYS).checked_ilog2().map_or(WAYS, |log| 1 << log);
        Self {
            slots: (0..each).map(|_| Slot::default()).collect(),
            local: Local::default(),
            books: Mutex::new(Books { records: (0..each).map(|_| None).collect(), listed: Vec::new() }),
        }
    }

    #[inline]
    pub(super) fn slots_of(&self, key: CounterKey) -> impl Iterator<Item = (usize, &Slot)> {
        let own = key.0 as usize & (self.slots.len() - 1);
        // Each counter begins at its own, so that most are found at the first look.
        (0..WAYS).map(move |way| own ^ way).filter_map(|at| Some((at, self.slots.get(at)?)))
    }

    /// A counter's slot and record, if it has them.
    pub(super) fn find<'a>(
        &'a self,
        books: &'a mut Books,
        key: CounterKey,
    ) -> Option<(usize, &'a Slot, &'a mut Record)> {
        let (at, slot) = self.slots_of(key).find(|(_, slot)| slot.is_of(key))?;
        Some((at, slot, books.record_mut(at)?))
    }

    /// Begins to remember a counter, if a slot is free: its own, one never used, or one whose counter is out of use and owed
    /// nothing.
    pub(super) fn remember(
        &self,
        books: &mut Books,
        charge: &Charge<'_>,
        terms: u64,
        call: &Call,
        span: Nanos,
    ) {
        let key = charge.counter;
        if let Some((at, slot, record)) = self.find(books, key) {
            record.end(slot);
            record.begin(charge, terms, call, span);
            slot.open(&Content::nothing(key, terms, call.now));
            books.list(at);
            return;
        }
        let is_free = |at: usize, slot: &Slot| {
            books.record(at).is_none_or(|record| record.is_free(slot, call.now, span))
        };
        let Some((at, slot)) = self.slots_of(key).find(|(at, slot)| is_free(*at, slot)) else { return };
        slot.close();
        let mut record = Record::new(charge, terms, call, span);
        record.is_listed = books.record(at).is_some_and(|record| record.is_listed);
        if let Some(place) = books.records.get_mut(at) {
            *place = Some(Box::new(record));
        }
        slot.open(&Content::nothing(key, terms, call.now));
    }
}

impl Books {
    pub(super) fn record(&self, at: usize) -> Option<&Record> {
        self.records.get(at)?.as_deref()
    }

    pub(super) fn record_mut(&mut self, at: usize) -> Option<&mut Record> {
        self.records.get_mut(at)?.as_deref_mut()
    }

    /// Has a slot looked at when leases are given back.
    pub(super) fn list(&mut self, at: usize) {
        if let Some(record) = self.record_mut(at)
            && !mem::replace(&mut record.is_listed, true)
        {
            self.listed.push(at);
        }
    }
}

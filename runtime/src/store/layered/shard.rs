//! The slots under one lock, and what is remembered of their counters.

use std::{collections::VecDeque, sync::atomic::AtomicU64};

use limitrate_core::{
    charge::Charge,
    key::CounterKey,
    time::{Nanos, Timestamp},
};
use parking_lot::Mutex;

use super::slot::{Content, Slot, What};
use crate::store::{Call, ClockOf, OwnedCharge};

/// How many slots a counter may stand in.
const WAYS: usize = 4;

/// How many returns of one shard wait for the store. What comes beyond them stands as used.
const MAX_RETURNS: usize = 1_024;

/// How long to try to return what was leased: after that it stands as used.
pub(super) const RETURN_WITHIN: Nanos = Nanos::from_secs(60);

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
    pub(super) records: Box<[Option<Box<Record>>]>,
    /// The slots with a lease, each once.
    pub(super) leased: Vec<usize>,
    pub(super) returns: VecDeque<Return>,
}

/// What is remembered of a slot's counter.
#[derive(Debug)]
pub(super) struct Record {
    /// A charge on it, to give units back by.
    pub(super) charge: OwnedCharge,
    pub(super) terms: u64,
    pub(super) clock: ClockOf,
    /// What the store said was left.
    pub(super) remaining: i64,
    /// How much was asked for last; 0 before that.
    pub(super) step: i64,
    /// Until then it counts as in use.
    pub(super) warm_until: Timestamp,
    /// When what was leased ceases to count in the store.
    pub(super) ends: Timestamp,
    /// Whether a lease is being asked for.
    pub(super) asking: bool,
    /// Whether it is among [`Books::leased`].
    pub(super) listed: bool,
}

/// Units to give back.
#[derive(Debug)]
pub(super) struct Return {
    pub(super) charge: OwnedCharge,
    pub(super) units: i64,
    pub(super) clock: ClockOf,
    /// From then on they count no more.
    pub(super) ends: Timestamp,
    pub(super) give_up: Timestamp,
}

/// How long a counter is remembered after the store was asked: for a while after its lease has ended.
pub(super) const fn warm(span: Nanos) -> Nanos {
    Nanos(span.0.saturating_mul(2))
}

impl Shard {
    pub(super) fn new(max_keys: usize) -> Self {
        let each = max_keys.max(WAYS).checked_ilog2().map_or(WAYS, |log| 1 << log);
        Self {
            slots: (0..each).map(|_| Slot::default()).collect(),
            local: Local::default(),
            books: Mutex::new(Books {
                records: (0..each).map(|_| None).collect(),
                leased: Vec::new(),
                returns: VecDeque::new(),
            }),
        }
    }

    #[inline]
    pub(super) fn slots_of(&self, key: CounterKey) -> impl Iterator<Item = (usize, &Slot)> {
        let own = key.0 as usize & (self.slots.len() - 1);
        // Each counter begins at its own, so that most are found at the first look.
        (0..WAYS).map(move |way| own ^ way).filter_map(|at| Some((at, self.slots.get(at)?)))
    }

    pub(super) fn find(&self, key: CounterKey) -> Option<usize> {
        self.slots_of(key).find(|(_, slot)| slot.is_of(key)).map(|(at, _)| at)
    }

    /// Gives a counter a slot, if one is free: its own, one never used, or one whose counter is out of use.
    pub(super) fn remember(
        &self,
        books: &mut Books,
        charge: &Charge<'_>,
        terms: u64,
        call: &Call,
        span: Nanos,
    ) {
        let free =
            |at: usize| books.record(at).is_none_or(|record| !record.asking && record.warm_until <= call.now);
        let own = self.slots_of(charge.counter).find(|(_, slot)| slot.is_of(charge.counter));
        let found = own.or_else(|| self.slots_of(charge.counter).find(|(at, _)| free(*at)));
        let Some((at, slot)) = found else { return };
        self.end(books, at, call.now);
        let listed = books.record(at).is_some_and(|record| record.listed);
        let warm_until = call.now.after(warm(span));
        if let Some(record) = books.records.get_mut(at) {
            *record = Some(Box::new(Record {
                charge: OwnedCharge::from(charge),
                terms,
                clock: call.clock,
                remaining: 0,
                step: 0,
                warm_until,
                ends: Timestamp::MAX,
                asking: false,
                listed,
            }));
        }
        slot.open(&Content {
            key: charge.counter,
            terms,
            until: Timestamp::MIN,
            remaining: 0,
            reset_at: call.now,
            what: What::Lease(0),
        });
    }

    /// Closes a slot, and has its units returned.
    pub(super) fn end(&self, books: &mut Books, at: usize, now: Timestamp) {
        let units = self.slots.get(at).map_or(0, Slot::close);
        if let Some(record) = books.record(at)
            && units > 0
        {
            let returned = record.to_return(units, now);
            books.put_back(returned);
        }
    }
}

impl Books {
    pub(super) fn record(&self, at: usize) -> Option<&Record> {
        self.records.get(at)?.as_deref()
    }

    pub(super) fn record_mut(&mut self, at: usize) -> Option<&mut Record> {
        self.records.get_mut(at)?.as_deref_mut()
    }

    pub(super) fn put_back(&mut self, returned: Return) {
        if self.returns.len() < MAX_RETURNS {
            self.returns.push_back(returned);
        }
    }
}

impl Record {
    pub(super) fn to_return(&self, units: i64, now: Timestamp) -> Return {
        Return {
            charge: self.charge.clone(),
            units,
            clock: self.clock,
            ends: self.ends,
            give_up: now.after(RETURN_WITHIN),
        }
    }
}

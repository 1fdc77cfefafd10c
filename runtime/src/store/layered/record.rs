//! What is remembered of a slot's counter.

use std::sync::Arc;

use limitrate_core::{
    algorithm::{Algorithm, Status},
    charge::Charge,
    time::{Nanos, Timestamp},
};

use super::{
    lot::{Lot, Lots},
    slot::{Content, MAX_UNITS, Slot, What, holds, terms_of},
};
use crate::store::{Call, ClockOf, OwnedCharge};

/// How many lots of a counter there may be for more to be leased.
const MAX_LOTS: usize = 64;

/// What is remembered of a slot's counter.
#[derive(Debug)]
pub(super) struct Record {
    /// The charge on it that was seen last, but for its cost.
    pub(super) charge: Arc<OwnedCharge>,
    pub(super) terms: u64,
    pub(super) clock: ClockOf,
    /// What the store said was left.
    pub(super) remaining: i64,
    /// How large the last lease was to be; 0 before that.
    pub(super) step: i64,
    /// Until then it counts as in use.
    warm_until: Timestamp,
    /// What the units in the slot are of; those used since it was opened included.
    pub(super) lots: Lots,
    /// Units that were in the slot, and wait to be given back or leased again.
    pub(super) waiting: Lots,
    /// How many units are being given back.
    pub(super) under_way: i64,
    /// How often the counter was forgotten.
    pub(super) times_forgotten: u64,
    /// When the first of the units ceased to count that were in the slot before it was closed last.
    pub(super) first_ended: Timestamp,
    /// Whether the store goes by another clock than the calls.
    pub(super) is_apart: bool,
    /// Whether a lease is being asked for.
    pub(super) is_asking: bool,
    /// Whether it is among [`Books::listed`](super::shard::Books::listed).
    pub(super) is_listed: bool,
}

/// What the store said of a counter.
#[derive(Debug, Clone, Copy)]
pub(super) struct Told {
    pub(super) status: Status,
    /// When what it refused fits.
    pub(super) fits_at: Option<Timestamp>,
    /// How much may be leased here of the counter.
    pub(super) most: i64,
    /// Whether it goes by another clock than the call.
    pub(super) is_apart: bool,
}

/// How long a counter is remembered after the store was asked: for a while after its lease has ended.
const fn warm(span: Nanos) -> Nanos {
    Nanos(span.0.saturating_mul(2))
}

impl Record {
    pub(super) fn new(charge: &Charge<'_>, terms: u64, call: &Call, span: Nanos) -> Self {
        Self {
            charge: Arc::new(OwnedCharge::from(charge)),
            terms,
            clock: call.clock,
            remaining: 0,
            step: 0,
            warm_until: call.now.after(warm(span)),
            lots: Lots::default(),
            waiting: Lots::default(),
            under_way: 0,
            times_forgotten: 0,
            first_ended: Timestamp::MIN,
            is_apart: false,
            is_asking: false,
            is_listed: false,
        }
    }

    /// Begins anew: after a while, or on other terms, for which as much is leased. What waits to be given back still does.
    pub(super) fn begin(&mut self, charge: &Charge<'_>, terms: u64, call: &Call, span: Nanos) {
        if self.terms != terms {
            self.charge = Arc::new(OwnedCharge::from(charge));
        }
        if !self.is_warm(call.now, span) {
            self.step = 0;
        }
        (self.terms, self.clock, self.remaining) = (terms, call.clock, 0);
        self.warm_until = call.now.after(warm(span));
    }

    /// Whether the counter is in use.
    pub(super) fn is_warm(&self, now: Timestamp, span: Nanos) -> bool {
        holds(self.warm_until, now, warm(span))
    }

    /// Whether another counter may have the slot.
    pub(super) fn is_free(&self, slot: &Slot, now: Timestamp, span: Nanos) -> bool {
        let is_owed = slot.units() > 0 || self.under_way > 0 || self.waiting.is_owing(now);
        !self.is_asking && !is_owed && !self.is_warm(now, span)
    }

    /// Closes the slot. Its units wait.
    pub(super) fn end(&mut self, slot: &Slot) {
        let units = slot.close();
        if let Some(first) = self.lots.ends() {
            self.first_ended = first;
        }
        self.lots.keep(units);
        self.waiting.append(&mut self.lots);
    }

    /// Forgets all units, those under way too.
    pub(super) fn forget(&mut self) {
        self.waiting.clear();
        self.under_way = 0;
        self.first_ended = Timestamp::MIN;
        self.times_forgotten = self.times_forgotten.wrapping_add(1);
    }

    /// How many units are leased here that are not in the slot: those that wait, and those under way.
    pub(super) fn owed(&self) -> i64 {
        self.waiting.units().saturating_add(self.under_way)
    }

    /// Whether there are as many lots as are kept in mind.
    pub(super) fn is_full(&self) -> bool {
        self.lots.len() + self.waiting.len() >= MAX_LOTS
    }

    /// Notes what the store said.
    pub(super) fn hear(&mut self, told: &Told, call: &Call, span: Nanos) {
        self.remaining = told.status.remaining;
        self.is_apart = told.is_apart;
        self.warm_until = call.now.after(warm(span));
    }

    /// Units of a counter that was charged just now.
    pub(super) fn lot(&self, units: i64, ends: Timestamp, call: &Call) -> Lot {
        Lot::new(&self.charge, call, self.is_apart, units, ends)
    }

    /// Opens the closed slot with what waits and may be used on these terms.
    pub(super) fn open(&mut self, slot: &Slot, told: &Told, call: &Call, span: Nanos) {
        self.waiting.pass(call.now);
        let charge = Arc::clone(&self.charge);
        let charge = charge.borrow();
        self.lots = self.waiting.take_for(&charge, call, told.most.min(MAX_UNITS));
        let until = call.now.after(span);
        // With a fixed window, what was leased in it is over.
        let is_fixed = matches!(charge.algorithm, Algorithm::FixedWindow(_));
        let ends = self.lots.ends().filter(|_| is_fixed);
        slot.open(&Content {
            key: charge.counter,
            terms: terms_of(&charge),
            until: ends.map_or(until, |ends| until.min(ends)),
            remaining: told.status.remaining,
            reset_at: call.now.after(told.status.reset_after),
            what: What::Lease(self.lots.units()),
        });
    }
}

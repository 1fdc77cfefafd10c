//! Units that are not used go back to the store: once, together, and only while they count there.

use std::{mem, sync::Arc};

use limitrate_core::{charge::Charge, time::Timestamp};

use super::{
    lot::Lots,
    slot::Taken,
    table::{Place, Table},
};
use crate::store::{Call, ClockOf, OwnedCharge};

/// Units of one counter to give back in one call.
#[derive(Debug)]
pub(super) struct Return {
    place: Place,
    times_forgotten: u64,
    lots: Lots,
    /// A charge on the counter.
    pub(super) charge: Arc<OwnedCharge>,
    pub(super) clock: ClockOf,
}

impl Return {
    /// How many units it gives back.
    pub(super) fn units(&self) -> i64 {
        self.lots.units()
    }
}

impl Table {
    /// Undoes what was taken for a decision that is not made here.
    pub(super) fn give_back(&self, taken: Taken<'_>, charge: &Charge<'_>, call: &Call) {
        let units = taken.give_back();
        if units == 0 {
            return;
        }
        // The slot was closed meanwhile: they wait with what was in it.
        let Some(shard) = self.shard(charge.counter) else { return };
        let mut books = shard.books.lock();
        let Some((at, _, record)) = shard.find(&mut books, charge.counter) else { return };
        if call.now < record.first_ended {
            let lot = record.lot(units, record.first_ended, call);
            record.waiting.add(lot);
            books.list(at);
        }
    }

    /// Ends leases that are over, or all of them, and hands out what is to be returned. Each return is to be
    /// [ended](Self::end_return).
    pub(super) fn returns(&self, now: Timestamp, all: bool) -> Vec<Return> {
        let mut returns = Vec::new();
        for number in 0..self.len() {
            self.returns_of(number, now, all, &mut returns);
        }
        returns
    }

    fn returns_of(&self, number: usize, now: Timestamp, all: bool, returns: &mut Vec<Return>) {
        let Some(shard) = self.numbered(number) else { return };
        let mut books = shard.books.lock();
        let mut listed = mem::take(&mut books.listed);
        listed.retain(|at| {
            let Some(slot) = shard.slots.get(*at) else { return false };
            let Some(record) = books.record_mut(*at) else { return false };
            record.lots.look(now);
            record.waiting.look(now);
            let is_over = all || !slot.is_live(now, self.reach);
            if is_over {
                // One that was mostly not used was too large.
                if slot.units() > record.step / 2 {
                    record.step /= 2;
                }
                record.end(slot);
            }
            record.waiting.pass(now);
            for lots in record.waiting.take_due(now) {
                let Some((charge, clock)) = lots.charge() else { continue };
                record.under_way = record.under_way.saturating_add(lots.units());
                let place = Place { shard: number, slot: *at };
                let times_forgotten = record.times_forgotten;
                returns.push(Return { place, times_forgotten, lots, charge, clock });
            }
            record.is_listed = !is_over || record.under_way > 0 || !record.waiting.is_empty();
            record.is_listed
        });
        books.listed.append(&mut listed);
    }

    /// Ends a return: the store took it, or may have; or it did not, and the units wait on.
    pub(super) fn end_return(&self, mut returned: Return, is_taken: bool) {
        let Some(shard) = self.numbered(returned.place.shard) else { return };
        let mut books = shard.books.lock();
        let at = returned.place.slot;
        // INVARIANT: no other counter gets the slot while a return is under way.
        let record = books.record_mut(at);
        let Some(record) = record.filter(|record| record.times_forgotten == returned.times_forgotten) else {
            return;
        };
        record.under_way = record.under_way.saturating_sub(returned.units());
        if !is_taken {
            record.waiting.append(&mut returned.lots);
            books.list(at);
        }
    }
}

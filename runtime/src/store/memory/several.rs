//! Decisions of several charges, those with something beside their counters, and those with a key that finds no room.
//!
//! The charges become parts, one per counter. All shards concerned are locked in ascending order, their counters taken
//! out, and, if a part needs it, the table of shared counters locked. Every enforced part is judged before any is taken;
//! shadow ones are decided one by one after that. Blocks and warnings come last: they look for room of their own, and do
//! without if there is none.

use limitrate_core::{
    algorithm::{Hold, LeaseId, Place, Status},
    charge::{Charge, Counted, Mode, Verdict},
    key::CounterKey,
    time::{Nanos, Timestamp},
    warning,
};

use super::{
    MemoryStore, NO_ROOM_RETRY,
    entry::{Kept, Step, block_key, hold_key, warning_key},
    part::{Part, Parts, blocked_for, merge, part_on},
    shard::Kind,
    tables::{SWEPT_SHARED, Tables},
};
use crate::store::{Settlement, Ticket, Verdicts};

/// See [`LocalStore::charge`](crate::store::LocalStore::charge); `verdicts` is empty.
pub(super) fn charge(
    store: &MemoryStore,
    now: Timestamp,
    charges: &[Charge<'_>],
    ticket: Ticket,
    verdicts: &mut Verdicts,
) -> bool {
    let (mut own, mut shared) = (Parts::new(), Parts::new());
    merge(&mut own, charges.iter().copied(), Counted::Own);
    let mut tables = Tables::lock(store, own.iter().map(|part| part.charge.counter));
    tables.find_room(&mut own, now);
    let is_shared = |part: &&Part<'_>| part.counted == Counted::Shared;
    if own.iter().any(|part| is_shared(&part)) {
        merge(&mut shared, own.iter().filter(is_shared).map(Part::as_shared), Counted::Shared);
        tables.find_shared_room(&mut shared, now);
    }

    let mut deciding = Deciding { tables, own, shared, now, ticket };
    deciding.judge(false);
    let fits = deciding.parts().all(|part| part.judged.is_ok() || part.charge.mode != Mode::Enforce);
    if fits {
        deciding.take(false);
    }
    deciding.judge(true);
    if fits {
        deciding.take(true);
    }
    deciding.set_off_blocks(fits);
    deciding.warn();
    verdicts.extend(charges.iter().filter_map(|charge| deciding.verdict(charge)));
    fits
}

/// The name that a ticket has on a counter shared by several keys: what each of them holds there ends by itself.
pub(super) const fn shared_ticket(ticket: Ticket, counter: CounterKey) -> Ticket {
    Ticket(ticket.0 ^ super::table::table_hash(counter))
}

/// A decision under its locks.
struct Deciding<'s, 'p> {
    tables: Tables<'s>,
    own: Parts<'p>,
    shared: Parts<'p>,
    now: Timestamp,
    ticket: Ticket,
}

impl<'p> Deciding<'_, 'p> {
    fn parts(&self) -> impl Iterator<Item = &Part<'p>> {
        self.own.iter().chain(&self.shared)
    }

    /// Judges the shadow parts, or the others, where they are counted and by their blocks.
    fn judge(&mut self, shadow: bool) {
        for part in self.own.iter_mut().filter(|part| part.is_shadow() == shadow) {
            // What goes to a shared counter fits its own: it would have been new there.
            let is_apart = part.counted == Counted::Shared;
            let judged = if is_apart { Ok(()) } else { self.tables.judge(part, self.now) };
            let block = self.tables.running_block(part, self.now);
            part.blocked = block.is_some();
            part.judged = block.map_or(judged, |remaining| blocked_for(remaining, judged));
        }
        for part in self.shared.iter_mut().filter(|part| part.is_shadow() == shadow) {
            part.judged = self.tables.judge(part, self.now);
        }
    }

    /// Takes the shadow parts that fit, or the others, which all do or are taken regardless.
    fn take(&mut self, shadow: bool) {
        for part in self.own.iter_mut().filter(|part| part.is_shadow() == shadow) {
            let Charge { counter, limit, mode, .. } = part.charge;
            let mut step = part.step(self.now, LeaseId(self.ticket.0));
            let mut fits = part.judged.is_ok();
            let (key, ticket) = match part.counted {
                Counted::Own => (counter, self.ticket),
                Counted::Shared => {
                    let ticket = shared_ticket(self.ticket, counter);
                    if let Some(on) = part_on(&self.shared, limit, mode) {
                        fits &= on.judged.is_ok();
                        step = Step { terms: on.charge.terms, lease: LeaseId(ticket.0), ..step };
                    }
                    (limit, ticket)
                }
                Counted::Nowhere => continue,
            };
            part.taken = fits || part.is_regardless();
            if part.taken {
                self.tables.take(part, key, ticket, &step);
            }
        }
    }

    /// Sets off the blocks of what did not fit. A shadow charge does so only where it would have been taken.
    fn set_off_blocks(&mut self, fits: bool) {
        for part in &mut self.own {
            let Charge { counter, mode, .. } = part.charge;
            let counts = part.counted == Counted::Own && (fits || mode != Mode::Shadow);
            let Some(block) = part.charge.block.filter(|_| counts && !part.blocked && part.judged.is_err())
            else {
                continue;
            };
            let key = block_key(counter, mode);
            let last = self.tables.beside(counter).and_then(|table| table.block(key));
            let state = block.set_off(last, self.now);
            let forgotten_at = block.forgotten_at(&state);
            if self.tables.put_beside(counter, self.now, key, Kept::Block(state), forgotten_at) {
                let remaining = state.remaining(self.now).unwrap_or(Nanos::ZERO);
                part.judged = blocked_for(remaining, part.judged);
                part.blocked = true;
            }
        }
    }

    /// Tells the marks that were reached by what was taken. One that finds no room is told, and may be told again.
    fn warn(&mut self) {
        for part in &mut self.own {
            let Charge { counter, algorithm, terms, cost, hold, warn, .. } = part.charge;
            let is_spent = part.taken && (cost > 0 || hold.is_some());
            if !is_spent || part.counted != Counted::Own || warn.is_empty() {
                continue;
            }
            let state = self.tables.state(part);
            let Some(mark) = warning::reached(warn, algorithm, state, terms, self.now) else { continue };
            let key = warning_key(counter);
            let last = self.tables.beside(counter).and_then(|table| table.warning(key));
            let Some(given) = warning::given(mark, last, algorithm, state, self.now) else { continue };
            part.warned = Some(mark);
            self.tables.put_beside(counter, self.now, key, Kept::Warning(given), given.until);
        }
    }

    fn verdict(&self, charge: &Charge<'_>) -> Option<Verdict> {
        let own = part_on(&self.own, charge.counter, charge.mode)?;
        let is_apart = own.counted == Counted::Shared;
        let part = if is_apart { part_on(&self.shared, charge.limit, charge.mode)? } else { own };
        // What is apart has at most a block.
        let judged = own.judged.and(part.judged);
        let is_refused_for_room = part.counted == Counted::Nowhere && judged.is_err();
        let status = if is_refused_for_room {
            Status { remaining: 0, reset_after: NO_ROOM_RETRY }
        } else {
            part.judging(self.now).status(self.tables.state(part))
        };
        let verdict = Verdict::new(judged, status, part.counted);
        Some(Verdict { blocked: own.blocked, warned: own.warned, ..verdict })
    }
}

impl Tables<'_> {
    /// Settles one reservation: of the counter, or of the one that the limit's keys share.
    pub(super) fn settle(&mut self, now: Timestamp, settlement: &Settlement<'_>) -> Option<Hold> {
        let &Settlement { counter, limit, algorithm, ticket, actual } = settlement;
        if let Some(hold) = self.take_hold(counter, hold_key(counter, ticket), now) {
            // A new counter is in the room that the reservation had.
            self.change(counter, |counter| counter.settle(algorithm, &hold, now, actual));
            return Some(hold);
        }
        let shared = self.lock_shared();
        let hold = shared.take_hold(hold_key(limit, shared_ticket(ticket, counter)), now)?;
        shared.change(limit, |state| {
            algorithm.settle(state, &hold, now, actual);
            state.as_ref().map_or(Timestamp::MIN, |state| algorithm.idle_at(state))
        });
        Some(hold)
    }

    /// Takes a part on a counter, and keeps its reservation there.
    fn take(&mut self, part: &Part<'_>, key: CounterKey, ticket: Ticket, step: &Step<'_>) {
        let Some(span) = part.charge.hold else {
            match part.counted {
                Counted::Own => {
                    self.change(key, |counter| counter.take(step, Kind::of(&part.charge)));
                }
                Counted::Shared => {
                    self.lock_shared().change(key, |state| {
                        step.algorithm.take(state, step.terms, step.now, step.cost, step.lease);
                        state.as_ref().map_or(Timestamp::MIN, |state| step.algorithm.idle_at(state))
                    });
                }
                Counted::Nowhere => {}
            }
            return;
        };
        let until = step.now.after(span.max(Nanos(1)));
        let beside = hold_key(key, ticket);
        match part.counted {
            Counted::Own => {
                let Some(place) = self.change(key, |counter| counter.reserve(step)) else { return };
                // Without room it stands at what was reserved.
                if part.holds {
                    self.put_hold(key, beside, Hold { reserved: part.reserved, place }, until);
                }
            }
            Counted::Shared => {
                let shared = self.lock_shared();
                let mut place = Place::Nowhere;
                shared.change(key, |state| {
                    place = step.algorithm.reserve(state, step.terms, step.now, step.cost, step.lease);
                    state.as_ref().map_or(Timestamp::MIN, |state| step.algorithm.idle_at(state))
                });
                shared.sweep(step.now, SWEPT_SHARED);
                shared.put_shared(beside, Kept::Hold(Hold { reserved: part.reserved, place }), until);
            }
            Counted::Nowhere => {}
        }
    }
}

//! A store that decides in memory and writes behind: the file is what the next start goes on from.
//!
//! What a crash loses is what was decided since the last flush began. The file is always whole: a flush is written in
//! transactions, each row as it stood at some instant.

mod flush;
mod notes;

use std::{
    future::ready,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicI64, Ordering::Relaxed},
    },
};

use limitrate_core::{algorithm::Algorithm, charge::Charge, key::CounterKey, time::Timestamp};

use self::{
    flush::{Flusher, fill},
    notes::Notes,
};
use super::{file::File, options::SqliteOptions};
use crate::store::{
    Answer, Call, Charged, Kept, Lease, Ledger, LocalStore, MemoryStore, Settlement, Settlements, Store,
    StoreError, Ticket, Verdicts,
    beside::{block_key, hold_key, warning_key},
};

/// Says that there were no calls.
const NONE: i64 = i64::MAX;

/// What the deciding threads share with the one that writes.
#[derive(Debug)]
pub(super) struct Desk {
    memory: MemoryStore,
    notes: Notes,
    /// The earliest instant of a caller since the last flush, or [`NONE`].
    earliest: AtomicI64,
}

/// See [`Durability::Behind`](super::Durability::Behind).
#[derive(Debug)]
pub(super) struct Behind {
    desk: Arc<Desk>,
    flusher: Flusher,
    is_closed: AtomicBool,
    secret: u64,
}

impl Behind {
    pub(super) fn open(options: &SqliteOptions) -> Result<Self, StoreError> {
        let (file, secret) = File::open(options)?;
        let memory = MemoryStore::new(options.memory);
        fill(&memory, &file).map_err(|fault| file.error(&fault))?;
        let desk = Desk { memory, notes: Notes::default(), earliest: AtomicI64::new(NONE) };
        let desk = Arc::new(desk);
        let flusher = Flusher::start(file, Arc::clone(&desk), options.flush_every)?;
        Ok(Self { desk, flusher, is_closed: AtomicBool::new(false), secret })
    }

    /// Writes what is not written yet.
    pub(super) fn flush(&self) -> Answer<'_, ()> {
        self.flusher.flush()
    }

    /// The memory, unless nothing would be written any more.
    fn memory(&self) -> Result<&MemoryStore, StoreError> {
        if self.is_closed.load(Relaxed) { Err(StoreError::Closed) } else { Ok(&self.desk.memory) }
    }

    /// Does something in memory, and notes the counter as changed.
    fn change<'a, T: Send + 'a>(
        &'a self,
        counter: CounterKey,
        change: impl FnOnce(&MemoryStore) -> T,
    ) -> Answer<'a, T> {
        let done = self.memory().map(change);
        self.desk.notes.note(counter);
        Box::pin(ready(done))
    }
}

impl Desk {
    /// Decides in memory, and notes what that changed. It is called by name, and not as a store: its answer would be moved once
    /// more.
    fn charge(&self, call: Call, charges: &[Charge<'_>]) -> Charged {
        let Call { now, ticket, request, .. } = call;
        charges.iter().for_each(|charge| self.notes.touch(charge.counter));
        self.note_now(now);
        if let Some(request) = request {
            // The memory knows calls that are made again; what those changed is only noted once more.
            let charged = self.memory.charge_once(now, request, charges, ticket);
            self.note_charged(charged.taken, &charged.verdicts, charges, ticket);
            return charged;
        }
        let mut verdicts = Verdicts::new();
        let taken = LocalStore::charge(&self.memory, now, charges, ticket, &mut verdicts);
        self.note_charged(taken, &verdicts, charges, ticket);
        Charged { taken, now, verdicts, degraded: false }
    }

    fn note_now(&self, now: Timestamp) {
        // Seldom so: the clocks of callers go on.
        if now.0 < self.earliest.load(Relaxed) {
            self.earliest.fetch_min(now.0, Relaxed);
        }
    }

    /// The earliest instant since this was last asked; `None` if there were no calls.
    fn take_earliest(&self) -> Option<Timestamp> {
        Some(self.earliest.swap(NONE, Relaxed)).filter(|earliest| *earliest != NONE).map(Timestamp)
    }

    /// Notes what a decision may have changed: where it was refused, blocks only.
    fn note_charged(&self, taken: bool, verdicts: &Verdicts, charges: &[Charge<'_>], ticket: Ticket) {
        for (charge, verdict) in charges.iter().zip(verdicts) {
            let counter = charge.counter;
            if taken && (charge.cost != 0 || charge.hold.is_some()) {
                self.notes.note(counter);
                if charge.hold.is_some() {
                    self.notes.note(hold_key(counter, ticket));
                }
                if verdict.warned.is_some() {
                    self.notes.note(warning_key(counter));
                }
            }
            if charge.block.is_some() && verdict.blocked {
                self.notes.note(block_key(counter, charge.mode));
            }
        }
    }
}

impl Store for Behind {
    fn charge<'a>(&'a self, call: Call, charges: &'a [Charge<'a>]) -> Answer<'a, Charged> {
        Box::pin(ready(self.charge_at_once(call, charges).ok_or(StoreError::Closed)))
    }

    fn settle<'a>(&'a self, call: Call, settlements: &'a [Settlement<'a>]) -> Answer<'a, Settlements> {
        let mut settled = Settlements::new();
        let done = self.memory().map(|memory| {
            LocalStore::settle(memory, call.now, settlements, &mut settled);
            for settlement in settlements {
                self.desk.notes.note(settlement.counter);
                self.desk.notes.note(hold_key(settlement.counter, settlement.ticket));
            }
            settled
        });
        Box::pin(ready(done))
    }

    fn release<'a>(&'a self, call: Call, leases: &'a [Lease]) -> Answer<'a, usize> {
        let release = |memory: &MemoryStore| {
            let mut ended = 0;
            for lease in leases {
                ended += usize::from(LocalStore::release(memory, call.now, *lease));
                self.desk.notes.note(lease.counter);
            }
            ended
        };
        Box::pin(ready(self.memory().map(release)))
    }

    fn refund<'a>(&'a self, call: Call, charge: &'a Charge<'a>) -> Answer<'a, ()> {
        self.change(charge.counter, |memory| LocalStore::refund(memory, call.now, charge))
    }

    fn used<'a>(
        &'a self,
        call: Call,
        counter: CounterKey,
        algorithm: &'a Algorithm,
    ) -> Answer<'a, Option<i64>> {
        let used = self.memory().map(|memory| LocalStore::used(memory, call.now, counter, algorithm));
        Box::pin(ready(used))
    }

    fn set_used<'a>(
        &'a self,
        call: Call,
        counter: CounterKey,
        algorithm: &'a Algorithm,
        used: i64,
    ) -> Answer<'a, bool> {
        self.change(counter, |memory| LocalStore::set_used(memory, call.now, counter, algorithm, used))
    }

    fn reset<'a>(&'a self, _: Call, counter: CounterKey) -> Answer<'a, bool> {
        let done = self.memory().map(|memory| {
            let was_there = LocalStore::reset(memory, counter);
            for key in Ledger::keys_of_counter(counter) {
                self.desk.notes.note(key);
            }
            was_there
        });
        Box::pin(ready(done))
    }

    fn snapshot<'a>(&'a self, call: Call, tell: &'a mut (dyn FnMut(Kept) + Send)) -> Answer<'a, ()> {
        Box::pin(ready(self.memory().map(|memory| LocalStore::snapshot(memory, call.now, tell))))
    }

    fn restore<'a>(&'a self, call: Call, kept: Vec<Kept>) -> Answer<'a, usize> {
        let restore = |memory: &MemoryStore| {
            let keys: Vec<CounterKey> = kept.iter().map(|kept| kept.key).collect();
            let restored = LocalStore::restore(memory, call.now, kept);
            keys.into_iter().for_each(|key| self.desk.notes.note(key));
            restored
        };
        Box::pin(ready(self.memory().map(restore)))
    }

    fn len(&self) -> Answer<'_, usize> {
        Box::pin(ready(self.memory().map(LocalStore::len)))
    }

    fn secret(&self) -> Answer<'_, Option<u64>> {
        Box::pin(ready(Ok(Some(self.secret))))
    }

    fn charge_at_once(&self, call: Call, charges: &[Charge<'_>]) -> Option<Charged> {
        if self.is_closed.load(Relaxed) { None } else { Some(self.desk.charge(call, charges)) }
    }

    fn close(&self) -> Answer<'_, ()> {
        self.is_closed.store(true, Relaxed);
        self.flusher.close()
    }
}

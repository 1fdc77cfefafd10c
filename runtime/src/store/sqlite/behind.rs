//! A store that decides in memory and writes behind: the file is what the next start goes on from.
//!
//! What a crash loses is what was decided since the last flush began. The file is always whole: a flush is written in
//! transactions, each row as it stood at some instant.

mod flush;
mod notes;
mod receipts;

use std::{
    future::ready,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicI64, Ordering::Relaxed},
    },
};

use limitrate_core::{
    algorithm::Algorithm,
    charge::Charge,
    key::CounterKey,
    time::{Nanos, Timestamp},
};

use self::{
    flush::{Flusher, fill},
    notes::Notes,
    receipts::Receipts,
};
use super::{file::File, options::SqliteOptions};
use crate::store::{
    Answer, Call, Charged, Kept, Lease, Ledger, LocalStore, MemoryStore, Settlement, Settlements, Store,
    StoreError, Ticket,
    beside::{block_key, hold_key, receipt_key, warning_key},
};

/// How far the callers' clock goes on before it is noted again.
const TICK: Nanos = Nanos::from_secs(1);

/// What the deciding threads share with the one that writes.
#[derive(Debug)]
pub(super) struct Desk {
    memory: MemoryStore,
    notes: Notes,
    /// About the latest instant of a caller.
    latest: AtomicI64,
}

/// See [`Durability::Behind`](super::Durability::Behind).
#[derive(Debug)]
pub(super) struct Behind {
    desk: Arc<Desk>,
    flusher: Flusher,
    is_closed: AtomicBool,
    receipts: Receipts,
    secret: u64,
}

impl Behind {
    pub(super) fn open(options: &SqliteOptions) -> Result<Self, StoreError> {
        let (file, secret) = File::open(options)?;
        let memory = MemoryStore::new(options.memory);
        fill(&memory, &file).map_err(|fault| file.error(&fault))?;
        let desk = Desk { memory, notes: Notes::default(), latest: AtomicI64::new(i64::MIN) };
        let desk = Arc::new(desk);
        let flusher = Flusher::start(file, Arc::clone(&desk), options.flush_every)?;
        Ok(Self { desk, flusher, is_closed: AtomicBool::new(false), receipts: Receipts::default(), secret })
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
    fn note_now(&self, now: Timestamp) {
        if now > Timestamp(self.latest.load(Relaxed)).after(TICK) {
            self.latest.fetch_max(now.0, Relaxed);
        }
    }

    /// Notes what a decision may have changed: where it was refused, blocks only.
    fn note_charged(&self, charged: &Charged, charges: &[Charge<'_>], ticket: Ticket) {
        for (charge, verdict) in charges.iter().zip(&charged.verdicts) {
            let counter = charge.counter;
            if charged.taken && (charge.cost != 0 || charge.hold.is_some()) {
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
        let memory = self.memory().ok()?;
        let charge = || {
            let charged = memory.charge_at_once(call, charges)?;
            self.desk.note_now(call.now);
            self.desk.note_charged(&charged, charges, call.ticket);
            Some(charged)
        };
        match (call.request, charges) {
            (Some(request), [first, ..]) => {
                self.receipts.once(receipt_key(first.counter, request), call.now, charge)
            }
            _ => charge(),
        }
    }

    fn close(&self) -> Answer<'_, ()> {
        self.is_closed.store(true, Relaxed);
        self.flusher.close()
    }
}

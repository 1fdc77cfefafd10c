//! One instance's way to a store that others share: it can be cut off.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicUsize, Ordering::Relaxed},
};

use limitrate_core::{algorithm::Algorithm, charge::Charge, key::CounterKey};
use limitrate_runtime::store::{
    Answer, Call, Charged, Kept, Lease, MemoryStore, Settlement, Settlements, Store, StoreError,
};

/// What becomes of calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Line {
    /// They are answered.
    Up,
    /// They do not get there.
    Down,
    /// They get there, and the answer does not come back.
    OneWay,
}

/// A line to a memory store.
#[derive(Debug)]
pub(crate) struct Faulty {
    memory: Arc<MemoryStore>,
    line: Mutex<Line>,
    charges: AtomicUsize,
    refunds: AtomicUsize,
}

impl Faulty {
    pub(crate) fn new(memory: &Arc<MemoryStore>) -> Arc<Self> {
        let (charges, refunds) = (AtomicUsize::new(0), AtomicUsize::new(0));
        Arc::new(Self { memory: Arc::clone(memory), line: Mutex::new(Line::Up), charges, refunds })
    }

    pub(crate) fn becomes(&self, line: Line) {
        *self.line.lock().unwrap() = line;
    }

    /// How many calls were to charge, and how many to give back.
    pub(crate) fn calls(&self) -> (usize, usize) {
        (self.charges.load(Relaxed), self.refunds.load(Relaxed))
    }

    fn over<'a, T: Send + 'a>(&self, call: impl FnOnce() -> Answer<'a, T>) -> Answer<'a, T> {
        let line = *self.line.lock().unwrap();
        match line {
            Line::Up => call(),
            Line::Down => Box::pin(async { Err(StoreError::Unreachable("cut".into())) }),
            Line::OneWay => {
                let answer = call();
                Box::pin(async move {
                    answer.await?;
                    Err(StoreError::Lost("cut".into()))
                })
            }
        }
    }
}

impl Store for Faulty {
    fn charge<'a>(&'a self, call: Call, charges: &'a [Charge<'a>]) -> Answer<'a, Charged> {
        self.charges.fetch_add(1, Relaxed);
        self.over(|| Store::charge(&*self.memory, call, charges))
    }

    fn settle<'a>(&'a self, call: Call, settlements: &'a [Settlement<'a>]) -> Answer<'a, Settlements> {
        self.over(|| Store::settle(&*self.memory, call, settlements))
    }

    fn release<'a>(&'a self, call: Call, leases: &'a [Lease]) -> Answer<'a, usize> {
        self.over(|| Store::release(&*self.memory, call, leases))
    }

    fn refund<'a>(&'a self, call: Call, charge: &'a Charge<'a>) -> Answer<'a, ()> {
        self.refunds.fetch_add(1, Relaxed);
        self.over(|| Store::refund(&*self.memory, call, charge))
    }

    fn used<'a>(
        &'a self,
        call: Call,
        counter: CounterKey,
        algorithm: &'a Algorithm,
    ) -> Answer<'a, Option<i64>> {
        self.over(|| Store::used(&*self.memory, call, counter, algorithm))
    }

    fn set_used<'a>(
        &'a self,
        call: Call,
        counter: CounterKey,
        algorithm: &'a Algorithm,
        used: i64,
    ) -> Answer<'a, bool> {
        self.over(|| Store::set_used(&*self.memory, call, counter, algorithm, used))
    }

    fn reset<'a>(&'a self, call: Call, counter: CounterKey) -> Answer<'a, bool> {
        self.over(|| Store::reset(&*self.memory, call, counter))
    }

    fn snapshot<'a>(&'a self, call: Call, tell: &'a mut (dyn FnMut(Kept) + Send)) -> Answer<'a, ()> {
        self.over(|| Store::snapshot(&*self.memory, call, tell))
    }

    fn restore<'a>(&'a self, call: Call, kept: Vec<Kept>) -> Answer<'a, usize> {
        self.over(|| Store::restore(&*self.memory, call, kept))
    }

    fn len(&self) -> Answer<'_, usize> {
        self.over(|| Store::len(&*self.memory))
    }

    fn secret(&self) -> Answer<'_, Option<u64>> {
        self.over(|| Store::secret(&*self.memory))
    }

    fn close(&self) -> Answer<'_, ()> {
        self.over(|| Store::close(&*self.memory))
    }
}

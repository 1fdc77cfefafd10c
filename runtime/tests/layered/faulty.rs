//! One instance's way to a store that others share: it can be cut off, and the store may go by its own clock.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicUsize, Ordering::Relaxed},
};

use limitrate_core::{algorithm::Algorithm, charge::Charge, key::CounterKey, time::Timestamp};
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
    /// Those that give back do not get there, all others are answered.
    Owing,
}

/// A line to a memory store.
#[derive(Debug)]
pub(crate) struct Faulty {
    memory: Arc<MemoryStore>,
    line: Mutex<Line>,
    /// The instant at the store, where it goes by a clock of its own.
    clock: Mutex<Option<Timestamp>>,
    charges: AtomicUsize,
    refunds: AtomicUsize,
}

impl Faulty {
    pub(crate) fn new(memory: &Arc<MemoryStore>) -> Arc<Self> {
        let (charges, refunds) = (AtomicUsize::new(0), AtomicUsize::new(0));
        let (line, clock) = (Mutex::new(Line::Up), Mutex::new(None));
        Arc::new(Self { memory: Arc::clone(memory), line, clock, charges, refunds })
    }

    /// The store that it leads to.
    pub(crate) fn memory(&self) -> &dyn Store {
        &*self.memory
    }

    /// What becomes of calls now.
    pub(crate) fn is(&self) -> Line {
        *self.line.lock().unwrap()
    }

    /// From now on the store goes by its own clock, and this is what it shows.
    pub(crate) fn stands_at(&self, now: Timestamp) {
        *self.clock.lock().unwrap() = Some(now);
    }

    /// The call as the store sees it.
    fn seen(&self, call: Call) -> Call {
        Call { now: self.clock.lock().unwrap().unwrap_or(call.now), ..call }
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
            Line::Up | Line::Owing => call(),
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
        self.over(|| Store::charge(&*self.memory, self.seen(call), charges))
    }

    fn settle<'a>(&'a self, call: Call, settlements: &'a [Settlement<'a>]) -> Answer<'a, Settlements> {
        self.over(|| Store::settle(&*self.memory, self.seen(call), settlements))
    }

    fn release<'a>(&'a self, call: Call, leases: &'a [Lease]) -> Answer<'a, usize> {
        self.over(|| Store::release(&*self.memory, self.seen(call), leases))
    }

    fn refund<'a>(&'a self, call: Call, charge: &'a Charge<'a>) -> Answer<'a, ()> {
        self.refunds.fetch_add(1, Relaxed);
        if *self.line.lock().unwrap() == Line::Owing {
            return Box::pin(async { Err(StoreError::Unreachable("cut".into())) });
        }
        self.over(|| Store::refund(&*self.memory, self.seen(call), charge))
    }

    fn used<'a>(
        &'a self,
        call: Call,
        counter: CounterKey,
        algorithm: &'a Algorithm,
    ) -> Answer<'a, Option<i64>> {
        self.over(|| Store::used(&*self.memory, self.seen(call), counter, algorithm))
    }

    fn set_used<'a>(
        &'a self,
        call: Call,
        counter: CounterKey,
        algorithm: &'a Algorithm,
        used: i64,
    ) -> Answer<'a, bool> {
        self.over(|| Store::set_used(&*self.memory, self.seen(call), counter, algorithm, used))
    }

    fn reset<'a>(&'a self, call: Call, counter: CounterKey) -> Answer<'a, bool> {
        self.over(|| Store::reset(&*self.memory, self.seen(call), counter))
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

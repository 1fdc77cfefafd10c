//! A store that fails one call, before or after it was applied.

use std::{
    fmt::Debug,
    ops::Deref,
    sync::atomic::{AtomicU64, Ordering::Relaxed},
};

use limitrate_core::{algorithm::Algorithm, charge::Charge, key::CounterKey};
use limitrate_runtime::store::{
    Answer, Call, Charged, Kept, Lease, Settlement, Settlements, Store, StoreError,
};

/// How a call fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Failing {
    /// It is not sent: nothing is applied.
    Before,
    /// Its answer is lost: it is applied.
    After,
}

/// A store of which one call fails. The store is behind a pointer: an `Arc`, or a borrow.
#[derive(Debug)]
pub struct FlakyStore<P> {
    store: P,
    fails_at: u64,
    failing: Failing,
    calls: AtomicU64,
}

impl<P> FlakyStore<P> {
    /// A store whose call of this number fails, counted from 0.
    pub const fn new(store: P, fails_at: u64, failing: Failing) -> Self {
        Self { store, fails_at, failing, calls: AtomicU64::new(0) }
    }

    /// How many calls there were.
    pub fn calls(&self) -> u64 {
        self.calls.load(Relaxed)
    }

    /// Whether the call that was to fail has come.
    pub fn has_failed(&self) -> bool {
        self.calls() > self.fails_at
    }

    /// Lets a call through, or fails it.
    fn pass<'a, T: Send + 'a>(&self, call: impl FnOnce() -> Answer<'a, T>) -> Answer<'a, T> {
        let fails = self.calls.fetch_add(1, Relaxed) == self.fails_at;
        match (fails, self.failing) {
            (false, _) => call(),
            (true, Failing::Before) => {
                Box::pin(std::future::ready(Err(StoreError::Unreachable("not sent".into()))))
            }
            (true, Failing::After) => {
                let answer = call();
                Box::pin(async {
                    answer.await?;
                    Err(StoreError::Lost("answered, but not heard".into()))
                })
            }
        }
    }
}

impl<P> Store for FlakyStore<P>
where
    P: Deref<Target: Store> + Debug + Send + Sync,
{
    fn charge<'a>(&'a self, call: Call, charges: &'a [Charge<'a>]) -> Answer<'a, Charged> {
        self.pass(|| self.store.charge(call, charges))
    }

    fn settle<'a>(&'a self, call: Call, settlements: &'a [Settlement<'a>]) -> Answer<'a, Settlements> {
        self.pass(|| self.store.settle(call, settlements))
    }

    fn release<'a>(&'a self, call: Call, leases: &'a [Lease]) -> Answer<'a, usize> {
        self.pass(|| self.store.release(call, leases))
    }

    fn refund<'a>(&'a self, call: Call, charge: &'a Charge<'a>) -> Answer<'a, ()> {
        self.pass(|| self.store.refund(call, charge))
    }

    fn used<'a>(
        &'a self,
        call: Call,
        counter: CounterKey,
        algorithm: &'a Algorithm,
    ) -> Answer<'a, Option<i64>> {
        self.pass(|| self.store.used(call, counter, algorithm))
    }

    fn set_used<'a>(
        &'a self,
        call: Call,
        counter: CounterKey,
        algorithm: &'a Algorithm,
        used: i64,
    ) -> Answer<'a, bool> {
        self.pass(|| self.store.set_used(call, counter, algorithm, used))
    }

    fn reset<'a>(&'a self, call: Call, counter: CounterKey) -> Answer<'a, bool> {
        self.pass(|| self.store.reset(call, counter))
    }

    fn snapshot<'a>(&'a self, call: Call, tell: &'a mut (dyn FnMut(Kept) + Send)) -> Answer<'a, ()> {
        self.pass(|| self.store.snapshot(call, tell))
    }

    fn restore<'a>(&'a self, call: Call, kept: Vec<Kept>) -> Answer<'a, usize> {
        self.pass(|| self.store.restore(call, kept))
    }

    fn len(&self) -> Answer<'_, usize> {
        self.pass(|| self.store.len())
    }

    fn secret(&self) -> Answer<'_, Option<u64>> {
        self.pass(|| self.store.secret())
    }

    fn is_grouped(&self) -> bool {
        self.store.is_grouped()
    }

    fn place_of(&self, counter: CounterKey) -> usize {
        self.store.place_of(counter)
    }

    fn is_missing(&self, place: usize) -> bool {
        self.store.is_missing(place)
    }

    fn has_place(&self, place: usize) -> bool {
        self.store.has_place(place)
    }

    fn close(&self) -> Answer<'_, ()> {
        self.store.close()
    }
}

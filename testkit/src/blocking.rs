//! A store that has to be waited for, as one that answers at once.

use std::{
    io,
    sync::{
        OnceLock,
        atomic::{AtomicI64, Ordering::Relaxed},
    },
    time::Duration,
};

use limitrate_core::{algorithm::Algorithm, charge::Charge, key::CounterKey, time::Timestamp};
use limitrate_runtime::store::{
    Call, Kept, Lease, LocalStore, Settled, Settlement, Settlements, Store, StoreError, Ticket, Verdicts,
};
use tokio::runtime::{Builder, Runtime};

/// How long a call may take here: tests share machines with others.
pub(crate) const DEADLINE: Duration = Duration::from_secs(10);

/// A [`Store`] as a [`LocalStore`]: each call waits for its answer, on a runtime that is the wrapper's own.
///
/// Instants are the caller's. The first error is kept; from then on every call is refused, and finds nothing. Must not be
/// used on a thread that drives another runtime.
#[derive(Debug)]
pub struct Blocking<S> {
    // Before the runtime, which may be needed to let go of connections.
    store: S,
    error: OnceLock<StoreError>,
    /// The latest instant of any call, for calls that name none.
    latest: AtomicI64,
    runtime: Runtime,
}

impl<S: Store> Blocking<S> {
    /// Makes a store on a runtime of its own.
    ///
    /// # Errors
    ///
    /// What connecting says; [`StoreError::Unreachable`] where no runtime can be started.
    pub fn connect<F>(connect: F) -> Result<Self, StoreError>
    where
        F: Future<Output = Result<S, StoreError>>,
    {
        let runtime = runtime().map_err(|cause| StoreError::Unreachable(cause.into()))?;
        let store = runtime.block_on(connect)?;
        Ok(Self { store, error: OnceLock::new(), latest: AtomicI64::new(i64::MIN), runtime })
    }

    /// The store.
    pub const fn store(&self) -> &S {
        &self.store
    }

    /// The first error that a call met.
    pub fn error(&self) -> Option<&StoreError> {
        self.error.get()
    }

    /// Waits for something of the store's.
    pub fn wait<T>(&self, future: impl Future<Output = T>) -> T {
        self.runtime.block_on(future)
    }

    fn call(&self, now: Timestamp, ticket: Ticket) -> Call {
        self.latest.fetch_max(now.0, Relaxed);
        Call { deadline: DEADLINE, ..Call::at(now, ticket) }
    }

    fn plain(&self, now: Timestamp) -> Call {
        self.call(now, Ticket(0))
    }

    fn answer<T>(&self, future: impl Future<Output = Result<T, StoreError>>) -> Option<T> {
        if self.error.get().is_some() {
            return None;
        }
        self.wait(future).map_err(|error| drop(self.error.set(error))).ok()
    }
}

fn runtime() -> io::Result<Runtime> {
    Builder::new_multi_thread().worker_threads(2).enable_all().build()
}

impl<S: Store> LocalStore for Blocking<S> {
    fn charge(
        &self,
        now: Timestamp,
        charges: &[Charge<'_>],
        ticket: Ticket,
        verdicts: &mut Verdicts,
    ) -> bool {
        verdicts.clear();
        let Some(charged) = self.answer(self.store.charge(self.call(now, ticket), charges)) else {
            return false;
        };
        *verdicts = charged.verdicts;
        charged.taken
    }

    fn settle(&self, now: Timestamp, settlements: &[Settlement<'_>], settled: &mut Settlements) {
        let answer = self.answer(self.store.settle(self.plain(now), settlements));
        *settled = answer.unwrap_or_else(|| settlements.iter().map(|_| Settled::Gone).collect());
    }

    fn release(&self, now: Timestamp, lease: Lease) -> bool {
        self.answer(self.store.release(self.plain(now), &[lease])) == Some(1)
    }

    fn used(&self, now: Timestamp, counter: CounterKey, algorithm: &Algorithm) -> Option<i64> {
        self.answer(self.store.used(self.plain(now), counter, algorithm)).flatten()
    }

    fn set_used(&self, now: Timestamp, counter: CounterKey, algorithm: &Algorithm, used: i64) -> bool {
        self.answer(self.store.set_used(self.plain(now), counter, algorithm, used)) == Some(true)
    }

    fn refund(&self, now: Timestamp, charge: &Charge<'_>) {
        let _ = self.answer(self.store.refund(self.plain(now), charge));
    }

    fn reset(&self, counter: CounterKey) -> bool {
        self.answer(self.store.reset(self.plain(Timestamp(self.latest.load(Relaxed))), counter)) == Some(true)
    }

    fn snapshot(&self, now: Timestamp, tell: &mut dyn FnMut(Kept)) {
        let mut told = Vec::new();
        let mut keep = |kept| told.push(kept);
        let _ = self.answer(self.store.snapshot(self.plain(now), &mut keep));
        told.into_iter().for_each(tell);
    }

    fn restore(&self, now: Timestamp, kept: Vec<Kept>) -> usize {
        self.answer(self.store.restore(self.plain(now), kept)).unwrap_or(0)
    }

    fn len(&self) -> usize {
        self.answer(self.store.len()).unwrap_or(0)
    }
}

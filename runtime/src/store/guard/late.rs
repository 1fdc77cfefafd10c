//! Settlements and releases that found the store away, kept until it is back.
//!
//! Each is safe to make twice, and one that is never made errs towards having been spent: a reservation stands as it was
//! made, a lease ends by itself. So there is a bound, and what is beyond it is dropped, with a word.

use std::{
    collections::VecDeque,
    sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed},
    time::Duration,
};

use parking_lot::Mutex;
use tokio::time::timeout;

use crate::store::{Answer, Call, Lease, OwnedSettlement, Settlement, Store, StoreError};

/// How many settlements and releases are kept at most.
pub(super) const MAX_LATE: usize = 65_536;

/// How many are made in one call.
const TOGETHER: usize = 256;

/// What waits for the store.
#[derive(Debug, Default)]
pub(super) struct Late {
    waiting: Mutex<Waiting>,
    /// How many there are, to be looked at without the lock.
    count: AtomicUsize,
    /// Whether somebody makes them.
    is_making: AtomicBool,
}

#[derive(Debug, Default)]
struct Waiting {
    settlements: VecDeque<OwnedSettlement>,
    leases: VecDeque<Lease>,
}

impl Late {
    pub(super) fn len(&self) -> usize {
        self.count.load(Relaxed)
    }

    pub(super) fn keep_settlements(&self, settlements: &[Settlement<'_>]) {
        self.keep(settlements.len(), |waiting, room| {
            waiting.settlements.extend(settlements.iter().take(room).map(OwnedSettlement::from));
        });
    }

    pub(super) fn keep_leases(&self, leases: impl ExactSizeIterator<Item = Lease>) {
        self.keep(leases.len(), |waiting, room| waiting.leases.extend(leases.take(room)));
    }

    fn keep(&self, many: usize, keep: impl FnOnce(&mut Waiting, usize)) {
        let mut waiting = self.waiting.lock();
        let room = MAX_LATE.saturating_sub(waiting.len());
        tell_dropped(many.saturating_sub(room));
        keep(&mut waiting, room);
        self.count.store(waiting.len(), Relaxed);
    }

    /// Whether there is something to make, and nobody who makes it: whoever is told so must call [`Self::make_up`].
    pub(super) fn begins(&self) -> bool {
        self.len() > 0 && !self.is_making.swap(true, Relaxed)
    }

    /// Makes what waits, in the order in which it came, until the store does not answer again.
    pub(super) async fn make_up(&self, store: &dyn Store, call: Call) {
        // Whoever gives up in between lets others begin.
        let _making = Making(&self.is_making);
        // More time than a caller has: nobody waits for these.
        let call = Call { deadline: call.deadline.max(Duration::from_secs(1)), request: None, ..call };
        let mut together = TOGETHER;
        loop {
            let mut some = self.next(together);
            if some.len() == 0 {
                return;
            }
            match some.make(store, call).await {
                Ok(()) => {}
                // One that cannot be made must not keep the others from it.
                Err(_) if together > 1 => {
                    together = 1;
                    self.put_back(some);
                }
                Err(error @ StoreError::Corrupt { .. }) => {
                    tracing::warn!(%error, "a settlement found its counter damaged, and is dropped");
                }
                Err(_) => {
                    self.put_back(some);
                    return;
                }
            }
        }
    }

    /// Takes the next ones, at most so many of each kind.
    fn next(&self, together: usize) -> Waiting {
        let mut waiting = self.waiting.lock();
        let settlements = waiting.settlements.len().min(together);
        // One alone is one of either kind.
        let leases = if together == 1 && settlements > 0 { 0 } else { waiting.leases.len().min(together) };
        let some = Waiting {
            settlements: waiting.settlements.drain(..settlements).collect(),
            leases: waiting.leases.drain(..leases).collect(),
        };
        self.count.store(waiting.len(), Relaxed);
        some
    }

    fn put_back(&self, some: Waiting) {
        let mut waiting = self.waiting.lock();
        some.settlements.into_iter().rev().for_each(|settlement| waiting.settlements.push_front(settlement));
        some.leases.into_iter().rev().for_each(|lease| waiting.leases.push_front(lease));
        self.count.store(waiting.len(), Relaxed);
    }
}

impl Waiting {
    fn len(&self) -> usize {
        self.settlements.len() + self.leases.len()
    }

    /// Makes all of it. What was made stays out of what is made again.
    async fn make(&mut self, store: &dyn Store, call: Call) -> Result<(), StoreError> {
        if !self.settlements.is_empty() {
            let borrowed: Vec<Settlement<'_>> =
                self.settlements.iter().map(OwnedSettlement::borrow).collect();
            within(call, store.settle(call, &borrowed)).await?;
            self.settlements.clear();
        }
        if !self.leases.is_empty() {
            let leases: Vec<Lease> = self.leases.iter().copied().collect();
            within(call, store.release(call, &leases)).await?;
            self.leases.clear();
        }
        Ok(())
    }
}

async fn within<T>(call: Call, answer: Answer<'_, T>) -> Result<T, StoreError> {
    timeout(call.deadline, answer).await.unwrap_or(Err(StoreError::Timeout(call.deadline)))
}

/// Somebody makes what waits; dropped, nobody does.
struct Making<'l>(&'l AtomicBool);

impl Drop for Making<'_> {
    fn drop(&mut self) {
        self.0.store(false, Relaxed);
    }
}

fn tell_dropped(dropped: usize) {
    if dropped > 0 {
        metrics::counter!("limitrate_late_settlements_dropped_total").increment(dropped as u64);
        tracing::warn!(dropped, "too many settlements wait for the store: what was reserved stands");
    }
}

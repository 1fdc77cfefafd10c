//! Settlements and releases that found the store away, kept until it is back.
//!
//! Each is safe to make twice, and one that is never made errs towards having been spent: a reservation stands as it was
//! made, a lease ends by itself. So there is a bound, and what is beyond it is dropped, with a word.

use std::{
    collections::{BTreeMap, VecDeque},
    mem,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed},
    },
    time::Duration,
};

use parking_lot::Mutex;
use tokio::time::Instant;

use super::within;
use crate::store::{Call, Lease, OwnedSettlement, Settlement, Store, StoreError};

/// How many settlements and releases are kept at most.
pub(super) const MAX_LATE: usize = 65_536;

/// How long what could not be made is left, although the store answers others.
const PAUSE: Duration = Duration::from_secs(1);

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
    /// When to try again what could not be made.
    again_at: Mutex<Option<Instant>>,
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

    /// Begins to make what waits, where anything does that nobody makes or has just tried to make in vain.
    pub(super) fn begin(self: &Arc<Self>) -> Option<Making> {
        let begins = self.len() > 0
            && self.again_at.lock().is_none_or(|at| Instant::now() >= at)
            && !self.is_making.swap(true, Relaxed);
        begins.then(|| Making(self.clone()))
    }

    /// Takes all that waits.
    fn take(&self) -> Waiting {
        let mut waiting = self.waiting.lock();
        self.count.store(0, Relaxed);
        mem::take(&mut *waiting)
    }

    /// Puts back what was not made, before what has come since, as far as there is room.
    fn put_back(&self, mut some: Waiting) {
        if some.len() == 0 {
            return;
        }
        let mut waiting = self.waiting.lock();
        let room = MAX_LATE.saturating_sub(waiting.len());
        tell_dropped(some.len().saturating_sub(room));
        some.leases.truncate(room);
        some.settlements.truncate(room - some.leases.len());
        waiting.put_first(some);
        self.count.store(waiting.len(), Relaxed);
    }
}

impl Waiting {
    fn len(&self) -> usize {
        self.settlements.len() + self.leases.len()
    }

    /// What waits for each place.
    fn apart(self, store: &dyn Store) -> BTreeMap<usize, Self> {
        let mut places: BTreeMap<usize, Self> = BTreeMap::new();
        for settlement in self.settlements {
            places
                .entry(store.place_of(settlement.borrow().counter))
                .or_default()
                .settlements
                .push_back(settlement);
        }
        for lease in self.leases {
            places.entry(store.place_of(lease.counter)).or_default().leases.push_back(lease);
        }
        places
    }

    /// Puts others before these.
    fn put_first(&mut self, mut others: Self) {
        others.settlements.append(&mut self.settlements);
        others.leases.append(&mut self.leases);
        *self = others;
    }

    /// Makes these until the store does not answer; what is left was not made.
    async fn make_all(&mut self, store: &dyn Store, call: Call) {
        let mut together = TOGETHER;
        while self.len() > 0 {
            match self.make_first(together, store, call).await {
                Ok(()) => {}
                // One that cannot be made must not keep the others from it.
                Err(_) if together > 1 => together = 1,
                Err(error @ StoreError::Corrupt { .. }) => {
                    tracing::warn!(%error, "a settlement found its counter damaged, and is dropped");
                    self.drop_first();
                }
                Err(_) => return,
            }
        }
    }

    /// Makes the first ones, at most so many of each kind. Each stays here until it is made.
    async fn make_first(&mut self, together: usize, store: &dyn Store, call: Call) -> Result<(), StoreError> {
        let settlements = self.settlements.len().min(together);
        // One alone is one of either kind.
        let leases = if together == 1 && settlements > 0 { 0 } else { self.leases.len().min(together) };
        if settlements > 0 {
            let first: Vec<Settlement<'_>> =
                self.settlements.iter().take(settlements).map(OwnedSettlement::borrow).collect();
            within(call, store.settle(call, &first)).await?;
            self.settlements.drain(..settlements);
        }
        if leases > 0 {
            let first: Vec<Lease> = self.leases.iter().take(leases).copied().collect();
            within(call, store.release(call, &first)).await?;
            self.leases.drain(..leases);
        }
        Ok(())
    }

    /// Drops the one that is made first.
    fn drop_first(&mut self) {
        if self.settlements.pop_front().is_none() {
            self.leases.pop_front();
        }
    }
}

/// Somebody makes what waits; dropped, nobody does, and others may begin.
pub(super) struct Making(Arc<Late>);

impl Making {
    /// Makes what waits, in the order in which it came at each place that is asked, until that does not answer again.
    pub(super) async fn make_up(
        self,
        store: &dyn Store,
        call: Call,
        is_asked: impl Fn(usize) -> bool + Send,
    ) {
        // More time than a caller has: nobody waits for these.
        let call = Call { deadline: call.deadline.max(Duration::from_secs(1)), request: None, ..call };
        let mut taken = Taken { late: &self.0, places: self.0.take().apart(store) };
        while let Some(mut place) = taken.places.first_entry() {
            if is_asked(*place.key()) {
                place.get_mut().make_all(store, call).await;
            }
            let left = place.remove();
            self.0.put_back(left);
        }
    }
}

impl Drop for Making {
    fn drop(&mut self) {
        self.0.is_making.store(false, Relaxed);
    }
}

/// What somebody makes, by place; dropped, what is left of it waits again, for a while.
struct Taken<'l> {
    late: &'l Late,
    places: BTreeMap<usize, Waiting>,
}

impl Drop for Taken<'_> {
    fn drop(&mut self) {
        for left in mem::take(&mut self.places).into_values() {
            self.late.put_back(left);
        }
        *self.late.again_at.lock() = (self.late.len() > 0).then(|| Instant::now() + PAUSE);
    }
}

fn tell_dropped(dropped: usize) {
    if dropped > 0 {
        metrics::counter!("limitrate_late_settlements_dropped_total").increment(dropped as u64);
        tracing::warn!(dropped, "too many settlements wait for the store: what was reserved stands");
    }
}

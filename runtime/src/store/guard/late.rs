//! Settlements and releases that found the store away, kept until it is back.
//!
//! Each is safe to make twice, and one that is never made errs towards having been spent: a reservation stands as it was
//! made, a lease ends by itself. So there is a bound, and what is beyond it is dropped, with a word.

use std::{collections::VecDeque, time::Duration};

use parking_lot::Mutex;
use tokio::time::timeout;

use crate::store::{Call, Lease, OwnedSettlement, Settlement, Store};

/// How many settlements and releases are kept at most.
pub(super) const MAX_LATE: usize = 65_536;

/// How many are made in one call.
const TOGETHER: usize = 256;

/// What waits for the store.
#[derive(Debug, Default)]
pub(super) struct Late(Mutex<Waiting>);

#[derive(Debug, Default)]
struct Waiting {
    settlements: VecDeque<OwnedSettlement>,
    leases: VecDeque<Lease>,
}

impl Late {
    pub(super) fn len(&self) -> usize {
        let waiting = self.0.lock();
        waiting.settlements.len() + waiting.leases.len()
    }

    pub(super) fn keep_settlements(&self, settlements: &[Settlement<'_>]) {
        let mut waiting = self.0.lock();
        let room = MAX_LATE.saturating_sub(waiting.settlements.len() + waiting.leases.len());
        tell_dropped(settlements.len().saturating_sub(room));
        waiting.settlements.extend(settlements.iter().take(room).map(OwnedSettlement::from));
    }

    pub(super) fn keep_leases(&self, leases: &[Lease]) {
        let mut waiting = self.0.lock();
        let room = MAX_LATE.saturating_sub(waiting.settlements.len() + waiting.leases.len());
        tell_dropped(leases.len().saturating_sub(room));
        waiting.leases.extend(leases.iter().take(room));
    }

    /// Makes what waits, in the order in which it came, until the store does not answer again.
    pub(super) async fn make_up(&self, store: &dyn Store, call: Call) {
        // More time than a caller has: nobody waits for these.
        let deadline = call.deadline.max(Duration::from_secs(1));
        loop {
            let (settlements, leases) = self.next();
            if settlements.is_empty() && leases.is_empty() {
                return;
            }
            let borrowed: Vec<Settlement<'_>> = settlements.iter().map(OwnedSettlement::borrow).collect();
            let made = async {
                if !borrowed.is_empty() {
                    store.settle(call, &borrowed).await?;
                }
                if !leases.is_empty() {
                    store.release(call, &leases).await?;
                }
                Ok::<(), crate::store::StoreError>(())
            };
            if !matches!(timeout(deadline, made).await, Ok(Ok(()))) {
                self.put_back(settlements, leases);
                return;
            }
        }
    }

    fn next(&self) -> (Vec<OwnedSettlement>, Vec<Lease>) {
        let mut waiting = self.0.lock();
        let (settlements, leases) =
            (waiting.settlements.len().min(TOGETHER), waiting.leases.len().min(TOGETHER));
        (waiting.settlements.drain(..settlements).collect(), waiting.leases.drain(..leases).collect())
    }

    fn put_back(&self, settlements: Vec<OwnedSettlement>, leases: Vec<Lease>) {
        let mut waiting = self.0.lock();
        settlements.into_iter().rev().for_each(|settlement| waiting.settlements.push_front(settlement));
        leases.into_iter().rev().for_each(|lease| waiting.leases.push_front(lease));
    }
}

fn tell_dropped(dropped: usize) {
    if dropped > 0 {
        metrics::counter!("limitrate_late_settlements_dropped_total").increment(dropped as u64);
        tracing::warn!(dropped, "too many settlements wait for the store: what was reserved stands");
    }
}

//! Requests that are running: which leases end when.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BinaryHeap},
};

use limitrate_core::time::{Nanos, Timestamp};
use limitrate_runtime::{Leases, Limiter, store::MemoryStore};

/// The most requests that run at once. At the bound, the one that would end first ends early, and is counted.
pub(super) const MAX_RUNNING: usize = 1_000_000;

/// Requests that hold leases, by the instant of their reply.
#[derive(Debug, Default)]
pub(super) struct Running {
    ends: BinaryHeap<Reverse<(Timestamp, u64)>>,
    held: BTreeMap<u64, Leases>,
    next: u64,
    ended_early: u64,
}

impl Running {
    /// Holds the leases of a request from `now` until its reply.
    pub(super) fn hold(
        &mut self,
        limiter: &Limiter<MemoryStore>,
        leases: Leases,
        now: Timestamp,
        after: Nanos,
    ) {
        if after <= Nanos::ZERO {
            limiter.release(&leases, now);
            return;
        }
        if self.held.len() >= MAX_RUNNING {
            self.end_first(limiter, now);
            self.ended_early += 1;
        }
        self.ends.push(Reverse((now.after(after), self.next)));
        self.held.insert(self.next, leases);
        self.next += 1;
    }

    /// Ends every request whose reply has come by `now`.
    pub(super) fn release_until(&mut self, limiter: &Limiter<MemoryStore>, now: Timestamp) {
        while let Some(Reverse((end, _))) = self.ends.peek() {
            if *end > now {
                return;
            }
            let end = *end;
            self.end_first(limiter, end);
        }
    }

    /// How many requests ended before their reply, for want of room.
    pub(super) const fn ended_early(&self) -> u64 {
        self.ended_early
    }

    fn end_first(&mut self, limiter: &Limiter<MemoryStore>, now: Timestamp) {
        if let Some(Reverse((_, number))) = self.ends.pop()
            && let Some(leases) = self.held.remove(&number)
        {
            limiter.release(&leases, now);
        }
    }
}

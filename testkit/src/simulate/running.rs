//! Requests that are running: which reply comes when, and what it says.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BinaryHeap},
};

use limitrate_core::{
    facts::{FactId, OwnedValue, Value},
    time::{Nanos, Timestamp},
};
use limitrate_runtime::Running;

use super::{AnyLimiter, asides::Asides};
use crate::traffic::Reply;

/// The most requests that run at once. At the bound, the one that would end first ends early, and is counted.
pub(super) const MAX_RUNNING: usize = 1_000_000;

/// Requests that hold something, by the instant of their reply.
#[derive(Debug, Default)]
pub(super) struct RunningRequests {
    ends: BinaryHeap<Reverse<(Timestamp, u64)>>,
    held: BTreeMap<u64, Held>,
    next: u64,
    ended_early: u64,
}

/// What a request holds, and the facts of its reply.
#[derive(Debug)]
struct Held {
    running: Running,
    facts: Vec<(FactId, OwnedValue)>,
}

/// Where replies go.
pub(super) struct Replying<'r> {
    pub(super) limiter: &'r AnyLimiter,
    pub(super) asides: &'r mut Asides,
}

impl Replying<'_> {
    /// Ends a request at once of whose reply nothing is recorded: its reservations stand.
    pub(super) fn without_reply(&mut self, running: &Running, now: Timestamp) {
        self.asides.replied(&self.limiter.release(running, now));
    }

    fn reply(&mut self, held: &Held, now: Timestamp) {
        let facts: Vec<(FactId, Value<'_>)> =
            held.facts.iter().map(|(fact, value)| (*fact, value.borrow())).collect();
        self.asides.replied(&self.limiter.reply(&held.running, &facts, now));
    }
}

impl RunningRequests {
    /// Holds what a request does from `now` until its reply.
    pub(super) fn hold(
        &mut self,
        to: &mut Replying<'_>,
        running: Running,
        reply: &Reply<'_>,
        now: Timestamp,
    ) {
        let facts = reply.facts_with_status(to.limiter);
        let facts = facts.into_iter().filter_map(|(fact, value)| Some((fact, OwnedValue::of(value)?)));
        let held = Held { running, facts: facts.collect() };
        if reply.after <= Nanos::ZERO {
            to.reply(&held, now);
            return;
        }
        if self.held.len() >= MAX_RUNNING {
            self.end_first(to, now);
            self.ended_early += 1;
        }
        self.ends.push(Reverse((now.after(reply.after), self.next)));
        self.held.insert(self.next, held);
        self.next += 1;
    }

    /// Ends every request whose reply has come by `now`.
    pub(super) fn reply_until(&mut self, to: &mut Replying<'_>, now: Timestamp) {
        while let Some(Reverse((end, _))) = self.ends.peek() {
            if *end > now {
                return;
            }
            let end = *end;
            self.end_first(to, end);
        }
    }

    /// How many requests ended before their reply, for want of room.
    pub(super) const fn ended_early(&self) -> u64 {
        self.ended_early
    }

    fn end_first(&mut self, to: &mut Replying<'_>, now: Timestamp) {
        if let Some(Reverse((_, number))) = self.ends.pop()
            && let Some(held) = self.held.remove(&number)
        {
            to.reply(&held, now);
        }
    }
}

//! Whose turn it is: calls of this process that take several trips on one counter of a server take them one after the other.

use std::{collections::VecDeque, mem};

use limitrate_core::key::CounterKey;
use parking_lot::Mutex;
use tokio::sync::{Mutex as Turn, MutexGuard};

use super::MOST_WAITING;
use crate::store::{job::Job, redis::together::Waiting};

/// How many calls may be in the middle of it at once, if each is on a counter of its own.
const LANES: usize = 256;

/// How many calls are made in one at most.
const TOGETHER: usize = 128;

/// See the [module](self).
#[derive(Debug)]
pub(super) struct Lanes(Box<[Lane; LANES]>);

impl Lanes {
    pub(super) fn new() -> Self {
        Self(Box::new([const { Lane::new() }; LANES]))
    }

    /// The lane of a counter. Some counters share one: the lowest bits of a key are as good as any.
    pub(super) fn of(&self, key: CounterKey) -> &Lane {
        let [lowest, ..] = key.0.to_le_bytes();
        let [first, ..] = &*self.0;
        self.0.get(usize::from(lowest)).unwrap_or(first)
    }
}

/// The calls on some counters.
#[derive(Debug)]
pub(in crate::store::redis) struct Lane {
    turn: Turn<()>,
    line: Mutex<Line>,
}

/// Calls that are made together.
#[derive(Debug)]
struct Line {
    waiting: VecDeque<Waiting>,
    /// Whether somebody makes them.
    is_served: bool,
}

impl Lane {
    const fn new() -> Self {
        Self {
            turn: Turn::const_new(()),
            line: Mutex::new(Line { waiting: VecDeque::new(), is_served: false }),
        }
    }

    /// Waits until its counters are nobody else's.
    pub(super) async fn turn(&self) -> MutexGuard<'_, ()> {
        self.turn.lock().await
    }

    /// Has a call wait; whether its caller must see to it that somebody makes it. Given back where too many wait.
    pub(in crate::store::redis) fn add(&self, waiting: Waiting) -> Result<bool, Box<dyn Job>> {
        let mut line = self.line.lock();
        if line.waiting.len() >= MOST_WAITING {
            return Err(waiting.into_job());
        }
        line.waiting.push_back(waiting);
        Ok(!mem::replace(&mut line.is_served, true))
    }

    /// Calls that can be made in one, the first of those that wait and others after it. None where none waits: whoever comes next sees
    /// to it that somebody makes them.
    pub(in crate::store::redis) fn take(&self) -> Vec<Waiting> {
        let mut line = self.line.lock();
        let mut batch: Vec<Waiting> = Vec::new();
        let mut left = VecDeque::new();
        while batch.len() < TOGETHER
            && let Some(waiting) = line.waiting.pop_front()
        {
            if waiting.is_abandoned() {
                continue;
            }
            match batch.first() {
                Some(first) if !first.goes_with(&waiting) => left.push_back(waiting),
                Some(_) | None => batch.push(waiting),
            }
        }
        left.append(&mut line.waiting);
        line.waiting = left;
        line.is_served = !batch.is_empty();
        batch
    }

    /// Nobody makes them any more.
    pub(in crate::store::redis) fn let_go(&self) -> VecDeque<Waiting> {
        let mut line = self.line.lock();
        line.is_served = false;
        mem::take(&mut line.waiting)
    }
}

//! What stands under one key of a table: a counter, or something kept beside one.

use limitrate_core::{
    algorithm::{Algorithm, Hold, LeaseId, Refusal, State, Status, Terms},
    block,
    charge::Mode,
    key::CounterKey,
    time::{Nanos, Timestamp},
    warning,
};

use crate::store::Ticket;

/// How long a counter is kept after it became idle: a clock that steps back by less finds it still there.
pub(super) const KEPT_IDLE: Nanos = Nanos::from_secs(1);

/// One charge as the arithmetic sees it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Step<'p> {
    pub(super) algorithm: &'p Algorithm,
    pub(super) terms: Terms,
    pub(super) now: Timestamp,
    pub(super) cost: i64,
    pub(super) lease: LeaseId,
}

impl Step<'_> {
    #[inline]
    pub(super) fn judge(&self, state: Option<&State>) -> Result<(), Refusal> {
        self.algorithm.judge(state, self.terms, self.now, self.cost)
    }

    #[inline]
    pub(super) fn take(&self, state: &mut Option<State>) {
        self.algorithm.take(state, self.terms, self.now, self.cost, self.lease);
    }

    /// When a state is idle that this step made.
    #[inline]
    pub(super) fn idle_at(&self, state: &State) -> Timestamp {
        self.algorithm.idle_at(state)
    }

    #[inline]
    pub(super) fn status(&self, state: Option<&State>) -> Status {
        self.algorithm.status(state, self.terms, self.now)
    }
}

/// What an entry holds.
#[derive(Debug)]
pub(super) enum Kept {
    /// `None` in a table only while a decision has it; an option because that is what [`Algorithm::take`] changes in
    /// place.
    Counter(Option<State>),
    /// A reservation that may be settled until the entry is idle.
    Hold(Hold),
    Block(block::State),
    Warning(warning::State),
}

/// One key of a table.
// Of the size of a cache line and aligned to it, so that a look-up that finds its key has loaded all of it.
#[derive(Debug)]
#[repr(align(64))]
pub(super) struct Entry {
    pub(super) key: CounterKey,
    /// From this instant on it equals no entry at all.
    pub(super) idle_at: Timestamp,
    pub(super) kept: Kept,
}

impl Entry {
    /// A counter that is idle from an instant on.
    pub(super) const fn new(key: CounterKey, state: State, idle_at: Timestamp) -> Self {
        Self { key, idle_at, kept: Kept::Counter(Some(state)) }
    }

    #[inline]
    pub(super) fn state(&self) -> Option<&State> {
        if let Kept::Counter(state) = &self.kept { state.as_ref() } else { None }
    }

    /// Takes the cost of a step that was judged to fit.
    #[inline]
    pub(super) fn take(&mut self, step: &Step<'_>) {
        if let Kept::Counter(state) = &mut self.kept {
            step.algorithm.take(state, step.terms, step.now, step.cost, step.lease);
            self.note_idle(step.algorithm);
        }
    }

    /// What it takes beside its place in the table.
    #[inline]
    pub(super) fn heap_bytes(&self) -> usize {
        self.state().map_or(0, State::heap_bytes)
    }

    #[inline]
    pub(super) fn note_idle(&mut self, algorithm: &Algorithm) {
        self.idle_at = self.state().map_or(Timestamp::MIN, |state| algorithm.idle_at(state));
    }

    pub(super) fn is_idle(&self, now: Timestamp) -> bool {
        now.since(self.idle_at) >= KEPT_IDLE
    }

    /// Whether it is a reservation that may still be settled.
    pub(super) fn is_open(&self, now: Timestamp) -> bool {
        matches!(self.kept, Kept::Hold(_)) && now < self.idle_at
    }
}

/// What is kept beside a counter; each has a key of its own, in the counter's shard.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
enum Beside {
    Hold = 1,
    Block,
    ShadowBlock,
    Warning,
}

/// The reservation of a decision.
pub(super) fn hold_key(counter: CounterKey, ticket: Ticket) -> CounterKey {
    counter.beside(Beside::Hold as u64, ticket.0)
}

/// The block of a counter: shadow charges set off blocks of their own.
pub(super) fn block_key(counter: CounterKey, mode: Mode) -> CounterKey {
    let beside = match mode {
        Mode::Enforce | Mode::Soft => Beside::Block,
        Mode::Shadow => Beside::ShadowBlock,
    };
    counter.beside(beside as u64, 0)
}

/// The last warning of a counter.
pub(super) fn warning_key(counter: CounterKey) -> CounterKey {
    counter.beside(Beside::Warning as u64, 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_is_one_cache_line() {
        assert_eq!(size_of::<Entry>(), 64);
    }

    #[test]
    fn what_is_beside_a_counter_has_a_key_of_its_own_in_the_same_shard() {
        let counter = CounterKey::of_limit(b"limit", 7);
        let mut keys = vec![
            counter,
            hold_key(counter, Ticket(0)),
            hold_key(counter, Ticket(1)),
            block_key(counter, Mode::Enforce),
            block_key(counter, Mode::Shadow),
            warning_key(counter),
        ];
        assert!(keys.iter().all(|key| key.0 >> 64 == counter.0 >> 64));
        keys.sort();
        keys.dedup();
        assert_eq!(keys.len(), 6);
        assert_eq!(block_key(counter, Mode::Soft), block_key(counter, Mode::Enforce));
    }
}

//! What stands under one key of a table: a counter, or something kept beside one.

use limitrate_core::{
    algorithm::{Algorithm, Hold, LeaseId, Refusal, State, Status, Terms},
    block,
    key::CounterKey,
    time::Timestamp,
    warning,
};

pub(super) use crate::store::{
    KEPT_IDLE,
    beside::{block_key, hold_key, warning_key},
};

/// One charge as the arithmetic sees it.
#[derive(Debug, Clone, Copy)]
pub(in crate::store) struct Step<'p> {
    pub(in crate::store) algorithm: &'p Algorithm,
    pub(in crate::store) terms: Terms,
    pub(in crate::store) now: Timestamp,
    pub(in crate::store) cost: i64,
    pub(in crate::store) lease: LeaseId,
}

impl Step<'_> {
    #[inline]
    pub(in crate::store) fn judge(&self, state: Option<&State>) -> Result<(), Refusal> {
        self.algorithm.judge(state, self.terms, self.now, self.cost)
    }

    #[inline]
    pub(in crate::store) fn take(&self, state: &mut Option<State>) {
        self.algorithm.take(state, self.terms, self.now, self.cost, self.lease);
    }

    /// When a state is idle that this step made.
    #[inline]
    pub(in crate::store) fn idle_at(&self, state: &State) -> Timestamp {
        self.algorithm.idle_at(state)
    }

    #[inline]
    pub(in crate::store) fn status(&self, state: Option<&State>) -> Status {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_is_one_cache_line() {
        assert_eq!(size_of::<Entry>(), 64);
    }
}

//! Dropping what is idle, a few rows at a time, in circles through the file.

use limitrate_core::{
    key::CounterKey,
    time::{Nanos, Timestamp},
};

use super::{fault::Fault, file::File};
use crate::store::KEPT_IDLE;

/// How many rows are looked at in one step.
const STEP_ROWS: usize = 512;

/// How many rows are looked at for each one written: garbage is never more than a part of what is written in a circle.
const ROWS_PER_WRITE: usize = 2;

/// How long after a circle was closed the next begins in spare time, by the clock of the callers.
const REST: Nanos = Nanos::from_secs(10);

/// Where the sweep stands.
#[derive(Debug)]
pub(super) struct Sweep {
    /// The last row looked at in this circle.
    hand: Option<CounterKey>,
    /// The latest instant of a caller.
    latest: Timestamp,
    /// When the last circle was closed.
    closed: Timestamp,
    /// How many rows are to be looked at for those that were written.
    owed: usize,
}

impl Default for Sweep {
    fn default() -> Self {
        Self { hand: None, latest: Timestamp::MIN, closed: Timestamp::MIN, owed: 0 }
    }
}

impl Sweep {
    /// Takes note of a caller's instant.
    pub(super) fn note_now(&mut self, now: Timestamp) {
        self.latest = self.latest.max(now);
    }

    /// Takes note of rows that were written.
    pub(super) const fn note_written(&mut self, rows: usize) {
        self.owed = self.owed.saturating_add(rows.saturating_mul(ROWS_PER_WRITE));
    }

    /// Whether a step is due although there is other work.
    pub(super) const fn is_owed(&self) -> bool {
        self.owed >= STEP_ROWS
    }

    /// Whether a step would be of use where there is no other work.
    pub(super) fn is_of_use(&self) -> bool {
        self.hand.is_some() || self.latest > self.closed.after(REST)
    }

    /// Goes a step further, within a transaction.
    pub(super) fn step(&mut self, file: &mut File) -> Result<(), Fault> {
        self.owed = 0;
        let idle = Timestamp(self.latest.0.saturating_sub(KEPT_IDLE.0));
        self.hand = file.sweep(self.hand, STEP_ROWS, idle)?;
        if self.hand.is_none() {
            self.closed = self.latest;
        }
        Ok(())
    }
}

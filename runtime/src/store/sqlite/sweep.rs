//! Dropping what is idle, a few rows at a time, in circles through the file.
//!
//! The file has no clock but its callers'. One of them may be ahead, and what is idle by its clock still counts for the
//! others: so it is dropped by the earliest of the last instants that callers told.

use std::mem;

use limitrate_core::{
    key::CounterKey,
    time::{Nanos, Timestamp},
};

use super::{fault::Fault, file::File};
use crate::store::KEPT_IDLE;

/// How many rows are looked at in one step.
const STEP_ROWS: usize = 512;

/// How many rows are looked at for each new one: half as many are added in a circle as it has rows, and so garbage is never
/// more than what counts.
const ROWS_PER_NEW: usize = 2;

/// How long after a circle was closed the next begins in spare time, by the clock of the callers.
const REST: Nanos = Nanos::from_secs(10);

/// How many of the last instants must agree that a row is idle.
const INSTANTS: usize = 64;

/// Where the sweep stands.
#[derive(Debug, Default)]
pub(super) struct Sweep {
    /// The last row looked at in this circle.
    hand: Option<CounterKey>,
    /// The last instants of callers, each in the place of the oldest; the first one of all stands everywhere.
    instants: Option<[Timestamp; INSTANTS]>,
    /// Which place is the oldest's.
    oldest: usize,
    /// When the last circle was closed.
    closed: Option<Timestamp>,
    /// How many rows are to be looked at for those that are new.
    owed: usize,
}

impl Sweep {
    /// Takes note of a caller's instant.
    pub(super) fn note_now(&mut self, now: Timestamp) {
        let instants = self.instants.get_or_insert([now; INSTANTS]);
        if let Some(oldest) = instants.get_mut(self.oldest) {
            *oldest = now;
        }
        self.oldest = (self.oldest + 1) % INSTANTS;
    }

    /// Takes note of rows that are new, or may be.
    pub(super) const fn note_new(&mut self, rows: usize) {
        self.owed = self.owed.saturating_add(rows.saturating_mul(ROWS_PER_NEW));
    }

    /// The instant that all of the last callers have behind them.
    fn now(&self) -> Option<Timestamp> {
        self.instants.as_ref()?.iter().min().copied()
    }

    /// Whether a step is due although there is other work.
    pub(super) const fn is_owed(&self) -> bool {
        self.owed >= STEP_ROWS
    }

    /// Whether a step would be of use where there is no other work.
    pub(super) fn is_of_use(&self) -> bool {
        // What is owed opens circles too: one that is open need not be closed at once. A clock that was put back must not end
        // them for as long.
        let is_rested =
            |now: Timestamp| self.closed.is_none_or(|closed| now < closed || now > closed.after(REST));
        self.now().is_some_and(is_rested)
    }

    /// Goes a step further, or as far as is owed, within a transaction.
    pub(super) fn step(&mut self, file: &mut File) -> Result<(), Fault> {
        let rows = mem::take(&mut self.owed).max(STEP_ROWS);
        let Some(now) = self.now() else { return Ok(()) };
        let idle = Timestamp(now.0.saturating_sub(KEPT_IDLE.0));
        self.hand = file.sweep(self.hand, rows, idle)?;
        if self.hand.is_none() {
            self.closed = Some(now);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use limitrate_core::block;

    use super::{super::options::SqliteOptions, *};
    use crate::store::Entry;

    #[test]
    fn a_caller_who_is_ahead_is_believed_once_all_are() {
        let mut sweep = Sweep::default();
        assert!(sweep.now().is_none() && !sweep.is_of_use());
        sweep.note_now(Timestamp(5));
        sweep.note_now(Timestamp(900));
        assert_eq!(sweep.now(), Some(Timestamp(5)));
        (0..INSTANTS - 1).for_each(|_| sweep.note_now(Timestamp(900)));
        assert_eq!(sweep.now(), Some(Timestamp(900)));
        sweep.note_now(Timestamp(6));
        assert_eq!(sweep.now(), Some(Timestamp(6)), "and is not when one is behind again");
    }

    #[test]
    fn a_step_goes_as_far_as_is_owed() {
        let folder = tempfile::tempdir().unwrap();
        let (mut file, _) = File::open(&SqliteOptions::new(folder.path().join("c.db"))).unwrap();
        file.begin().unwrap();
        let entry = Entry::Block(block::State { level: 1, until: Timestamp(0) });
        for number in 0..2_000 {
            file.write(CounterKey(number), Some((&entry, Timestamp(0)))).unwrap();
        }
        let mut sweep = Sweep::default();
        sweep.note_now(Timestamp(REST.0));
        sweep.note_new(900);
        assert!(sweep.is_owed());
        sweep.step(&mut file).unwrap();
        assert_eq!((file.len().unwrap(), sweep.is_owed()), (2_000 - 900 * ROWS_PER_NEW, false));
        sweep.step(&mut file).unwrap();
        assert_eq!((file.len().unwrap(), sweep.hand), (0, None));
        file.commit().unwrap();
    }

    #[test]
    fn circles_rest_in_between_but_not_for_a_clock_that_was_put_back() {
        let mut sweep = Sweep { closed: Some(Timestamp(REST.0 * 9)), ..Sweep::default() };
        for (now, is_of_use) in [(9, false), (10, false), (11, true), (8, true)] {
            (0..INSTANTS).for_each(|_| sweep.note_now(Timestamp(REST.0 * now)));
            assert_eq!(sweep.is_of_use(), is_of_use, "{now}");
            // One that was opened by what is owed waits like others.
            sweep.hand = Some(CounterKey(1));
            assert_eq!(sweep.is_of_use(), is_of_use, "{now}");
        }
    }
}

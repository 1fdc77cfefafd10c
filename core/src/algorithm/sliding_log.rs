//! Sliding logs: every charge of the last span is kept, so the count is exact at every instant.
//!
//! Each entry holds the running total through it. The sum of any suffix, and the instant at which enough has left, are
//! found by binary search; charging drops what has left from the front, so it costs amortised constant time.
//!
//! A clock that steps back before the newest entry is taken to stand at it: a dropped entry never counts again.

use std::collections::VecDeque;

use super::{Place, Refusal, Status};
use crate::time::{Nanos, Timestamp};

/// The most entries kept for one counter. Charges at the same instant share one. At the bound a further charge waits
/// until the oldest entry leaves; one taken regardless joins the newest entry, which then counts from that instant.
pub const MAX_ENTRIES: usize = 100_000;

/// Below this capacity, memory of entries that have left is not given back.
const SMALL_CAPACITY: usize = 64;

/// The charges of the last span.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct State(Box<Log>);

// INVARIANT: entries are in ascending order of time, no two at the same; together they hold at most `i64::MAX`, so
// totals, which wrap, have differences that do not.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
struct Log {
    entries: VecDeque<Entry>,
    /// The running total before the first entry.
    base: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Entry {
    at: Timestamp,
    /// The running total through this entry.
    total: u64,
}

impl State {
    /// How many bytes are allocated for it.
    pub(super) fn heap_bytes(&self) -> usize {
        size_of::<Log>() + self.0.entries.capacity() * size_of::<Entry>()
    }

    /// From this instant on the state equals no state at all.
    pub(super) fn idle_at(&self, span: Nanos) -> Timestamp {
        self.0.entries.back().map_or(Timestamp::MIN, |newest| newest.at.after(length(span)))
    }

    /// The charges with their instants, oldest first, those that have left but were not dropped yet included.
    pub fn entries(&self) -> impl Iterator<Item = (Timestamp, i64)> {
        let mut before = self.0.base;
        self.0.entries.iter().map(move |entry| {
            let cost = entry.total.wrapping_sub(before);
            before = entry.total;
            // Together they hold at most `i64::MAX`.
            (entry.at, cost.cast_signed())
        })
    }

    /// The log that [`Self::entries`] was of. `None` if no log has such entries: they are in ascending order, each holds
    /// nothing less than 0 and all at most `i64::MAX`, and there are at most [`MAX_ENTRIES`].
    #[must_use]
    pub fn from_entries(entries: impl IntoIterator<Item = (Timestamp, i64)>) -> Option<Self> {
        let mut log = Log::default();
        for (at, cost) in entries {
            let total = log.total().checked_add(u64::try_from(cost).ok()?)?;
            let is_later = log.entries.back().is_none_or(|newest| newest.at < at);
            if !is_later || total > i64::MAX.unsigned_abs() || log.entries.len() >= MAX_ENTRIES {
                return None;
            }
            log.entries.push_back(Entry { at, total });
        }
        Some(Self(Box::new(log)))
    }

    /// A log with one charge, or `None` for no use.
    pub(super) fn with_used(span: Nanos, now: Timestamp, used: i64) -> Option<Self> {
        (used > 0).then(|| {
            let mut log = Self::default();
            log.take(span, now, used);
            log
        })
    }

    pub(super) fn take(&mut self, span: Nanos, now: Timestamp, cost: i64) {
        let log = &mut *self.0;
        let at = log.clock(now);
        log.drop_left(span, at);
        let cost = cost.unsigned_abs();
        let held = log.total().wrapping_sub(log.base);
        let newest = log.entries.back().map(|newest| newest.at);
        let total = log.total().wrapping_add(cost);
        if cost > i64::MAX.unsigned_abs().saturating_sub(held) {
            log.saturate(at);
        } else if newest == Some(at) || log.entries.len() >= MAX_ENTRIES {
            if let Some(newest) = log.entries.back_mut() {
                *newest = Entry { at, total };
            }
        } else {
            log.entries.push_back(Entry { at, total });
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.entries.is_empty()
    }

    /// Takes so much from the newest entries that still count.
    pub(super) fn give_back(&mut self, span: Nanos, now: Timestamp, amount: i64) {
        let log = &mut *self.0;
        log.drop_left(span, log.clock(now));
        if log.total().wrapping_sub(log.base) >= i64::MAX.unsigned_abs() {
            // Use that saturated is not given back: it was more than was counted.
            return;
        }
        let left = log.total().wrapping_sub(log.base).saturating_sub(amount.unsigned_abs());
        while log.total().wrapping_sub(log.base) > left
            && let Some(newest) = log.entries.pop_back()
        {
            if log.total().wrapping_sub(log.base) < left {
                log.entries.push_back(Entry { total: log.base.wrapping_add(left), ..newest });
            }
        }
    }

    /// Changes the entry of the instant `at`, unless it has left. Walks over the entries after it.
    pub(super) fn settle(&mut self, span: Nanos, at: Timestamp, now: Timestamp, difference: i64) {
        let log = &mut *self.0;
        if log.clock(now).since(at) >= length(span) {
            return;
        }
        let amount = difference.unsigned_abs();
        if difference > 0 {
            log.add(at, amount);
        } else {
            log.subtract(at, amount);
        }
    }
}

impl Log {
    /// Adds to the entry of this instant, which is made if there is none: a reservation of nothing left none.
    fn add(&mut self, at: Timestamp, amount: u64) {
        let held = self.total().wrapping_sub(self.base);
        let newest = self.entries.back().map_or(at, |newest| newest.at.max(at));
        if amount > i64::MAX.unsigned_abs().saturating_sub(held) {
            self.saturate(newest);
            return;
        }
        let position = self.entries.partition_point(|entry| entry.at < at);
        let is_there = self.entries.get(position).is_some_and(|entry| entry.at == at);
        let position = if is_there {
            position
        } else if self.entries.len() < MAX_ENTRIES {
            let total = self.total_before(position);
            self.entries.insert(position, Entry { at, total });
            position
        } else if let Some(entry) = self.entries.get_mut(position) {
            entry.at = entry.at.max(at);
            position
        } else {
            if let Some(entry) = self.entries.back_mut() {
                entry.at = newest;
            }
            self.entries.len() - 1
        };
        for entry in self.entries.iter_mut().skip(position) {
            entry.total = entry.total.wrapping_add(amount);
        }
    }

    /// Takes from the entry of this instant, or from the one that it joined at the bound, no more than it holds.
    fn subtract(&mut self, at: Timestamp, amount: u64) {
        if self.total().wrapping_sub(self.base) >= i64::MAX.unsigned_abs() {
            // Use that saturated is not given back: it was more than was counted.
            return;
        }
        let position = self.entries.partition_point(|entry| entry.at < at);
        let before = self.total_before(position);
        let Some(entry) = self.entries.get(position) else { return };
        let amount = amount.min(entry.total.wrapping_sub(before));
        for entry in self.entries.iter_mut().skip(position) {
            entry.total = entry.total.wrapping_sub(amount);
        }
    }

    /// The running total before the entry at this position.
    fn total_before(&self, position: usize) -> u64 {
        position.checked_sub(1).and_then(|last| self.entries.get(last)).map_or(self.base, |entry| entry.total)
    }

    /// More than any ceiling: it counts as the highest use there is, until all of it has left.
    fn saturate(&mut self, at: Timestamp) {
        self.entries.clear();
        self.base = 0;
        self.entries.push_back(Entry { at, total: i64::MAX.unsigned_abs() });
    }

    /// The instant at which to judge.
    fn clock(&self, now: Timestamp) -> Timestamp {
        self.entries.back().map_or(now, |newest| newest.at.max(now))
    }

    /// The running total through the newest entry.
    fn total(&self) -> u64 {
        self.entries.back().map_or(self.base, |newest| newest.total)
    }

    /// Drops what has left at this instant.
    fn drop_left(&mut self, span: Nanos, clock: Timestamp) {
        while let Some(oldest) = self.entries.front().filter(|entry| has_left(entry, span, clock)) {
            self.base = oldest.total;
            self.entries.pop_front();
        }
        if self.entries.capacity() > SMALL_CAPACITY && self.entries.len() < self.entries.capacity() / 4 {
            self.entries.shrink_to(self.entries.capacity() / 2);
        }
    }
}

/// An entry exactly a span old no longer counts.
fn has_left(entry: &Entry, span: Nanos, clock: Timestamp) -> bool {
    clock.since(entry.at) >= length(span)
}

fn length(span: Nanos) -> Nanos {
    span.max(Nanos(1))
}

/// What counts of a log at an instant.
struct View<'a> {
    log: &'a Log,
    span: Nanos,
    /// Where the entries begin that count.
    first: usize,
    /// What they hold together.
    used: u64,
    /// Whether a charge needs an entry and there is no place for it.
    is_full: bool,
}

impl<'a> View<'a> {
    fn new(span: Nanos, log: &'a Log, now: Timestamp) -> Self {
        let clock = log.clock(now);
        // What was dropped at the last charge is gone, so mostly the first entry already counts.
        let first = match log.entries.front() {
            Some(oldest) if has_left(oldest, span, clock) => {
                log.entries.partition_point(|entry| has_left(entry, span, clock))
            }
            Some(_) | None => 0,
        };
        let before = log.total_before(first);
        let shares = log.entries.back().is_some_and(|newest| newest.at == clock);
        let is_full = log.entries.len() - first >= MAX_ENTRIES && !shares;
        Self { log, span, first, used: log.total().wrapping_sub(before), is_full }
    }

    /// How much more fits under a ceiling.
    fn room(&self, ceiling: i64) -> u64 {
        if self.is_full { 0 } else { ceiling.max(0).unsigned_abs().saturating_sub(self.used) }
    }

    /// How long after `now` the entry at `index` leaves.
    fn until_left(&self, index: usize, now: Timestamp) -> Nanos {
        self.log.entries.get(index).map_or(Nanos::ZERO, |entry| entry.at.after(length(self.span)).since(now))
    }

    /// How long after `now` no more than `most` is left of what counts now.
    fn until_at_most(&self, most: u64, now: Timestamp) -> Nanos {
        let total = self.log.total();
        // With everything through this entry gone, what comes after it is no more than `most`.
        let last = self.log.entries.partition_point(|entry| total.wrapping_sub(entry.total) > most);
        self.until_left(last.max(self.first), now)
    }
}

/// The entry in which a cost counts that is taken now.
pub(super) fn place(state: Option<&State>, now: Timestamp) -> Place {
    Place::SlidingLog(state.map_or(now, |state| state.0.clock(now)))
}

/// Judges a cost between 1 and the ceiling.
pub(super) fn judge(
    span: Nanos,
    state: Option<&State>,
    ceiling: i64,
    now: Timestamp,
    cost: i64,
) -> Result<(), Refusal> {
    let Some(state) = state else { return Ok(()) };
    let view = View::new(span, &state.0, now);
    if cost.unsigned_abs() <= view.room(ceiling) {
        return Ok(());
    }
    let spare = ceiling.saturating_sub(cost).max(0).unsigned_abs();
    Err(Refusal::Wait(view.until_at_most(spare, now).max(Nanos(1))))
}

pub(super) fn used(span: Nanos, state: Option<&State>, now: Timestamp) -> i64 {
    state.map_or(0, |state| i64::try_from(View::new(span, &state.0, now).used).unwrap_or(i64::MAX))
}

pub(super) fn status(span: Nanos, state: Option<&State>, ceiling: i64, now: Timestamp) -> Status {
    let Some(state) = state else { return Status { remaining: ceiling.max(0), reset_after: Nanos::ZERO } };
    let view = View::new(span, &state.0, now);
    Status {
        remaining: i64::try_from(view.room(ceiling)).unwrap_or(i64::MAX),
        reset_after: view.until_left(view.first, now),
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Algorithm, LeaseId, Refusal, State, Status, Terms};
    use super::MAX_ENTRIES;
    use crate::time::{Nanos, Timestamp};

    const HUNDRED: Algorithm = Algorithm::SlidingLog(Nanos(100));
    const TEN: Terms = Terms { ceiling: 10, burst: 0, starting: None };

    fn charged(charges: &[(i64, i64)]) -> Option<State> {
        let mut state = None;
        for &(now, cost) in charges {
            HUNDRED.take(&mut state, TEN, Timestamp(now), cost, LeaseId(0));
        }
        state
    }

    #[test]
    fn an_entry_exactly_a_span_old_no_longer_counts() {
        let state = charged(&[(0, 6), (30, 4)]);
        assert_eq!(HUNDRED.judge(state.as_ref(), TEN, Timestamp(99), 1), Err(Refusal::Wait(Nanos(1))));
        assert_eq!(HUNDRED.judge(state.as_ref(), TEN, Timestamp(100), 6), Ok(()));
        let status = HUNDRED.status(state.as_ref(), TEN, Timestamp(100));
        assert_eq!(status, Status { remaining: 6, reset_after: Nanos(30) });
    }

    #[test]
    fn a_wait_lasts_until_enough_of_the_oldest_have_left() {
        let state = charged(&[(0, 3), (10, 3), (10, 1), (20, 3)]);
        for (cost, wait) in [(1, 70), (3, 70), (4, 80), (7, 80), (8, 90), (10, 90)] {
            let verdict = HUNDRED.judge(state.as_ref(), TEN, Timestamp(30), cost);
            assert_eq!(verdict, Err(Refusal::Wait(Nanos(wait))), "a cost of {cost}");
        }
    }

    #[test]
    #[cfg_attr(miri, ignore = "takes too long there")]
    fn at_the_bound_a_charge_waits_for_the_oldest_entry_and_no_use_is_lost() {
        let day = Algorithm::SlidingLog(Nanos::from_secs(86_400));
        let terms = Terms { ceiling: i64::MAX, ..TEN };
        let (mut state, mut now) = (None, Timestamp(0));
        for _ in 0..MAX_ENTRIES {
            now = now.after(Nanos(1));
            day.take(&mut state, terms, now, 1, LeaseId(0));
        }
        assert_eq!(day.judge(state.as_ref(), terms, now, 1), Ok(()), "it shares the newest entry");
        now = now.after(Nanos(1));
        let wait = Nanos(86_400_000_000_000 - 100_000);
        assert_eq!(day.judge(state.as_ref(), terms, now, 1), Err(Refusal::Wait(wait)));
        assert_eq!(day.status(state.as_ref(), terms, now), Status { remaining: 0, reset_after: wait });
        assert_eq!(day.judge(state.as_ref(), terms, now.after(wait), 1), Ok(()));
        day.take(&mut state, terms, now, 5, LeaseId(0));
        assert_eq!(day.used(state.as_ref(), now), Some(100_005));
    }

    #[test]
    fn use_beyond_any_ceiling_counts_as_the_highest_there_is() {
        let state = charged(&[(0, i64::MAX), (50, i64::MAX)]);
        assert_eq!(HUNDRED.used(state.as_ref(), Timestamp(100)), Some(i64::MAX));
        assert_eq!(HUNDRED.used(state.as_ref(), Timestamp(150)), Some(0));
    }
}

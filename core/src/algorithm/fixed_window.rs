//! Fixed windows: use is counted per window and starts anew at its end.
//!
//! The state keeps the window's bounds, so the calendar is asked when a window begins and not for each charge.
//! A clock that steps back before the window's start is still in that window.
//! At most twice the ceiling passes in any stretch as long as the window: once at the end of one, once after.

use super::{
    Place, Refusal, Status,
    small::{Charged, Small},
};
use crate::{
    time::{Nanos, Timestamp},
    window::{Bounds, Window},
};

/// One window and what was used in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct State {
    /// The window's first instant.
    pub start: Timestamp,
    /// The first instant after it. A window that ends beyond the range of instants does not end.
    pub end: Timestamp,
    /// What was used in it, in base units.
    pub used: i64,
}

impl State {
    #[inline]
    fn is_over(&self, now: Timestamp) -> bool {
        now >= self.end && self.end < Timestamp::MAX
    }

    /// From this instant on the state equals no state at all.
    #[must_use]
    pub const fn idle_at(&self) -> Timestamp {
        self.end
    }
}

#[inline]
fn running(state: Option<&State>, now: Timestamp) -> Option<&State> {
    state.filter(|state| !state.is_over(now))
}

/// Judges a cost between 1 and the ceiling.
#[inline]
pub(super) fn judge(state: Option<&State>, ceiling: i64, now: Timestamp, cost: i64) -> Result<(), Refusal> {
    match running(state, now) {
        Some(window) if cost > ceiling.saturating_sub(window.used) => {
            Err(Refusal::Wait(Nanos(window.end.since(now).0.max(1))))
        }
        Some(_) | None => Ok(()),
    }
}

#[inline]
pub(super) fn take(window: &Window, state: Option<&State>, now: Timestamp, cost: i64) -> State {
    let mut state = begun(window, state, now);
    state.used = state.used.saturating_add(cost);
    state
}

pub(super) fn set_used(window: &Window, state: Option<&State>, now: Timestamp, used: i64) -> State {
    State { used, ..begun(window, state, now) }
}

/// The window in which a cost counts that is taken now.
pub(super) fn place(window: &Window, state: Option<&State>, now: Timestamp) -> Place {
    let State { start, end, .. } = begun(window, state, now);
    Place::FixedWindow { start, end }
}

/// Changes the use of the window from `start` to `end`; `None` if that no longer counts.
pub(super) fn settle(
    state: Option<&State>,
    start: Timestamp,
    end: Timestamp,
    now: Timestamp,
    difference: i64,
) -> Option<State> {
    let taken = State { start, end, used: 0 };
    if taken.is_over(now) {
        return None;
    }
    let is_within = |instant: Timestamp, window: &State| window.start <= instant && instant < window.end;
    match running(state, now) {
        // Use that saturated is not given back: it was more than was counted.
        Some(window) if is_within(start, window) => {
            (difference > 0 || window.used < i64::MAX).then(|| with(*window, difference))
        }
        // A reservation of nothing did not begin its window, and another charge began a later one. Had the cost been
        // known, both would count in the first.
        Some(window) if difference > 0 && is_within(window.start, &taken) => {
            Some(with(State { used: window.used, ..taken }, difference))
        }
        Some(_) => None,
        None => (difference > 0).then(|| with(taken, difference)),
    }
}

fn with(window: State, difference: i64) -> State {
    State { used: window.used.saturating_add(difference).max(0), ..window }
}

/// The running window, or the one that begins now.
#[inline]
fn begun(window: &Window, state: Option<&State>, now: Timestamp) -> State {
    running(state, now).copied().unwrap_or_else(|| {
        let Bounds { start, end } = window.beginning_at(now);
        State { start, end, used: 0 }
    })
}

#[inline]
pub(super) fn used(state: Option<&State>, now: Timestamp) -> i64 {
    running(state, now).map_or(0, |window| window.used)
}

/// Without a running window, `reset_after` is that of the window on the clock; a rolling one has not begun.
#[inline]
pub(super) fn status(window: &Window, state: Option<&State>, ceiling: i64, now: Timestamp) -> Status {
    let end = match running(state, now) {
        Some(running) => running.end,
        None if window.is_set_by_clock() => window.beginning_at(now).end,
        None => now,
    };
    Status { remaining: ceiling.max(0).saturating_sub(used(state, now)).max(0), reset_after: end.since(now) }
}

/// Judges a cost, takes it if it fits, and reads what is left. `None` where no window is running, and for costs that
/// never fit.
#[inline]
pub(super) fn charge(state: State, ceiling: i64, now: Timestamp, cost: i64) -> Option<Charged> {
    if cost < 0 || ceiling <= 0 || cost > ceiling || state.is_over(now) {
        return None;
    }
    let fits = cost == 0 || cost <= ceiling.saturating_sub(state.used);
    let reset_after = state.end.since(now);
    let judged = if fits { Ok(()) } else { Err(Refusal::Wait(Nanos(reset_after.0.max(1)))) };
    let taken = if fits { State { used: state.used.saturating_add(cost), ..state } } else { state };
    Some(Charged {
        judged,
        fresh: (fits && cost > 0).then_some((Small::FixedWindow(taken), taken.end)),
        status: Status { remaining: ceiling.saturating_sub(taken.used).max(0), reset_after },
    })
}

#[cfg(test)]
mod tests {
    use super::super::{Algorithm, LeaseId, Refusal, State, Status, Terms};
    use crate::{
        time::{Nanos, Timestamp},
        window::{Period, Window, Zone},
    };

    const TEN: Terms = Terms { ceiling: 10, burst: 0, starting: None };
    const NO_LEASE: LeaseId = LeaseId(0);

    #[test]
    fn a_rolling_window_starts_at_the_first_charge_after_the_last_one() {
        let algorithm = Algorithm::FixedWindow(Window::Rolling(Nanos(100)));
        let mut state = None;
        assert_eq!(
            algorithm.status(None, TEN, Timestamp(7)),
            Status { remaining: 10, reset_after: Nanos::ZERO }
        );
        algorithm.take(&mut state, TEN, Timestamp(7), 8, NO_LEASE);
        assert_eq!(algorithm.judge(state.as_ref(), TEN, Timestamp(106), 3), Err(Refusal::Wait(Nanos(1))));
        assert_eq!(algorithm.judge(state.as_ref(), TEN, Timestamp(107), 3), Ok(()));
        algorithm.take(&mut state, TEN, Timestamp(150), 3, NO_LEASE);
        assert_eq!(
            algorithm.status(state.as_ref(), TEN, Timestamp(150)),
            Status { remaining: 7, reset_after: Nanos(100) }
        );
    }

    #[test]
    fn an_instant_before_the_start_is_in_the_same_window() {
        let algorithm = Algorithm::FixedWindow(Window::Aligned(Nanos(100)));
        let mut state = None;
        algorithm.take(&mut state, TEN, Timestamp(205), 10, NO_LEASE);
        assert_eq!(algorithm.judge(state.as_ref(), TEN, Timestamp(199), 1), Err(Refusal::Wait(Nanos(101))));
        assert_eq!(state.as_ref().map(|state| algorithm.idle_at(state)), Some(Timestamp(300)));
    }

    #[test]
    fn a_day_in_berlin_is_25_hours_long_when_clocks_go_back() {
        let berlin = Zone::named("Europe/Berlin").unwrap();
        let algorithm = Algorithm::FixedWindow(Window::Calendar(Period::Day, berlin));
        let midnight: jiff::Timestamp = "2026-10-24T22:00:00Z".parse().unwrap();
        let now = Timestamp::from_millis(midnight.as_millisecond());
        assert_eq!(algorithm.status(None, TEN, now).reset_after, Nanos::from_secs(25 * 3_600));
    }

    #[test]
    fn a_lowered_ceiling_keeps_what_was_used() {
        let algorithm = Algorithm::FixedWindow(Window::Rolling(Nanos(100)));
        let mut state = None;
        algorithm.take(&mut state, TEN, Timestamp(0), 8, NO_LEASE);
        let five = Terms { ceiling: 5, ..TEN };
        assert_eq!(algorithm.status(state.as_ref(), five, Timestamp(1)).remaining, 0);
        assert_eq!(algorithm.judge(state.as_ref(), five, Timestamp(1), 5), Err(Refusal::Wait(Nanos(99))));
        assert_eq!(algorithm.judge(state.as_ref(), five, Timestamp(1), 6), Err(Refusal::Never));
        assert_eq!(algorithm.judge(state.as_ref(), five, Timestamp(1), 0), Ok(()));
        assert_eq!(algorithm.judge(None, five, Timestamp(1), -1), Err(Refusal::Never));
    }

    #[test]
    fn a_state_of_another_algorithm_counts_as_none() {
        let window = Algorithm::FixedWindow(Window::Rolling(Nanos(100)));
        let mut state = None;
        window.take(&mut state, TEN, Timestamp(0), 10, NO_LEASE);
        let log = Algorithm::SlidingLog(Nanos(100));
        assert_eq!(log.judge(state.as_ref(), TEN, Timestamp(0), 10), Ok(()));
        log.take(&mut state, TEN, Timestamp(0), 4, NO_LEASE);
        assert!(matches!(state, Some(State::SlidingLog(_))));
        assert_eq!(log.used(state.as_ref(), Timestamp(0)), Some(4));
    }

    #[test]
    fn a_state_takes_at_most_32_bytes() {
        assert!(size_of::<Option<State>>() <= 32, "{}", size_of::<Option<State>>());
    }
}

//! Sliding windows: two counters, the previous window's weighted by how much of it still lies within the span.
//!
//! Windows start at multiples of the span since the epoch. With `e` the time since the current one began and `W` its
//! length, a charge of `c` fits while `current · W + previous · (W − e) + c · W ≤ ceiling · W`, compared exactly.
//! A clock that steps back before the state's current window is taken to stand at its start.

mod charge;

pub(super) use charge::charge;

use super::{Place, Refusal, Status, wait_until};
use crate::time::{Nanos, Timestamp, saturate};

/// The use of two neighbouring windows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct State {
    /// Which window since the epoch is the current one; negative before it.
    pub index: i64,
    /// What was used in it, in base units.
    pub current: i64,
    /// What was used in the one before it.
    pub previous: i64,
}

impl State {
    /// From this instant on the state equals no state at all.
    #[must_use]
    pub fn idle_at(&self, span: Nanos) -> Timestamp {
        let windows = if self.current > 0 { 2 } else { 1 };
        Timestamp(saturate((i128::from(self.index) + windows) * length(span)))
    }

    /// The same use as seen from window `index`.
    #[inline]
    fn seen_from(&self, index: i64) -> Self {
        if index <= self.index {
            *self
        } else if index - 1 == self.index {
            Self { index, current: 0, previous: self.current }
        } else {
            Self { index, current: 0, previous: 0 }
        }
    }
}

#[inline]
fn length(span: Nanos) -> i128 {
    i128::from(span.0.max(1))
}

/// The state at an instant. `left` is `W − e`: how much of the previous window still lies within the span.
struct View {
    state: State,
    start: i128,
    length: i128,
    left: i128,
}

impl View {
    #[inline]
    fn new(span: Nanos, state: Option<&State>, now: Timestamp) -> Self {
        let index = now.0.div_euclid(span.0.max(1));
        let state = state.map_or(State { index, current: 0, previous: 0 }, |state| state.seen_from(index));
        let length = length(span);
        let start = i128::from(state.index) * length;
        let elapsed = (i128::from(now.0) - start).max(0);
        Self { state, start, length, left: length - elapsed }
    }

    /// What counts now, rounded up. At most the sum of two 64-bit numbers.
    #[inline]
    fn used(&self) -> i128 {
        let weighted = match i64::try_from(self.left).map(|left| left.checked_mul(self.state.previous)) {
            // 64-bit division is several times as fast, and nearly always enough.
            Ok(Some(product)) => i128::from(div_ceil_64(product, self.length)),
            Ok(None) | Err(_) => div_ceil(i128::from(self.state.previous) * self.left, self.length),
        };
        i128::from(self.state.current) + weighted
    }

    /// The first instant at which `cost` fits if nothing else is charged. It does not fit now, and is at most `ceiling`.
    fn fits_at(&self, ceiling: i64, cost: i64) -> i128 {
        let spare = i128::from(ceiling) - i128::from(cost);
        let end = self.start + self.length;
        let room = spare - i128::from(self.state.current);
        if room >= 0 {
            // previous · (W − e) ≤ room · W, at the latest when this window ends.
            end - (room * self.length).checked_div(i128::from(self.state.previous)).unwrap_or(self.length)
        } else {
            // The current count is `previous` then: current · (W − e) ≤ spare · W, at the latest a window later.
            end + self.length - spare * self.length / i128::from(self.state.current).max(1)
        }
    }
}

#[inline]
fn div_ceil_64(dividend: i64, divisor: i128) -> i64 {
    let divisor = saturate(divisor).max(1);
    dividend / divisor + i64::from(dividend % divisor > 0)
}

#[inline]
const fn div_ceil(dividend: i128, divisor: i128) -> i128 {
    dividend / divisor + (dividend % divisor > 0) as i128
}

/// Judges a cost between 1 and the ceiling.
#[inline]
pub(super) fn judge(
    span: Nanos,
    state: Option<&State>,
    ceiling: i64,
    now: Timestamp,
    cost: i64,
) -> Result<(), Refusal> {
    if state.is_none() {
        return Ok(());
    }
    let view = View::new(span, state, now);
    if view.used() + i128::from(cost) <= i128::from(ceiling) {
        Ok(())
    } else {
        Err(wait_until(view.fits_at(ceiling, cost), now))
    }
}

#[inline]
pub(super) fn take(span: Nanos, state: Option<&State>, now: Timestamp, cost: i64) -> State {
    let seen = View::new(span, state, now).state;
    State { current: seen.current.saturating_add(cost), ..seen }
}

/// The window in which a cost counts that is taken now.
pub(super) fn place(span: Nanos, state: Option<&State>, now: Timestamp) -> Place {
    Place::SlidingWindow(View::new(span, state, now).state.index)
}

/// Changes the use of the window of this index; `None` if that no longer counts.
pub(super) fn settle(
    span: Nanos,
    state: Option<&State>,
    index: i64,
    now: Timestamp,
    difference: i64,
) -> Option<State> {
    // What counts now is the newest window, by the clock or by the state, and the one before it.
    let newest = View::new(span, state, now).state.index;
    if index < newest.saturating_sub(1) {
        return None;
    }
    let stored = state.copied().unwrap_or(State { index, current: 0, previous: 0 });
    // The state's own windows move only for a cost that is newer than they are: a clock that went ahead may step back.
    let seen = stored.seen_from(index);
    let used = if seen.index == index { seen.current } else { seen.previous };
    // Use that saturated is not given back: it was more than was counted.
    if difference < 0 && (used == 0 || used == i64::MAX) {
        return None;
    }
    let used = used.saturating_add(difference).max(0);
    Some(if seen.index == index { State { current: used, ..seen } } else { State { previous: used, ..seen } })
}

/// A window that counts at an instant, and what of its use is stored.
#[derive(Debug, Clone, Copy)]
pub(super) struct Counting {
    pub(super) index: i64,
    pub(super) used: i64,
}

/// The current window and the one before it.
pub(super) fn counting(span: Nanos, state: &State, now: Timestamp) -> (Counting, Counting) {
    let State { index, current, previous } = View::new(span, Some(state), now).state;
    (Counting { index, used: current }, Counting { index: index.saturating_sub(1), used: previous })
}

pub(super) fn set_used(span: Nanos, state: Option<&State>, now: Timestamp, used: i64) -> State {
    State { current: used, previous: 0, ..View::new(span, state, now).state }
}

#[inline]
pub(super) fn used(span: Nanos, state: Option<&State>, now: Timestamp) -> i64 {
    saturate(View::new(span, state, now).used())
}

#[inline]
pub(super) fn status(span: Nanos, state: Option<&State>, ceiling: i64, now: Timestamp) -> Status {
    let view = View::new(span, state, now);
    let reset_after = view.start + view.length - i128::from(now.0);
    Status {
        remaining: saturate(i128::from(ceiling) - view.used()).max(0),
        reset_after: Nanos(saturate(reset_after)),
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Algorithm, LeaseId, Refusal, State, Status, Terms};
    use crate::time::{Nanos, Timestamp};

    const HUNDRED: Algorithm = Algorithm::SlidingWindow(Nanos(100));
    const TEN: Terms = Terms { ceiling: 10, burst: 0, starting: None };

    fn charged(charges: &[(i64, i64)]) -> Option<State> {
        let mut state = None;
        for &(now, cost) in charges {
            HUNDRED.take(&mut state, TEN, Timestamp(now), cost, LeaseId(0));
        }
        state
    }

    #[test]
    fn the_previous_window_counts_for_the_part_that_the_span_still_covers() {
        let state = charged(&[(50, 10)]);
        // 25 ns into the next window three quarters of 10 count: 7.5, so 2 remain.
        let status = HUNDRED.status(state.as_ref(), TEN, Timestamp(125));
        assert_eq!(status, Status { remaining: 2, reset_after: Nanos(75) });
        assert_eq!(HUNDRED.used(state.as_ref(), Timestamp(125)), Some(8));
        assert_eq!(HUNDRED.judge(state.as_ref(), TEN, Timestamp(125), 3), Err(Refusal::Wait(Nanos(5))));
    }

    #[test]
    fn a_wait_reaches_across_the_end_of_the_window() {
        let state = charged(&[(50, 10)]);
        // One fits when at most 9 of 10 count: 10 ns into the next window.
        assert_eq!(HUNDRED.judge(state.as_ref(), TEN, Timestamp(60), 1), Err(Refusal::Wait(Nanos(50))));
        // All fit when nothing counts: at the start of the window after that.
        assert_eq!(HUNDRED.judge(state.as_ref(), TEN, Timestamp(60), 10), Err(Refusal::Wait(Nanos(140))));
        assert_eq!(state.as_ref().map(|state| HUNDRED.idle_at(state)), Some(Timestamp(200)));
    }

    #[test]
    fn windows_before_the_epoch_are_windows_too() {
        let state = charged(&[(-1, 10)]);
        assert_eq!(HUNDRED.judge(state.as_ref(), TEN, Timestamp(-1), 1), Err(Refusal::Wait(Nanos(11))));
        assert_eq!(HUNDRED.status(state.as_ref(), TEN, Timestamp(-100)).reset_after, Nanos(100));
    }

    #[test]
    fn a_clock_that_steps_back_stands_at_the_start_of_the_current_window() {
        let state = charged(&[(50, 4), (110, 5)]);
        let status = HUNDRED.status(state.as_ref(), TEN, Timestamp(90));
        assert_eq!(status, Status { remaining: 1, reset_after: Nanos(110) });
        assert_eq!(HUNDRED.judge(state.as_ref(), TEN, Timestamp(90), 2), Err(Refusal::Wait(Nanos(35))));
    }
}

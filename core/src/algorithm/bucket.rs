//! GCRA, token bucket and leaky bucket as a meter: one admission function over one instant.
//!
//! The state is `tat`, the theoretical arrival time (ITU-T I.371, virtual scheduling): when the bucket is full again.
//! A charge of `c` moves it by `Δ(c) = ⌊c · W / ceiling⌋` nanoseconds, at least 1 for `c ≥ 1`, and fits while it runs
//! at most `Δ(burst)` ahead of the clock. Rounding down is what lets any charges that add up to the burst fit at once
//! from idle.

mod charge;

pub(super) use charge::charge;

use super::{Place, Refusal, Status, Terms, wait_until};
use crate::time::{Nanos, Timestamp, saturate};

/// When the bucket is full again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct State {
    /// The theoretical arrival time. A bucket charged beyond the range of instants stays at its end.
    pub tat: Timestamp,
    /// How long after `tat` the key still counts as seen: a window if it was charged on terms that say what a key
    /// never seen begins with, else not at all.
    pub linger: Nanos,
}

impl State {
    /// From this instant on the state equals no state at all.
    #[must_use]
    pub const fn idle_at(&self) -> Timestamp {
        self.tat.after(self.linger)
    }
}

/// The bucket as it stands at an instant. All instants are nanoseconds since the epoch.
struct View {
    now: i128,
    /// `max(tat, now)`, or where a key never seen begins.
    start: i128,
    /// `Δ(burst)`.
    tolerance: i128,
    /// `Δ` of what a key never seen begins with.
    beginning: i128,
    /// From when on the key counts as never seen if nothing is charged; `None` if it already does.
    lapses: Option<i128>,
}

impl View {
    #[inline]
    fn new(span: Nanos, state: Option<&State>, terms: Terms, now: Timestamp) -> Self {
        let tolerance = advance(span, terms.ceiling, terms.burst);
        let beginning = match terms.starting {
            Some(amount) => advance(span, terms.ceiling, amount.min(terms.burst)),
            None => tolerance,
        };
        let instant = i128::from(now.0);
        let (start, lapses) = match state {
            Some(state) if now < state.idle_at() => {
                (i128::from(state.tat.max(now).0), Some(i128::from(state.idle_at().0)))
            }
            Some(_) | None => ((instant + tolerance - beginning).min(i128::from(i64::MAX)), None),
        };
        Self { now: instant, start, tolerance, beginning, lapses }
    }

    /// How far `start` may still move: up to `Δ(burst)` ahead of now, and within the range of instants.
    #[inline]
    fn available(&self) -> i128 {
        (self.now + self.tolerance).min(i128::from(i64::MAX)) - self.start
    }
}

/// `Δ(amount)`: how far a charge moves the theoretical arrival time. 0 for nothing, and where there is no rate.
#[inline]
#[must_use]
pub fn advance(span: Nanos, ceiling: i64, amount: i64) -> i128 {
    if amount <= 0 || ceiling <= 0 {
        return 0;
    }
    let span = span.0.max(1);
    match amount.checked_mul(span) {
        // 64-bit division is several times as fast, and nearly always enough.
        Some(product) => i128::from((product / ceiling).max(1)),
        None => (i128::from(amount) * i128::from(span) / i128::from(ceiling)).max(1),
    }
}

/// Judges a cost of at least 1 against terms whose ceiling is, too.
#[inline]
pub(super) fn judge(
    span: Nanos,
    state: Option<&State>,
    terms: Terms,
    now: Timestamp,
    cost: i64,
) -> Result<(), Refusal> {
    if cost > terms.burst {
        return Err(Refusal::Never);
    }
    let view = View::new(span, state, terms, now);
    let cost = advance(span, terms.ceiling, cost);
    if cost <= view.available() {
        return Ok(());
    }
    let fits_at = view.start + cost - view.tolerance;
    // No bucket is charged past the last instant. A key never seen does not fill before its first charge, so what it
    // begins with has to do; the same goes for one that counts as never seen by then.
    let is_past_range = view.start + cost > i128::from(i64::MAX);
    let is_new_by_then = view.lapses.is_none_or(|lapses| fits_at >= lapses);
    if is_past_range || (is_new_by_then && cost > view.beginning) {
        return Err(Refusal::Never);
    }
    Err(wait_until(fits_at, now))
}

/// `None` if the terms have no rate: then a cost is no stretch of time, and the state stays.
#[inline]
pub(super) fn take(
    span: Nanos,
    state: Option<&State>,
    terms: Terms,
    now: Timestamp,
    cost: i64,
) -> Option<State> {
    if terms.ceiling <= 0 {
        return None;
    }
    let view = View::new(span, state, terms, now);
    let lingered = view.lapses.is_some() && state.is_some_and(|state| state.linger > Nanos::ZERO);
    Some(State {
        tat: Timestamp(saturate(view.start + advance(span, terms.ceiling, cost))),
        linger: if lingered || terms.starting.is_some() { Nanos(span.0.max(1)) } else { Nanos::ZERO },
    })
}

/// Where the bucket stands once a cost has been taken now.
pub(super) fn place(span: Nanos, state: Option<&State>, terms: Terms, now: Timestamp) -> Place {
    if terms.ceiling <= 0 {
        return Place::Nowhere;
    }
    let view = View::new(span, state, terms, now);
    let lingered = view.lapses.is_some() && state.is_some_and(|state| state.linger > Nanos::ZERO);
    Place::Bucket {
        tat: Timestamp(saturate(view.start)),
        ceiling: terms.ceiling,
        lingers: lingered || terms.starting.is_some(),
    }
}

/// A reserved cost, and where the bucket stood when it had been taken.
pub(super) struct Taken {
    pub(super) tat: Timestamp,
    pub(super) ceiling: i64,
    pub(super) lingers: bool,
    pub(super) reserved: i64,
}

/// Replaces a reserved cost at the rate of then. `None` if nothing changes.
///
/// A debit goes on top of what is stored. A refund is at most what time has not refilled of the stretch through which
/// the cost was taken, and never lifts the bucket above its full state.
pub(super) fn settle(
    span: Nanos,
    state: Option<&State>,
    taken: Taken,
    now: Timestamp,
    actual: i64,
) -> Option<State> {
    let difference = advance(span, taken.ceiling, actual) - advance(span, taken.ceiling, taken.reserved);
    let live = state.filter(|state| now < state.idle_at());
    if difference > 0 {
        // A key never seen was not touched by reserving nothing: it begins where it stood then.
        let start = live.map_or(taken.tat, |state| state.tat).max(now);
        let linger = if taken.lingers { Nanos(span.0.max(1)) } else { Nanos::ZERO };
        let linger = live.map_or(linger, |state| state.linger.max(linger));
        return Some(State { tat: Timestamp(saturate(i128::from(start.0) + difference)), linger });
    }
    // One charged beyond the range of instants stays at its end: it was charged more than it shows.
    let live = live.filter(|state| state.tat < Timestamp::MAX)?;
    let not_refilled = (i128::from(taken.tat.0) - i128::from(now.0)).max(0);
    let tat = i128::from(live.tat.0) - (-difference).min(not_refilled);
    let tat = Timestamp(saturate(tat)).max(live.tat.min(now));
    (tat < live.tat).then_some(State { tat, ..*live })
}

#[inline]
pub(super) fn status(span: Nanos, state: Option<&State>, terms: Terms, now: Timestamp) -> Status {
    let view = View::new(span, state, terms, now);
    Status {
        remaining: largest(span, terms, view.available()),
        reset_after: Nanos(saturate(view.start - view.now)),
    }
}

/// The largest amount up to the burst whose `Δ` is at most `available`, which fits in 64 bits and a sign.
#[inline]
fn largest(span: Nanos, terms: Terms, available: i128) -> i64 {
    if available < 1 || terms.ceiling <= 0 {
        return 0;
    }
    // ⌊r · W / ceiling⌋ ≤ available while r · W < (available + 1) · ceiling. That Δ is at least 1 changes nothing, as
    // `available` is, too.
    let span = span.0.max(1);
    // Nearly always within 64 bits, which divide several times faster.
    let amount = match i64::try_from(available + 1).map(|above| above.checked_mul(terms.ceiling)) {
        Ok(Some(product)) => (product - 1) / span,
        Ok(None) | Err(_) => saturate(((available + 1) * i128::from(terms.ceiling) - 1) / i128::from(span)),
    };
    amount.min(terms.burst).max(0)
}

#[cfg(test)]
mod tests {
    use super::super::{Algorithm, LeaseId, Refusal, State, Status, Terms};
    use crate::time::{Nanos, Timestamp};

    const MINUTE: Algorithm = Algorithm::Bucket(Nanos::from_secs(60));

    fn try_take(state: &mut Option<State>, terms: Terms, now: Timestamp, cost: i64) -> Result<(), Refusal> {
        MINUTE.judge(state.as_ref(), terms, now, cost)?;
        MINUTE.take(state, terms, now, cost, LeaseId(0));
        Ok(())
    }

    #[test]
    fn burst_3_at_7_a_minute_takes_three_at_once() {
        let (terms, now, mut state) = (Terms { ceiling: 7, burst: 3, starting: None }, Timestamp(0), None);
        for left in [2, 1, 0] {
            assert_eq!(try_take(&mut state, terms, now, 1), Ok(()));
            assert_eq!(MINUTE.status(state.as_ref(), terms, now).remaining, left);
        }
        // Δ(1) = ⌊60 s / 7⌋ = 8 571 428 571 ns and Δ(3) = 25 714 285 714 ns, one more than three times that.
        let wait = Nanos(8_571_428_570);
        assert_eq!(try_take(&mut state, terms, now, 1), Err(Refusal::Wait(wait)));
        assert_eq!(try_take(&mut state, terms, now.after(wait), 1), Ok(()));
    }

    #[test]
    fn a_cost_above_the_burst_never_fits() {
        let terms = Terms { ceiling: 100, burst: 3, starting: None };
        assert_eq!(MINUTE.judge(None, terms, Timestamp(0), 4), Err(Refusal::Never));
        assert_eq!(MINUTE.judge(None, terms, Timestamp(0), 3), Ok(()));
    }

    #[test]
    fn a_key_never_seen_begins_with_what_the_terms_say() {
        let terms = Terms { ceiling: 60, burst: 10, starting: Some(4) };
        let (now, mut state) = (Timestamp(0), None);
        let status = Status { remaining: 4, reset_after: Nanos::from_secs(6) };
        assert_eq!(MINUTE.status(None, terms, now), status);
        assert_eq!(
            MINUTE.judge(None, terms, now, 5),
            Err(Refusal::Never),
            "it does not fill before it is charged"
        );
        assert_eq!(try_take(&mut state, terms, now, 4), Ok(()));
        assert_eq!(try_take(&mut state, terms, now, 1), Err(Refusal::Wait(Nanos::from_secs(1))));

        // Full after 10 s, and seen for a minute after that.
        let lapses = Timestamp(0).after(Nanos::from_secs(70));
        assert_eq!(state.as_ref().map(|state| MINUTE.idle_at(state)), Some(lapses));
        assert_eq!(MINUTE.status(state.as_ref(), terms, Timestamp(lapses.0 - 1)).remaining, 10);
        assert_eq!(MINUTE.status(state.as_ref(), terms, lapses).remaining, 4);
    }

    #[test]
    fn a_clock_that_steps_back_mints_nothing() {
        let terms = Terms { ceiling: 60, burst: 2, starting: None };
        let (now, mut state) = (Timestamp::from_millis(10_000), None);
        assert_eq!(try_take(&mut state, terms, now, 2), Ok(()));
        let earlier = Timestamp::from_millis(5_000);
        assert_eq!(try_take(&mut state, terms, earlier, 1), Err(Refusal::Wait(Nanos::from_secs(6))));
        assert_eq!(MINUTE.status(state.as_ref(), terms, earlier).remaining, 0);
    }

    #[test]
    fn terms_without_a_rate_refuse_everything_and_keep_the_state() {
        let usual = Terms { ceiling: 60, burst: 2, starting: None };
        let none = Terms { ceiling: 0, ..usual };
        let mut state = None;
        assert_eq!(try_take(&mut state, usual, Timestamp(0), 1), Ok(()));
        let before = state.clone();
        assert_eq!(try_take(&mut state, none, Timestamp(0), 1), Err(Refusal::Never));
        MINUTE.take(&mut state, none, Timestamp(0), 1, LeaseId(0));
        assert_eq!(state, before);
        assert_eq!(MINUTE.status(state.as_ref(), none, Timestamp(0)).remaining, 0);
    }

    #[test]
    fn a_bucket_is_not_charged_past_the_last_instant() {
        let year = Algorithm::Bucket(Nanos::from_secs(31_536_000));
        let terms = Terms { ceiling: 1, burst: 300, starting: None };
        let remaining = year.status(None, terms, Timestamp(0)).remaining;
        assert_eq!(remaining, 292);
        assert_eq!(year.judge(None, terms, Timestamp(0), remaining + 1), Err(Refusal::Never));
    }
}

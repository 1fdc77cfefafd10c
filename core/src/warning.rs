//! Warnings: which of a limit's marks a charge reached, told once per key and window.
//!
//! A mark is a share of what a counter holds when full, in parts per million. When it has been told, it and every lower
//! one stay silent until the warning lapses: at the end of a fixed window, and elsewhere a window after it was given.

use crate::{
    algorithm::{Algorithm, State as Counter, Terms},
    time::{Nanos, Timestamp},
};

/// Parts per million in a whole.
const WHOLE: i128 = 1_000_000;

/// The last warning of a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct State {
    /// The highest mark told.
    pub mark: i64,
    /// The first instant at which it may be told again; [`Timestamp::MAX`] stands for never.
    pub until: Timestamp,
}

/// The highest of the marks that a counter's use has reached.
#[must_use]
pub fn reached(
    marks: &[i64],
    algorithm: &Algorithm,
    counter: Option<&Counter>,
    terms: Terms,
    now: Timestamp,
) -> Option<i64> {
    let (used, full) = match algorithm {
        // Buckets know what is left of the burst; use is the rest of it.
        Algorithm::Bucket(_) => {
            let remaining = algorithm.status(counter, terms, now).remaining;
            (terms.burst.saturating_sub(remaining), terms.burst)
        }
        Algorithm::FixedWindow(_)
        | Algorithm::SlidingLog(_)
        | Algorithm::SlidingWindow(_)
        | Algorithm::InFlight(_) => (algorithm.used(counter, now).unwrap_or(0), terms.ceiling),
    };
    if full <= 0 {
        return None;
    }
    let is_reached = |mark: i64| i128::from(used) * WHOLE >= i128::from(mark) * i128::from(full);
    marks.iter().copied().filter(|mark| is_reached(*mark)).max()
}

/// The warning to give when this mark has been reached, or `None` if it has been told.
#[must_use]
pub fn given(
    mark: i64,
    last: Option<State>,
    algorithm: &Algorithm,
    counter: Option<&Counter>,
    now: Timestamp,
) -> Option<State> {
    let is_told = last.is_some_and(|last| last.mark >= mark && now < last.until);
    (!is_told).then(|| State { mark, until: lapses(algorithm, counter, now) })
}

/// When a warning that is given now lapses.
fn lapses(algorithm: &Algorithm, counter: Option<&Counter>, now: Timestamp) -> Timestamp {
    match algorithm {
        Algorithm::FixedWindow(_) => counter.map_or(now, |counter| algorithm.idle_at(counter)),
        Algorithm::SlidingLog(span)
        | Algorithm::SlidingWindow(span)
        | Algorithm::Bucket(span)
        | Algorithm::InFlight(span) => now.after((*span).max(Nanos(1))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{algorithm::LeaseId, window::Window};

    const MARKS: [i64; 2] = [500_000, 900_000];
    const TEN: Terms = Terms { ceiling: 10, burst: 10, starting: None };

    /// Charges one after another and returns the warnings.
    fn warnings(algorithm: &Algorithm, charges: &[(i64, i64)]) -> Vec<Option<i64>> {
        let (mut counter, mut last) = (None, None);
        let mut told = Vec::new();
        for &(now, cost) in charges {
            let now = Timestamp(now);
            algorithm.take(&mut counter, TEN, now, cost, LeaseId(0));
            let mark = reached(&MARKS, algorithm, counter.as_ref(), TEN, now);
            let warning = mark.and_then(|mark| given(mark, last, algorithm, counter.as_ref(), now));
            last = warning.or(last);
            told.push(warning.map(|warning| warning.mark));
        }
        told
    }

    const ALL: [Algorithm; 5] = [
        Algorithm::FixedWindow(Window::Rolling(Nanos(100))),
        Algorithm::SlidingLog(Nanos(100)),
        Algorithm::SlidingWindow(Nanos(100)),
        Algorithm::Bucket(Nanos(100)),
        Algorithm::InFlight(Nanos(100)),
    ];

    #[test]
    fn each_mark_is_told_once_by_the_charge_that_reaches_it() {
        for algorithm in &ALL {
            let told = warnings(algorithm, &[(0, 4), (0, 1), (0, 1), (0, 2), (0, 1), (0, 1)]);
            assert_eq!(told, [None, Some(500_000), None, None, Some(900_000), None], "{algorithm:?}");
        }
    }

    #[test]
    fn a_charge_that_reaches_several_tells_the_highest() {
        for algorithm in &ALL {
            assert_eq!(warnings(algorithm, &[(0, 9), (0, 1)]), [Some(900_000), None]);
        }
    }

    #[test]
    fn a_fixed_window_tells_anew_when_it_begins_anew() {
        let fixed = Algorithm::FixedWindow(Window::Aligned(Nanos(100)));
        let told = warnings(&fixed, &[(90, 5), (99, 1), (100, 5), (101, 1)]);
        assert_eq!(told, [Some(500_000), None, Some(500_000), None]);
    }

    #[test]
    fn elsewhere_a_mark_is_told_again_a_window_later() {
        for algorithm in &ALL[1..] {
            let told = warnings(algorithm, &[(0, 20), (99, 20), (100, 20), (150, 20)]);
            assert_eq!(told, [Some(900_000), None, Some(900_000), None], "{algorithm:?}");
        }
    }

    #[test]
    fn nothing_is_told_of_a_ceiling_that_is_not_above_zero() {
        let terms = Terms { ceiling: 0, burst: 0, starting: None };
        for algorithm in &ALL {
            assert_eq!(reached(&MARKS, algorithm, None, terms, Timestamp(0)), None);
        }
    }

    #[test]
    fn use_at_the_ends_of_its_range_does_not_overflow() {
        let terms = Terms { ceiling: i64::MAX, burst: i64::MAX, starting: None };
        let mut counter = None;
        ALL[0].take(&mut counter, terms, Timestamp(0), i64::MAX, LeaseId(0));
        assert_eq!(reached(&[1, 1_000_000], &ALL[0], counter.as_ref(), terms, Timestamp(0)), Some(1_000_000));
    }
}

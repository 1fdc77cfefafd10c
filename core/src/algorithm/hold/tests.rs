//! Settling at the edges of each algorithm.

use super::*;
use crate::{
    algorithm::{Refusal, Status},
    time::Nanos,
    window::Window,
};

const ROLLING: Algorithm = Algorithm::FixedWindow(Window::Rolling(Nanos(100)));
const LOG: Algorithm = Algorithm::SlidingLog(Nanos(100));
const SLIDING: Algorithm = Algorithm::SlidingWindow(Nanos(100));
/// A unit each 10 ns, ten at once.
const BUCKET: Algorithm = Algorithm::Bucket(Nanos(100));
const TEN: Terms = Terms { ceiling: 10, burst: 10, starting: None };

/// A counter and what reserving at these instants held.
fn reserved(algorithm: &Algorithm, terms: Terms, costs: &[(i64, i64)]) -> (Option<State>, Vec<Hold>) {
    let mut state = None;
    let hold = |&(now, cost): &(i64, i64)| {
        let place = algorithm.reserve(&mut state, terms, Timestamp(now), cost, LeaseId(0));
        Hold { reserved: cost, place }
    };
    let holds = costs.iter().map(hold).collect();
    (state, holds)
}

#[test]
fn the_difference_of_either_sign_replaces_what_was_reserved() {
    for algorithm in [ROLLING, LOG, SLIDING] {
        let (mut state, holds) = reserved(&algorithm, TEN, &[(10, 4), (20, 5)]);
        algorithm.settle(&mut state, &holds[0], Timestamp(30), 1);
        assert_eq!(algorithm.used(state.as_ref(), Timestamp(30)), Some(6), "{algorithm:?}");
        algorithm.settle(&mut state, &holds[1], Timestamp(30), 12);
        assert_eq!(algorithm.used(state.as_ref(), Timestamp(30)), Some(13), "past the ceiling");
        assert!(algorithm.judge(state.as_ref(), TEN, Timestamp(30), 1).is_err());
    }
}

#[test]
fn less_than_nothing_counts_as_nothing_and_what_was_expected_changes_nothing() {
    for algorithm in [ROLLING, LOG, SLIDING, BUCKET] {
        let (mut state, holds) = reserved(&algorithm, TEN, &[(10, 4)]);
        let before = state.clone();
        algorithm.settle(&mut state, &holds[0], Timestamp(10), 4);
        assert_eq!(state, before);
        algorithm.settle(&mut state, &holds[0], Timestamp(10), i64::MIN);
        assert_eq!(algorithm.status(state.as_ref(), TEN, Timestamp(10)).remaining, 10, "{algorithm:?}");
    }
}

#[test]
fn what_no_longer_counts_is_not_changed() {
    for (algorithm, later) in [(ROLLING, 110), (LOG, 110), (SLIDING, 200)] {
        let (mut state, holds) = reserved(&algorithm, TEN, &[(10, 4)]);
        algorithm.take(&mut state, TEN, Timestamp(later), 3, LeaseId(0));
        let before = state.clone();
        for actual in [0, 9] {
            algorithm.settle(&mut state, &holds[0], Timestamp(later), actual);
            assert_eq!(state, before, "{algorithm:?}");
        }
        let mut dropped = None;
        algorithm.settle(&mut dropped, &holds[0], Timestamp(later), 9);
        assert_eq!(dropped, None, "{algorithm:?}");
    }
}

#[test]
fn a_sliding_window_settles_in_the_window_before() {
    let (mut state, holds) = reserved(&SLIDING, TEN, &[(50, 10), (110, 0)]);
    SLIDING.settle(&mut state, &holds[0], Timestamp(150), 4);
    assert_eq!(SLIDING.used(state.as_ref(), Timestamp(150)), Some(2));
    SLIDING.settle(&mut state, &holds[1], Timestamp(150), 3);
    assert_eq!(SLIDING.used(state.as_ref(), Timestamp(150)), Some(5));
}

#[test]
fn reserving_nothing_stores_nothing_until_it_is_settled() {
    for algorithm in [ROLLING, LOG, SLIDING, BUCKET] {
        let (mut state, holds) = reserved(&algorithm, TEN, &[(10, 0)]);
        assert_eq!(state, None);
        algorithm.settle(&mut state, &holds[0], Timestamp(10), 3);
        assert_eq!(algorithm.status(state.as_ref(), TEN, Timestamp(10)).remaining, 7, "{algorithm:?}");
    }
}

#[test]
fn a_window_that_nothing_began_begins_where_it_was_reserved() {
    let (mut state, holds) = reserved(&ROLLING, TEN, &[(10, 0), (50, 4)]);
    ROLLING.settle(&mut state, &holds[0], Timestamp(60), 3);
    let status = Status { remaining: 3, reset_after: Nanos(50) };
    assert_eq!(ROLLING.status(state.as_ref(), TEN, Timestamp(60)), status);
    // What began the later window is now in the first one.
    ROLLING.settle(&mut state, &holds[1], Timestamp(60), 0);
    assert_eq!(ROLLING.used(state.as_ref(), Timestamp(60)), Some(3));
}

#[test]
fn a_log_settles_the_very_entry() {
    let (mut state, holds) = reserved(&LOG, TEN, &[(0, 2), (10, 0), (20, 3)]);
    LOG.settle(&mut state, &holds[1], Timestamp(30), 5);
    assert_eq!(LOG.used(state.as_ref(), Timestamp(99)), Some(10));
    assert_eq!(LOG.used(state.as_ref(), Timestamp(100)), Some(8));
    assert_eq!(LOG.used(state.as_ref(), Timestamp(110)), Some(3));
    LOG.settle(&mut state, &holds[2], Timestamp(30), 0);
    assert_eq!(LOG.used(state.as_ref(), Timestamp(110)), Some(0));
    assert_eq!(LOG.judge(state.as_ref(), TEN, Timestamp(30), 10), Err(Refusal::Wait(Nanos(80))));
}

#[test]
fn a_bucket_does_not_give_back_what_time_has_refilled() {
    let (mut state, holds) = reserved(&BUCKET, TEN, &[(0, 6)]);
    // Four of the six are back already; two are given back.
    BUCKET.settle(&mut state, &holds[0], Timestamp(40), 0);
    assert_eq!(BUCKET.status(state.as_ref(), TEN, Timestamp(40)).remaining, 10);
    let (mut state, holds) = reserved(&BUCKET, TEN, &[(0, 6), (40, 8)]);
    BUCKET.settle(&mut state, &holds[0], Timestamp(40), 0);
    assert_eq!(BUCKET.status(state.as_ref(), TEN, Timestamp(40)).remaining, 2);
    // Long after it was full, nothing is given back.
    let (mut state, holds) = reserved(&BUCKET, TEN, &[(0, 6), (500, 8)]);
    BUCKET.settle(&mut state, &holds[0], Timestamp(500), 0);
    assert_eq!(BUCKET.status(state.as_ref(), TEN, Timestamp(500)).remaining, 2);
}

#[test]
fn a_bucket_settles_at_the_rate_of_then_and_a_debit_on_top_of_what_is_stored() {
    let (mut state, holds) = reserved(&BUCKET, TEN, &[(0, 6)]);
    BUCKET.settle(&mut state, &holds[0], Timestamp(20), 9);
    // Sixty at 0, thirty more.
    assert_eq!(BUCKET.status(state.as_ref(), TEN, Timestamp(20)).reset_after, Nanos(70));
    BUCKET.settle(&mut None, &holds[0], Timestamp(20), 0);
    let mut idle = None;
    BUCKET.settle(&mut idle, &holds[0], Timestamp(200), 8);
    assert_eq!(BUCKET.status(idle.as_ref(), TEN, Timestamp(200)).reset_after, Nanos(20));
}

#[test]
fn a_key_never_seen_does_not_fill_by_settling() {
    let terms = Terms { starting: Some(4), ..TEN };
    let (mut state, holds) = reserved(&BUCKET, terms, &[(0, 0)]);
    BUCKET.settle(&mut state, &holds[0], Timestamp(0), 1);
    assert_eq!(BUCKET.status(state.as_ref(), terms, Timestamp(0)).remaining, 3);
    assert_eq!(state.as_ref().map(|state| BUCKET.idle_at(state)), Some(Timestamp(170)));
}

#[test]
fn use_that_saturated_is_not_given_back() {
    for algorithm in [ROLLING, LOG, SLIDING, BUCKET] {
        let (mut state, holds) = reserved(&algorithm, TEN, &[(0, i64::MAX), (0, i64::MAX)]);
        let before = state.clone();
        algorithm.settle(&mut state, &holds[1], Timestamp(0), 0);
        assert_eq!(state, before, "{algorithm:?}");
    }
    let (mut state, holds) = reserved(&LOG, TEN, &[(0, 5), (1, 6)]);
    LOG.settle(&mut state, &holds[0], Timestamp(1), i64::MAX);
    assert_eq!(LOG.used(state.as_ref(), Timestamp(1)), Some(i64::MAX));
}

#[test]
fn a_limit_in_flight_and_one_of_another_algorithm_settle_nothing() {
    let in_flight = Algorithm::InFlight(Nanos(100));
    let (mut state, holds) = reserved(&in_flight, TEN, &[(0, 6)]);
    assert_eq!(holds[0].place, Place::Nowhere);
    let before = state.clone();
    in_flight.settle(&mut state, &holds[0], Timestamp(0), 0);
    assert_eq!(state, before);
    let (mut state, _) = reserved(&SLIDING, TEN, &[(0, 6)]);
    let (_, other) = reserved(&LOG, TEN, &[(0, 6)]);
    let before = state.clone();
    SLIDING.settle(&mut state, &other[0], Timestamp(0), 0);
    assert_eq!(state, before);
}

#[test]
fn a_hold_is_a_few_integers() {
    assert_eq!(size_of::<Hold>(), 32);
}

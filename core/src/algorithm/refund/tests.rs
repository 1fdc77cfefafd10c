use proptest::prelude::*;

use crate::{
    algorithm::{Algorithm, LeaseId, State, Terms},
    time::{Nanos, Timestamp},
    window::Window,
};

const TEN: Terms = Terms { ceiling: 10, burst: 10, starting: None };
const COUNTING: [Algorithm; 4] = [
    Algorithm::FixedWindow(Window::Rolling(Nanos(100))),
    Algorithm::SlidingLog(Nanos(100)),
    Algorithm::SlidingWindow(Nanos(100)),
    Algorithm::Bucket(Nanos(100)),
];

fn charged(algorithm: &Algorithm, charges: &[(i64, i64)]) -> Option<State> {
    let mut state = None;
    for (now, cost) in charges {
        algorithm.take(&mut state, TEN, Timestamp(*now), *cost, LeaseId(0));
    }
    state
}

fn remaining(algorithm: &Algorithm, state: Option<&State>, now: i64) -> i64 {
    algorithm.status(state, TEN, Timestamp(now)).remaining
}

#[test]
fn what_was_taken_at_the_same_instant_is_given_back() {
    for algorithm in &COUNTING {
        let mut state = charged(algorithm, &[(100, 4), (100, 3)]);
        algorithm.refund(&mut state, TEN, Timestamp(100), 5);
        assert_eq!(remaining(algorithm, state.as_ref(), 100), 8, "{algorithm:?}");
    }
}

#[test]
fn no_more_is_given_back_than_is_in_use() {
    for algorithm in &COUNTING {
        let mut state = charged(algorithm, &[(100, 4)]);
        algorithm.refund(&mut state, TEN, Timestamp(100), i64::MAX);
        assert_eq!(remaining(algorithm, state.as_ref(), 100), 10, "{algorithm:?}");
        algorithm.take(&mut state, TEN, Timestamp(100), 10, LeaseId(0));
        assert!(algorithm.judge(state.as_ref(), TEN, Timestamp(100), 1).is_err(), "{algorithm:?}");
    }
}

#[test]
fn a_key_never_seen_has_nothing_to_give_back() {
    for algorithm in &COUNTING {
        let mut state = None;
        algorithm.refund(&mut state, TEN, Timestamp(100), 5);
        assert_eq!(state, None);
    }
}

#[test]
fn the_previous_window_gives_back_what_the_current_one_lacks() {
    let sliding = &COUNTING[2];
    let mut state = charged(sliding, &[(100, 6), (200, 2)]);
    assert_eq!(sliding.used(state.as_ref(), Timestamp(200)), Some(8));
    sliding.refund(&mut state, TEN, Timestamp(200), 5);
    assert_eq!(sliding.used(state.as_ref(), Timestamp(200)), Some(3));
}

#[test]
fn a_log_gives_back_the_newest_first() {
    let log = &COUNTING[1];
    let mut state = charged(log, &[(100, 3), (150, 3)]);
    log.refund(&mut state, TEN, Timestamp(160), 4);
    assert_eq!(log.used(state.as_ref(), Timestamp(199)), Some(2));
    assert_eq!(log.used(state.as_ref(), Timestamp(200)), Some(0));
}

proptest! {
    /// Whatever was taken when: a refund lifts what is left by no more than it says and never above the ceiling.
    #[test]
    fn a_refund_lifts_no_balance_beyond_what_it_gives(
        which in 0..COUNTING.len(),
        charges in proptest::collection::vec((0_i64..50, 0_i64..12), 0..6),
        later in 0_i64..120,
        amount in 0_i64..20,
    ) {
        let algorithm = &COUNTING[which];
        let mut at = 100;
        let charges: Vec<_> = charges.into_iter().map(|(step, cost)| { at += step; (at, cost) }).collect();
        let mut state = charged(algorithm, &charges);
        let now = at + later;
        let before = remaining(algorithm, state.as_ref(), now);
        algorithm.refund(&mut state, TEN, Timestamp(now), amount);
        let after = remaining(algorithm, state.as_ref(), now);
        prop_assert!(before <= after && after <= 10 && after <= before + amount + 1, "{before} {after}");
    }
}

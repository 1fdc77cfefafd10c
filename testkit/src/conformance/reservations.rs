//! Costs that are reserved and then settled.

use limitrate_core::{
    algorithm::Algorithm,
    charge::Charge,
    time::{Nanos, Timestamp},
};
use limitrate_runtime::store::{LocalStore, Settled, Settlement, Settlements, Ticket, Verdicts};

use super::{ALL, BUCKET, FIXED, IN_FLIGHT, LOG, MINUTE, NOW, SLIDING, Trial, remaining};

/// How long the reservations here stay open.
const OPEN: Nanos = Nanos::from_secs(600);

const REPLACED: fn(i64) -> Settled = |reserved| Settled::Replaced { reserved };

fn reserve(trial: Trial, number: u64, algorithm: &Algorithm, ceiling: i64, cost: i64) -> Charge<'_> {
    Charge { hold: Some(OPEN), cost, ..trial.charge(number, algorithm, ceiling) }
}

fn take(store: &dyn LocalStore, now: Timestamp, charges: &[Charge<'_>], ticket: u64) -> bool {
    store.charge(now, charges, Ticket(ticket), &mut Verdicts::new())
}

fn settlement<'p>(charge: Charge<'p>, ticket: u64, actual: i64) -> Settlement<'p> {
    let Charge { counter, limit, algorithm, .. } = charge;
    Settlement { counter, limit, algorithm, ticket: Ticket(ticket), actual }
}

fn settle(store: &dyn LocalStore, now: Timestamp, charge: Charge<'_>, ticket: u64, actual: i64) -> Settled {
    let mut settled = Settlements::new();
    store.settle(now, &[settlement(charge, ticket, actual)], &mut settled);
    settled[0]
}

pub fn settling_replaces_what_was_reserved_once(store: &dyn LocalStore, trial: Trial) {
    for (number, algorithm) in (0..).zip([&FIXED, &LOG, &SLIDING, &BUCKET]) {
        let four = reserve(trial, number, algorithm, 10, 4);
        assert!(take(store, NOW, &[four], 1) && take(store, NOW, &[four], 2));
        assert_eq!(settle(store, NOW, four, 1, 1), REPLACED(4));
        assert_eq!(remaining(store, trial.charge(number, algorithm, 10)), 5);
        for actual in [0, 9] {
            assert_eq!(settle(store, NOW, four, 1, actual), Settled::Gone);
        }
        assert_eq!(settle(store, NOW, four, 3, 0), Settled::Gone, "a ticket never given");
        assert_eq!(settle(store, NOW, four, 2, 30), REPLACED(4));
        assert_eq!(remaining(store, trial.charge(number, algorithm, 10)), 0);
        if algorithm != &BUCKET {
            assert_eq!(store.used(NOW, four.counter, algorithm), Some(31));
        }
    }
}

pub fn a_reservation_expires_and_stands(store: &dyn LocalStore, trial: Trial) {
    let day = Algorithm::SlidingLog(Nanos::from_secs(86_400));
    let four = reserve(trial, 1, &day, 10, 4);
    assert!(take(store, NOW, &[four], 1) && take(store, NOW, &[four], 2));
    let expiry = NOW.after(OPEN);
    assert_eq!(settle(store, Timestamp(expiry.0 - 1), four, 1, 0), REPLACED(4));
    assert_eq!(settle(store, expiry, four, 2, 0), Settled::Gone);
    assert_eq!(settle(store, NOW, four, 2, 0), Settled::Gone, "it does not come back with the clock");
    assert_eq!(store.used(expiry, four.counter, &day), Some(4));
}

pub fn a_refused_decision_reserves_nothing(store: &dyn LocalStore, trial: Trial) {
    let (four, full) = (reserve(trial, 1, &FIXED, 10, 4), trial.charge(2, &LOG, 1));
    assert!(take(store, NOW, &[full], 1));
    let before = trial.len(store);
    assert!(!take(store, NOW, &[four, full], 2));
    assert!(!take(store, NOW, &[reserve(trial, 1, &FIXED, 10, 11)], 3));
    assert_eq!(trial.len(store), before);
    for ticket in [2, 3] {
        assert_eq!(settle(store, NOW, four, ticket, 9), Settled::Gone);
    }
    assert_eq!(store.used(NOW, four.counter, &FIXED), Some(0));
}

pub fn settlements_of_a_batch_are_apart(store: &dyn LocalStore, trial: Trial) {
    let charges =
        [reserve(trial, 1, &FIXED, 10, 4), reserve(trial, 2, &LOG, 10, 5), reserve(trial, 3, &BUCKET, 10, 6)];
    assert!(take(store, NOW, &charges, 7));
    let mut settled = Settlements::new();
    let batch: Vec<_> = charges
        .iter()
        .zip([(7, 1), (8, 1), (7, 2)])
        .map(|(charge, (ticket, actual))| settlement(*charge, ticket, actual))
        .collect();
    for expected in [[REPLACED(4), Settled::Gone, REPLACED(6)], [Settled::Gone; 3]] {
        store.settle(NOW, &batch, &mut settled);
        assert_eq!(settled.as_slice(), expected);
        let left = charges.map(|charge| remaining(store, Charge { hold: None, ..charge }));
        assert_eq!(left, [9, 5, 8]);
    }
    store.settle(NOW, &[], &mut settled);
    assert!(settled.is_empty());
}

pub fn nothing_is_reserved_once_nothing_is_left(store: &dyn LocalStore, trial: Trial) {
    for (number, algorithm) in (0..).zip([&FIXED, &LOG, &SLIDING, &BUCKET]) {
        let nothing = reserve(trial, number, algorithm, 10, 0);
        assert!(take(store, NOW, &[nothing], 1));
        assert_eq!(settle(store, NOW, nothing, 1, 9), REPLACED(0));
        assert!(take(store, NOW, &[nothing], 2));
        assert_eq!(settle(store, NOW, nothing, 2, 1), REPLACED(0));
        assert!(!take(store, NOW, &[nothing], 3), "{algorithm:?}");
        // Only to look is still free.
        assert!(take(store, NOW, &[trial.charge(number, algorithm, 10)].map(|c| Charge { cost: 0, ..c }), 4));
    }
}

pub fn a_difference_goes_where_the_cost_was_taken(store: &dyn LocalStore, trial: Trial) {
    let later = NOW.after(Nanos(MINUTE.0 + MINUTE.0 / 2));
    for (number, algorithm, used, settled) in [(1, &FIXED, 3, 3), (2, &LOG, 3, 3), (3, &SLIDING, 3 + 4, 3)] {
        let (eight, three) =
            (reserve(trial, number, algorithm, 20, 8), reserve(trial, number, algorithm, 20, 3));
        assert!(take(store, NOW, &[eight], 1) && take(store, later, &[three], 2));
        assert_eq!(store.used(later, eight.counter, algorithm), Some(used));
        settle(store, later, eight, 1, 0);
        assert_eq!(store.used(later, eight.counter, algorithm), Some(settled), "{algorithm:?}");
    }
    let refilled = reserve(trial, 4, &BUCKET, 10, 8);
    assert!(take(store, NOW, &[refilled], 1) && take(store, later, &[refilled], 2));
    settle(store, later, refilled, 1, 0);
    let mut verdicts = Verdicts::new();
    store.charge(later, &[Charge { cost: 0, ..trial.charge(4, &BUCKET, 10) }], Ticket(3), &mut verdicts);
    assert_eq!(verdicts[0].status.remaining, 2);
}

pub fn charges_on_one_counter_hold_one_reservation(store: &dyn LocalStore, trial: Trial) {
    let (two, three, plain) =
        (reserve(trial, 1, &FIXED, 20, 2), reserve(trial, 1, &FIXED, 20, 3), trial.charge(1, &FIXED, 20));
    assert!(take(store, NOW, &[two, plain, three], 1));
    assert_eq!(store.used(NOW, two.counter, &FIXED), Some(6));
    assert_eq!(settle(store, NOW, three, 1, 4), REPLACED(5));
    assert_eq!(store.used(NOW, two.counter, &FIXED), Some(5));
    assert_eq!(settle(store, NOW, two, 1, 0), Settled::Gone);
}

pub fn a_reservation_in_flight_is_a_lease(store: &dyn LocalStore, trial: Trial) {
    let held = reserve(trial, 1, &IN_FLIGHT, 2, 2);
    assert!(take(store, NOW, &[held], 1));
    assert_eq!(settle(store, NOW, held, 1, 0), REPLACED(2));
    assert_eq!(store.used(NOW, held.counter, &IN_FLIGHT), Some(2));
}

pub fn a_decision_of_nothing_plain_is_as_one_of_plain_charges(store: &dyn LocalStore, trial: Trial) {
    // What stands beside a counter changes nothing about what it admits.
    for (number, algorithm) in (0..).step_by(2).zip(ALL) {
        let plain = Charge { cost: 3, ..trial.charge(number, algorithm, 10) };
        let rich = Charge { hold: Some(OPEN), warn: &[1_000_000], ..plain };
        let rich = Charge { counter: trial.charge(number + 1, algorithm, 10).counter, ..rich };
        for ticket in 0..5 {
            let (mut one, mut other) = (Verdicts::new(), Verdicts::new());
            let fits = store.charge(NOW, &[plain], Ticket(ticket), &mut one);
            assert_eq!(store.charge(NOW, &[rich], Ticket(ticket), &mut other), fits);
            assert_eq!(one, other);
        }
    }
}

//! What every store keeps: functions over `&dyn LocalStore`, made tests of a store by `store_conformance!`.
//!
//! Each wants an empty store with room for a thousand counters.

pub(crate) mod blocks;
pub(crate) mod modes;
pub(crate) mod reservations;
pub(crate) mod threads;

use limitrate_core::{
    algorithm::{Algorithm, Refusal, Status, Terms},
    charge::{Charge, Counted},
    key::CounterKey,
    time::{Nanos, Timestamp},
    window::Window,
};
use limitrate_runtime::store::{Lease, LocalStore, Ticket, Verdicts};

/// An instant at which an aligned minute begins.
pub(crate) const NOW: Timestamp = Timestamp(1_800_000_000_000_000_000);

pub(crate) const MINUTE: Nanos = Nanos::from_secs(60);
pub(crate) const FIXED: Algorithm = Algorithm::FixedWindow(Window::Rolling(MINUTE));
pub(crate) const LOG: Algorithm = Algorithm::SlidingLog(MINUTE);
pub(crate) const SLIDING: Algorithm = Algorithm::SlidingWindow(MINUTE);
pub(crate) const BUCKET: Algorithm = Algorithm::Bucket(MINUTE);
pub(crate) const IN_FLIGHT: Algorithm = Algorithm::InFlight(MINUTE);
pub(crate) const ALL: [&Algorithm; 5] = [&FIXED, &LOG, &SLIDING, &BUCKET, &IN_FLIGHT];

/// Makes the suite's functions tests of the store that an expression makes. Invoked in a module of its own.
macro_rules! store_conformance {
    ($store:expr) => {
        crate::store_conformance::store_conformance! { $store,
            crate::store_conformance:
                a_decision_takes_all_charges_or_none,
                a_refused_decision_changes_nothing,
                verdicts_come_in_the_order_of_the_charges,
                charges_on_one_counter_are_judged_as_one,
                charges_on_one_counter_hold_one_lease,
                a_cost_of_zero_looks_and_a_negative_one_never_fits,
                a_decision_without_charges_is_taken,
                a_lease_ends_once_by_release_or_expiry,
                use_can_be_set_and_read,
                a_ceiling_that_changes_keeps_what_was_used;
            crate::store_conformance::reservations:
                settling_replaces_what_was_reserved_once,
                a_reservation_expires_and_stands,
                a_refused_decision_reserves_nothing,
                settlements_of_a_batch_are_apart,
                nothing_is_reserved_once_nothing_is_left,
                a_difference_goes_where_the_cost_was_taken,
                charges_on_one_counter_hold_one_reservation,
                a_reservation_in_flight_is_a_lease,
                a_decision_of_nothing_plain_is_as_one_of_plain_charges;
            crate::store_conformance::modes:
                a_soft_charge_is_taken_past_the_ceiling,
                a_soft_charge_is_not_taken_when_another_does_not_fit,
                charges_on_one_counter_must_fit_if_one_must,
                a_shadow_charge_changes_no_decision,
                a_shadow_charge_is_only_judged_when_the_request_is_refused,
                a_shadow_charge_is_judged_apart_from_an_enforced_one_on_its_counter,
                nothing_but_watching_always_goes_through;
            crate::store_conformance::blocks:
                a_charge_that_does_not_fit_sets_off_a_block,
                blocks_double_and_are_forgotten,
                the_longer_wait_is_told,
                a_charge_that_fits_sets_off_no_block_when_another_does_not,
                a_shadow_block_stops_only_shadows,
                a_mark_is_told_once_for_each_key_and_window,
                what_is_not_taken_is_not_told;
            crate::store_conformance::threads:
                threads_on_one_key_are_admitted_exactly_to_the_ceiling,
                threads_over_several_keys_in_any_order_are_admitted_exactly,
                leases_taken_by_many_threads_end_exactly_once
        }
    };
    ($store:expr, $($path:path: $($test:ident),*);*) => {
        $($(
            #[test]
            fn $test() {
                use $path as suite;
                suite::$test(&$store);
            }
        )*)*
    };
}
pub(crate) use store_conformance;

pub(crate) fn key(number: u64) -> CounterKey {
    CounterKey::of_limit(&number.to_le_bytes(), 0x5EED)
}

/// A charge of one on a counter of its own, with that ceiling and burst, which refuses when it cannot be counted.
pub(crate) fn charge(counter: u64, algorithm: &Algorithm, ceiling: i64) -> Charge<'_> {
    let terms = Terms { ceiling, burst: ceiling, starting: None };
    Charge::new(key(counter), key(!counter), algorithm, terms, 1)
}

/// Charges at `NOW` under ticket 0.
pub(crate) fn decide(store: &dyn LocalStore, charges: &[Charge<'_>]) -> (bool, Verdicts) {
    let mut verdicts = Verdicts::new();
    let fits = store.charge(NOW, charges, Ticket(0), &mut verdicts);
    assert_eq!(verdicts.len(), charges.len());
    (fits, verdicts)
}

/// What is left of a charge's counter at `NOW`.
fn remaining(store: &dyn LocalStore, charge: Charge<'_>) -> i64 {
    decide(store, &[Charge { cost: 0, ..charge }]).1[0].status.remaining
}

pub(crate) fn a_decision_takes_all_charges_or_none(store: &dyn LocalStore) {
    for (number, algorithm) in (0..).step_by(2).zip(ALL) {
        let narrow = charge(number, algorithm, 2);
        let wide = Charge { cost: 3, ..charge(number + 1, algorithm, 10) };
        for _ in 0..2 {
            assert!(decide(store, &[narrow, wide]).0);
        }
        let (fits, verdicts) = decide(store, &[narrow, wide]);
        assert!(!fits);
        assert!(matches!(verdicts[0].judged, Err(Refusal::Wait(_))));
        assert_eq!(verdicts[1].judged, Ok(()));
        assert_eq!((verdicts[0].status.remaining, verdicts[1].status.remaining), (0, 4));
        assert_eq!(remaining(store, wide), 4);
    }
    assert_eq!(store.len(), 10);
}

pub(crate) fn a_refused_decision_changes_nothing(store: &dyn LocalStore) {
    for (number, algorithm) in (0..).step_by(2).zip(ALL) {
        let (full, new) = (charge(number, algorithm, 1), charge(number + 1, algorithm, 5));
        assert!(decide(store, &[full]).0);
        let before = store.len();
        assert!(!decide(store, &[new, full]).0);
        assert_eq!(store.len(), before);
        assert_eq!(store.used(NOW, new.counter, algorithm).unwrap_or(0), 0);
        assert_eq!(remaining(store, new), 5);
        // However often it is refused, it waits no longer.
        let refused = decide(store, &[full]).1;
        assert!(matches!(refused[0].judged, Err(Refusal::Wait(_))));
        assert_eq!(decide(store, &[full]).1, refused);
    }
}

pub(crate) fn verdicts_come_in_the_order_of_the_charges(store: &dyn LocalStore) {
    let charges: Vec<_> = (0..20).rev().map(|number| charge(number, &FIXED, 100 + number as i64)).collect();
    let mut verdicts = Verdicts::new();
    for _ in 0..2 {
        // What stood in them before is gone.
        assert!(store.charge(NOW, &charges, Ticket(0), &mut verdicts));
        assert_eq!(verdicts.len(), 20);
    }
    let left: Vec<_> = verdicts.iter().map(|verdict| verdict.status.remaining).collect();
    assert_eq!(left, (98..118).rev().collect::<Vec<_>>());
    assert!(verdicts.iter().all(|verdict| verdict.counted == Counted::Own));
}

pub(crate) fn charges_on_one_counter_are_judged_as_one(store: &dyn LocalStore) {
    for (number, algorithm) in (0..).step_by(2).zip(ALL) {
        let (a, other) =
            (Charge { cost: 3, ..charge(number, algorithm, 9) }, charge(number + 1, algorithm, 5));
        let b = Charge { cost: 2, ..charge(number, algorithm, 7) };
        let (fits, verdicts) = decide(store, &[a, other, b]);
        assert!(fits);
        assert_eq!(verdicts[0], verdicts[2]);
        assert_eq!(verdicts[0].status.remaining, 2);
        // Each would fit the two that are left by itself.
        let twice = Charge { cost: 1, ..b };
        let thrice = [twice, twice, twice];
        let (fits, verdicts) = decide(store, &thrice);
        assert!(!fits);
        assert!(verdicts.iter().all(|verdict| matches!(verdict.judged, Err(Refusal::Wait(_)))));
        let huge = Charge { cost: i64::MAX, ..charge(number, algorithm, i64::MAX) };
        let (fits, verdicts) = decide(store, &[huge, huge]);
        assert!(!fits);
        assert_eq!(verdicts[0].judged, Err(Refusal::Never));
        assert!(decide(store, &thrice[..2]).0);
    }
}

pub(crate) fn charges_on_one_counter_hold_one_lease(store: &dyn LocalStore) {
    let held = charge(1, &IN_FLIGHT, 5);
    assert!(decide(store, &[held, held]).0);
    assert_eq!(store.used(NOW, held.counter, &IN_FLIGHT), Some(2));
    let lease = Lease { counter: held.counter, limit: held.limit, ticket: Ticket(0) };
    assert!(store.release(NOW, lease));
    assert_eq!(store.used(NOW, held.counter, &IN_FLIGHT), Some(0));
    assert!(!store.release(NOW, lease));
}

pub(crate) fn a_cost_of_zero_looks_and_a_negative_one_never_fits(store: &dyn LocalStore) {
    for (number, algorithm) in (0..).zip(ALL) {
        let one = charge(number, algorithm, 1);
        assert!(decide(store, &[Charge { cost: 0, ..one }]).0);
        assert!(decide(store, &[one]).0);
        let (fits, verdicts) = decide(store, &[Charge { cost: 0, ..one }]);
        assert!(fits);
        assert_eq!(verdicts[0].status.remaining, 0);
        for charges in [&[Charge { cost: -1, ..one }][..], &[Charge { cost: -1, ..one }, one]] {
            let (fits, verdicts) = decide(store, charges);
            assert!(!fits);
            assert_eq!(verdicts[0].judged, Err(Refusal::Never));
        }
    }
    assert_eq!(store.len(), ALL.len());
}

pub(crate) fn a_decision_without_charges_is_taken(store: &dyn LocalStore) {
    assert!(decide(store, &[]).0);
    assert!(store.is_empty());
}

pub(crate) fn a_lease_ends_once_by_release_or_expiry(store: &dyn LocalStore) {
    let held = charge(1, &IN_FLIGHT, 2);
    let lease = |ticket| Lease { counter: held.counter, limit: held.limit, ticket: Ticket(ticket) };
    let take = |now, ticket| store.charge(now, &[held], Ticket(ticket), &mut Verdicts::new());
    assert!(!store.release(NOW, lease(1)));
    assert!(take(NOW, 1) && take(NOW, 2) && !take(NOW, 3));
    assert!(store.release(NOW, lease(1)));
    assert!(!store.release(NOW, lease(1)));
    assert!(!store.release(NOW, lease(3)));
    assert!(take(NOW, 4) && !take(NOW, 5));
    let expiry = NOW.after(MINUTE);
    assert!(store.release(Timestamp(expiry.0 - 1), lease(4)));
    assert!(!store.release(expiry, lease(2)));
    assert_eq!(store.used(expiry, held.counter, &IN_FLIGHT), Some(0));
    assert!(take(expiry, 6) && take(expiry, 7) && !take(expiry, 8));
}

pub(crate) fn use_can_be_set_and_read(store: &dyn LocalStore) {
    for (number, algorithm) in (0..).zip(ALL) {
        let one = charge(number, algorithm, 10);
        let used = || store.used(NOW, one.counter, algorithm);
        if algorithm == &BUCKET {
            assert_eq!(used(), None);
            assert!(!store.set_used(NOW, one.counter, algorithm, 3));
            assert_eq!(used(), None);
            assert!(decide(store, &[one]).0);
            assert!(!store.set_used(NOW, one.counter, algorithm, 3));
            assert_eq!(remaining(store, one), 9);
            continue;
        }
        assert_eq!(used(), Some(0));
        assert!(store.set_used(NOW, one.counter, algorithm, 9));
        assert_eq!(used(), Some(9));
        assert!(decide(store, &[one]).0);
        assert_eq!(used(), Some(10));
        assert!(!decide(store, &[one]).0);
        assert!(store.set_used(NOW, one.counter, algorithm, 2));
        assert_eq!(remaining(store, one), 8);
        assert!(store.set_used(NOW, one.counter, algorithm, 0));
        assert_eq!((used(), remaining(store, one)), (Some(0), 10));
    }
}

pub(crate) fn a_ceiling_that_changes_keeps_what_was_used(store: &dyn LocalStore) {
    let used = Charge { cost: 6, ..charge(1, &FIXED, 10) };
    assert!(decide(store, &[used]).0);
    let status = Status { remaining: 0, reset_after: MINUTE };
    let (fits, verdicts) = decide(store, &[charge(1, &FIXED, 5)]);
    assert!(!fits);
    assert_eq!(verdicts[0].status, status);
    assert_eq!(remaining(store, charge(1, &FIXED, 20)), 14);
}

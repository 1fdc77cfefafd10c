//! Decisions, leases, and use that is set and read.

use limitrate_core::{
    algorithm::{Refusal, Status},
    charge::{Block, Charge, Counted},
    time::Timestamp,
};
use limitrate_runtime::store::{Lease, LocalStore, Settled, Settlement, Settlements, Ticket, Verdicts};

use super::{ALL, BUCKET, FIXED, IN_FLIGHT, LOG, MINUTE, NOW, SLIDING, Trial, decide, remaining};

pub fn a_decision_takes_all_charges_or_none(store: &dyn LocalStore, trial: Trial) {
    for (number, algorithm) in (0..).step_by(2).zip(ALL) {
        let narrow = trial.charge(number, algorithm, 2);
        let wide = Charge { cost: 3, ..trial.charge(number + 1, algorithm, 10) };
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
    trial.assert_len(store, 10);
}

pub fn a_refused_decision_changes_nothing(store: &dyn LocalStore, trial: Trial) {
    for (number, algorithm) in (0..).step_by(2).zip(ALL) {
        let (full, new) = (trial.charge(number, algorithm, 1), trial.charge(number + 1, algorithm, 5));
        assert!(decide(store, &[full]).0);
        let before = trial.len(store);
        assert!(!decide(store, &[new, full]).0);
        assert_eq!(trial.len(store), before);
        assert_eq!(store.used(NOW, new.counter, algorithm).unwrap_or(0), 0);
        assert_eq!(remaining(store, new), 5);
        // However often it is refused, it waits no longer.
        let refused = decide(store, &[full]).1;
        assert!(matches!(refused[0].judged, Err(Refusal::Wait(_))));
        assert_eq!(decide(store, &[full]).1, refused);
    }
}

pub fn verdicts_come_in_the_order_of_the_charges(store: &dyn LocalStore, trial: Trial) {
    let charges: Vec<_> =
        (0..20u8).rev().map(|number| trial.charge(number.into(), &FIXED, 100 + i64::from(number))).collect();
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

pub fn charges_on_one_counter_are_judged_as_one(store: &dyn LocalStore, trial: Trial) {
    for (number, algorithm) in (0..).step_by(2).zip(ALL) {
        let (a, other) = (
            Charge { cost: 3, ..trial.charge(number, algorithm, 9) },
            trial.charge(number + 1, algorithm, 5),
        );
        let b = Charge { cost: 2, ..trial.charge(number, algorithm, 7) };
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
        let huge = Charge { cost: i64::MAX, ..trial.charge(number, algorithm, i64::MAX) };
        let (fits, verdicts) = decide(store, &[huge, huge]);
        assert!(!fits);
        assert_eq!(verdicts[0].judged, Err(Refusal::Never));
        assert!(decide(store, &thrice[..2]).0);
    }
}

pub fn charges_on_one_counter_hold_one_lease(store: &dyn LocalStore, trial: Trial) {
    let held = trial.charge(1, &IN_FLIGHT, 5);
    assert!(decide(store, &[held, held]).0);
    assert_eq!(store.used(NOW, held.counter, &IN_FLIGHT), Some(2));
    let lease = Lease { counter: held.counter, limit: held.limit, ticket: Ticket(0) };
    assert!(store.release(NOW, lease));
    assert_eq!(store.used(NOW, held.counter, &IN_FLIGHT), Some(0));
    assert!(!store.release(NOW, lease));
}

pub fn a_cost_of_zero_looks_and_a_negative_one_never_fits(store: &dyn LocalStore, trial: Trial) {
    for (number, algorithm) in (0..).zip(ALL) {
        let one = trial.charge(number, algorithm, 1);
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
    trial.assert_len(store, ALL.len());
}

pub fn a_decision_without_charges_is_taken(store: &dyn LocalStore, trial: Trial) {
    assert!(decide(store, &[]).0);
    trial.assert_len(store, 0);
}

pub fn a_lease_ends_once_by_release_or_expiry(store: &dyn LocalStore, trial: Trial) {
    let held = trial.charge(1, &IN_FLIGHT, 2);
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

pub fn use_can_be_set_and_read(store: &dyn LocalStore, trial: Trial) {
    for (number, algorithm) in (0..).zip(ALL) {
        let one = trial.charge(number, algorithm, 10);
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

pub fn a_ceiling_that_changes_keeps_what_was_used(store: &dyn LocalStore, trial: Trial) {
    let used = Charge { cost: 6, ..trial.charge(1, &FIXED, 10) };
    assert!(decide(store, &[used]).0);
    let status = Status { remaining: 0, reset_after: MINUTE };
    let (fits, verdicts) = decide(store, &[trial.charge(1, &FIXED, 5)]);
    assert!(!fits);
    assert_eq!(verdicts[0].status, status);
    assert_eq!(remaining(store, trial.charge(1, &FIXED, 20)), 14);
}

pub fn a_counter_that_was_reset_was_never_seen(store: &dyn LocalStore, trial: Trial) {
    const BLOCK: Block = Block { first: MINUTE, up_to: MINUTE, forget: MINUTE };
    for (number, algorithm) in (0..).zip(ALL) {
        let one = Charge { block: Some(&BLOCK), warn: &[1_000_000], ..trial.charge(number, algorithm, 1) };
        assert!(!store.reset(one.counter));
        for _ in 0..2 {
            let (fits, verdicts) = decide(store, &[one]);
            assert!(fits && verdicts[0].warned.is_some(), "{algorithm:?}");
            assert!(decide(store, &[one]).1[0].blocked);
            assert!(store.reset(one.counter));
            assert!(!store.reset(one.counter));
        }
    }
    trial.assert_len(store, 0);
    // A reservation stays open. What it comes to beside what was reserved goes to the new counter.
    let held = Charge { hold: Some(MINUTE), cost: 4, ..trial.charge(9, &LOG, 10) };
    assert!(decide(store, &[held]).0 && store.reset(held.counter));
    let Charge { counter, limit, algorithm, .. } = held;
    let settlement = Settlement { counter, limit, algorithm, ticket: Ticket(0), actual: 6 };
    let mut settled = Settlements::new();
    store.settle(NOW, &[settlement], &mut settled);
    assert_eq!(settled.as_slice(), [Settled::Replaced { reserved: 4 }]);
    assert_eq!(store.used(NOW, counter, &LOG), Some(2));
}

pub fn what_is_given_back_is_never_more_than_is_in_use(store: &dyn LocalStore, trial: Trial) {
    for (number, algorithm) in (0..).zip([&FIXED, &LOG, &SLIDING, &BUCKET]) {
        let three = Charge { cost: 3, ..trial.charge(number, algorithm, 10) };
        store.refund(NOW, &three);
        assert_eq!(remaining(store, three), 10, "{algorithm:?}");
        assert!(decide(store, &[three]).0);
        store.refund(NOW, &Charge { cost: 2, ..three });
        assert_eq!(remaining(store, three), 9, "{algorithm:?}");
        store.refund(NOW, &three);
        assert_eq!(remaining(store, three), 10, "{algorithm:?}");
    }
}

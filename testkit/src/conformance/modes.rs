//! Charges that are taken past their ceiling, and those that only watch.

use limitrate_core::{
    algorithm::{Refusal, Status},
    charge::{Charge, Mode},
};
use limitrate_runtime::store::{LocalStore, Ticket, Verdicts};

use super::{ALL, BUCKET, FIXED, LOG, MINUTE, NOW, Trial, decide, remaining};

fn soft(charge: Charge<'_>) -> Charge<'_> {
    Charge { mode: Mode::Soft, ..charge }
}

fn shadow(charge: Charge<'_>) -> Charge<'_> {
    Charge { mode: Mode::Shadow, ..charge }
}

pub fn a_soft_charge_is_taken_past_the_ceiling(store: &dyn LocalStore, trial: Trial) {
    for (number, algorithm) in (0..).zip(ALL) {
        let two = soft(Charge { cost: 2, ..trial.charge(number, algorithm, 3) });
        for (round, fits) in [true, false, false].into_iter().enumerate() {
            let (goes_through, verdicts) = decide(store, &[two]);
            assert!(goes_through);
            assert_eq!(verdicts[0].judged.is_ok(), fits, "{algorithm:?} {round}");
        }
        if algorithm != &BUCKET {
            assert_eq!(store.used(NOW, two.counter, algorithm), Some(6));
        }
        // On terms that are enforced it has to wait for all of it.
        assert!(!decide(store, &[Charge { mode: Mode::Enforce, cost: 1, ..two }]).0);
        let never = soft(Charge { cost: 9, ..trial.charge(number + 100, algorithm, 3) });
        let (goes_through, verdicts) = decide(store, &[never]);
        assert!(goes_through);
        assert_eq!((verdicts[0].judged, verdicts[0].status.remaining), (Err(Refusal::Never), 0));
    }
}

pub fn a_soft_charge_is_not_taken_when_another_does_not_fit(store: &dyn LocalStore, trial: Trial) {
    let (hard, over) = (trial.charge(1, &FIXED, 1), soft(trial.charge(2, &LOG, 1)));
    assert!(decide(store, &[hard, over]).0);
    let (fits, verdicts) = decide(store, &[hard, over]);
    assert!(!fits);
    assert!(verdicts.iter().all(|verdict| verdict.judged.is_err()));
    assert_eq!(store.used(NOW, over.counter, &LOG), Some(1));
}

pub fn charges_on_one_counter_must_fit_if_one_must(store: &dyn LocalStore, trial: Trial) {
    let one = trial.charge(1, &FIXED, 3);
    assert!(decide(store, &[one, soft(one)]).0);
    assert!(!decide(store, &[soft(one), one]).0);
    assert!(decide(store, &[soft(one), soft(one)]).0);
    assert_eq!(store.used(NOW, one.counter, &FIXED), Some(4));
}

pub fn a_shadow_charge_changes_no_decision(store: &dyn LocalStore, trial: Trial) {
    for (number, algorithm) in (0..).step_by(3).zip(ALL) {
        let hard = trial.charge(number, algorithm, 4);
        let watched = [1, 2].map(|n| shadow(trial.charge(number + n, algorithm, 2 * n.cast_signed())));
        let mut fitting = Vec::new();
        for _ in 0..5 {
            let (fits, verdicts) = decide(store, &[watched[0], hard, watched[1]]);
            fitting.push((fits, verdicts[0].judged.is_ok(), verdicts[2].judged.is_ok()));
        }
        // Each is decided alone, and only where the request goes through is it taken.
        assert_eq!(
            fitting,
            [
                (true, true, true),
                (true, true, true),
                (true, false, true),
                (true, false, true),
                (false, false, false)
            ],
            "{algorithm:?}"
        );
    }
}

pub fn a_shadow_charge_is_only_judged_when_the_request_is_refused(store: &dyn LocalStore, trial: Trial) {
    let (hard, watched) = (trial.charge(1, &FIXED, 1), shadow(trial.charge(2, &FIXED, 5)));
    assert!(decide(store, &[hard, watched]).0);
    for _ in 0..3 {
        let (fits, verdicts) = decide(store, &[hard, watched]);
        assert!(!fits);
        assert_eq!(verdicts[1].judged, Ok(()));
        assert_eq!(verdicts[1].status, Status { remaining: 4, reset_after: MINUTE });
    }
}

pub fn a_shadow_charge_is_judged_apart_from_an_enforced_one_on_its_counter(
    store: &dyn LocalStore,
    trial: Trial,
) {
    let one = trial.charge(1, &FIXED, 3);
    assert!(decide(store, &[one, shadow(one)]).0);
    assert_eq!(remaining(store, one), 1);
    let (fits, verdicts) = decide(store, &[shadow(one), one]);
    assert!(fits);
    assert_eq!((verdicts[0].judged.is_ok(), verdicts[1].judged.is_ok()), (false, true));
}

pub fn nothing_but_watching_always_goes_through(store: &dyn LocalStore, trial: Trial) {
    let watched = shadow(trial.charge(1, &FIXED, 1));
    let mut verdicts = Verdicts::new();
    for fits in [true, false] {
        assert!(store.charge(NOW, &[watched], Ticket(1), &mut verdicts));
        assert_eq!(verdicts[0].judged.is_ok(), fits);
    }
    assert_eq!(store.used(NOW, watched.counter, &FIXED), Some(1));
}

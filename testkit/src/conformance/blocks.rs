//! What a charge that does not fit sets off, and what one that nearly does not is told.

use limitrate_core::{
    algorithm::Refusal,
    charge::{Block, Charge, Mode, Verdict},
    time::{Nanos, Timestamp},
};
use limitrate_runtime::store::{LocalStore, Ticket, Verdicts};

use super::{ALL, FIXED, LOG, MINUTE, NOW, SLIDING, Trial, decide};

/// Ten minutes, then twenty, then half an hour; forgotten after an hour.
const BLOCK: Block = Block { first: minutes(10), up_to: minutes(30), forget: minutes(60) };

const fn minutes(count: i64) -> Nanos {
    Nanos(MINUTE.0 * count)
}

fn after(count: i64) -> Timestamp {
    NOW.after(minutes(count))
}

fn blocking(charge: Charge<'_>) -> Charge<'_> {
    Charge { block: Some(&BLOCK), ..charge }
}

/// Decides a single charge.
fn one(store: &dyn LocalStore, now: Timestamp, charge: Charge<'_>) -> Verdict {
    let mut verdicts = Verdicts::new();
    let fits = store.charge(now, &[charge], Ticket(0), &mut verdicts);
    assert!(charge.mode != Mode::Enforce || fits == verdicts[0].judged.is_ok());
    verdicts[0]
}

fn wait(count: i64) -> Result<(), Refusal> {
    Err(Refusal::Wait(minutes(count)))
}

pub fn a_charge_that_does_not_fit_sets_off_a_block(store: &dyn LocalStore, trial: Trial) {
    for (number, algorithm) in (0..).zip(ALL) {
        let login = blocking(trial.charge(number, algorithm, 1));
        let first = one(store, NOW, login);
        assert_eq!((first.judged, first.blocked), (Ok(()), false));
        let refused = one(store, NOW, login);
        assert_eq!((refused.judged, refused.blocked), (wait(10), true), "{algorithm:?}");
        // The counter has room again, and the block still runs: even nothing is refused.
        for cost in [1, 0] {
            let refused = one(store, after(9), Charge { cost, ..login });
            assert_eq!((refused.judged, refused.blocked), (wait(1), true));
        }
        let allowed = one(store, after(10), login);
        assert_eq!((allowed.judged, allowed.blocked), (Ok(()), false));
    }
}

pub fn blocks_double_and_are_forgotten(store: &dyn LocalStore, trial: Trial) {
    let login = blocking(trial.charge(1, &FIXED, 1));
    let mut now = NOW;
    for length in [10, 20, 30, 30] {
        assert!(one(store, now, login).judged.is_ok());
        assert_eq!(one(store, now, login).judged, wait(length));
        assert_eq!(one(store, now, login).judged, wait(length), "a block in force is not a new one");
        now = now.after(minutes(length));
    }
    now = now.after(minutes(60));
    assert!(one(store, now, login).judged.is_ok());
    assert_eq!(one(store, now, login).judged, wait(10));
}

pub fn the_longer_wait_is_told(store: &dyn LocalStore, trial: Trial) {
    let short = Block { first: Nanos::from_secs(1), up_to: Nanos::from_secs(1), ..BLOCK };
    let login = Charge { block: Some(&short), ..trial.charge(1, &FIXED, 1) };
    assert!(one(store, NOW, login).judged.is_ok());
    assert_eq!(one(store, NOW, login).judged, wait(1));
    let never = one(store, NOW, Charge { cost: 2, ..login });
    assert_eq!((never.judged, never.blocked), (Err(Refusal::Never), true));
}

pub fn a_charge_that_fits_sets_off_no_block_when_another_does_not(store: &dyn LocalStore, trial: Trial) {
    let (login, full) = (blocking(trial.charge(1, &FIXED, 5)), trial.charge(2, &LOG, 1));
    assert!(decide(store, &[full]).0);
    let (fits, verdicts) = decide(store, &[login, full]);
    assert!(!fits);
    assert!(!verdicts[0].blocked);
    assert!(one(store, NOW, login).judged.is_ok());
    // One that is blocked refuses the others with it, and nothing is taken of them.
    let spent = blocking(trial.charge(3, &FIXED, 1));
    assert!(one(store, NOW, spent).judged.is_ok() && one(store, NOW, spent).blocked);
    let other = trial.charge(4, &FIXED, 5);
    let (fits, verdicts) = decide(store, &[other, spent]);
    assert!(!fits);
    assert_eq!((verdicts[0].judged, verdicts[0].status.remaining), (Ok(()), 5));
}

pub fn a_shadow_block_stops_only_shadows(store: &dyn LocalStore, trial: Trial) {
    let login = blocking(trial.charge(1, &SLIDING, 1));
    let watched = Charge { mode: Mode::Shadow, ..login };
    assert!(one(store, NOW, watched).judged.is_ok());
    assert!(one(store, NOW, watched).blocked);
    let enforced = one(store, after(5), login);
    assert_eq!((enforced.judged, enforced.blocked), (Ok(()), false));
    assert!(one(store, after(8), watched).blocked);
    // A request that is refused sets off no shadow block.
    let (full, other) =
        (trial.charge(2, &FIXED, 1), Charge { mode: Mode::Shadow, ..blocking(trial.charge(3, &FIXED, 1)) });
    assert!(decide(store, &[full, other]).0);
    let (fits, verdicts) = decide(store, &[full, other]);
    assert!(!fits && verdicts[1].judged.is_err() && !verdicts[1].blocked);
}

pub fn a_mark_is_told_once_for_each_key_and_window(store: &dyn LocalStore, trial: Trial) {
    const MARKS: &[i64] = &[500_000, 1_000_000];
    for (number, algorithm) in (0..).step_by(2).zip(ALL) {
        let told = |number, now, cost| {
            one(store, now, Charge { warn: MARKS, cost, ..trial.charge(number, algorithm, 4) }).warned
        };
        assert_eq!([1, 1, 1].map(|cost| told(number, NOW, cost)), [None, Some(500_000), None]);
        assert_eq!([1, 1].map(|cost| told(number, NOW, cost)), [Some(1_000_000), None], "{algorithm:?}");
        assert_eq!([4, 0].map(|cost| told(number + 1, NOW, cost)), [Some(1_000_000), None]);
        assert_eq!(told(number, after(5), 4), Some(1_000_000));
    }
}

pub fn what_is_not_taken_is_not_told(store: &dyn LocalStore, trial: Trial) {
    let warned = |mode, cost| Charge { warn: &[800_000], cost, mode, ..trial.charge(1, &FIXED, 10) };
    assert_eq!(one(store, NOW, warned(Mode::Enforce, 7)).warned, None);
    assert_eq!(one(store, NOW, warned(Mode::Enforce, 4)).warned, None);
    assert_eq!(one(store, NOW, warned(Mode::Shadow, 4)).warned, None);
    // Taken past the ceiling it is.
    assert_eq!(one(store, NOW, warned(Mode::Soft, 4)).warned, Some(800_000));
    let watched = Charge { mode: Mode::Shadow, cost: 9, counter: trial.key(2), ..warned(Mode::Shadow, 9) };
    assert_eq!(one(store, NOW, watched).warned, Some(800_000));
}

//! What a call says beside its charges: names, so that it can be made again, and whose clock it goes by.

use std::{ops::RangeInclusive, thread};

use limitrate_core::{
    algorithm::Algorithm,
    charge::Charge,
    time::{Nanos, Timestamp},
};
use limitrate_runtime::store::{
    Call, Charged, ClockOf, LocalStore, RequestId, Settlement, Store, Ticket, contract::RECEIPT_KEPT,
};

use super::{ALL, FIXED, LOG, MINUTE, NOW, Trial, remaining};
use crate::{Blocking, Failing, FlakyStore, blocking::DEADLINE};

fn named(name: u64, now: Timestamp) -> Call {
    let request = Some(RequestId::of(&name.to_le_bytes()));
    Call { request, deadline: DEADLINE, ..Call::at(now, Ticket(name)) }
}

fn charged<S: Store>(store: &Blocking<S>, call: Call, charges: &[Charge<'_>]) -> Charged {
    store.wait(store.store().charge(call, charges)).unwrap()
}

pub fn a_call_made_again_is_applied_once_and_answered_alike<S: Store>(store: &Blocking<S>, trial: Trial) {
    for (number, algorithm) in (0..).step_by(2).zip(ALL) {
        let charges = [trial.charge(number, algorithm, 10), trial.charge(number + 1, algorithm, 5)];
        let first = charged(store, named(number, NOW), &charges);
        assert!(first.taken);
        for later in [NOW, NOW.after(Nanos::from_secs(1))] {
            assert_eq!(charged(store, named(number, later), &charges), first);
        }
        assert_eq!(charges.map(|charge| remaining(store, charge)), [9, 4], "{algorithm:?}");
    }
}

pub fn a_refused_call_made_again_is_refused_alike<S: Store>(store: &Blocking<S>, trial: Trial) {
    let one = trial.charge(1, &LOG, 1);
    assert!(charged(store, named(1, NOW), &[one]).taken);
    let refused = charged(store, named(2, NOW), &[one]);
    assert!(!refused.taken);
    LocalStore::reset(store, one.counter);
    assert_eq!(charged(store, named(2, NOW), &[one]), refused);
    assert_eq!(remaining(store, one), 1);
}

pub fn what_was_decided_stands_whatever_the_terms_are_when_it_is_asked_again<S: Store>(
    store: &Blocking<S>,
    trial: Trial,
) {
    for (number, algorithm) in (0..).zip(ALL) {
        let of = |ceiling| {
            let cost = if matches!(algorithm, Algorithm::InFlight(_)) { 1 } else { 7 };
            Charge { cost, ..trial.charge(number, algorithm, ceiling) }
        };
        assert!(charged(store, named(2 * number, NOW), &[of(10)]).taken);
        let again = charged(store, named(2 * number, NOW), &[of(5)]);
        assert!(again.taken && again.verdicts[0].judged.is_ok(), "{algorithm:?}");
        let (low, high) = if matches!(algorithm, Algorithm::InFlight(_)) { (1, 2) } else { (9, 20) };
        assert!(!charged(store, named(2 * number + 1, NOW), &[of(low)]).taken, "{algorithm:?}");
        let again = charged(store, named(2 * number + 1, NOW), &[of(high)]);
        assert!(!again.taken && again.verdicts[0].judged.is_err(), "{algorithm:?}");
    }
}

pub fn another_name_is_another_call<S: Store>(store: &Blocking<S>, trial: Trial) {
    let one = trial.charge(1, &FIXED, 10);
    let nameless = Call { request: None, ..named(1, NOW) };
    for call in [named(1, NOW), named(2, NOW), nameless, nameless] {
        assert!(charged(store, call, &[one]).taken);
    }
    assert_eq!(remaining(store, one), 6);
}

pub fn a_name_is_forgotten_after_a_while<S: Store>(store: &Blocking<S>, trial: Trial) {
    let one = trial.charge(1, &LOG, 10);
    let nearly = Timestamp(NOW.0 + RECEIPT_KEPT.0 - 1);
    let first = charged(store, named(1, NOW), &[one]);
    assert_eq!(charged(store, named(1, nearly), &[one]), first);
    let then = NOW.after(RECEIPT_KEPT);
    assert_eq!(charged(store, named(1, then), &[one]).now, then);
}

pub fn a_call_that_many_make_at_once_is_applied_once<S: Store>(store: &Blocking<S>, trial: Trial) {
    let charges = [trial.charge(1, &FIXED, 100), trial.charge(2, &LOG, 100)];
    for name in 0..10 {
        let answers: Vec<_> = thread::scope(|scope| {
            let asking: Vec<_> =
                (0..8).map(|_| scope.spawn(|| charged(store, named(name, NOW), &charges))).collect();
            asking.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        assert!(answers.windows(2).all(|pair| pair[0] == pair[1]));
    }
    assert_eq!(charges.map(|charge| remaining(store, charge)), [90, 90]);
}

pub fn the_instant_judged_at_is_told<S: Store>(store: &Blocking<S>, trial: Trial) {
    let one = trial.charge(1, &FIXED, 10);
    let call = Call { request: None, ..named(1, NOW) };
    assert_eq!(charged(store, call, &[one]).now, NOW);
    let later = NOW.after(Nanos(1));
    assert_eq!(charged(store, Call { now: later, ..call }, &[one]).now, later);
}

pub fn callers_whose_clocks_differ_agree_where_the_store_has_one<S: Store>(
    store: &Blocking<S>,
    trial: Trial,
) {
    let one = trial.charge(1, &LOG, 2);
    let call = Call { request: None, clock: ClockOf::Store, ..named(1, NOW) };
    let first = charged(store, call, &[one]);
    assert!(first.taken);
    if first.now == NOW {
        return; // It goes by its callers' instants.
    }
    // Ten minutes ahead or behind, what was used is used: the log forgets after one.
    let [ahead, behind] =
        [10, -10].map(|minutes| Call { now: Timestamp(NOW.0 + minutes * MINUTE.0), ..call });
    let second = charged(store, ahead, &[one]);
    let third = charged(store, behind, &[one]);
    assert!(second.taken && !third.taken);
    let plausible: RangeInclusive<Timestamp> = first.now..=first.now.after(MINUTE);
    assert!(plausible.contains(&second.now) && second.now <= third.now && plausible.contains(&third.now));
}

pub fn a_secret_is_the_same_for_all<S: Store>(store: &Blocking<S>, _: Trial) {
    let ask = || store.wait(store.store().secret()).unwrap();
    assert_eq!(ask(), ask());
}

pub fn whichever_call_fails_nothing_is_half_charged_or_charged_twice<S: Store>(
    store: &Blocking<S>,
    trial: Trial,
) {
    for failing in [Failing::Before, Failing::After] {
        for n in 0.. {
            let trial = trial.renewed();
            let flaky = FlakyStore::new(store.store(), n, failing);
            let charges = [1, 2].map(|number| Charge {
                hold: Some(MINUTE),
                cost: 2,
                ..trial.charge(number, &FIXED, 100)
            });
            let taken = [0, 1, 2, 3].map(|name| insisted(store, &flaky, named(name, NOW), &charges));
            let used = 2 * taken.iter().map(|taken| i64::from(*taken)).sum::<i64>();
            let used_of = |charge: Charge<'_>| LocalStore::used(store, NOW, charge.counter, &FIXED);
            assert_eq!(charges.map(used_of), [Some(used); 2], "call {n}, {failing:?}");
            // The last one turns out to cost half, however often that is said.
            let settlements = charges.map(|Charge { counter, limit, algorithm, .. }| Settlement {
                counter,
                limit,
                algorithm,
                ticket: Ticket(3),
                actual: 1,
            });
            let call = Call { request: None, ..named(9, NOW) };
            let _ = store.wait(flaky.settle(call, &settlements));
            store.wait(store.store().settle(call, &settlements)).unwrap();
            let used = used - i64::from(taken[3]);
            assert_eq!(charges.map(used_of), [Some(used); 2], "call {n}, {failing:?}");
            if !flaky.has_failed() {
                break;
            }
        }
    }
}

/// Makes a call, and makes it again if its answer may have been lost. Whether it was taken.
fn insisted<S: Store>(
    store: &Blocking<S>,
    flaky: &FlakyStore<&S>,
    call: Call,
    charges: &[Charge<'_>],
) -> bool {
    let ask = || store.wait(flaky.charge(call, charges));
    let answer = match ask() {
        Err(error) if error.may_have_applied() => ask(),
        answer => answer,
    };
    answer.is_ok_and(|charged| charged.taken)
}

//! An instance whose clock steps back by ten minutes, at a store that goes by its own.

use std::sync::Arc;

use limitrate_core::{
    algorithm::{Algorithm, Refusal, Terms},
    charge::Charge,
    key::CounterKey,
    time::Nanos,
};
use limitrate_runtime::store::{Call, Layered, LayeredOptions, Store, Ticket};

use crate::{LOG, START, at, charge, decide, faulty::Faulty, memory, options, runtime};

const SECOND: i64 = 1_000_000_000;
/// By how much the clock steps.
const STEP: i64 = 600 * SECOND;

/// A call of the instance before its clock stepped back, so long after the start.
fn before(nanos: i64) -> Call {
    at(STEP + nanos)
}

#[test]
fn what_was_refused_is_refused_for_no_longer_than_a_second() {
    let (on, line) = (runtime(), Faulty::new(&memory()));
    let layered = Layered::untended(line.clone(), options(1));
    let algorithm = Algorithm::SlidingLog(Nanos::from_secs(2));
    let charge = charge(1, &algorithm, 5);
    let decide = |call, stored: i64| {
        line.stands_at(START.after(Nanos(stored)));
        decide(&on, &layered, call, &[charge])
    };
    assert!((0..5).all(|_| decide(before(0), 0).taken));
    let refused = decide(before(0), 0);
    assert_eq!(refused.verdicts[0].judged, Err(Refusal::Wait(Nanos::from_secs(2))));
    // The store's clock has gone on for half a second; this one shows ten minutes less.
    let refused = decide(at(SECOND / 2), SECOND / 2);
    assert_eq!(refused.verdicts[0].judged, Err(Refusal::Wait(Nanos(3 * SECOND / 2))));
    assert!(decide(at(2 * SECOND), 2 * SECOND).taken);
}

#[test]
fn leases_are_given_back_all_the_same() {
    let (on, memory) = (runtime(), memory());
    let line = Faulty::new(&memory);
    let layered = Layered::untended(line.clone(), options(1));
    let charge = charge(1, &LOG, 1_000);
    line.stands_at(START);
    (0..50).for_each(|number| drop(decide(&on, &layered, before(number), &[charge])));
    assert!(layered.leased(charge.counter) > 0);
    on.block_on(layered.tend(START));
    assert_eq!(layered.leased(charge.counter), 0);
    assert_eq!(on.block_on(memory_used(&line, &charge)), 50);
}

async fn memory_used(line: &Arc<Faulty>, charge: &Charge<'_>) -> i64 {
    line.used(at(0), charge.counter, charge.algorithm).await.unwrap().unwrap()
}

#[test]
fn places_of_counters_out_of_use_are_free_again() {
    let (on, line) = (runtime(), Faulty::new(&memory()));
    // Four places in a part, and four counters in use there.
    let layered = Layered::untended(line.clone(), LayeredOptions { max_keys: 1, ..options(1) });
    let terms = Terms { ceiling: 1_000, burst: 1_000, starting: None };
    let charge = |number: u128| {
        let key = CounterKey(number);
        Charge { overshoot: 100_000, ..Charge::new(key, key, &LOG, terms, 1) }
    };
    line.stands_at(START);
    for number in 1..=4 {
        (0..3).for_each(|_| drop(decide(&on, &layered, before(0), &[charge(number)])));
        assert!(layered.leased(CounterKey(number)) > 0);
    }
    let fifth = |call: Call| {
        (0..3).for_each(|_| drop(decide(&on, &layered, call, &[charge(5)])));
        layered.leased(CounterKey(5))
    };
    assert_eq!(fifth(before(1)), 0);
    on.block_on(layered.tend(START));
    assert!(fifth(Call::at(START, Ticket(0))) > 0);
}

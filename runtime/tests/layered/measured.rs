//! What is counted of leases.

use limitrate_core::time::Nanos;
use limitrate_runtime::store::{Layered, LocalStore};

use crate::{
    LOG, START, at, charge,
    common::Measured,
    decide,
    faulty::{Faulty, Line},
    memory, options, runtime,
};

#[test]
fn leases_are_counted_and_what_became_of_their_units() {
    let measured = Measured::default();
    let _listening = measured.listen();
    let count = |metric: &str| measured.of(&format!("limitrate_{metric}_total"));
    let (on, memory) = (runtime(), memory());
    let line = Faulty::new(&memory);
    let layered = Layered::untended(line.clone(), options(1));
    let charge = charge(1, &LOG, 1_000);
    let used = |seconds| {
        let used = LocalStore::used(&*memory, START.after(Nanos::from_secs(seconds)), charge.counter, &LOG);
        f64::from(u32::try_from(used.unwrap()).unwrap())
    };
    let number = |number: i64| f64::from(u32::try_from(number).unwrap());
    let decide_some = |from: i64| {
        for number in 0..50 {
            assert!(decide(&on, &layered, at(from + number), &[charge]).taken);
        }
    };
    decide_some(0);
    let (calls, _) = line.calls();
    on.block_on(layered.tend(START.after(Nanos(50))));
    let local = 50.0 - f64::from(u32::try_from(calls).unwrap());
    assert_eq!(count("local_decisions"), local);
    // What was leased was used here, or is here still.
    let left = number(layered.leased(charge.counter));
    assert!(count("leases_taken") >= 1.0 && left > 0.0);
    assert_eq!(count("leased_units"), local + left);
    assert_eq!((count("returned_units"), count("lost_units")), (0.0, 0.0));
    on.block_on(layered.tend(START.after(Nanos::from_secs(2))));
    assert_eq!((count("returned_units"), count("lost_units")), (left, 0.0));
    assert_eq!(used(2), 50.0);
    // Of what is given back over a line that swallows the answer, nobody knows.
    decide_some(Nanos::from_secs(3).0);
    let left_again = number(layered.leased(charge.counter));
    assert!(left_again > 0.0);
    line.becomes(Line::OneWay);
    on.block_on(layered.tend(START.after(Nanos::from_secs(5))));
    assert_eq!((count("returned_units"), count("lost_units")), (left, left_again));
    let leased = count("leased_units");
    assert_eq!(leased, count("local_decisions") + left + left_again);
    // Over one that is cut, they wait.
    line.becomes(Line::Up);
    decide_some(Nanos::from_secs(6).0);
    let waiting = number(layered.leased(charge.counter));
    line.becomes(Line::Down);
    on.block_on(layered.tend(START.after(Nanos::from_secs(8))));
    assert_eq!((count("returned_units"), count("lost_units")), (left, left_again));
    line.becomes(Line::Up);
    on.block_on(layered.tend(START.after(Nanos::from_secs(9))));
    assert_eq!((count("returned_units"), count("lost_units")), (left + waiting, left_again));
    assert_eq!(used(9), 150.0);
}

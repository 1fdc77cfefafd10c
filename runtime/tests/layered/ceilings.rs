//! Counters whose ceiling changes from request to request, and units that wait to be given back: what they take from others.

use limitrate_core::{
    algorithm::{Algorithm, Terms},
    charge::Charge,
    time::Nanos,
    window::Window,
};
use limitrate_runtime::store::{Layered, LocalStore, Store};
use proptest::prelude::*;

use crate::{
    LOG, MINUTE, START, at, charge, decide,
    faulty::{Faulty, Line},
    memory, options, runtime,
};

/// The charge under another ceiling.
fn under<'c>(ceiling: i64, charge: &Charge<'c>) -> Charge<'c> {
    Charge { terms: Terms { ceiling, burst: ceiling, starting: None }, ..*charge }
}

const PATTERNS: [&[i64]; 5] = [
    &[1_000, 1_000, 990, 990],
    &[1_000, 1_000, 500, 500],
    &[1_000, 990],
    &[1_000, 990, 980, 970, 960, 950, 940, 930, 920, 910, 900],
    &[1_000, 1_000, 990, 990, 980, 980, 970, 970, 960, 960, 950, 950, 940, 940, 930, 930, 920, 920],
];

#[test]
fn of_ceilings_that_take_turns_no_more_is_withheld_than_the_share() {
    let on = runtime();
    for algorithm in [LOG, Algorithm::SlidingWindow(MINUTE), Algorithm::FixedWindow(Window::Rolling(MINUTE))]
    {
        for pattern in PATTERNS {
            let memory = memory();
            let line = Faulty::new(&memory);
            let layered = Layered::untended(line.clone(), options(1));
            let charge = charge(1, &algorithm, 1_000);
            let (mut taken, mut number) = (0, 0);
            for ceiling in pattern.iter().cycle().take(3_000) {
                number += 1;
                taken += i64::from(decide(&on, &layered, at(number), &[under(*ceiling, &charge)]).taken);
                let used = LocalStore::used(&*memory, START.after(Nanos(number)), charge.counter, &algorithm);
                let withheld = used.unwrap() - taken;
                assert!((0..=100).contains(&withheld), "{withheld} of {pattern:?} after {number}");
                if number % 250 == 0 {
                    on.block_on(layered.tend(START.after(Nanos(number))));
                }
            }
            // The last units are given out when nothing waits any more.
            on.block_on(layered.tend(START.after(Nanos::from_secs(2))));
            let last = |_: &i64| decide(&on, &layered, at(2_000_000_000), &[charge]).taken;
            taken += i64::try_from((0..200).filter(last).count()).unwrap();
            assert_eq!(taken, 1_000, "{pattern:?}");
        }
    }
}

#[test]
fn what_waits_is_used_by_the_next_lease_on_the_same_terms() {
    let (on, line) = (runtime(), Faulty::new(&memory()));
    let layered = Layered::untended(line.clone(), options(1));
    let charge = charge(1, &LOG, 100_000);
    let other = under(50_000, &charge);
    for number in 0..1_000 {
        let charge = if number % 20 < 10 { charge } else { other };
        assert!(decide(&on, &layered, at(number), &[charge]).taken);
    }
    // One question at each change, and a few for leases.
    assert!(line.calls().0 < 130, "{:?}", line.calls());
    assert_eq!(line.calls().1, 0);
    // What waits is not in use, and given back in one call.
    assert_eq!(on.block_on(layered.used(at(1_000), charge.counter, &LOG)).unwrap(), Some(1_000));
    on.block_on(layered.tend(START.after(Nanos::from_secs(2))));
    assert_eq!(line.calls().1, 1);
    assert_eq!(on.block_on(line.used(at(1_000), charge.counter, &LOG)).unwrap(), Some(1_000));
}

#[test]
fn units_of_a_higher_ceiling_are_not_used_under_a_lower_one() {
    let on = runtime();
    let layered = Layered::untended(memory(), options(1));
    let high = charge(1, &LOG, 1_000);
    (0..500).for_each(|number| drop(decide(&on, &layered, at(number), &[high])));
    assert!(layered.leased(high.counter) > 0);
    let low = under(400, &high);
    assert!((0..200).all(|_| !decide(&on, &layered, at(500), &[low]).taken));
}

#[test]
fn a_line_on_which_only_refunds_fail_takes_nothing_back_that_others_used() {
    let (on, memory) = (runtime(), memory());
    let line = Faulty::new(&memory);
    let layered = Layered::untended(line.clone(), options(1));
    let algorithm = Algorithm::SlidingLog(Nanos::from_secs(2));
    let (high, low) = (charge(1, &algorithm, 100), under(90, &charge(1, &algorithm, 100)));
    line.becomes(Line::Owing);
    for second in 0..10 {
        for number in 0..4 {
            let now = second * 1_000_000_000 + number;
            let charge = if number < 2 { high } else { low };
            decide(&on, &layered, at(now), &[charge]);
        }
        on.block_on(layered.tend(START.after(Nanos(second * 1_000_000_000 + 500_000_000))));
    }
    let now = START.after(Nanos::from_secs(13));
    let others = Layered::untended(memory.clone(), options(1));
    (0..60).for_each(|_| drop(decide(&on, &others, at(13_000_000_000), &[Charge { overshoot: 0, ..high }])));
    line.becomes(Line::Up);
    on.block_on(layered.tend(now));
    assert_eq!(LocalStore::used(&*memory, now, high.counter, &algorithm), Some(60));
}

#[test]
fn ceilings_that_fall_withhold_no_more_than_the_share_of_the_highest() {
    let (on, memory) = (runtime(), memory());
    let line = Faulty::new(&memory);
    let layered = Layered::untended(line.clone(), options(1));
    let charge = charge(1, &LOG, 10_000);
    line.becomes(Line::Owing);
    let (mut taken, mut number) = (0, 0);
    // What was leased under one of them is of no use to those that follow, and cannot be given back.
    for ceiling in (9_000..=10_000).rev().step_by(20) {
        for _ in 0..100 {
            number += 1;
            taken += i64::from(decide(&on, &layered, at(number), &[under(ceiling, &charge)]).taken);
        }
        on.block_on(layered.tend(START.after(Nanos(number))));
    }
    assert_eq!(taken, 5_100);
    let used = LocalStore::used(&*memory, START.after(Nanos(number)), charge.counter, &LOG).unwrap();
    assert!((501..=1_000).contains(&(used - taken)), "{}", used - taken);
}

/// What passes before a return is made: so many requests of the instance that leases, then of others, each after so many
/// milliseconds and of this cost; then it cannot give back for a while.
#[derive(Debug)]
struct Course {
    own: usize,
    others: Vec<(i64, i64)>,
    tends: Vec<i64>,
}

/// What is left in the end, and what would be if nothing had been leased.
fn left(algorithm: &Algorithm, course: &Course) -> (i64, i64) {
    const MILLISECOND: i64 = 1_000_000;
    let (on, with, without) = (runtime(), memory(), memory());
    let line = Faulty::new(&with);
    let layered = Layered::untended(line.clone(), options(1));
    let charge = charge(1, algorithm, 100);
    for _ in 0..course.own {
        decide(&on, &layered, at(0), &[charge]);
        decide(&on, &*without, at(0), &[charge]);
    }
    let mut now = 0;
    for (later, cost) in &course.others {
        now += later * MILLISECOND;
        let charges = [Charge { cost: *cost, ..charge }];
        if decide(&on, &*with, at(now), &charges).taken {
            decide(&on, &*without, at(now), &charges);
        }
    }
    line.becomes(Line::Owing);
    for later in &course.tends {
        on.block_on(layered.tend(START.after(Nanos(now))));
        now += later * MILLISECOND;
    }
    line.becomes(Line::Up);
    on.block_on(layered.tend(START.after(Nanos(now))));
    let left = |store: &dyn Store| {
        decide(&on, store, at(now), &[Charge { cost: 0, ..charge }]).verdicts[0].status.remaining
    };
    (left(&*with), left(&*without))
}

const SECONDS: Nanos = Nanos::from_secs(5);

#[test]
fn what_a_bucket_has_refilled_is_not_given_back() {
    let mut late = 0;
    for own in 10..30 {
        // Somebody charges when the bucket would be full had nothing been leased.
        let others = vec![(i64::try_from(own).unwrap() * 50 + 100, 20)];
        let (with, without) = left(&Algorithm::Bucket(SECONDS), &Course { own, others, tends: vec![] });
        assert!(with <= without, "{with} {without} after {own}");
        late += i64::from(with < without);
    }
    assert!(late > 0);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    /// Whenever it is made: then no more fits than if nothing had been leased.
    #[test]
    fn a_return_takes_nothing_back_that_others_used(
        which in 0..3_usize,
        own in 2_usize..30,
        others in proptest::collection::vec((1_i64..900, 1_i64..20), 0..12),
        tends in proptest::collection::vec(0_i64..1_000, 1..4),
    ) {
        let window = Algorithm::FixedWindow(Window::Rolling(SECONDS));
        let algorithms = [Algorithm::SlidingLog(SECONDS), window, Algorithm::Bucket(SECONDS)];
        let (with, without) = left(&algorithms[which], &Course { own, others, tends });
        prop_assert!(with <= without, "{with} {without}");
    }
}

//! The bound that `rlc cost` prints, against instances that charge at random, die and are cut off.

use std::sync::Arc;

use limitrate_core::{
    algorithm::{Algorithm, Terms},
    charge::Charge,
    lease::most_leased,
    time::Nanos,
    window::Window,
};
use limitrate_runtime::store::{Layered, MemoryStore, Store};
use proptest::prelude::*;

use crate::{
    START, at, charge,
    faulty::{Faulty, Line},
    memory, options, runtime,
};

const SPAN: Nanos = Nanos::from_secs(2);
const INSTANCES: u32 = 3;

/// What happens next.
#[derive(Debug, Clone, Copy)]
enum Event {
    /// Time passes, in milliseconds.
    Wait(i64),
    /// So many requests of this cost come to an instance.
    Send(usize, usize, i64),
    /// An instance gives back what it has too long.
    Tend(usize),
    /// An instance ends without a word, and another comes in its place.
    Die(usize),
    /// The line of an instance changes.
    Cut(usize, Line),
}

fn events() -> impl Strategy<Value = Vec<Event>> {
    let instance = 0..INSTANCES as usize;
    let line = prop_oneof![3 => Just(Line::Up), 1 => Just(Line::Down), 1 => Just(Line::OneWay)];
    let event = prop_oneof![
        3 => (1_i64..700).prop_map(Event::Wait),
        8 => (instance.clone(), 1_usize..60, 1_i64..4).prop_map(|(on, times, cost)| Event::Send(on, times, cost)),
        2 => instance.clone().prop_map(Event::Tend),
        1 => instance.clone().prop_map(Event::Die),
        1 => (instance, line).prop_map(|(on, line)| Event::Cut(on, line)),
    ];
    proptest::collection::vec(event, 1..120)
}

/// An instance and its line to the store.
fn instance(memory: &Arc<MemoryStore>) -> (Layered, Arc<Faulty>) {
    let line = Faulty::new(memory);
    (Layered::untended(line.clone(), options(INSTANCES)), line)
}

/// When how much was let through.
fn play(events: &[Event], charge: &Charge<'_>) -> Vec<(i64, i64)> {
    let (on, memory) = (runtime(), memory());
    let mut instances: Vec<_> = (0..INSTANCES).map(|_| instance(&memory)).collect();
    let (mut now, mut passed) = (0, Vec::new());
    for event in events {
        match *event {
            Event::Wait(millis) => now += millis * 1_000_000,
            Event::Send(to, times, cost) => {
                for _ in 0..times {
                    let charges = [Charge { cost, ..*charge }];
                    let layered = &instances[to].0;
                    let charged = match layered.charge_at_once(at(now), &charges) {
                        Some(charged) => Ok(charged),
                        None => on.block_on(layered.charge(at(now), &charges)),
                    };
                    if charged.is_ok_and(|charged| charged.taken) {
                        passed.push((now, cost));
                    }
                }
            }
            Event::Tend(at) => on.block_on(instances[at].0.tend(START.after(Nanos(now)))),
            Event::Die(at) => instances[at] = instance(&memory),
            Event::Cut(at, line) => instances[at].1.becomes(line),
        }
    }
    passed
}

/// The most that passed in any stretch of the span.
fn most(passed: &[(i64, i64)]) -> i64 {
    let sum = |from: i64| {
        let within = passed.iter().filter(|(at, _)| (from..from + SPAN.0).contains(at));
        within.map(|(_, cost)| cost).sum::<i64>()
    };
    passed.iter().map(|(at, _)| sum(*at)).max().unwrap_or(0)
}

fn check(algorithm: &Algorithm, worst: i64, ceiling: i64, burst: i64, events: &[Event]) {
    let terms = Terms { ceiling, burst, starting: None };
    let charge = Charge { terms, ..charge(1, algorithm, ceiling) };
    let bound = worst + most_leased(ceiling, charge.overshoot);
    let most = most(&play(events, &charge));
    assert!(most <= bound, "{most} passed, and at most {bound} should have");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn a_log_admits_its_ceiling_and_the_overshoot(events in events(), ceiling in 20_i64..200) {
        check(&Algorithm::SlidingLog(SPAN), ceiling, ceiling, ceiling, &events);
    }

    #[test]
    fn a_sliding_window_admits_its_worst_case_and_the_overshoot(events in events(), ceiling in 20_i64..200) {
        check(&Algorithm::SlidingWindow(SPAN), 2 * ceiling - 1, ceiling, ceiling, &events);
    }

    #[test]
    fn a_fixed_window_admits_its_worst_case_and_the_overshoot(
        events in events(),
        ceiling in 20_i64..200,
        aligned in any::<bool>(),
    ) {
        let window = if aligned { Window::Aligned(SPAN) } else { Window::Rolling(SPAN) };
        check(&Algorithm::FixedWindow(window), 2 * ceiling, ceiling, ceiling, &events);
    }

    /// Of one window, not of any stretch.
    #[test]
    fn a_window_of_the_clock_admits_its_ceiling_and_the_overshoot(events in events(), ceiling in 20_i64..200) {
        let algorithm = Algorithm::FixedWindow(Window::Aligned(SPAN));
        let charge = charge(1, &algorithm, ceiling);
        let mut windows = std::collections::HashMap::new();
        for (at, cost) in play(&events, &charge) {
            *windows.entry(START.after(Nanos(at)).0 / SPAN.0).or_insert(0) += cost;
        }
        let bound = ceiling + most_leased(ceiling, charge.overshoot);
        prop_assert!(windows.values().all(|passed| *passed <= bound), "{windows:?}");
    }

    #[test]
    fn a_bucket_admits_its_size_its_rate_and_the_overshoot(
        events in events(),
        // Divisors of the span, so that nothing is rounded.
        ceiling in prop_oneof![Just(20_i64), Just(50), Just(100), Just(200)],
        burst in 10_i64..200,
    ) {
        check(&Algorithm::Bucket(SPAN), ceiling + burst, ceiling, burst, &events);
    }
}

#[test]
fn units_leased_in_one_window_and_used_in_the_next_are_the_overshoot() {
    let on = runtime();
    let memory = memory();
    let algorithm = Algorithm::SlidingLog(SPAN);
    let charge = charge(1, &algorithm, 100);
    let one = Layered::untended(memory.clone(), options(1));
    let send = |layered: &Layered, now: i64, times: usize| {
        let taken = |_: &usize| {
            let charged = layered.charge_at_once(at(now), &[charge]);
            charged.unwrap_or_else(|| on.block_on(layered.charge(at(now), &[charge])).unwrap()).taken
        };
        (0..times).filter(taken).count()
    };
    assert_eq!(send(&one, 0, 30), 30);
    let leased = one.leased(charge.counter);
    assert!((1..=10).contains(&leased), "{leased}");
    // In two seconds from here, what was leased before them is used beside a whole ceiling.
    assert_eq!(send(&one, 600_000_000, 500), 70);
    assert_eq!(send(&one, 2_000_000_000, 500), 30 + usize::try_from(leased).unwrap());
}

//! Leases: what is decided without the store, what never is, and how much all instances together let through.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "helpers of tests fail by panicking")]

mod bound;
mod ceilings;
mod clock;
mod faulty;
mod measured;
mod policy;
mod reload;

#[path = "../common/measured.rs"]
mod common;

use std::{num::NonZeroU32, sync::Arc, thread};

use limitrate_core::{
    algorithm::{Algorithm, Refusal, Terms},
    charge::{Charge, Mode},
    key::CounterKey,
    time::{Nanos, Timestamp},
    window::Window,
};
use limitrate_runtime::store::{
    Call, Charged, GuardOptions, Guarded, Layered, LayeredOptions, MemoryOptions, MemoryStore, RequestId,
    Store, Ticket,
};
use tokio::runtime::{Builder, Runtime};

use crate::faulty::{Faulty, Line};

/// An instant at which windows of a minute begin.
const START: Timestamp = Timestamp(1_800_000_000_000_000_000);
const MINUTE: Nanos = Nanos::from_secs(60);
const WINDOW: Algorithm = Algorithm::FixedWindow(Window::Rolling(MINUTE));
const LOG: Algorithm = Algorithm::SlidingLog(MINUTE);

fn runtime() -> Runtime {
    Builder::new_current_thread().enable_time().build().unwrap()
}

fn memory() -> Arc<MemoryStore> {
    Arc::new(MemoryStore::new(MemoryOptions::default()))
}

fn options(instances: u32) -> LayeredOptions {
    LayeredOptions::of(NonZeroU32::new(instances).unwrap())
}

/// A charge of a limit with `overshoot 10%`.
fn charge(number: u64, algorithm: &Algorithm, ceiling: i64) -> Charge<'_> {
    let limit = CounterKey::of_limit(b"limit", 7);
    let counter = limit.with_part(0, &number.to_le_bytes());
    let terms = Terms { ceiling, burst: ceiling, starting: None };
    Charge { overshoot: 100_000, ..Charge::new(counter, limit, algorithm, terms, 1) }
}

fn at(nanos: i64) -> Call {
    Call::at(START.after(Nanos(nanos)), Ticket(0))
}

fn decide(on: &Runtime, store: &dyn Store, call: Call, charges: &[Charge<'_>]) -> Charged {
    store.charge_at_once(call, charges).unwrap_or_else(|| on.block_on(store.charge(call, charges)).unwrap())
}

#[test]
fn most_requests_of_a_busy_key_never_reach_the_store() {
    let (on, line) = (runtime(), Faulty::new(&memory()));
    let layered = Layered::untended(line.clone(), options(1));
    let charge = charge(1, &WINDOW, 10_000);
    for number in 0..5_000 {
        let charged = decide(&on, &layered, at(number), &[charge]);
        assert!(charged.taken);
        // What is left is what the store said, and what is leased here.
        assert_eq!(charged.verdicts.len(), 1);
        assert_eq!(charged.verdicts[0].status.remaining, 9_999 - number);
        assert_eq!(charged.verdicts[0].status.reset_after, Nanos(MINUTE.0 - number));
    }
    assert!(line.calls().0 < 30, "{:?}", line.calls());
}

#[test]
fn a_key_that_comes_once_is_charged_as_ever() {
    let (on, memory) = (runtime(), memory());
    let line = Faulty::new(&memory);
    let layered = Layered::untended(line.clone(), options(1));
    for number in 0..100 {
        let charge = charge(number, &WINDOW, 1_000);
        decide(&on, &layered, at(0), &[charge]);
        assert_eq!(layered.leased(charge.counter), 0);
    }
    on.block_on(layered.tend(START.after(MINUTE)));
    assert_eq!(line.calls(), (100, 0));
}

#[test]
fn one_instance_lets_through_exactly_the_ceiling() {
    let on = runtime();
    for algorithm in [WINDOW, LOG, Algorithm::SlidingWindow(MINUTE), Algorithm::Bucket(MINUTE)] {
        let layered = Layered::untended(Faulty::new(&memory()), options(1));
        let charge = charge(1, &algorithm, 777);
        let taken = (0..1_000).filter(|_| decide(&on, &layered, at(0), &[charge]).taken).count();
        assert_eq!(taken, 777, "{algorithm:?}");
    }
}

#[test]
fn what_is_not_used_is_given_back() {
    let (on, memory) = (runtime(), memory());
    let layered = Layered::untended(memory.clone(), options(1));
    let charge = charge(1, &LOG, 1_000);
    let taken = (0..50).filter(|number| decide(&on, &layered, at(*number), &[charge]).taken).count();
    assert_eq!(taken, 50);
    let leased = layered.leased(charge.counter);
    assert!(leased > 0);
    let stored = |now| limitrate_runtime::store::LocalStore::used(&*memory, now, charge.counter, &LOG);
    assert_eq!(stored(START.after(Nanos(50))), Some(50 + leased));
    assert_eq!(on.block_on(layered.used(at(50), charge.counter, &LOG)).unwrap(), Some(50));
    on.block_on(layered.tend(START.after(Nanos::from_secs(2))));
    assert_eq!(layered.leased(charge.counter), 0);
    assert_eq!(stored(START.after(Nanos::from_secs(2))), Some(50));
}

#[test]
fn what_could_not_be_given_back_is_given_back_later_and_never_twice() {
    let (on, memory) = (runtime(), memory());
    let line = Faulty::new(&memory);
    let layered = Layered::untended(line.clone(), options(1));
    let charge = charge(1, &LOG, 1_000);
    (0..50).for_each(|number| drop(decide(&on, &layered, at(number), &[charge])));
    line.becomes(Line::Down);
    let stored = |seconds| {
        let now = START.after(Nanos::from_secs(seconds));
        on.block_on(layered.tend(now));
        limitrate_runtime::store::LocalStore::used(&*memory, now, charge.counter, &LOG).unwrap()
    };
    assert!(stored(2) > 50);
    line.becomes(Line::OneWay);
    assert_eq!(stored(3), 50);
    line.becomes(Line::Up);
    assert_eq!(stored(4), 50);
}

#[test]
fn nothing_is_leased_of_charges_that_must_be_decided_where_they_are_counted() {
    let (on, memory) = (runtime(), memory());
    let line = Faulty::new(&memory);
    let layered = Layered::untended(line.clone(), options(1));
    let flight = Algorithm::InFlight(MINUTE);
    let plain = |number| charge(number, &WINDOW, 1_000);
    let named = Call { request: Some(RequestId(7)), ..at(0) };
    for _ in 0..10 {
        decide(&on, &layered, at(0), &[Charge { overshoot: 0, ..plain(1) }]);
        decide(&on, &layered, at(0), &[Charge { mode: Mode::Shadow, ..plain(2) }]);
        decide(&on, &layered, at(0), &[Charge { mode: Mode::Soft, ..plain(3) }]);
        decide(&on, &layered, at(0), &[Charge { hold: Some(MINUTE), ..plain(4) }]);
        decide(&on, &layered, at(0), &[charge(5, &flight, 1_000)]);
        decide(&on, &layered, at(0), &[plain(6), Charge { overshoot: 0, ..plain(7) }]);
        decide(&on, &layered, named, &[plain(8)]);
        decide(&on, &layered, at(0), &[plain(9), plain(9)]);
    }
    assert_eq!(line.calls().0, 80);
    assert!((1..10).all(|number| layered.leased(plain(number).counter) == 0));
}

#[test]
fn several_limits_are_decided_here_or_in_one_call() {
    let (on, line) = (runtime(), Faulty::new(&memory()));
    let layered = Layered::untended(line.clone(), options(1));
    let (wide, narrow) = (charge(1, &WINDOW, 10_000), charge(2, &LOG, 300));
    let taken = (0..500).filter(|number| decide(&on, &layered, at(*number), &[wide, narrow]).taken).count();
    assert_eq!(taken, 300);
    assert!(line.calls().0 < 200, "{:?}", line.calls());
    // A refused decision took nothing of the other limit.
    assert_eq!(on.block_on(layered.used(at(500), wide.counter, &WINDOW)).unwrap(), Some(300));
}

#[test]
fn what_was_refused_is_refused_here_until_something_changes() {
    let (on, line) = (runtime(), Faulty::new(&memory()));
    let layered = Layered::untended(line.clone(), options(1));
    let two = Charge { cost: 2, ..charge(1, &WINDOW, 5) };
    assert!(decide(&on, &layered, at(0), &[two]).taken);
    assert!(decide(&on, &layered, at(0), &[two]).taken);
    for number in 0..20 {
        let refused = decide(&on, &layered, at(number), &[two]);
        assert!(!refused.taken);
        assert_eq!(refused.verdicts[0].judged, Err(Refusal::Wait(Nanos(MINUTE.0 - number))));
        assert_eq!(refused.verdicts[0].status.remaining, 1);
    }
    assert_eq!(line.calls().0, 3);
    // Less may fit, and so may all of it under another ceiling.
    let raised = Terms { ceiling: 7, burst: 7, starting: None };
    assert!(decide(&on, &layered, at(20), &[Charge { terms: raised, ..two }]).taken);
    assert!(decide(&on, &layered, at(20), &[Charge { cost: 1, terms: raised, ..two }]).taken);
    assert!(!decide(&on, &layered, at(20), &[two]).taken);
    let calls = line.calls().0;
    assert!(!decide(&on, &layered, at(21), &[two]).taken);
    assert_eq!(line.calls().0, calls);
    // A second later it is asked again.
    assert!(!decide(&on, &layered, at(1_000_000_020), &[two]).taken);
    assert_eq!(line.calls().0, calls + 1);
    on.block_on(layered.refund(at(1_000_000_021), &two)).unwrap();
    assert!(decide(&on, &layered, at(1_000_000_022), &[Charge { terms: raised, ..two }]).taken);
    on.block_on(layered.reset(at(1_000_000_023), two.counter)).unwrap();
    assert!(decide(&on, &layered, at(1_000_000_024), &[two]).taken);
}

#[test]
fn a_cut_line_leaves_what_is_leased_and_no_answer_of_it_is_taken_for_a_lease() {
    let (on, memory) = (runtime(), memory());
    let line = Faulty::new(&memory);
    let guarded = Guarded::new(line.clone(), GuardOptions::default());
    let layered = Layered::untended(Arc::new(guarded), options(1));
    let charge = charge(1, &WINDOW, 1_000);
    (0..10).for_each(|number| drop(decide(&on, &layered, at(number), &[charge])));
    let leased = layered.leased(charge.counter);
    assert!(leased > 0);
    line.becomes(Line::Down);
    let mut degraded = 0;
    for number in 0..leased + 20 {
        let charged = decide(&on, &layered, at(10 + number), &[charge]);
        degraded += i64::from(charged.degraded);
    }
    assert_eq!((degraded, layered.leased(charge.counter)), (20, 0));
}

#[test]
fn threads_on_one_key_take_each_unit_once() {
    let memory = memory();
    let layered = Arc::new(Layered::untended(memory.clone(), options(1)));
    let algorithm = WINDOW;
    let one = charge(1, &algorithm, 50_000);
    let taken: usize = thread::scope(|scope| {
        let running: Vec<_> = (0..4)
            .map(|_| {
                let layered = &layered;
                scope.spawn(move || {
                    (0..15_000)
                        .filter(|number| {
                            let charged = layered.charge_at_once(at(*number), &[one]);
                            charged.unwrap().taken
                        })
                        .count()
                })
            })
            .collect();
        running.into_iter().map(|thread| thread.join().unwrap()).sum()
    });
    // What was leased while another thread was refused is given back.
    let on = runtime();
    on.block_on(layered.tend(START.after(Nanos(2_000_000_000))));
    let later = (0..20_000).filter(|_| decide(&on, &*layered, at(2_000_000_000), &[one]).taken).count();
    assert_eq!(taken + later, 50_000);
}

#[test]
fn a_layer_that_is_closed_gives_everything_back() {
    let (on, memory) = (runtime(), memory());
    let charge = charge(1, &LOG, 1_000);
    on.block_on(async {
        let layered = Layered::new(memory.clone(), options(1));
        for number in 0..50 {
            layered.charge(at(number), &[charge]).await.unwrap();
        }
        assert!(layered.leased(charge.counter) > 0);
        layered.close().await.unwrap();
    });
    let used =
        limitrate_runtime::store::LocalStore::used(&*memory, START.after(Nanos(50)), charge.counter, &LOG);
    assert_eq!(used, Some(50));
}

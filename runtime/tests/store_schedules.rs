//! The memory store under a scheduler that tries out orders of the threads' steps: whatever the order, every cost is
//! counted once, and several together or not at all.
//!
//! Every step on an atomic or a lock is one after which another thread may go on. Pages are of eight slots here, so that
//! a few keys split them. A failure prints its schedule, with which `shuttle::replay` repeats it. `SCHEDULES` says how
//! many of either kind to try for each case.
#![cfg(shuttle)]
#![expect(clippy::indexing_slicing, clippy::unwrap_used, reason = "helpers of tests fail by panicking")]

use std::num::NonZeroUsize;

use limitrate_core::{
    algorithm::{Algorithm, Terms},
    charge::Charge,
    key::CounterKey,
    time::{Nanos, Timestamp},
    window::Window,
};
use limitrate_runtime::store::{
    LocalStore, MemoryOptions, MemoryStore, Settled, Settlement, Settlements, Ticket, Verdicts,
};
use shuttle::{
    Config, Runner,
    scheduler::{PctScheduler, RandomScheduler},
    sync::Arc,
    thread,
};

const NOW: Timestamp = Timestamp(1_800_000_000_000_000_000);
const HOUR: Nanos = Nanos::from_secs(3_600);
const BUCKET: Algorithm = Algorithm::Bucket(HOUR);
const FIXED: Algorithm = Algorithm::FixedWindow(Window::Rolling(HOUR));
const SLIDING: Algorithm = Algorithm::SlidingWindow(HOUR);
const SLOTTED: [&Algorithm; 3] = [&BUCKET, &FIXED, &SLIDING];

const SEED: u64 = 0x5EED;
const SCHEDULES: usize = 400;
/// At how many steps the order of a schedule by priorities changes.
const CHANGES: usize = 4;
const STACK: usize = 256 * 1024;
/// More than any schedule here has, but for one in which threads wait for each other.
const STEPS: usize = 200_000;

/// Tries out orders: at random, and by priorities that change a few times.
fn explore(run: impl Fn() + Clone + Send + Sync + 'static) {
    let schedules = std::env::var("SCHEDULES").map_or(SCHEDULES, |number| number.parse().unwrap());
    let mut config = Config::new();
    config.stack_size = STACK;
    config.max_steps = shuttle::MaxSteps::FailAfter(STEPS);
    config.silence_warnings = true;
    let random = RandomScheduler::new_from_seed(SEED, schedules);
    Runner::new(random, config.clone()).run(run.clone());
    let priorities = PctScheduler::new_from_seed(SEED, CHANGES, schedules);
    Runner::new(priorities, config).run(run);
}

fn explore_each(run: impl Fn(&'static Algorithm) + Copy + Send + Sync + 'static) {
    for algorithm in SLOTTED {
        explore(move || run(algorithm));
    }
}

/// One shard that begins with a page.
fn store() -> Arc<MemoryStore> {
    let shards = NonZeroUsize::new(1);
    Arc::new(MemoryStore::new(MemoryOptions { max_bytes: 1024 * 1024, max_keys: 40, shards }))
}

fn key(number: u64) -> CounterKey {
    CounterKey::of_limit(&number.to_le_bytes(), SEED)
}

/// A charge of one under a ceiling that no bucket gives back any of at one instant.
fn charge(number: u64, algorithm: &Algorithm, ceiling: i64) -> Charge<'_> {
    let terms = Terms { ceiling, burst: ceiling, starting: None };
    Charge::new(key(number), key(u64::MAX), algorithm, terms, 1)
}

fn take_at(store: &MemoryStore, now: Timestamp, charges: &[Charge<'_>]) -> (bool, Verdicts) {
    let mut verdicts = Verdicts::new();
    let fits = store.charge(now, charges, Ticket(1), &mut verdicts);
    (fits, verdicts)
}

fn take(store: &MemoryStore, charges: &[Charge<'_>]) -> bool {
    take_at(store, NOW, charges).0
}

/// How many of so many times charges are taken.
fn count(store: &MemoryStore, times: usize, charges: &[Charge<'_>]) -> i64 {
    (0..times).map(|_| i64::from(take(store, charges))).sum()
}

/// How much of a charge's ceiling is taken at an instant.
fn taken_at(store: &MemoryStore, now: Timestamp, charge: Charge<'_>) -> i64 {
    let look = Charge { cost: 0, ..charge };
    charge.terms.ceiling - take_at(store, now, &[look]).1[0].status.remaining
}

fn taken(store: &MemoryStore, charge: Charge<'_>) -> i64 {
    taken_at(store, NOW, charge)
}

fn spawn<T: Send + 'static>(
    store: &Arc<MemoryStore>,
    work: impl FnOnce(&MemoryStore) -> T + Send + 'static,
) -> thread::JoinHandle<T> {
    let store = Arc::clone(store);
    thread::spawn(move || work(&store))
}

#[test]
fn one_key_is_admitted_exactly_up_to_its_ceiling() {
    explore_each(|algorithm| {
        let store = store();
        assert!(take(&store, &[charge(0, algorithm, 5)]));
        let threads = [(); 3].map(|()| spawn(&store, |store| count(store, 2, &[charge(0, algorithm, 5)])));
        let admitted: i64 = threads.into_iter().map(|thread| thread.join().unwrap()).sum();
        assert_eq!((admitted, taken(&store, charge(0, algorithm, 5)), store.len()), (4, 5, 1));
    });
}

#[test]
fn a_key_that_two_threads_bring_is_one_key() {
    explore_each(|algorithm| {
        let store = store();
        let one = spawn(&store, |store| count(store, 2, &[charge(0, algorithm, 3)]));
        let two = spawn(&store, |store| count(store, 2, &[charge(0, algorithm, 3), charge(1, algorithm, 3)]));
        let (one, two) = (one.join().unwrap(), two.join().unwrap());
        assert_eq!((one + two, taken(&store, charge(0, algorithm, 3))), (3, 3));
        assert_eq!((taken(&store, charge(1, algorithm, 3)), store.len()), (two, 2));
    });
}

#[test]
fn several_are_taken_together_or_not_at_all() {
    for (first, second) in [(&BUCKET, &FIXED), (&FIXED, &BUCKET), (&BUCKET, &BUCKET)] {
        explore(move || {
            let store = store();
            let (one, two) = (charge(0, first, 3), charge(1, second, 4));
            assert!(take(&store, &[one, two]));
            let there = spawn(&store, move |store| count(store, 2, &[one, two]));
            let back = spawn(&store, move |store| count(store, 2, &[two, one]));
            let alone = spawn(&store, move |store| count(store, 2, &[two]));
            let both = there.join().unwrap() + back.join().unwrap();
            let alone = alone.join().unwrap();
            assert_eq!((taken(&store, one), taken(&store, two)), (1 + both, 1 + both + alone));
            assert!(both == 2 || both + alone == 3, "{both} and {alone} fit, and more would have");
        });
    }
}

#[test]
fn a_refusal_tells_of_one_instant_and_writes_nothing() {
    for (first, second) in [(&BUCKET, &FIXED), (&BUCKET, &BUCKET)] {
        explore(move || {
            let store = store();
            let (one, two, full) = (charge(0, first, 9), charge(1, second, 9), charge(2, second, 1));
            assert!(take(&store, &[one, two]) && take(&store, &[full]));
            let both = spawn(&store, move |store| count(store, 3, &[two, one]));
            let refused = spawn(&store, move |store| {
                for _ in 0..3 {
                    let (fits, verdicts) = take_at(store, NOW, &[one, full, two]);
                    let left = verdicts.iter().map(|verdict| verdict.status.remaining);
                    let left: Vec<i64> = left.collect();
                    assert!(!fits && left[0] == left[2] && left[1] == 0, "{left:?}");
                }
            });
            refused.join().unwrap();
            assert_eq!(both.join().unwrap(), 3);
            assert_eq!([one, full, two].map(|charge| taken(&store, charge)), [4, 1, 4]);
        });
    }
}

#[test]
fn keys_that_move_while_they_are_charged_lose_nothing() {
    explore_each(|algorithm| {
        let store = store();
        let any = move |number| charge(number, algorithm, 9);
        for number in 0..6 {
            assert!(take(&store, &[any(number)]));
        }
        let new = spawn(&store, move |store| (6..10).all(|number| take(store, &[any(number)])));
        let old = spawn(&store, move |store| (0..4).all(|number| take(store, &[any(number)])));
        let several = spawn(&store, move |store| (0..3).all(|n| take(store, &[any(n), any(n + 1)])));
        assert!(new.join().unwrap() && old.join().unwrap() && several.join().unwrap());
        let taken: Vec<i64> = (0..10).map(|number| taken(&store, any(number))).collect();
        assert_eq!((taken, store.len()), (vec![3, 4, 4, 3, 1, 1, 1, 1, 1, 1], 10));
    });
}

#[test]
fn a_sweep_drops_nothing_that_is_charged_meanwhile() {
    explore_each(|algorithm| {
        let store = store();
        let any = move |number| charge(number, algorithm, 9);
        for number in 0..3 {
            assert!(take(&store, &[any(number)]));
        }
        // What is there is idle by then. Two new keys look at every slot, each of them once.
        let later = NOW.after(Nanos(3 * HOUR.0));
        let all = move |numbers: [u64; 3], store: &MemoryStore| {
            numbers.into_iter().all(|number| take_at(store, later, &[any(number)]).0)
        };
        let new = spawn(&store, move |store| all([3, 4, 5], store));
        let old = spawn(&store, move |store| all([0, 1, 2], store));
        let several = spawn(&store, move |store| take_at(store, later, &[any(2), any(0)]).0);
        assert!(new.join().unwrap() && old.join().unwrap() && several.join().unwrap());
        let taken: Vec<i64> = (0..6).map(|number| taken_at(&store, later, any(number))).collect();
        assert_eq!((taken, store.len()), (vec![2, 1, 2, 1, 1, 1], 6));
    });
}

#[test]
fn what_is_settled_or_set_while_others_charge_is_counted_once() {
    explore_each(|algorithm| {
        let store = store();
        let plain = charge(0, algorithm, 20);
        assert!(take(&store, &[plain]));
        let reserved = spawn(&store, move |store| {
            assert!(take(store, &[Charge { cost: 5, hold: Some(HOUR), ..plain }]));
            let Charge { counter, limit, algorithm, .. } = plain;
            let mut settled = Settlements::new();
            let settlement = Settlement { counter, limit, algorithm, ticket: Ticket(1), actual: 2 };
            store.settle(NOW, &[settlement], &mut settled);
            assert_eq!(settled[0], Settled::Replaced { reserved: 5 });
        });
        let charged = spawn(&store, move |store| count(store, 2, &[plain]));
        let several = spawn(&store, move |store| count(store, 2, &[charge(1, &FIXED, 20), plain]));
        reserved.join().unwrap();
        assert_eq!((charged.join().unwrap(), several.join().unwrap()), (2, 2));
        assert_eq!((taken(&store, plain), taken(&store, charge(1, &FIXED, 20))), (7, 2));
    });
    explore(|| {
        let store = store();
        let plain = charge(0, &FIXED, 20);
        assert!(take(&store, &[plain]));
        let set = spawn(&store, move |store| store.set_used(NOW, plain.counter, &FIXED, 10));
        let after = spawn(&store, move |store| {
            let charges = (0..3).map(|_| take_at(store, NOW, &[plain]).1[0].status.remaining);
            charges.filter(|left| *left < 10).count()
        });
        assert!(set.join().unwrap());
        let after = i64::try_from(after.join().unwrap()).unwrap();
        assert_eq!(taken(&store, plain), 10 + after);
    });
}

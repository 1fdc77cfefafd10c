//! Two threads and one counter in a few steps: so few that Miri runs them in many orders, with a memory that is as late
//! as the hardware's may be.

use std::{num::NonZeroUsize, thread};

use limitrate_core::{
    algorithm::{Algorithm, Terms},
    charge::Charge,
    key::CounterKey,
    time::{Nanos, Timestamp},
    window::Window,
};
use limitrate_runtime::store::{LocalStore, MemoryOptions, MemoryStore, Ticket, Verdicts};

const NOW: Timestamp = Timestamp(1_800_000_000_000_000_000);
const MINUTE: Nanos = Nanos::from_secs(60);

/// Kept in one word, and in several.
const ALGORITHMS: [Algorithm; 2] =
    [Algorithm::Bucket(MINUTE), Algorithm::FixedWindow(Window::Rolling(MINUTE))];

/// So small that Miri makes it at once.
fn store() -> MemoryStore {
    MemoryStore::new(MemoryOptions { max_bytes: 64 * 1024, max_keys: 1_000, shards: NonZeroUsize::new(1) })
}

/// A charge of one on a key that may take so many.
fn charge(algorithm: &Algorithm, number: u64, ceiling: i64) -> Charge<'_> {
    let counter = CounterKey::of_limit(&number.to_le_bytes(), 7);
    Charge::new(counter, counter, algorithm, Terms { ceiling, burst: ceiling, starting: None }, 1)
}

/// How many of the two threads' decisions were admitted; each makes its own, one after the other.
fn admitted(store: &MemoryStore, decisions: [&[&[Charge<'_>]]; 2]) -> usize {
    let decide = |decisions: &[&[Charge<'_>]]| {
        let mut verdicts = Verdicts::new();
        let admits = |charges: &&&[Charge<'_>]| store.charge(NOW, charges, Ticket(1), &mut verdicts);
        decisions.iter().filter(admits).count()
    };
    let [mine, others] = decisions;
    thread::scope(|scope| {
        let other = scope.spawn(|| decide(others));
        decide(mine) + other.join().unwrap_or_default()
    })
}

#[test]
fn two_threads_are_admitted_exactly_to_the_ceiling() {
    for algorithm in &ALGORITHMS {
        let store = store();
        let one = [charge(algorithm, 1, 3)];
        let decisions: &[&[_]] = &[&one, &one, &one];
        assert_eq!(admitted(&store, [decisions; 2]), 3);
    }
}

#[test]
fn two_counters_in_either_order_are_charged_both_or_neither() {
    for algorithm in &ALGORITHMS {
        let store = store();
        let (ample, tight) = (charge(algorithm, 1, 9), charge(algorithm, 2, 2));
        let (there, back) = ([ample, tight], [tight, ample]);
        assert_eq!(admitted(&store, [&[&there, &there], &[&back, &back]]), 2);
        // What the tighter counter refused did not stay on the other one.
        let ample = [charge(algorithm, 1, 9)];
        let rest: &[&[_]] = &[&ample, &ample, &ample, &ample, &ample];
        assert_eq!(admitted(&store, [rest; 2]), 7);
    }
}

#[test]
fn a_key_is_charged_exactly_while_others_make_its_page_split() {
    let store = store();
    let algorithm = &ALGORITHMS[0];
    let fresh: Vec<_> = (10..70).map(|number| [charge(algorithm, number, 1)]).collect();
    let fresh: Vec<&[_]> = fresh.iter().map(|charges| charges.as_slice()).collect();
    let one = [charge(algorithm, 1, 4)];
    assert_eq!(admitted(&store, [&fresh, &[&one, &one, &one, &one, &one, &one]]), 60 + 4);
    assert_eq!(store.len(), 61);
}

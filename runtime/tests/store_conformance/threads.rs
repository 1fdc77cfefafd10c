//! Many threads on one store: what is admitted is exact, and whatever order the keys come in, nobody waits for ever.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    thread,
};

use limitrate_core::charge::Charge;
use limitrate_runtime::store::{Lease, LocalStore, Ticket, Verdicts};

use super::{ALL, FIXED, IN_FLIGHT, NOW, charge, key};

const THREADS: u64 = 8;
const DECISIONS: u64 = 20_000;

/// Runs a function on every thread and adds up what they return.
fn sum_over_threads(run: impl Fn(u64) -> u64 + Sync) -> u64 {
    thread::scope(|scope| {
        let run = &run;
        let running: Vec<_> = (0..THREADS).map(|thread| scope.spawn(move || run(thread))).collect();
        running.into_iter().map(|thread| thread.join().unwrap()).sum()
    })
}

pub(crate) fn threads_on_one_key_are_admitted_exactly_to_the_ceiling(store: &dyn LocalStore) {
    for (number, algorithm) in (0..).zip(ALL) {
        let one = charge(number, algorithm, 10_007);
        let admitted = sum_over_threads(|thread| {
            let mut verdicts = Verdicts::new();
            let tickets = (0..DECISIONS).map(|decision| Ticket(thread * DECISIONS + decision));
            tickets.filter(|ticket| store.charge(NOW, &[one], *ticket, &mut verdicts)).count() as u64
        });
        assert_eq!(admitted, 10_007, "{algorithm:?}");
    }
}

/// The same on every run and machine.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % bound
    }
}

pub(crate) fn threads_over_several_keys_in_any_order_are_admitted_exactly(store: &dyn LocalStore) {
    const KEYS: u64 = 12;
    const DECISIONS: u64 = super::threads::DECISIONS / 4;
    let ceiling = |number: u64| 1_500 + 300 * number as i64;
    for (round, algorithm) in (0..).zip(ALL) {
        let taken: Vec<_> = (0..KEYS).map(|_| AtomicU64::new(0)).collect();
        let of_number = |number: u64| charge(round * KEYS + number, algorithm, ceiling(number));
        sum_over_threads(|thread| {
            let mut random = Random(0x9E37_79B9 + thread);
            let mut verdicts = Verdicts::new();
            for decision in 0..DECISIONS {
                let numbers: Vec<_> = (0..=random.below(4)).map(|_| random.below(KEYS)).collect();
                let charges: Vec<_> = numbers.iter().map(|number| of_number(*number)).collect();
                if store.charge(NOW, &charges, Ticket(thread * DECISIONS + decision), &mut verdicts) {
                    for number in numbers {
                        taken[usize::try_from(number).unwrap()].fetch_add(1, Ordering::Relaxed);
                    }
                }
            }
            0
        });
        for (number, taken) in (0..).zip(&taken) {
            let (ceiling, taken) = (ceiling(number), taken.load(Ordering::Relaxed) as i64);
            let left = Charge { cost: 0, ..of_number(number) };
            let mut verdicts = Verdicts::new();
            store.charge(NOW, &[left], Ticket(0), &mut verdicts);
            assert_eq!(verdicts[0].status.remaining, ceiling - taken, "{algorithm:?}");
            if let Some(used) = store.used(NOW, left.counter, algorithm) {
                assert_eq!(used, taken);
            }
        }
    }
}

pub(crate) fn leases_taken_by_many_threads_end_exactly_once(store: &dyn LocalStore) {
    let ended = sum_over_threads(|thread| {
        let mut ended = 0;
        let mut verdicts = Verdicts::new();
        for decision in 0..DECISIONS {
            let charges =
                [charge(thread % 2, &IN_FLIGHT, 3), charge(2, &IN_FLIGHT, 5), charge(3, &FIXED, 50_000)];
            let ticket = Ticket(thread * DECISIONS + decision);
            if !store.charge(NOW, &charges, ticket, &mut verdicts) {
                continue;
            }
            for held in &charges[..2] {
                let lease = Lease { counter: held.counter, limit: held.limit, ticket };
                // Two threads could not both end it, nor can one twice.
                ended += u64::from(store.release(NOW, lease)) + u64::from(store.release(NOW, lease));
            }
        }
        ended
    });
    let taken = store.used(NOW, key(3), &FIXED).unwrap();
    assert!(taken > 0);
    assert_eq!(ended, 2 * taken.cast_unsigned());
    for number in 0..3 {
        assert_eq!(store.used(NOW, key(number), &IN_FLIGHT), Some(0));
    }
}

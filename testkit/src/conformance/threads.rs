//! Many threads on one store: what is admitted is exact, and whatever order the keys come in, nobody waits for ever.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    thread,
};

use limitrate_core::charge::Charge;
use limitrate_runtime::store::{Lease, LocalStore, Settled, Settlement, Settlements, Ticket, Verdicts};

use super::{ALL, FIXED, IN_FLIGHT, MINUTE, NOW, Trial};

pub(super) const THREADS: u64 = 16;

/// Runs a function on every thread and adds up what they return.
pub(super) fn sum_over_threads(run: impl Fn(u64) -> u64 + Sync) -> u64 {
    thread::scope(|scope| {
        let run = &run;
        let running: Vec<_> = (0..THREADS).map(|thread| scope.spawn(move || run(thread))).collect();
        running.into_iter().map(|thread| thread.join().unwrap()).sum()
    })
}

pub fn threads_on_one_key_are_admitted_exactly_to_the_ceiling(store: &dyn LocalStore, trial: Trial) {
    let decisions = trial.decisions();
    let ceiling = decisions / 2 + 7;
    for (number, algorithm) in (0..).zip(ALL) {
        let one = trial.charge(number, algorithm, ceiling.cast_signed());
        let admitted = sum_over_threads(|thread| {
            let mut verdicts = Verdicts::new();
            let tickets = (0..decisions).map(|decision| Ticket(thread * decisions + decision));
            tickets.map(|ticket| u64::from(store.charge(NOW, &[one], ticket, &mut verdicts))).sum()
        });
        assert_eq!(admitted, ceiling, "{algorithm:?}");
    }
}

/// The same on every run and machine.
pub(super) struct Random(pub(super) u64);

impl Random {
    pub(super) fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % bound
    }
}

pub fn threads_over_several_keys_in_any_order_are_admitted_exactly(store: &dyn LocalStore, trial: Trial) {
    const KEYS: u64 = 12;
    let decisions = trial.decisions() / 4;
    // Some are filled, others are not.
    let ceiling = |number: u64| (decisions * (15 + 3 * number) / 50).cast_signed();
    for (round, algorithm) in (0..).zip(ALL) {
        let taken: Vec<_> = (0..KEYS).map(|_| AtomicU64::new(0)).collect();
        let of_number = |number: u64| trial.charge(round * KEYS + number, algorithm, ceiling(number));
        sum_over_threads(|thread| {
            let mut random = Random(0x9E37_79B9 + thread);
            let mut verdicts = Verdicts::new();
            for decision in 0..decisions {
                let numbers: Vec<_> = (0..=random.below(4)).map(|_| random.below(KEYS)).collect();
                let charges: Vec<_> = numbers.iter().map(|number| of_number(*number)).collect();
                if store.charge(NOW, &charges, Ticket(thread * decisions + decision), &mut verdicts) {
                    for number in numbers {
                        taken[usize::try_from(number).unwrap()].fetch_add(1, Ordering::Relaxed);
                    }
                }
            }
            0
        });
        for (number, taken) in (0..).zip(&taken) {
            let (ceiling, taken) = (ceiling(number), taken.load(Ordering::Relaxed).cast_signed());
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

pub fn leases_taken_by_many_threads_end_exactly_once(store: &dyn LocalStore, trial: Trial) {
    let decisions = trial.decisions();
    let ended = sum_over_threads(|thread| {
        let mut ended = 0;
        let mut verdicts = Verdicts::new();
        for decision in 0..decisions {
            let charges = [
                trial.charge(thread % 2, &IN_FLIGHT, 3),
                trial.charge(2, &IN_FLIGHT, 5),
                trial.charge(3, &FIXED, i64::MAX),
            ];
            let ticket = Ticket(thread * decisions + decision);
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
    let taken = store.used(NOW, trial.key(3), &FIXED).unwrap();
    assert!(taken > 0);
    assert_eq!(ended, 2 * taken.cast_unsigned());
    for number in 0..3 {
        assert_eq!(store.used(NOW, trial.key(number), &IN_FLIGHT), Some(0));
    }
}

pub fn reservations_are_settled_exactly_once_whoever_asks(store: &dyn LocalStore, trial: Trial) {
    // Each takes the room of a key.
    let decisions = trial.decisions().min(500);
    let reserved = trial.charge(1, &FIXED, i64::MAX);
    let reserved = Charge { hold: Some(MINUTE), cost: 3, ..reserved };
    for ticket in 0..decisions {
        assert!(store.charge(NOW, &[reserved], Ticket(ticket), &mut Verdicts::new()));
    }
    let Charge { counter, limit, algorithm, .. } = reserved;
    // Every thread settles every reservation, each in another order.
    let replaced = sum_over_threads(|thread| {
        let mut settled = Settlements::new();
        let settle = |turn: u64| {
            let ticket = Ticket((turn + thread * decisions / THREADS) % decisions);
            store.settle(NOW, &[Settlement { counter, limit, algorithm, ticket, actual: 1 }], &mut settled);
            u64::from(settled.as_slice() == [Settled::Replaced { reserved: 3 }])
        };
        (0..decisions).map(settle).sum()
    });
    assert_eq!(replaced, decisions);
    assert_eq!(store.used(NOW, counter, &FIXED), Some(decisions.cast_signed()));
}

//! Callers' clocks that are set back by far more than what is idle is kept for.

use limitrate_core::{
    algorithm::Algorithm,
    charge::Charge,
    time::{Nanos, Timestamp},
    window::Window,
};
use limitrate_runtime::store::{Lease, LocalStore, Ticket, Verdicts};

use super::{MINUTE, NOW, Trial};
use crate::ModelStore;

const HOUR: Nanos = Nanos::from_secs(3_600);
const CEILING: i64 = 20;

/// Nothing of these is idle within the hour.
static ALGORITHMS: [Algorithm; 6] = [
    Algorithm::FixedWindow(Window::Rolling(HOUR)),
    Algorithm::FixedWindow(Window::Aligned(HOUR)),
    Algorithm::SlidingLog(HOUR),
    Algorithm::SlidingWindow(HOUR),
    Algorithm::Bucket(HOUR),
    Algorithm::InFlight(HOUR),
];

fn after(minutes: i64) -> Timestamp {
    NOW.after(Nanos(minutes * MINUTE.0))
}

pub fn a_clock_that_steps_back_forgets_nothing_and_grants_nothing(store: &dyn LocalStore, trial: Trial) {
    let model = ModelStore::default();
    for (number, algorithm) in (0..).zip(&ALGORITHMS) {
        let charge = Charge { cost: 2, ..trial.charge(number, algorithm, CEILING) };
        let mut taken = 0;
        let mut ticket = number * 1_000;
        // Ten minutes back, there for a while, and on again.
        for minutes in [0, 0, -10, -10, -9, -9, 0, -10, 1, 1, -9, 2] {
            let now = after(minutes);
            for _ in 0..3 {
                ticket += 1;
                let decide = |store: &dyn LocalStore| {
                    let mut verdicts = Verdicts::new();
                    (store.charge(now, &[charge], Ticket(ticket), &mut verdicts), verdicts)
                };
                let decided = decide(store);
                assert_eq!(decided, decide(&model), "{algorithm:?} at {minutes} min");
                taken += 2 * i64::from(decided.0);
            }
            let used = |store: &dyn LocalStore| store.used(now, charge.counter, algorithm);
            assert_eq!(used(store), used(&model), "{algorithm:?} at {minutes} min");
        }
        // In twelve minutes a bucket gains a fifth, and nothing else gains anything.
        let most = if matches!(algorithm, Algorithm::Bucket(_)) { CEILING + CEILING / 5 } else { CEILING };
        assert!((CEILING..=most).contains(&taken), "{algorithm:?}: {taken}");
        if matches!(algorithm, Algorithm::InFlight(_)) {
            let lease =
                Lease { counter: charge.counter, limit: charge.limit, ticket: Ticket(number * 1_000 + 1) };
            assert!(store.release(after(-10), lease));
            assert_eq!(store.used(after(-10), charge.counter, algorithm), Some(CEILING - 2));
        }
    }
}

//! Snapshots: what one store tells, another goes on with.

use limitrate_core::{
    algorithm::Refusal,
    charge::{Block, Charge},
    time::{Nanos, Timestamp},
};
use limitrate_runtime::store::{
    Kept, Lease, LocalStore, MemoryOptions, MemoryStore, Settled, Settlement, Settlements, Ticket, Verdicts,
};

use super::{ALL, FIXED, IN_FLIGHT, LOG, MINUTE, NOW, Trial, decide, remaining};

const BLOCK: Block = Block { first: MINUTE, up_to: MINUTE, forget: MINUTE };

/// What stands beside counters, with the counters of these numbers.
const HELD: u64 = 10;
const BLOCKED: u64 = 11;
const WARNED: u64 = 12;

fn memory() -> MemoryStore {
    MemoryStore::new(MemoryOptions::default())
}

fn held(trial: Trial) -> Charge<'static> {
    Charge { hold: Some(MINUTE), cost: 4, ..trial.charge(HELD, &LOG, 10) }
}

fn blocked(trial: Trial) -> Charge<'static> {
    Charge { block: Some(&BLOCK), ..trial.charge(BLOCKED, &FIXED, 1) }
}

fn warned(trial: Trial) -> Charge<'static> {
    Charge { warn: &[500_000], cost: 6, ..trial.charge(WARNED, &FIXED, 20) }
}

/// Uses something of every counter.
fn use_some(store: &dyn LocalStore, trial: Trial) {
    for (number, algorithm) in (0..).zip(ALL) {
        assert!(decide(store, &[Charge { cost: 3, ..trial.charge(number, algorithm, 10) }]).0);
    }
    assert!(decide(store, &[held(trial)]).0);
    assert!(decide(store, &[blocked(trial)]).0 && !decide(store, &[blocked(trial)]).0);
    for expected in [None, Some(500_000)] {
        assert_eq!(decide(store, &[warned(trial)]).1[0].warned, expected);
    }
}

/// Everything that was used is known, and what stands beside the counters as well.
fn goes_on(store: &dyn LocalStore, trial: Trial) {
    for (number, algorithm) in (0..).zip(ALL) {
        let one = trial.charge(number, algorithm, 10);
        assert_eq!(remaining(store, one), 7, "{algorithm:?}");
        assert!(!decide(store, &[Charge { cost: 8, ..one }]).0);
    }
    let [counter, limit] = [4, !4].map(|number| trial.key(number));
    assert!(store.release(NOW, Lease { counter, limit, ticket: Ticket(0) }));
    assert_eq!(store.used(NOW, counter, &IN_FLIGHT), Some(0));
    let Charge { counter, limit, algorithm, .. } = held(trial);
    let settlement = Settlement { counter, limit, algorithm, ticket: Ticket(0), actual: 1 };
    let mut settled = Settlements::new();
    store.settle(NOW, &[settlement], &mut settled);
    assert_eq!(settled.as_slice(), [Settled::Replaced { reserved: 4 }]);
    assert_eq!(store.used(NOW, counter, &LOG), Some(1));
    let later = NOW.after(Nanos(1));
    let mut verdicts = Verdicts::new();
    assert!(!store.charge(later, &[blocked(trial)], Ticket(1), &mut verdicts));
    assert!(verdicts[0].blocked);
    assert_eq!(verdicts[0].judged, Err(Refusal::Wait(Nanos(MINUTE.0 - 1))));
    assert!(store.charge(later, &[warned(trial)], Ticket(2), &mut verdicts));
    assert_eq!((verdicts[0].warned, verdicts[0].status.remaining), (None, 2));
}

fn told(store: &dyn LocalStore, trial: Trial, now: Timestamp) -> Vec<Kept> {
    let mut told = Vec::new();
    store.snapshot(now, &mut |kept| told.push(kept));
    told.retain(|kept| trial.may_have(kept.key));
    told
}

pub fn what_a_snapshot_tells_goes_on_in_memory(store: &dyn LocalStore, trial: Trial) {
    use_some(store, trial);
    let told = told(store, trial, NOW);
    let (memory, count) = (memory(), told.len());
    assert!(count >= ALL.len() + 3 + 3);
    assert_eq!(memory.restore(NOW, told), count);
    goes_on(&memory, trial);
}

pub fn what_memory_tells_goes_on_here(store: &dyn LocalStore, trial: Trial) {
    let memory = memory();
    use_some(&memory, trial);
    let told = told(&memory, trial, NOW);
    let count = told.len();
    assert_eq!(store.restore(NOW, told), count);
    goes_on(store, trial);
}

pub fn what_is_kept_gives_way_to_no_snapshot(store: &dyn LocalStore, trial: Trial) {
    let memory = memory();
    for (number, algorithm) in (0..).zip(ALL) {
        let one = trial.charge(number, algorithm, 10);
        assert!(decide(&memory, &[Charge { cost: 9, ..one }]).0);
        assert!(decide(store, &[one]).0);
    }
    assert_eq!(store.restore(NOW, told(&memory, trial, NOW)), 0);
    for (number, algorithm) in (0..).zip(ALL) {
        assert_eq!(remaining(store, trial.charge(number, algorithm, 10)), 9);
    }
}

pub fn what_is_idle_is_neither_told_nor_restored(store: &dyn LocalStore, trial: Trial) {
    let memory = memory();
    use_some(&memory, trial);
    let (early, late) = (told(&memory, trial, NOW), NOW.after(Nanos(MINUTE.0 * 3)));
    assert_eq!(store.restore(late, early), 0);
    use_some(store, trial);
    let late = told(store, trial, late);
    let own: Vec<_> = (0..=WARNED).map(|number| trial.key(number)).collect();
    assert!(late.iter().all(|kept| !own.contains(&kept.key)), "{late:?}");
}

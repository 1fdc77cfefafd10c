//! A guarded store.

use limitrate_core::charge::Charge;
use limitrate_runtime::store::{Call, Lease, LocalStore, Settlement, Store, Ticket};
use limitrate_testkit::conformance::{
    FIXED, IN_FLIGHT, LOG, MINUTE, NOW, Trial,
    kinds::{EveryKind, STEPS, Step},
};

use crate::{Fate, memory, pass, paused, until_well};

/// Makes a step until the store made it, or somebody promised to.
pub(crate) async fn insist(kinds: &EveryKind, step: Step, store: &dyn Store) {
    for _ in 0..20 {
        match kinds.make(step, store).await {
            Ok(true) => return,
            Ok(false) => {}
            // Kept, to be made later.
            Err(_) if matches!(step, Step::Settle | Step::Release) => return,
            Err(error) if error.may_have_applied() && !step.is_repeatable() => return,
            Err(_) => {}
        }
        pass().await;
    }
    panic!("{step:?} is never made");
}

#[test]
fn whichever_calls_fail_all_is_as_if_none_had() {
    paused(async {
        let trial = Trial::alone();
        let expected = EveryKind::of(trial).await.unwrap().pictures().await.unwrap().pop().unwrap();
        for fate in Fate::all(12) {
            let memory = memory();
            let (kinds, guarded) = (EveryKind::of(trial).await.unwrap(), fate.guarded(&fate.store(&memory)));
            for step in STEPS {
                insist(&kinds, step, &guarded).await;
            }
            until_well(&guarded, NOW, kinds.bystander()).await;
            assert_eq!(kinds.picture(&*memory).await.unwrap(), expected, "{fate:?}");
        }
    });
}

/// Who has no name for a call does not make it again: it counted as a whole, or not at all, and its lease is given back.
#[test]
fn a_decision_that_nobody_heard_of_is_whole_and_leaves_no_lease() {
    let trial = Trial::alone();
    let held = Charge { hold: Some(MINUTE), cost: 5, ..trial.charge(1, &FIXED, 100) };
    let slot = trial.charge(2, &IN_FLIGHT, 100);
    let plain = Charge { cost: 3, ..trial.charge(3, &LOG, 100) };
    paused(async {
        for fate in Fate::all(12) {
            let memory = memory();
            let guarded = fate.guarded(&fate.store(&memory));
            let mut told = 0;
            for number in 1..=3 {
                let call = Call::at(NOW, Ticket(number));
                let charged = guarded.charge(call, &[held, slot, plain]).await.unwrap();
                assert_eq!(charged.taken, !charged.degraded);
                if charged.taken {
                    told += 1;
                    let Charge { counter, limit, algorithm, .. } = held;
                    let settlement = Settlement { counter, limit, algorithm, ticket: call.ticket, actual: 2 };
                    let _ = guarded.settle(call, &[settlement]).await;
                    let lease = Lease { counter: slot.counter, limit: slot.limit, ticket: call.ticket };
                    let _ = guarded.release(call, &[lease]).await;
                }
                pass().await;
            }
            until_well(&guarded, NOW, trial.charge(7, &LOG, 1_000)).await;
            let used = |charge: Charge<'_>| {
                LocalStore::used(&*memory, NOW, charge.counter, charge.algorithm).unwrap()
            };
            let decided = used(plain) / 3;
            assert!((told..=3).contains(&decided), "{fate:?}: {told} told, {decided} counted");
            assert_eq!(used(plain), 3 * decided, "{fate:?}");
            assert_eq!(used(held), 2 * told + 5 * (decided - told), "{fate:?}");
            assert_eq!(used(slot), 0, "{fate:?}");
        }
    });
}

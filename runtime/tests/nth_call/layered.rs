//! Leases taken from a guarded store.

use std::{num::NonZeroU32, sync::Arc};

use limitrate_core::{charge::Charge, time::Nanos};
use limitrate_runtime::store::{Call, Layered, LayeredOptions, LocalStore, Store as _, Ticket};
use limitrate_testkit::conformance::{
    FIXED, NOW, Trial,
    kinds::{EveryKind, STEPS},
};

use crate::{Fate, guarded::insist, memory, paused, until_well};

fn options() -> LayeredOptions {
    LayeredOptions::of(NonZeroU32::MIN)
}

#[test]
fn whichever_calls_fail_all_is_as_if_none_had() {
    paused(async {
        let trial = Trial::alone();
        let expected = EveryKind::of(trial).await.unwrap().pictures().await.unwrap().pop().unwrap();
        for fate in Fate::all(12) {
            let memory = memory();
            let (kinds, guarded) = (EveryKind::of(trial).await.unwrap(), fate.guarded(&fate.store(&memory)));
            let layered = Layered::untended(Arc::new(guarded.clone()), options());
            for step in STEPS {
                insist(&kinds, step, &layered).await;
            }
            until_well(&guarded, NOW, kinds.bystander()).await;
            assert_eq!(kinds.picture(&*memory).await.unwrap(), expected, "{fate:?}");
        }
    });
}

/// One instance alone lets no more through than the ceiling; what its failed calls cost is at most a lease for each.
#[test]
fn whichever_calls_fail_no_more_is_let_through_and_little_is_lost() {
    const CEILING: i64 = 200;
    const LEASE: i64 = CEILING / 10;
    let one = Charge { overshoot: 100_000, ..Trial::alone().charge(1, &FIXED, CEILING) };
    paused(async {
        for fate in Fate::all(12) {
            let memory = memory();
            let guarded = fate.guarded(&fate.store(&memory));
            let layered = Layered::untended(Arc::new(guarded.clone()), options());
            let mut taken = 0;
            for number in 0..300 {
                // A quarter of a second in all, and a look after leases now and then.
                let call = Call::at(NOW.after(Nanos(number * 1_000_000)), Ticket(0));
                taken += i64::from(layered.charge(call, &[one]).await.unwrap().taken);
                if number % 50 == 0 {
                    layered.tend(call.now).await;
                }
                if fate.opens_after == 1 && number % 10 == 0 {
                    crate::pass().await;
                }
            }
            assert!(taken <= CEILING, "{fate:?}: {taken}");
            let mut later = NOW;
            for seconds in 2..8 {
                later = NOW.after(Nanos::from_secs(seconds));
                until_well(&guarded, later, Trial::alone().charge(7, &FIXED, 1_000)).await;
                layered.tend(later).await;
            }
            let used = LocalStore::used(&*memory, later, one.counter, &FIXED).unwrap();
            assert!(
                (taken..=taken + 2 * (LEASE + 1)).contains(&used),
                "{fate:?}: {taken} taken, {used} used"
            );
        }
    });
}

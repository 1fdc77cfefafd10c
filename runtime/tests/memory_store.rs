//! The memory store: the suite of every store, its bound, and what keys without room meet.

use std::{
    num::NonZeroUsize,
    sync::atomic::{AtomicI64, Ordering::Relaxed},
    thread,
};

use limitrate_core::{
    algorithm::{Algorithm, Refusal, Status, Terms},
    charge::{Charge, Counted, Fail},
    key::CounterKey,
    time::{Nanos, Timestamp},
};
use limitrate_runtime::store::{
    Lease, LocalStore, MemoryOptions, MemoryStore, Ticket, Verdicts, memory::NO_ROOM_RETRY,
};

use limitrate_testkit::conformance::{ALL, BUCKET, FIXED, IN_FLIGHT, MINUTE, NOW, decide};

fn store(max_keys: usize, shards: usize) -> MemoryStore {
    MemoryStore::new(MemoryOptions {
        max_keys,
        shards: NonZeroUsize::new(shards),
        ..MemoryOptions::default()
    })
}

mod in_one_shard {
    limitrate_testkit::conformance!((crate::store(1_000, 1), limitrate_testkit::conformance::Trial::alone()));
}

mod in_many_shards {
    limitrate_testkit::conformance!((
        crate::store(100_000, 64),
        limitrate_testkit::conformance::Trial::alone()
    ));
}

mod as_it_comes {
    use limitrate_runtime::store::{MemoryOptions, MemoryStore};

    limitrate_testkit::conformance!((
        MemoryStore::new(MemoryOptions::default()),
        limitrate_testkit::conformance::Trial::alone()
    ));
}

/// With the names of calls, which only those have who may have to wait.
mod waited_for {
    use limitrate_runtime::store::{MemoryOptions, MemoryStore};
    use limitrate_testkit::{Blocking, conformance::Trial};

    limitrate_testkit::conformance!(waited for {
        let store = Blocking::connect(async { Ok(MemoryStore::new(MemoryOptions::default())) }).unwrap();
        (store, Trial::alone().with_decisions(1_000))
    });
}

fn key(number: u64) -> CounterKey {
    CounterKey::of_limit(&number.to_le_bytes(), 0x5EED)
}

/// A charge of one on a counter of its own, with that ceiling and burst, which refuses when it cannot be counted.
fn charge(counter: u64, algorithm: &Algorithm, ceiling: i64) -> Charge<'_> {
    let terms = Terms { ceiling, burst: ceiling, starting: None };
    Charge::new(key(counter), key(!counter), algorithm, terms, 1)
}

/// A store of one key, which is taken until a minute after `NOW`.
fn full_store() -> MemoryStore {
    let store = store(1, 1);
    assert!(decide(&store, &[charge(0, &FIXED, 1)]).0);
    store
}

#[test]
fn a_million_rotating_keys_never_exceed_the_bound() {
    let store = store(10_000, 8);
    let mut verdicts = Verdicts::new();
    let mut counted = 0;
    for number in 0..1_000_000 {
        // A hundred thousand keys a minute, of which no more than the bound are ever counted at once.
        let now = NOW.after(Nanos(MINUTE.0 / 100_000 * number as i64));
        let one = Charge { fail: Fail::Open, ..charge(number, &FIXED, 5) };
        assert!(store.charge(now, &[one], Ticket(0), &mut verdicts));
        counted += u64::from(verdicts[0].counted == Counted::Own);
        if number % 1_000 == 0 {
            assert!(store.len() <= 10_000);
        }
    }
    // The store was filled about anew for each of ten minutes.
    assert!((80_000..=110_000).contains(&counted), "{counted}");
    assert!(store.len() <= 10_000);
}

#[test]
fn keys_are_bounded_over_all_shards_together() {
    let store = store(1_003, 16);
    for number in 0..100_000 {
        decide(&store, &[charge(number, &FIXED, 5)]);
    }
    assert_eq!(store.len(), 1_003);
}

#[test]
fn a_counter_that_counts_is_not_dropped_for_a_new_key() {
    let store = full_store();
    let first = charge(0, &FIXED, 1);
    for number in 1..1_000 {
        assert!(!decide(&store, &[charge(number, &FIXED, 1)]).0);
    }
    assert_eq!(store.used(NOW, first.counter, &FIXED), Some(1));
    assert!(!decide(&store, &[first]).0);
}

#[test]
fn a_key_without_room_passes_uncounted_when_its_limit_fails_open() {
    let store = full_store();
    let open = Charge { fail: Fail::Open, ..charge(1, &FIXED, 1) };
    for _ in 0..3 {
        let (fits, verdicts) = decide(&store, &[open]);
        assert!(fits);
        assert_eq!((verdicts[0].judged, verdicts[0].counted), (Ok(()), Counted::Nowhere));
        assert_eq!(verdicts[0].status.remaining, 1);
    }
    assert_eq!(store.used(NOW, open.counter, &FIXED), Some(0));
    // What could never fit is refused all the same.
    assert_eq!(decide(&store, &[Charge { cost: 2, ..open }]).1[0].judged, Err(Refusal::Never));
}

#[test]
fn a_key_without_room_is_refused_for_a_while_when_its_limit_fails_closed() {
    let store = full_store();
    let (fits, verdicts) = decide(&store, &[charge(1, &FIXED, 1)]);
    assert!(!fits);
    assert_eq!(verdicts[0].judged, Err(Refusal::Wait(NO_ROOM_RETRY)));
    assert_eq!(verdicts[0].status, Status { remaining: 0, reset_after: NO_ROOM_RETRY });
    assert_eq!(verdicts[0].counted, Counted::Nowhere);
    assert!(decide(&store, &[Charge { cost: 0, ..charge(1, &FIXED, 1) }]).0);
}

#[test]
fn keys_without_room_share_a_part_of_the_ceiling_when_their_limit_fails_local() {
    for algorithm in ALL {
        let store = full_store();
        let limit = key(u64::MAX);
        let of_key = |number| Charge { limit, fail: Fail::Local(250_000), ..charge(number, algorithm, 10) };
        let (fits, verdicts) = decide(&store, &[of_key(1)]);
        assert!(fits);
        assert_eq!((verdicts[0].counted, verdicts[0].status.remaining), (Counted::Shared, 1));
        // The second unit of ⌊10 · 25 %⌋ goes to another key, the third to nobody.
        assert!(decide(&store, &[of_key(2)]).0);
        let (fits, verdicts) = decide(&store, &[of_key(3)]);
        assert!(!fits);
        assert!(matches!(verdicts[0].judged, Err(Refusal::Wait(_))));
        assert_eq!(store.len(), 1);
        // Above the share, though not above the ceiling: there may be room later.
        let (_, verdicts) = decide(&store, &[Charge { cost: 5, ..of_key(4) }]);
        assert_eq!(verdicts[0].judged, Err(Refusal::Wait(NO_ROOM_RETRY)));
        // Another limit shares nothing with it.
        assert!(decide(&store, &[Charge { limit: key(u64::MAX - 1), ..of_key(5) }]).0);
    }
}

#[test]
fn a_decision_with_and_without_room_takes_all_or_none() {
    let store = full_store();
    let (own, local) =
        (charge(0, &FIXED, 2), Charge { fail: Fail::Local(1_000_000), ..charge(1, &FIXED, 2) });
    let twins = [local, Charge { counter: key(2), ..local }];
    let (fits, verdicts) = decide(&store, &[own, twins[0]]);
    assert!(fits);
    assert_eq!(verdicts.iter().map(|verdict| verdict.status.remaining).collect::<Vec<_>>(), [0, 1]);
    // The own counter is full: nothing is taken of the shared one.
    let (fits, verdicts) = decide(&store, &[twins[0], own]);
    assert!(!fits);
    assert_eq!((verdicts[0].judged, verdicts[0].status.remaining), (Ok(()), 1));
    // Two keys of a limit are judged together on what they share.
    let (fits, verdicts) = decide(&store, &twins);
    assert!(!fits);
    assert_eq!(verdicts[0], verdicts[1]);
    assert!(decide(&store, &twins[..1]).0);
    assert!(!decide(&store, &twins[1..]).0);
}

#[test]
fn new_keys_of_one_decision_find_room_together_or_one_does_not() {
    let store = store(2, 1);
    let fresh = [0, 1, 2].map(|number| charge(number, &FIXED, 5));
    let (fits, verdicts) = decide(&store, &fresh);
    assert!(!fits);
    assert_eq!(
        verdicts.iter().map(|verdict| verdict.counted).collect::<Vec<_>>(),
        [Counted::Own, Counted::Own, Counted::Nowhere]
    );
    assert!(store.is_empty());
    assert!(decide(&store, &fresh[..2]).0);
    assert_eq!(store.len(), 2);
}

#[test]
fn an_idle_key_of_a_decision_does_not_lose_its_room_to_another() {
    let store = store(1, 1);
    let (idle, fresh) = (charge(0, &FIXED, 5), charge(1, &FIXED, 5));
    assert!(decide(&store, &[idle]).0);
    let later = NOW.after(Nanos(MINUTE.0 * 2));
    let mut verdicts = Verdicts::new();
    assert!(!store.charge(later, &[idle, fresh], Ticket(1), &mut verdicts));
    assert_eq!((verdicts[0].counted, verdicts[1].counted), (Counted::Own, Counted::Nowhere));
    assert!(store.charge(later, &[fresh], Ticket(2), &mut verdicts));
    assert_eq!(store.len(), 1);
}

#[test]
fn leases_on_a_shared_counter_end_one_by_one() {
    let store = full_store();
    let limit = key(u64::MAX);
    let of_key = |number| Charge { limit, fail: Fail::Local(1_000_000), ..charge(number, &IN_FLIGHT, 3) };
    let lease = |number| Lease { counter: key(number), limit, ticket: Ticket(0) };
    assert!(decide(&store, &[of_key(1), of_key(2)]).0);
    assert_eq!(decide(&store, &[Charge { cost: 2, ..of_key(3) }]).1[0].status.remaining, 1);
    assert!(store.release(NOW, lease(1)));
    assert!(!store.release(NOW, lease(1)));
    assert!(decide(&store, &[Charge { cost: 2, ..of_key(3) }]).0);
    assert!(store.release(NOW, lease(2)));
    assert!(store.release(Timestamp(NOW.0 + MINUTE.0 - 1), lease(3)));
    assert!(!store.release(NOW, lease(3)));
}

#[test]
fn threads_whose_keys_find_no_room_are_admitted_exactly_to_the_share() {
    let store = store(4, 4);
    let of_limit = |limit, number| Charge {
        limit: key(limit),
        fail: Fail::Local(500_000),
        ..charge(limit + number, &FIXED, 6_000)
    };
    let limits = [1_000_000, 2_000_000];
    let shared: [AtomicI64; 2] = Default::default();
    thread::scope(|scope| {
        for thread in 0..8u64 {
            let (store, shared) = (&store, &shared);
            scope.spawn(move || {
                let mut verdicts = Verdicts::new();
                for number in (thread * 1_000..).take(5_000) {
                    let mut charges = [of_limit(limits[0], number % 97), of_limit(limits[1], number % 89)];
                    charges.rotate_left(usize::from(number % 2 == 0));
                    if store.charge(NOW, &charges, Ticket(number), &mut verdicts) {
                        for (charge, verdict) in charges.iter().zip(&verdicts) {
                            let limit = usize::from(charge.limit == key(limits[1]));
                            shared[limit].fetch_add(i64::from(verdict.counted == Counted::Shared), Relaxed);
                        }
                    }
                }
            });
        }
    });
    assert_eq!(store.len(), 4);
    let mut full = 0;
    for (limit, taken) in limits.into_iter().zip(&shared) {
        let (_, verdicts) = decide(&store, &[Charge { cost: 6_000, ..of_limit(limit, 500) }]);
        assert_eq!(verdicts[0].counted, Counted::Shared);
        assert_eq!(verdicts[0].status.remaining, 3_000 - taken.load(Relaxed));
        full += usize::from(verdicts[0].status.remaining == 0);
    }
    assert!(full > 0);
}

#[test]
fn use_is_not_set_where_there_is_no_room() {
    let store = full_store();
    assert!(!store.set_used(NOW, key(1), &FIXED, 3));
    assert_eq!(store.used(NOW, key(1), &FIXED), Some(0));
    assert!(store.set_used(NOW, key(0), &FIXED, 7));
    assert_eq!(store.used(NOW, key(0), &FIXED), Some(7));
    let later = NOW.after(Nanos(MINUTE.0 * 2));
    assert!(store.set_used(later, key(1), &FIXED, 3));
    assert_eq!(store.len(), 1);
}

#[test]
fn a_store_for_no_keys_counts_only_what_is_shared() {
    let store = store(0, 4);
    assert!(!decide(&store, &[charge(1, &BUCKET, 5)]).0);
    let terms = Terms { ceiling: 0, burst: 0, starting: None };
    let refused = Charge { terms, fail: Fail::Local(1_000_000), ..charge(1, &BUCKET, 5) };
    assert_eq!(decide(&store, &[refused]).1[0].judged, Err(Refusal::Never));
    assert!(decide(&store, &[Charge { fail: Fail::Local(1), ..charge(1, &BUCKET, 5) }]).0);
    assert!(store.is_empty());
}

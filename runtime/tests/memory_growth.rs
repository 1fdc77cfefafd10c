//! The memory store while keys come by the million: it grows without losing a counter, stays within its bytes, and what
//! a key has left does not change.
#![expect(clippy::indexing_slicing, reason = "helpers of tests fail by panicking")]

use std::{
    num::NonZeroUsize,
    sync::atomic::{AtomicBool, AtomicI64, Ordering::SeqCst},
    thread,
};

use limitrate_core::{
    algorithm::{Algorithm, Terms},
    charge::{Charge, Counted, Fail},
    key::CounterKey,
    time::{Nanos, Timestamp},
    window::Window,
};
use limitrate_runtime::store::{
    LocalStore, MemoryOptions, MemoryStore, Settlement, Settlements, Ticket, Verdicts,
};

const NOW: Timestamp = Timestamp(1_800_000_000_000_000_000);
const HOUR: Nanos = Nanos::from_secs(3_600);
const BUCKET: Algorithm = Algorithm::Bucket(HOUR);
const FIXED: Algorithm = Algorithm::FixedWindow(Window::Rolling(HOUR));
const SLIDING: Algorithm = Algorithm::SlidingWindow(HOUR);
const LOG: Algorithm = Algorithm::SlidingLog(HOUR);

const MEGABYTE: usize = 1024 * 1024;

fn store(max_bytes: usize, shards: usize) -> MemoryStore {
    let shards = NonZeroUsize::new(shards);
    MemoryStore::new(MemoryOptions { max_bytes, shards, ..MemoryOptions::default() })
}

fn key(number: u64) -> CounterKey {
    CounterKey::of_limit(&number.to_le_bytes(), 0x5EED)
}

fn charge(number: u64, algorithm: &Algorithm, ceiling: i64) -> Charge<'_> {
    let terms = Terms { ceiling, burst: ceiling, starting: None };
    Charge::new(key(number), key(u64::MAX), algorithm, terms, 1)
}

/// Whether a charge was taken, and what remains.
fn take(store: &MemoryStore, charge: Charge<'_>) -> (bool, i64) {
    let mut verdicts = Verdicts::new();
    let taken = store.charge(NOW, &[charge], Ticket(1), &mut verdicts);
    (taken, verdicts[0].status.remaining)
}

#[test]
fn every_counter_is_as_it_was_after_the_store_has_grown_around_it() {
    for algorithm in [&BUCKET, &FIXED, &SLIDING, &LOG] {
        let store = store(64 * MEGABYTE, 4);
        for number in 0..30_000 {
            for _ in 0..=number % 3 {
                assert!(take(&store, charge(number, algorithm, 10)).0);
            }
        }
        assert_eq!(store.len(), 30_000);
        for number in 0..30_000 {
            let left = 9 - i64::try_from(number % 3).unwrap();
            let look = Charge { cost: 0, ..charge(number, algorithm, 10) };
            assert_eq!(take(&store, look), (true, left), "{algorithm:?} {number}");
        }
    }
}

#[test]
fn threads_that_share_keys_are_admitted_exactly_while_new_ones_come() {
    for algorithm in [&BUCKET, &FIXED, &SLIDING] {
        let (store, admitted) = (store(64 * MEGABYTE, 2), AtomicI64::new(0));
        thread::scope(|scope| {
            for thread in 0..4u64 {
                let (store, admitted) = (&store, &admitted);
                scope.spawn(move || {
                    for number in 0..8_000u64 {
                        // Keys of its own, which make pages split, and a hundred that all threads want.
                        assert!(take(store, charge(1_000_000 * (thread + 1) + number, algorithm, 5)).0);
                        let (taken, _) = take(store, charge(number % 100, algorithm, 100));
                        admitted.fetch_add(i64::from(taken), SeqCst);
                    }
                });
            }
        });
        assert_eq!(admitted.load(SeqCst), 100 * 100, "{algorithm:?}");
        assert_eq!(store.len(), 4 * 8_000 + 100);
    }
}

#[test]
fn several_charges_are_taken_together_or_not_at_all_by_many_threads() {
    let algorithms = [&BUCKET, &FIXED, &SLIDING];
    let store = store(64 * MEGABYTE, 4);
    thread::scope(|scope| {
        for thread in 0..4u64 {
            let store = &store;
            scope.spawn(move || {
                let mut verdicts = Verdicts::new();
                for number in thread..thread + 20_000 {
                    // Each from one end to the other or back, so that orders cross.
                    let mut charges = [0, 1, 2].map(|level| {
                        let ceiling = if level > 0 && level == number % 3 { 5_000 } else { 100_000 };
                        charge(level, algorithms[usize::try_from(level).unwrap()], ceiling)
                    });
                    charges.rotate_left(usize::try_from(number % 2).unwrap());
                    store.charge(NOW, &charges, Ticket(number), &mut verdicts);
                }
            });
        }
    });
    let left = |level: usize| {
        let look = Charge { cost: 0, ..charge(level as u64, algorithms[level], 100_000) };
        take(&store, look).1
    };
    // A third of all is never refused, the others once 5000 are taken.
    assert!((95_000 - 80_000 / 3..=95_000).contains(&left(0)), "{}", left(0));
    assert_eq!((left(0), left(0)), (left(1), left(2)));
}

#[test]
fn nobody_sees_half_of_a_decision() {
    let store = store(MEGABYTE, 4);
    let pair = || [charge(1, &BUCKET, 1_000_000), charge(2, &SLIDING, 1_000_000)];
    let is_over = AtomicBool::new(false);
    thread::scope(|scope| {
        let writers: Vec<_> = (0..2)
            .map(|_| {
                scope.spawn(|| {
                    let mut verdicts = Verdicts::new();
                    for ticket in 0..20_000 {
                        assert!(store.charge(NOW, &pair(), Ticket(ticket), &mut verdicts));
                    }
                })
            })
            .collect();
        let looking = scope.spawn(|| {
            let mut verdicts = Verdicts::new();
            let mut looks = 0;
            while !is_over.load(SeqCst) {
                // One of them never fits: what is told of both is of one instant.
                let mut charges = pair();
                charges[1].cost = 1_000_001;
                assert!(!store.charge(NOW, &charges, Ticket(0), &mut verdicts));
                assert_eq!(verdicts[0].status.remaining, verdicts[1].status.remaining);
                looks += 1;
            }
            looks
        });
        for writer in writers {
            writer.join().unwrap();
        }
        is_over.store(true, SeqCst);
        assert!(looking.join().unwrap() > 0);
    });
}

#[test]
fn a_bucket_that_is_charged_plainly_and_reserved_on_by_turns_loses_nothing() {
    let (store, used) = (store(MEGABYTE, 1), AtomicI64::new(0));
    thread::scope(|scope| {
        for thread in 0..3u64 {
            let (store, used) = (&store, &used);
            scope.spawn(move || {
                let plain = charge(7, &BUCKET, 3_600_000);
                let (mut verdicts, mut settled) = (Verdicts::new(), Settlements::new());
                for number in 0..3_000 {
                    let ticket = Ticket(thread * 1_000_000 + number);
                    if thread > 0 {
                        assert!(store.charge(NOW, &[plain], ticket, &mut verdicts));
                        used.fetch_add(1, SeqCst);
                        continue;
                    }
                    let reserve = Charge { cost: 5, hold: Some(HOUR), ..plain };
                    assert!(store.charge(NOW, &[reserve], ticket, &mut verdicts));
                    let Charge { counter, limit, algorithm, .. } = reserve;
                    let settlement = Settlement { counter, limit, algorithm, ticket, actual: 2 };
                    store.settle(NOW, &[settlement], &mut settled);
                    used.fetch_add(2, SeqCst);
                }
            });
        }
    });
    let look = Charge { cost: 0, ..charge(7, &BUCKET, 3_600_000) };
    assert_eq!(take(&store, look).1, 3_600_000 - used.load(SeqCst));
}

#[test]
fn a_store_takes_no_more_bytes_than_it_may_and_a_victim_keeps_what_it_has_left() {
    for algorithm in [&BUCKET, &FIXED, &LOG] {
        for max_bytes in [0, 10_000, 300_000, 2 * MEGABYTE] {
            let store = store(max_bytes, 2);
            let (_, left) = take(&store, charge(0, algorithm, 10));
            let counted = (1..60_000).filter(|number| take(&store, charge(*number, algorithm, 10)).0).count();
            assert!(counted < 59_999 && store.len() <= counted + 1);
            assert!(store.bytes() <= max_bytes, "{} of {max_bytes} bytes, {algorithm:?}", store.bytes());
            if max_bytes >= 300_000 {
                assert!(counted > 500, "{counted} in {max_bytes} bytes");
                assert_eq!(take(&store, Charge { cost: 0, ..charge(0, algorithm, 10) }), (true, left));
            }
        }
    }
}

#[test]
fn counters_of_one_kind_take_no_bytes_that_those_of_another_have() {
    let kinds = [&LOG, &BUCKET, &FIXED];
    for order in [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]] {
        for max_bytes in [10_000, 300_000] {
            let store = store(max_bytes, 1);
            for (place, kind) in (0..).zip(order) {
                for number in 12_000 * place..12_000 * (place + 1) {
                    take(&store, charge(number, kinds[kind], 5));
                }
                assert!(store.bytes() <= max_bytes, "{} of {max_bytes}: {order:?}, {place}", store.bytes());
            }
        }
    }
}

#[test]
fn room_that_one_kind_of_counter_took_leaves_some_to_another() {
    let store = store(2 * MEGABYTE, 1);
    for number in 0..100_000 {
        take(&store, charge(number, &BUCKET, 10));
    }
    for algorithm in [&FIXED, &LOG] {
        let counted = (0..1_000u64).filter(|number| {
            let fresh = Charge { fail: Fail::Open, ..charge(1_000_000 + number, algorithm, 10) };
            let mut verdicts = Verdicts::new();
            store.charge(NOW, &[fresh], Ticket(1), &mut verdicts);
            verdicts[0].counted == Counted::Own
        });
        assert!(counted.count() > 500, "{algorithm:?}");
    }
}

#[test]
#[ignore = "takes a gigabyte and a while: cargo test --release --test memory_growth -- --ignored"]
fn ten_million_keys_stay_within_the_bytes_that_a_store_may_take() {
    let million = store(256 * MEGABYTE, 32);
    for number in 0..1_000_000 {
        assert!(take(&million, charge(number, &BUCKET, 10)).0);
    }
    assert!(million.bytes() <= 64 * 1_000_000, "{} bytes", million.bytes());
    for max_megabytes in [64, 256, 1_024] {
        let store = store(max_megabytes * MEGABYTE, 32);
        let (_, left) = take(&store, charge(0, &BUCKET, 10));
        let counted = (1..10_000_000).filter(|number| take(&store, charge(*number, &BUCKET, 10)).0).count();
        assert!(store.bytes() <= max_megabytes * MEGABYTE);
        assert_eq!(take(&store, Charge { cost: 0, ..charge(0, &BUCKET, 10) }), (true, left));
        assert!(max_megabytes < 1_024 || counted == 9_999_999);
    }
}

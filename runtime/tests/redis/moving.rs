//! Decisions over several places of a Cluster whose slots move, and the slots of the journals with them.

use std::{
    sync::atomic::{AtomicBool, AtomicI64, Ordering::Relaxed},
    thread,
    time::Duration,
};

use limitrate_runtime::store::{Call, RedisStore, Store as _, StoreError, Ticket};
use limitrate_testkit::{
    Blocking,
    server::{Redis, RedisCluster, recovers, until},
};
use tokio::time::timeout;

use crate::{
    apart::{cluster, home},
    call, charge,
    moved::{hand_over, migrate, migrate_keys},
    run,
    unfinished::{GIVEN_BACK, around, connect_soon, until_all_is_over},
    used,
};

fn slot_of(cluster: &RedisCluster, tag: &str) -> u16 {
    run(&cluster.nodes()[0], &format!("CLUSTER KEYSLOT {{{tag}}}")).parse().unwrap()
}

fn slot_of_counter(cluster: &RedisCluster, number: u64) -> u16 {
    slot_of(cluster, &format!("{:04x}", charge(number).counter.group()))
}

/// The slots of the journals that a node keeps.
fn journals(cluster: &RedisCluster, node: &Redis) -> Vec<u16> {
    let slots = (0..64).map(|number| slot_of(cluster, &format!("j{number:02x}")));
    slots
        .filter(|slot| cluster.node_of_slot(*slot).is_some_and(|owner| owner.port() == node.port()))
        .collect()
}

fn take_all(store: &Blocking<RedisStore>, numbers: [u64; 3], ticket: u64) {
    let patient = Call { ticket: Ticket(ticket), deadline: Duration::from_secs(10), ..call() };
    assert!(store.wait(store.store().charge(patient, &numbers.map(charge))).unwrap().taken);
}

fn used_of(store: &Blocking<RedisStore>, numbers: [u64; 3]) -> [i64; 3] {
    numbers.map(|number| used(store, number))
}

/// What a decision over several places reserves is new, and a node takes no new keys together with others while their slot moves.
#[test]
fn a_decision_over_places_of_which_one_moves_waits_for_it_or_is_not_made() {
    let Some(cluster) = cluster() else { return };
    let store = connect_soon(&cluster.url());
    let numbers = around(&cluster);
    take_all(&store, numbers, 1);
    // The first place, one in the middle and the last one.
    for (at, ticket) in [(0, 10), (1, 20), (2, 30)] {
        let before = used_of(&store, numbers);
        let from = home(&cluster, numbers[at]);
        let to = cluster.nodes()[..3].iter().find(|node| node.port() != from.port()).unwrap();
        let slot = slot_of_counter(&cluster, numbers[at]);
        thread::scope(|scope| {
            let mut waiting = None;
            migrate(&cluster, slot, from, to, || {
                let hasty = Call { ticket: Ticket(ticket), ..call() };
                let charged = store.wait(store.store().charge(hasty, &numbers.map(charge)));
                let is_told = matches!(charged, Err(StoreError::Unavailable { .. } | StoreError::Lost(_)));
                assert!(is_told, "{charged:?}");
                waiting = Some(scope.spawn(|| take_all(&store, numbers, ticket + 1)));
            });
            waiting.unwrap().join().unwrap();
        });
        take_all(&store, numbers, ticket + 2);
        assert_eq!(home(&cluster, numbers[at]).port(), to.port());
        until_all_is_over(&cluster);
        assert_eq!(used_of(&store, numbers), before.map(|used| used + 2));
    }
}

#[test]
fn places_that_move_under_load_count_every_decision_alike() {
    let Some(cluster) = cluster() else { return };
    let store = connect_soon(&cluster.url());
    let numbers = around(&cluster);
    let (admitted, unknown, is_over) = (AtomicI64::new(0), AtomicI64::new(0), AtomicBool::new(false));
    let from = home(&cluster, numbers[1]);
    let to = home(&cluster, numbers[0]);
    let slot = slot_of_counter(&cluster, numbers[1]);
    thread::scope(|scope| {
        for thread in 0..3 {
            let (store, admitted, unknown, is_over) = (&store, &admitted, &unknown, &is_over);
            scope.spawn(move || {
                for number in (0..).take_while(|_| !is_over.load(Relaxed)) {
                    let ticket = Ticket(thread << 32 | number);
                    let patient = Call { ticket, deadline: Duration::from_secs(5), ..call() };
                    match store.wait(store.store().charge(patient, &numbers.map(charge))) {
                        Ok(charged) => _ = admitted.fetch_add(i64::from(charged.taken), Relaxed),
                        Err(error) => _ = unknown.fetch_add(i64::from(error.may_have_applied()), Relaxed),
                    }
                }
            });
        }
        for (from, to) in [(from, to), (to, from), (from, to)] {
            let before = admitted.load(Relaxed);
            until("decisions are made", || {
                admitted.load(Relaxed) > before + 5 || admitted.load(Relaxed) > 990
            });
            migrate(&cluster, slot, from, to, || {});
        }
        is_over.store(true, Relaxed);
    });
    until_all_is_over(&cluster);
    let [first, second, third] = used_of(&store, numbers);
    assert!(first == second && second == third, "{first} {second} {third}");
    let (admitted, unknown) = (admitted.into_inner(), unknown.into_inner());
    assert!((admitted..=admitted + unknown).contains(&first), "{first} of {admitted} and {unknown}");
}

#[test]
fn notes_are_written_and_found_while_the_journals_move() {
    let Some(cluster) = cluster() else { return };
    let store = connect_soon(&cluster.url());
    let numbers = around(&cluster);
    take_all(&store, numbers, 1);
    let from = home(&cluster, numbers[0]);
    let to = cluster.nodes()[..3].iter().find(|node| node.port() != from.port()).unwrap();
    let slots = journals(&cluster, from);
    assert!(!slots.is_empty());
    // All are half way: what is new goes to the other node, a trip of its own.
    for slot in &slots {
        migrate_keys(&cluster, *slot, from, to, |_| {});
    }
    for ticket in 2..12 {
        take_all(&store, numbers, ticket);
    }
    // Whoever makes this one is gone in the middle of it.
    let away = home(&cluster, numbers[1]);
    let dying = connect_soon(&cluster.url());
    take_all(&dying, numbers, 12);
    away.daemon().suspend();
    let patient = Call { ticket: Ticket(13), deadline: Duration::from_secs(3), ..call() };
    let charges = numbers.map(charge);
    let soon = Duration::from_millis(1_500);
    dying.wait(async { timeout(soon, dying.store().charge(patient, &charges)).await }).unwrap_err();
    drop(dying);
    until("the first place is taken", || used(&store, numbers[0]) == 13);
    away.daemon().resume();
    for slot in &slots {
        // What was written meanwhile to the one that gives it away.
        for name in
            run(from, &format!("CLUSTER GETKEYSINSLOT {slot} 10")).lines().filter(|name| !name.is_empty())
        {
            assert_eq!(run(from, &format!("MIGRATE 127.0.0.1 {} {name} 0 5000", to.port())), "OK");
        }
        hand_over(&cluster, *slot, to);
    }
    recovers("what was noted in a journal that moved", Duration::from_secs(3) + GIVEN_BACK, || {
        used_of(&store, numbers) == [12; 3]
    });
    take_all(&store, numbers, 14);
    until_all_is_over(&cluster);
    assert_eq!(used_of(&store, numbers), [13; 3]);
}

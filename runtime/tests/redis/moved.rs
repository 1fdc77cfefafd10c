//! Masters that change: Sentinels, and a Cluster whose slots move.

use std::{
    sync::atomic::{AtomicBool, AtomicI64, Ordering},
    thread,
    time::Duration,
};

use limitrate_core::charge::Charge;
use limitrate_runtime::store::{Call, RedisStore, Store as _, StoreError};
use limitrate_testkit::{
    Blocking,
    server::{ClusterOptions, Redis, RedisCluster, RedisSentinel, or_skip, recovers, until},
};

use tokio::time::Instant;

use crate::{DAY, DEADLINE, SLACK, call, charge, connect, run, take, used};

fn cluster() -> Option<RedisCluster> {
    or_skip(RedisCluster::start(&ClusterOptions::default()))
}

/// A counter, the slot that keeps it, the node that has that slot, and another.
fn placed(cluster: &RedisCluster) -> (u64, u16, &Redis, &Redis) {
    let number = 1;
    let tag = format!("{{{:04x}}}", charge(number).counter.group());
    let slot = run(&cluster.nodes()[0], &format!("CLUSTER KEYSLOT {tag}")).parse().unwrap();
    let owner = cluster.node_of_slot(slot).unwrap();
    let other = cluster.nodes()[..3].iter().find(|node| node.port() != owner.port()).unwrap();
    (number, slot, owner, other)
}

/// Moves a slot, as `redis-cli --cluster reshard` does it, and does something when its keys are moved.
pub(crate) fn migrate(cluster: &RedisCluster, slot: u16, from: &Redis, to: &Redis, half_way: impl FnOnce()) {
    migrate_keys(cluster, slot, from, to, |_| {});
    half_way();
    hand_over(cluster, slot, to);
}

/// Moves the keys of a slot, and does something before each.
pub(crate) fn migrate_keys(
    cluster: &RedisCluster,
    slot: u16,
    from: &Redis,
    to: &Redis,
    mut before: impl FnMut(usize),
) {
    let (source, target) = (cluster.id(from).unwrap(), cluster.id(to).unwrap());
    assert_eq!(run(to, &format!("CLUSTER SETSLOT {slot} IMPORTING {source}")), "OK");
    assert_eq!(run(from, &format!("CLUSTER SETSLOT {slot} MIGRATING {target}")), "OK");
    for (number, name) in run(from, &format!("CLUSTER GETKEYSINSLOT {slot} 1000")).lines().enumerate() {
        before(number);
        assert_eq!(run(from, &format!("MIGRATE 127.0.0.1 {} {name} 0 5000", to.port())), "OK");
    }
}

/// Says that a slot is another node's.
pub(crate) fn hand_over(cluster: &RedisCluster, slot: u16, to: &Redis) {
    let target = cluster.id(to).unwrap();
    for node in &cluster.nodes()[..3] {
        assert_eq!(run(node, &format!("CLUSTER SETSLOT {slot} NODE {target}")), "OK");
    }
}

#[test]
fn the_next_master_is_found_by_its_sentinel() {
    let Some(sentinel) = or_skip(RedisSentinel::start()) else { return };
    let store = connect(&sentinel.url()).unwrap();
    take(&store, 1).unwrap();
    let before = sentinel.primary_port().unwrap();
    let node = sentinel.nodes().iter().find(|node| node.port() == before).unwrap();
    node.daemon().kill();
    recovers("a master that was killed, by its Sentinel", Duration::from_secs(10), || {
        take(&store, 1).is_ok()
    });
    assert_ne!(sentinel.primary_port(), Some(before));
    // What the replica had not got yet is lost, and no more than that.
    assert!((1..=2).contains(&used(&store, 1)), "{}", used(&store, 1));
}

#[test]
fn a_slot_that_moves_is_followed_and_no_charge_is_lost_or_doubled() {
    let Some(cluster) = cluster() else { return };
    let store = connect(&cluster.url()).unwrap();
    let (number, slot, owner, other) = placed(&cluster);
    take(&store, number).unwrap();
    migrate(&cluster, slot, owner, other, || {
        // The key is gone from here and the slot is not yet there: ASK.
        take(&store, number).unwrap();
        assert_eq!(used(&store, number), 2);
    });
    // The map is old: MOVED.
    take(&store, number).unwrap();
    assert_eq!(used(&store, number), 3);
    assert_eq!(cluster.node_of_slot(slot).unwrap().port(), other.port());
}

#[test]
fn a_decision_over_counters_of_which_some_have_moved_waits_for_the_others() {
    let Some(cluster) = cluster() else { return };
    let store = connect(&cluster.url()).unwrap();
    let (number, slot, owner, other) = placed(&cluster);
    let beside = Charge { counter: charge(number).counter.beside(9, 9), ..charge(number) };
    let both = [charge(number), beside];
    let used = || both.map(|one| store.wait(store.store().used(call(), one.counter, &DAY)).unwrap());
    let patient = Call { deadline: Duration::from_secs(10), ..call() };
    assert!(store.wait(store.store().charge(call(), &both)).unwrap().taken);
    let half_way = || {
        // One is there and one here. Whoever has no time is told that nothing was done.
        let start = Instant::now();
        let error = store.wait(store.store().charge(call(), &both)).unwrap_err();
        assert!(
            matches!(&error, StoreError::Unavailable { what, .. } if what.contains("on their way")),
            "{error:?}"
        );
        assert!(start.elapsed() < DEADLINE + SLACK, "{:?}", start.elapsed());
        assert_eq!(used(), [Some(1), Some(1)]);
        // Each by itself goes on.
        for one in both {
            assert!(store.wait(store.store().charge(call(), &[one])).unwrap().taken);
        }
    };
    thread::scope(|scope| {
        let mut waiting = None;
        migrate_keys(&cluster, slot, owner, other, |moved| {
            if moved == 1 {
                half_way();
                waiting = Some(scope.spawn(|| store.wait(store.store().charge(patient, &both))));
            }
        });
        hand_over(&cluster, slot, other);
        let waiting = waiting.unwrap();
        recovers("counters that were on their way", Duration::from_secs(2), || waiting.is_finished());
        assert!(waiting.join().unwrap().unwrap().taken);
    });
    assert_eq!(used(), [Some(3), Some(3)]);
}

#[test]
fn slots_move_under_load_and_every_charge_counts_once() {
    let Some(cluster) = cluster() else { return };
    let store = connect(&cluster.url()).unwrap();
    let (number, slot, owner, other) = placed(&cluster);
    let patient = Call { deadline: Duration::from_secs(10), ..call() };
    let (admitted, is_over) = (AtomicI64::new(0), AtomicBool::new(false));
    let several = [charge(number), Charge { counter: charge(number).counter.beside(9, 9), ..charge(number) }];
    thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                while !is_over.load(Ordering::Relaxed) {
                    let charged = store.wait(store.store().charge(patient, &several));
                    match charged {
                        Ok(charged) if charged.taken => _ = admitted.fetch_add(1, Ordering::Relaxed),
                        Ok(_) => {}
                        Err(error) => assert!(!error.may_have_applied(), "{error:?}"),
                    }
                }
            });
        }
        for (from, to) in [(owner, other), (other, owner), (owner, other)] {
            let before = admitted.load(Ordering::Relaxed);
            until("charges are taken", || {
                admitted.load(Ordering::Relaxed) > before + 5 || used(&store, number) >= 990
            });
            migrate(&cluster, slot, from, to, || {});
        }
        is_over.store(true, Ordering::Relaxed);
    });
    assert_eq!(used(&store, number), admitted.load(Ordering::Relaxed));
}

#[test]
fn a_node_that_is_lost_is_replaced_by_its_copy() {
    let Some(cluster) = cluster() else { return };
    let store = connect(&cluster.url()).unwrap();
    let (number, _, owner, _) = placed(&cluster);
    take(&store, number).unwrap();
    owner.daemon().kill();
    let elsewhere = (2..).find(|other| is_elsewhere(&cluster, owner, *other)).unwrap();
    let mut refused = 0;
    recovers("a node of a Cluster that was killed", Duration::from_secs(20), || {
        refused += i32::from(take(&store, number).is_err());
        take(&store, number).is_ok()
    });
    assert!(refused > 0);
    until("all nodes have heard of it", || {
        take(&store, elsewhere).is_ok() && (200..220).all(|number| take(&store, number).is_ok())
    });
    assert!(used(&store, number) >= 1);
    several_groups(&store);
}

fn is_elsewhere(cluster: &RedisCluster, node: &Redis, number: u64) -> bool {
    let tag = format!("{{{:04x}}}", charge(number).counter.group());
    let asked = cluster.nodes().iter().find(|other| other.port() != node.port()).unwrap();
    let slot = run(asked, &format!("CLUSTER KEYSLOT {tag}")).parse().unwrap();
    cluster.node_of_slot(slot).is_some_and(|owner| owner.port() != node.port())
}

/// A decision over counters of several groups is taken as a whole, or not at all.
fn several_groups(store: &Blocking<RedisStore>) {
    let all: Vec<_> = (100..106).map(charge).collect();
    assert!(store.wait(store.store().charge(call(), &all)).unwrap().taken);
    let never = Charge { cost: 5_000, ..charge(103) };
    let refused: Vec<_> =
        (100..106).map(|number| if number == 103 { never } else { charge(number) }).collect();
    assert!(!store.wait(store.store().charge(call(), &refused)).unwrap().taken);
    assert!((100..106).all(|number| used(store, number) == 1));
}

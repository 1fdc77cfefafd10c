//! A guarded store over a Cluster, of which one node is away: the others keep what they keep.

use std::{sync::Arc, time::Duration};

use limitrate_core::{
    charge::{Charge, Counted, Fail, Mode},
    time::Nanos,
};
use limitrate_runtime::store::{
    Call, GuardOptions, Guarded, RedisOptions, RedisStore, Settled, Settlement, Store as _, StoreError,
    Ticket, guard::breaker::State,
};
use limitrate_testkit::{
    Blocking,
    server::{ClusterOptions, RedisCluster, or_skip, recovers, until},
};
use tokio::time::Instant;

use crate::{DAY, DEADLINE, SLACK, apart::placed, call, charge, common::Measured, key};

/// Nodes that stand still are not replaced meanwhile, and the others go on without them.
fn cluster() -> Option<RedisCluster> {
    let extra = ["--cluster-require-full-coverage", "no"].map(str::to_owned).to_vec();
    or_skip(RedisCluster::start(&ClusterOptions { node_timeout_ms: 30_000, extra }))
}

fn guarded(url: &str) -> Result<Blocking<Guarded>, StoreError> {
    let options = RedisOptions::from_url(url)?;
    Blocking::connect(async {
        Ok(Guarded::new(Arc::new(RedisStore::connect(options).await?), GuardOptions::default()))
    })
}

/// Whether the `fail` clauses decided.
fn is_degraded(store: &Blocking<Guarded>, numbers: &[u64]) -> bool {
    let open = |number: &u64| Charge { fail: Fail::Open, ..charge(*number) };
    let charges: Vec<_> = numbers.iter().map(open).collect();
    store.wait(store.store().charge(call(), &charges)).unwrap().degraded
}

/// Whether the store decided, for somebody who has time.
fn is_asked(store: &Blocking<Guarded>, number: u64) -> bool {
    let patient = Call { deadline: Duration::from_secs(5), ..call() };
    !store.wait(store.store().charge(patient, &[charge(number)])).unwrap().degraded
}

#[test]
fn a_node_that_is_away_leaves_alone_what_others_keep() {
    let Some(cluster) = cluster() else { return };
    let measured = Measured::default();
    let _listening = measured.listen();
    let store = guarded(&cluster.url()).unwrap();
    let (well, away, node) = placed(&cluster);
    assert!(!is_degraded(&store, &[well, away]));
    node.daemon().suspend();
    for _ in 0..10 {
        assert!(is_degraded(&store, &[away]));
        assert!(is_asked(&store, well));
    }
    // Nobody waits for the one that is away any more.
    let start = Instant::now();
    for _ in 0..100 {
        assert!(is_degraded(&store, &[away]) && is_degraded(&store, &[well, away]));
    }
    assert!(start.elapsed() < DEADLINE + SLACK, "{:?}", start.elapsed());
    for _ in 0..20 {
        assert!(is_asked(&store, well));
    }
    assert_eq!(measured.of("limitrate_store_away"), 1.0);
    assert_eq!(measured.of("limitrate_degraded_decisions_total"), 210.0);
    let kinds =
        ["timeout", "unreachable"].map(|kind| format!("limitrate_store_failures_total{{kind={kind}}}"));
    assert!(kinds.iter().map(|kind| measured.of(kind)).sum::<f64>() >= 5.0);
    node.daemon().resume();
    recovers("a node, over a breaker", Duration::from_secs(10), || !is_degraded(&store, &[well, away]));
}

#[test]
fn what_a_lost_node_kept_is_asked_of_its_copy() {
    let Some(cluster) = or_skip(RedisCluster::start(&ClusterOptions::default())) else { return };
    let store = guarded(&cluster.url()).unwrap();
    let (well, away, node) = placed(&cluster);
    assert!(!is_degraded(&store, &[well, away]));
    node.daemon().kill();
    let mut degraded = 0;
    recovers("a node of a Cluster that was killed, over a breaker", Duration::from_secs(25), || {
        let is_degraded = is_degraded(&store, &[away]);
        degraded += i32::from(is_degraded);
        !is_degraded
    });
    assert!(degraded > 0);
    until("the others are asked", || is_asked(&store, well));
    // The node that is gone keeps nothing: nobody holds it against the store.
    until("nothing is away", || is_asked(&store, away) && store.store().state() == State::Closed);
}

#[test]
fn shadow_charges_on_a_node_that_is_away_are_left_out_of_decisions() {
    let Some(cluster) = cluster() else { return };
    let measured = Measured::default();
    let _listening = measured.listen();
    let store = guarded(&cluster.url()).unwrap();
    let (well, away, node) = placed(&cluster);
    let both = [charge(well), Charge { mode: Mode::Shadow, ..charge(away) }];
    let decide = || store.wait(store.store().charge(call(), &both)).unwrap();
    assert_eq!(decide().verdicts[1].counted, Counted::Own);
    node.daemon().suspend();
    let mut waited = 0;
    until("it is left alone", || {
        let charged = decide();
        assert_eq!((charged.taken, charged.degraded), (true, false));
        waited += 1;
        store.store().state() == State::Open
    });
    let start = Instant::now();
    for _ in 0..100 {
        let charged = decide();
        assert_eq!((charged.taken, charged.degraded), (true, false));
        assert_eq!(charged.verdicts[1].counted, Counted::Nowhere);
    }
    assert!(start.elapsed() < DEADLINE + SLACK, "{:?}", start.elapsed());
    let used = store.wait(store.store().used(call(), key(well), &DAY)).unwrap();
    assert_eq!(used, Some(101 + waited));
    assert_eq!(measured.of("limitrate_degraded_decisions_total"), 0.0);
    node.daemon().resume();
    recovers("a node of shadow limits", Duration::from_secs(10), || {
        decide().verdicts[1].counted == Counted::Own
    });
}

#[test]
fn a_node_that_refuses_is_held_against_no_other() {
    let Some(cluster) = cluster() else { return };
    let measured = Measured::default();
    let _listening = measured.listen();
    let store = guarded(&cluster.url()).unwrap();
    let (well, away, node) = placed(&cluster);
    assert!(!is_degraded(&store, &[well, away]));
    // It answers, and takes no writes.
    node.command(&["CONFIG", "SET", "maxmemory", "1"]).unwrap();
    for _ in 0..10 {
        assert!(is_degraded(&store, &[well, away]));
    }
    assert_eq!(measured.of("limitrate_store_away"), 1.0);
    assert!(is_asked(&store, well));
    node.command(&["CONFIG", "SET", "maxmemory", "0"]).unwrap();
    recovers("a node whose memory was full", Duration::from_secs(10), || !is_degraded(&store, &[well, away]));
}

#[test]
fn what_is_to_be_settled_on_a_node_that_is_away_is_later_and_elsewhere_at_once() {
    let Some(cluster) = cluster() else { return };
    let store = guarded(&cluster.url()).unwrap();
    let (well, away, node) = placed(&cluster);
    let held = |number| Charge { hold: Some(Nanos::from_secs(600)), cost: 10, ..charge(number) };
    let reserving = Call { ticket: Ticket(7), ..call() };
    assert!(store.wait(store.store().charge(reserving, &[held(well), held(away)])).unwrap().taken);
    node.daemon().suspend();
    let settle = |number| {
        let (counter, limit) = (key(number), key(!number));
        let settlement = Settlement { counter, limit, algorithm: &DAY, ticket: Ticket(7), actual: 3 };
        store.wait(store.store().settle(call(), &[settlement]))
    };
    settle(away).unwrap_err();
    assert_eq!(settle(well).unwrap()[0], Settled::Replaced { reserved: 10 });
    node.daemon().resume();
    until("it is settled", || {
        assert!(is_asked(&store, well));
        store.wait(store.store().used(call(), key(away), &DAY)).is_ok_and(|used| used == Some(3))
    });
    assert_eq!(store.store().waiting(), 0);
}

#[test]
fn decisions_over_both_are_held_against_the_node_that_is_away_alone() {
    let Some(cluster) = cluster() else { return };
    let store = guarded(&cluster.url()).unwrap();
    let (well, away, node) = placed(&cluster);
    assert!(!is_degraded(&store, &[well, away]));
    node.daemon().suspend();
    for _ in 0..10 {
        assert!(is_degraded(&store, &[well, away]));
    }
    assert!(is_asked(&store, well));
    node.daemon().kill();
    for _ in 0..Duration::from_secs(1).as_millis() / 20 {
        assert!(is_degraded(&store, &[well, away]));
    }
    assert!(is_asked(&store, well));
}

//! Decisions over counters on several nodes of a Cluster, one of which fails.

use std::time::Duration;

use limitrate_core::{
    charge::{Charge, Counted, Mode},
    time::Nanos,
};
use limitrate_runtime::store::{Call, RequestId, Settlement, Store as _, StoreError, Ticket};
use limitrate_testkit::server::{ClusterOptions, Redis, RedisCluster, or_skip, until};
use tokio::{task::JoinSet, time::timeout};

use crate::{
    DAY, call, charge,
    common::Measured,
    connect, key, take,
    unfinished::{connect_soon, until_all_is_over},
    used,
};

/// Nodes that stand still are not replaced meanwhile.
pub(crate) fn cluster() -> Option<RedisCluster> {
    or_skip(RedisCluster::start(&ClusterOptions { node_timeout_ms: 15_000, ..ClusterOptions::default() }))
}

pub(crate) fn home(cluster: &RedisCluster, number: u64) -> &Redis {
    let tag = format!("{{{:04x}}}", charge(number).counter.group());
    let slot = cluster.nodes()[0].command(&["CLUSTER", "KEYSLOT", &tag]).unwrap().parse().unwrap();
    cluster.node_of_slot(slot).unwrap()
}

/// Two counters on two nodes, the one that is charged first and the other, and the node of the other.
pub(crate) fn placed(cluster: &RedisCluster) -> (u64, u64, &Redis) {
    let group = |number| charge(number).counter.group();
    let node = home(cluster, 1);
    let other = (2..).find(|other| home(cluster, *other).port() != node.port()).unwrap();
    let (first, second) = if group(1) < group(other) { (1, other) } else { (other, 1) };
    (first, second, home(cluster, second))
}

#[test]
fn a_named_call_that_failed_half_way_is_counted_when_it_is_made_again() {
    let Some(cluster) = cluster() else { return };
    let store = connect_soon(&cluster.url());
    let (first, second, node) = placed(&cluster);
    let both = [charge(first), charge(second)];
    let named = |name: u128| Call { request: Some(RequestId(name)), ..call() };
    let decide = |call| store.wait(store.store().charge(call, &both));
    assert!(decide(named(1)).unwrap().taken);
    node.daemon().suspend();
    assert!(decide(named(2)).unwrap_err().may_have_applied());
    node.daemon().resume();
    until("it is decided", || decide(named(2)).is_ok_and(|charged| charged.taken));
    assert_eq!((used(&store, first), used(&store, second)), (2, 2));
    // What was decided and told stays, however often it is asked for.
    assert!(decide(named(1)).unwrap().taken && decide(named(2)).unwrap().taken);
    // Nor does asking again in vain give it back.
    node.daemon().suspend();
    decide(named(1)).unwrap_err();
    node.daemon().resume();
    until_all_is_over(&cluster);
    assert_eq!((used(&store, first), used(&store, second)), (2, 2));
}

#[test]
fn a_decision_that_nobody_waits_for_any_more_is_taken_or_given_back_as_a_whole() {
    let Some(cluster) = cluster() else { return };
    let store = connect_soon(&cluster.url());
    let (first, second, node) = placed(&cluster);
    let both = [charge(first), charge(second)];
    assert!(store.wait(store.store().charge(call(), &both)).unwrap().taken);
    node.daemon().suspend();
    let patient = Call { deadline: Duration::from_secs(10), ..call() };
    let decided = async { timeout(Duration::from_millis(100), store.store().charge(patient, &both)).await };
    store.wait(decided).unwrap_err();
    assert_eq!(used(&store, first), 2);
    // Whether the node that stands still takes its charge, it says when it goes on.
    node.daemon().resume();
    until_all_is_over(&cluster);
    let counted = used(&store, first);
    assert!((1..=2).contains(&counted) && used(&store, second) == counted, "{counted}");
}

#[test]
fn a_shadow_charge_whose_node_does_not_answer_is_counted_nowhere() {
    let Some(cluster) = cluster() else { return };
    let store = connect(&cluster.url()).unwrap();
    let (first, second, node) = placed(&cluster);
    let both = [Charge { mode: Mode::Shadow, ..charge(second) }, charge(first)];
    assert!(store.wait(store.store().charge(call(), &both)).unwrap().taken);
    node.daemon().suspend();
    let measured = Measured::default();
    let _listening = measured.listen();
    let charged = store.wait(store.store().charge(call(), &both)).unwrap();
    assert!(charged.taken);
    assert_eq!(measured.of("limitrate_store_shadows_missed_total{store=redis}"), 1.0);
    let counted = [charged.verdicts[0].counted, charged.verdicts[1].counted];
    assert_eq!(counted, [Counted::Nowhere, Counted::Own]);
    assert_eq!(used(&store, first), 2);
    let too_much = [both[0], Charge { cost: 5_000, ..both[1] }];
    assert!(!store.wait(store.store().charge(call(), &too_much)).unwrap().taken);
    node.daemon().resume();
}

#[test]
fn a_node_that_stands_still_holds_up_no_call_to_another() {
    let Some(cluster) = cluster() else { return };
    let store = connect(&cluster.url()).unwrap();
    let (first, second, node) = placed(&cluster);
    take(&store, first).unwrap();
    take(&store, second).unwrap();
    node.daemon().suspend();
    let failed = store.wait(async {
        let (mut still, mut well) = (JoinSet::new(), JoinSet::new());
        for number in 0..1_024 {
            let redis = store.store().clone();
            still.spawn(async move { redis.used(call(), key(second).beside(1, number), &DAY).await });
        }
        for number in 0..64 {
            let redis = store.store().clone();
            well.spawn(async move { redis.used(call(), key(first).beside(1, number), &DAY).await });
        }
        assert!(still.join_all().await.iter().all(Result::is_err));
        well.join_all().await.into_iter().filter_map(Result::err).collect::<Vec<_>>()
    });
    assert!(failed.is_empty(), "{} of 64: {:?}", failed.len(), failed[0]);
    node.daemon().resume();
}

#[test]
fn what_one_node_did_and_another_did_not_is_unknown() {
    let Some(cluster) = cluster() else { return };
    let store = connect(&cluster.url()).unwrap();
    let (first, second, node) = placed(&cluster);
    let held = |number| Charge { hold: Some(Nanos::from_secs(60)), cost: 10, ..charge(number) };
    let reserving = Call { ticket: Ticket(7), ..call() };
    assert!(store.wait(store.store().charge(reserving, &[held(first), held(second)])).unwrap().taken);
    node.daemon().kill();
    until("the node is missed", || matches!(take(&store, second), Err(StoreError::Unreachable(_))));
    let error = store.wait(store.store().charge(call(), &[charge(first), charge(second)])).unwrap_err();
    assert!(error.may_have_applied(), "{error:?}");
    until("what the first node took is given back", || used(&store, first) == 10);
    let settlement = |number| Settlement {
        counter: key(number),
        limit: key(!number),
        algorithm: &DAY,
        ticket: Ticket(7),
        actual: 3,
    };
    for both in [[second, first], [first, second]] {
        let error = store.wait(store.store().settle(call(), &both.map(settlement))).unwrap_err();
        assert!(error.may_have_applied(), "{error:?}");
        assert_eq!(used(&store, first), 3);
    }
    let error = store.wait(store.store().settle(call(), &[settlement(second)])).unwrap_err();
    assert!(!error.may_have_applied(), "{error:?}");
}

//! Decisions over several nodes of a Cluster that nobody finishes: whatever they took is given back, once, by whoever is there.

use std::time::Duration;

use limitrate_core::{algorithm::Algorithm, charge::Charge, time::Nanos};
use limitrate_runtime::store::{Call, Charged, RedisOptions, RedisStore, Store as _, StoreError, Ticket};
use limitrate_testkit::{
    Blocking,
    server::{Redis, RedisCluster, recovers, until},
};
use tokio::{
    runtime::{Builder, Runtime},
    task::JoinSet,
};

use crate::{DAY, apart::cluster, apart::home, call, charge, key, used};

/// How long after its deadline a decision is given back here.
const SOON: Duration = Duration::from_millis(300);

/// How soon after its deadline what nobody finished is given back: three times as long, half a second more for each of four turns
/// while a node stands still, and what a machine adds that has much else to do.
pub(crate) const GIVEN_BACK: Duration = SOON.saturating_mul(3).saturating_add(Duration::from_millis(3_500));

const LEASE: Algorithm = Algorithm::InFlight(Nanos::from_secs(600));

fn options(url: &str) -> RedisOptions {
    RedisOptions { give_back_after: SOON, ..RedisOptions::from_url(url).unwrap() }
}

pub(crate) fn connect_soon(url: &str) -> Blocking<RedisStore> {
    Blocking::connect(RedisStore::connect(options(url))).unwrap()
}

/// Waits until no decision is unfinished any more.
pub(crate) fn until_all_is_over(cluster: &RedisCluster) {
    until("no journal has a note", || is_over(cluster));
}

fn is_over(cluster: &RedisCluster) -> bool {
    let is_over = |node: &Redis| {
        let keys = node.command(&["KEYS", "*:journal"]).unwrap();
        !node.daemon().is_running() || keys.is_empty()
    };
    cluster.nodes()[..3].iter().all(is_over)
}

/// Three counters in the order in which they are charged, the second of them on another node than the others.
pub(crate) fn around(cluster: &RedisCluster) -> [u64; 3] {
    let mut placed: Vec<_> = (1..20)
        .map(|number| (charge(number).counter.group(), number, home(cluster, number).port()))
        .collect();
    placed.sort_unstable();
    let (_, first, port) = placed[0];
    let at = placed.iter().position(|(_, _, other)| *other != port).unwrap();
    let (_, second, other) = placed[at];
    let (_, third, _) = placed[at..].iter().find(|(_, _, port)| *port != other).copied().unwrap();
    [first, second, third]
}

/// A lease beside the counter of this number.
fn lease(number: u64) -> Charge<'static> {
    let charge = charge(number);
    Charge { counter: charge.counter.beside(77, 0), algorithm: &LEASE, ..charge }
}

fn leased(store: &Blocking<RedisStore>, number: u64) -> i64 {
    store.wait(store.store().used(call(), lease(number).counter, &LEASE)).unwrap().unwrap()
}

fn runtime() -> Runtime {
    Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap()
}

/// Begins so many decisions over three places and their leases, none of which comes to an end while one node stands still.
fn begin(
    runtime: &Runtime,
    url: &str,
    numbers: [u64; 3],
    count: u64,
    deadline: Duration,
) -> JoinSet<Result<Charged, StoreError>> {
    let store = runtime.block_on(RedisStore::connect(options(url))).unwrap();
    let mut decisions = JoinSet::new();
    for ticket in 1..=count {
        let store = store.clone();
        let decision = async move {
            let charges: Vec<_> = numbers.map(charge).into_iter().chain(numbers.map(lease)).collect();
            store.charge(Call { ticket: Ticket(ticket), deadline, ..call() }, &charges).await
        };
        decisions.spawn_on(decision, runtime.handle());
    }
    decisions
}

#[test]
fn a_call_that_ends_with_its_runtime_is_given_back_by_another_process() {
    let Some(cluster) = cluster() else { return };
    let store = connect_soon(&cluster.url());
    let numbers = around(&cluster);
    let node = home(&cluster, numbers[1]);
    node.daemon().suspend();
    let dying = runtime();
    let _decisions = begin(&dying, &cluster.url(), numbers, 1, Duration::from_millis(500));
    until("the first place is taken", || used(&store, numbers[0]) == 1 && leased(&store, numbers[0]) == 1);
    dying.shutdown_background();
    recovers("what a runtime left", Duration::from_millis(500) + GIVEN_BACK, || {
        used(&store, numbers[0]) == 0 && leased(&store, numbers[0]) == 0
    });
    node.daemon().resume();
    until_all_is_over(&cluster);
    assert_eq!(numbers.map(|number| used(&store, number)), [0; 3]);
    assert_eq!(numbers.map(|number| leased(&store, number)), [0; 3]);
}

#[test]
fn what_several_find_at_once_is_given_back_once() {
    let Some(cluster) = cluster() else { return };
    let stores = [(); 3].map(|()| connect_soon(&cluster.url()));
    let numbers = around(&cluster);
    for number in numbers {
        for _ in 0..3 {
            crate::take(&stores[0], number).unwrap();
        }
    }
    let node = home(&cluster, numbers[1]);
    node.daemon().suspend();
    let dying = runtime();
    let _decisions = begin(&dying, &cluster.url(), numbers, 40, Duration::from_millis(500));
    until("the first place is taken", || used(&stores[1], numbers[0]) == 43);
    dying.shutdown_background();
    recovers("what several found at once", Duration::from_millis(500) + GIVEN_BACK, || {
        used(&stores[1], numbers[0]) == 3
    });
    node.daemon().resume();
    until_all_is_over(&cluster);
    assert_eq!(numbers.map(|number| used(&stores[2], number)), [3; 3]);
    assert_eq!(numbers.map(|number| leased(&stores[2], number)), [0; 3]);
}

#[test]
fn what_a_node_took_that_is_away_is_given_back_when_it_is_there_again() {
    let Some(cluster) = cluster() else { return };
    let store = connect_soon(&cluster.url());
    let numbers = around(&cluster);
    let [first, second] = [numbers[0], numbers[1]].map(|number| home(&cluster, number));
    second.daemon().suspend();
    let living = runtime();
    let decisions = begin(&living, &cluster.url(), numbers, 5, Duration::from_secs(1));
    until("the first place is taken", || used(&store, numbers[0]) == 5);
    // The decisions fail, and cannot be given back at either place.
    first.daemon().suspend();
    until("the first node is missed", || crate::take(&store, numbers[0]).is_err());
    assert!(living.block_on(decisions.join_all()).iter().all(Result::is_err));
    first.daemon().resume();
    until("the first place is given back", || {
        let used = store.wait(store.store().used(call(), key(numbers[0]), &DAY));
        // One more may have been taken by who missed it.
        matches!(used, Ok(Some(0..=1)))
    });
    second.daemon().resume();
    recovers("what a node took that was away", GIVEN_BACK, || is_over(&cluster));
    let leased = numbers.map(|number| leased(&store, number));
    assert_eq!((used(&store, numbers[1]), used(&store, numbers[2]), leased), (0, 0, [0; 3]));
    drop(living);
}

#[test]
fn a_store_that_is_gone_looks_at_no_journal() {
    let Some(cluster) = cluster() else { return };
    let lasting = runtime();
    let store = lasting.block_on(RedisStore::connect(options(&cluster.url()))).unwrap();
    let charges = around(&cluster).map(charge);
    assert!(lasting.block_on(store.charge(call(), &charges)).unwrap().taken);
    // One is who asks.
    let clients = |node: &Redis| node.command(&["CLIENT", "LIST", "TYPE", "normal"]).unwrap().lines().count();
    let connected = || cluster.nodes().iter().map(clients).sum::<usize>() - cluster.nodes().len();
    assert!(connected() > 0);
    drop(store);
    until("nobody is connected", || connected() == 0);
}

//! Settlements, releases and refunds that come at once.

use std::time::Duration;

use limitrate_core::{
    algorithm::Algorithm,
    charge::Charge,
    time::{Nanos, Timestamp},
};
use limitrate_runtime::store::{
    Call, ClockOf, Lease, RedisStore, Settled, Settlement, Store as _, StoreError, Ticket,
};
use limitrate_testkit::{Blocking, server::Redis};
use tokio::task::JoinSet;

use crate::{DAY, call, charge, connect, key, node, run, used};

const SLOTS: Algorithm = Algorithm::InFlight(Nanos::from_secs(600));
const MANY: u64 = 500;

fn patient(ticket: u64) -> Call {
    Call { deadline: Duration::from_secs(10), ticket: Ticket(ticket), ..call() }
}

fn slot(number: u64) -> Charge<'static> {
    Charge { algorithm: &SLOTS, ..charge(number) }
}

fn held(number: u64) -> Charge<'static> {
    Charge { hold: Some(Nanos::from_secs(600)), cost: 2, ..charge(number) }
}

fn settlement(number: u64, ticket: u64, actual: i64) -> Settlement<'static> {
    Settlement { counter: key(number), limit: key(!number), algorithm: &DAY, ticket: Ticket(ticket), actual }
}

fn lease(number: u64, ticket: u64) -> Lease {
    Lease { counter: key(number), limit: key(!number), ticket: Ticket(ticket) }
}

/// Makes a call for each number at once, and says what came of them.
fn at_once<T, F>(
    store: &Blocking<RedisStore>,
    numbers: impl Iterator<Item = u64>,
    call: impl Fn(RedisStore, u64) -> F,
) -> Vec<Result<T, StoreError>>
where
    T: Send + 'static,
    F: Future<Output = Result<T, StoreError>> + Send + 'static,
{
    store.wait(async {
        let mut calls: JoinSet<_> = numbers.map(|number| call(store.store().clone(), number)).collect();
        let mut answers = Vec::new();
        while let Some(answer) = calls.join_next().await {
            answers.push(answer.unwrap());
        }
        answers
    })
}

/// How many scripts the server has run.
fn scripts(node: &Redis) -> u64 {
    let stats = run(node, "INFO commandstats");
    let calls = stats.lines().filter_map(|line| line.strip_prefix("cmdstat_evalsha:calls="));
    calls.map(|rest| rest.split(',').next().unwrap().parse::<u64>().unwrap()).sum()
}

#[test]
fn calls_on_one_counter_go_together() {
    let Some(node) = node() else { return };
    let store = connect(&node.url()).unwrap();
    let taken = at_once(&store, 0..MANY, |store, ticket| async move {
        store.charge(patient(ticket), &[slot(1), held(2)]).await
    });
    assert!(taken.into_iter().all(|charged| charged.unwrap().taken));
    let before = scripts(&node);
    let released = at_once(&store, 0..MANY, |store, ticket| async move {
        store.release(patient(ticket), &[lease(1, ticket)]).await
    });
    assert!(released.into_iter().all(|released| released.unwrap() == 1));
    let settled = at_once(&store, 0..MANY, |store, ticket| async move {
        store.settle(patient(ticket), &[settlement(2, ticket, 1)]).await
    });
    assert!(settled.into_iter().all(|settled| settled.unwrap()[0] == Settled::Replaced { reserved: 2 }));
    let refunded = at_once(&store, 0..MANY, |store, ticket| async move {
        store.refund(patient(ticket), &Charge { cost: 1, ..charge(2) }).await
    });
    refunded.into_iter().for_each(|refunded| refunded.unwrap());
    let trips = scripts(&node) - before;
    assert!(trips <= MANY / 5, "{trips} trips for {} calls", 3 * MANY);
    assert_eq!(used(&store, 2), 0);
    let in_flight = store.wait(store.store().used(patient(0), key(1), &SLOTS)).unwrap();
    assert_eq!(in_flight, Some(0));
}

#[test]
fn two_processes_settle_the_same_counter_exactly() {
    let Some(node) = node() else { return };
    let stores = [connect(&node.url()).unwrap(), connect(&node.url()).unwrap()];
    let taken = at_once(&stores[0], 0..MANY, |store, ticket| async move {
        store.charge(patient(ticket), &[held(1)]).await
    });
    assert!(taken.into_iter().all(|charged| charged.unwrap().taken));
    std::thread::scope(|scope| {
        for (index, store) in (0..).zip(&stores) {
            scope.spawn(move || {
                let ours = (0..MANY).filter(|ticket| ticket % 2 == index);
                let settled = at_once(store, ours, |store, ticket| async move {
                    store.settle(patient(ticket), &[settlement(1, ticket, 1)]).await
                });
                assert!(settled.into_iter().all(|one| one.unwrap()[0] == Settled::Replaced { reserved: 2 }));
            });
        }
    });
    assert_eq!(used(&stores[0], 1), i64::try_from(MANY).unwrap());
}

#[test]
fn a_damaged_counter_keeps_no_other_from_being_settled() {
    let Some(node) = node() else { return };
    let store = connect(&node.url()).unwrap();
    // Of one group and one lane, so that they go together.
    let grouped = |number: u64| key(number).in_group(7);
    let numbers: Vec<u64> = (1..).filter(|number| grouped(*number).0 % 256 == 0).take(3).collect();
    for number in &numbers {
        let slot = Charge { counter: grouped(*number), ..slot(*number) };
        store.wait(store.store().charge(patient(*number), &[slot])).unwrap();
    }
    let hex = format!("{:032x}", grouped(numbers[1]).0);
    let names = run(&node, "KEYS *:v1:{????}:*");
    let name = names.lines().find(|name| name.ends_with(&hex)).unwrap();
    run(&node, &format!("SET {name} text"));
    let released = at_once(&store, numbers.iter().copied(), move |store, number| async move {
        let lease = Lease { counter: grouped(number), ..lease(number, number) };
        store.release(patient(number), &[lease]).await
    });
    let (well, damaged): (Vec<_>, Vec<_>) = released.into_iter().partition(Result::is_ok);
    assert!(well.into_iter().all(|released| released.unwrap() == 1));
    assert!(matches!(damaged.as_slice(), [Err(StoreError::Corrupt { .. })]));
}

#[test]
fn a_caller_who_leaves_takes_nobody_along() {
    let Some(node) = node() else { return };
    let store = connect(&node.url()).unwrap();
    for ticket in 0..20 {
        store.wait(store.store().charge(patient(ticket), &[slot(1)])).unwrap();
    }
    store.wait(async {
        let leases = [lease(1, 0)];
        let mut first = store.store().release(patient(0), &leases);
        let mut others: JoinSet<_> = (1..20)
            .map(|ticket| {
                let store = store.store().clone();
                async move { store.release(patient(ticket), &[lease(1, ticket)]).await }
            })
            .collect();
        // Begun, and given up at once.
        assert!(
            std::future::poll_fn(|context| std::task::Poll::Ready(first.as_mut().poll(context).is_pending()))
                .await
        );
        drop(first);
        while let Some(released) = others.join_next().await {
            assert_eq!(released.unwrap().unwrap(), 1);
        }
    });
}

#[test]
fn calls_by_clocks_of_their_own_are_made_one_after_the_other() {
    let Some(node) = node() else { return };
    let store = connect(&node.url()).unwrap();
    let at = |ticket: u64| {
        let now = Timestamp(1_800_000_000_000_000_000 + i64::try_from(ticket).unwrap());
        Call { now, clock: ClockOf::Caller, ..patient(ticket) }
    };
    for ticket in 0..20 {
        assert!(store.wait(store.store().charge(at(ticket), &[held(1)])).unwrap().taken);
    }
    let settled = at_once(&store, 0..20, move |store, ticket| async move {
        store.settle(at(ticket), &[settlement(1, ticket, 1)]).await
    });
    assert!(settled.into_iter().all(|one| one.unwrap()[0] == Settled::Replaced { reserved: 2 }));
    let used = store.wait(store.store().used(at(20), key(1), &DAY)).unwrap();
    assert_eq!(used, Some(20));
}

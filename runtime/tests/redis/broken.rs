//! What happens to servers, and on the way to them.

use std::time::Duration;

use limitrate_runtime::store::{Call, Store as _, StoreError};
use limitrate_testkit::server::{Fault, Proxy, Toward, until};
use tokio::task::JoinSet;

use crate::{DEADLINE, call, charge, connect, failing, node, recovered, take, used};

#[test]
fn a_server_that_is_killed_is_missed_at_once_and_found_again() {
    let Some(node) = node() else { return };
    let store = connect(&node.url()).unwrap();
    take(&store, 1).unwrap();
    node.daemon().kill();
    let first = failing(&store, 1);
    assert!(matches!(first, StoreError::Lost(_) | StoreError::Unreachable(_)), "{first:?}");
    for _ in 0..20 {
        assert!(!failing(&store, 1).may_have_applied());
    }
    node.restart().unwrap();
    assert!(recovered(&store, 1) < Duration::from_secs(2));
    // What it had in memory is gone, and the script with it.
    assert_eq!(used(&store, 1), 1);
}

#[test]
fn a_server_that_is_stopped_times_out_and_goes_on() {
    let Some(node) = node() else { return };
    let store = connect(&node.url()).unwrap();
    take(&store, 1).unwrap();
    node.daemon().suspend();
    assert!(matches!(failing(&store, 1), StoreError::Timeout(deadline) if deadline == DEADLINE));
    for _ in 0..3 {
        // There is no connection any more: nothing more is sent.
        assert!(!failing(&store, 1).may_have_applied());
    }
    node.daemon().resume();
    assert!(recovered(&store, 1) < Duration::from_secs(4));
    // The one that was sent was done later, or was not, but never twice.
    assert!((2..=3).contains(&used(&store, 1)), "{}", used(&store, 1));
}

#[test]
fn a_slow_server_is_waited_for_until_the_deadline() {
    let Some(node) = node() else { return };
    let proxy = Proxy::before(node.address()).unwrap();
    let store = connect(&node.url_at(proxy.address())).unwrap();
    take(&store, 2).unwrap();
    proxy.set(Fault::Delay(Duration::from_millis(20)));
    take(&store, 1).unwrap();
    proxy.set(Fault::Delay(DEADLINE * 2));
    assert!(matches!(failing(&store, 1), StoreError::Timeout(_)));
    proxy.set(Fault::None);
    assert!(recovered(&store, 1) < Duration::from_secs(4));
    assert!((2..=3).contains(&used(&store, 1)));
}

/// Waits until no more answers come: over a new connection, the store looks at what it is in the background.
fn quiet(proxy: &Proxy) {
    let (mut before, mut times) = (0, 0);
    until("nothing is under way", || {
        let bytes = proxy.bytes(Toward::Client);
        times = if bytes == before { times + 1 } else { 0 };
        before = bytes;
        times >= 10
    });
}

#[test]
fn a_call_whose_answer_is_lost_is_not_made_again() {
    let Some(node) = node() else { return };
    let proxy = Proxy::before(node.address()).unwrap();
    let store = connect(&node.url_at(proxy.address())).unwrap();
    for lost in 1..=3 {
        take(&store, 1).unwrap();
        quiet(&proxy);
        proxy.cut_after(Toward::Client, 1);
        assert!(matches!(failing(&store, 1), StoreError::Lost(_)));
        assert!(recovered(&store, 2) < Duration::from_secs(2));
        assert_eq!(used(&store, 1), 2 * lost);
    }
}

#[test]
fn a_request_that_is_cut_short_is_not_counted() {
    let Some(node) = node() else { return };
    let proxy = Proxy::before(node.address()).unwrap();
    let store = connect(&node.url_at(proxy.address())).unwrap();
    take(&store, 1).unwrap();
    proxy.cut_after(Toward::Server, 40);
    assert!(failing(&store, 1).may_have_applied());
    assert!(recovered(&store, 2) < Duration::from_secs(2));
    assert_eq!(used(&store, 1), 1);
}

#[test]
fn a_way_that_swallows_everything_is_given_up() {
    let Some(node) = node() else { return };
    let proxy = Proxy::before(node.address()).unwrap();
    let store = connect(&node.url_at(proxy.address())).unwrap();
    take(&store, 1).unwrap();
    proxy.set(Fault::Silence);
    assert!(matches!(failing(&store, 1), StoreError::Timeout(_)));
    assert!(!failing(&store, 1).may_have_applied());
    proxy.set(Fault::None);
    assert!(recovered(&store, 1) < Duration::from_secs(4));
    assert!((2..=3).contains(&used(&store, 1)));
}

#[test]
fn connections_that_are_refused_fail_at_once() {
    let Some(node) = node() else { return };
    let proxy = Proxy::before(node.address()).unwrap();
    let store = connect(&node.url_at(proxy.address())).unwrap();
    take(&store, 1).unwrap();
    proxy.set(Fault::Refuse);
    proxy.cut();
    failing(&store, 1);
    let opened = proxy.opened();
    for _ in 0..200 {
        assert!(!failing(&store, 1).may_have_applied());
    }
    // Two hundred calls do not make two hundred connections.
    assert!(proxy.opened() - opened < 20, "{}", proxy.opened() - opened);
    proxy.set(Fault::None);
    assert!(recovered(&store, 1) < Duration::from_secs(2));
}

/// Whoever comes when so many wait already is told so, and nothing is done.
#[test]
fn a_queue_that_is_full_refuses_at_once_and_goes_on() {
    const ROOM: u64 = 16_384;
    const MORE: u64 = 500;
    let Some(node) = node() else { return };
    let store = connect(&node.url()).unwrap();
    take(&store, 0).unwrap();
    node.daemon().suspend();
    let patient = Call { deadline: Duration::from_secs(5), ..call() };
    let refused = store.wait(async {
        let mut calls = JoinSet::new();
        for number in 1..=ROOM + MORE {
            let redis = store.store().clone();
            calls.spawn(async move { (number, redis.charge(patient, &[charge(number)]).await) });
        }
        let mut refused = Vec::new();
        while refused.len() < usize::try_from(MORE).unwrap() {
            let (number, charged) = calls.join_next().await.unwrap().unwrap();
            match charged {
                Err(StoreError::Unavailable { what, .. }) if what.contains("wait for it already") => {
                    refused.push(number);
                }
                other => panic!("{other:?}"),
            }
        }
        calls.shutdown().await;
        refused
    });
    node.daemon().resume();
    assert!(recovered(&store, 0) < Duration::from_secs(4));
    assert!(refused.iter().all(|number| used(&store, *number) == 0));
}

//! What others put where something of ours stands, and servers that were emptied.

use std::time::Duration;

use limitrate_core::charge::Charge;
use limitrate_runtime::store::{Call, RedisStore, Store as _, StoreError};
use limitrate_testkit::{
    Blocking,
    server::{recovers, until},
};

use crate::{call, charge, common::Measured, connect, failing, key, node, run, take, used};

#[test]
fn a_damaged_warning_does_not_undo_a_decision() {
    let Some(node) = node() else { return };
    let store = connect(&node.url()).unwrap();
    let warned = Charge { warn: &[1], ..charge(1) };
    let decide = || store.wait(store.store().charge(call(), &[warned])).unwrap();
    assert_eq!(decide().verdicts[0].warned, Some(1));
    let counter = format!("{:032x}", key(1).0);
    let names = run(&node, "KEYS *:v1:{????}:*");
    let warning = names.lines().find(|name| !name.ends_with(&counter)).unwrap();
    run(&node, &format!("SET {warning} text"));
    let measured = Measured::default();
    let _listening = measured.listen();
    assert!(decide().taken);
    assert_eq!(measured.of("limitrate_store_damaged_total{store=redis}"), 1.0);
    assert_eq!(measured.of("limitrate_store_disagreements_total{store=redis}"), 0.0);
    assert_eq!(used(&store, 1), 2);
    // The warning was given anew, and stands again.
    assert_eq!(decide().verdicts[0].warned, None);
}

#[test]
fn a_damaged_counter_is_well_again_once_it_is_reset() {
    let Some(node) = node() else { return };
    let store = connect(&node.url()).unwrap();
    let reset = |number| store.wait(store.store().reset(call(), key(number))).unwrap();
    take(&store, 1).unwrap();
    let name = run(&node, "KEYS *:v1:{????}:*");
    for damage in [format!("SET {name} text"), format!("LPUSH {name} a")] {
        run(&node, &format!("DEL {name}"));
        run(&node, &damage);
        assert!(matches!(failing(&store, 1), StoreError::Corrupt { .. }));
        assert!(reset(1) && !reset(1));
        take(&store, 1).unwrap();
        assert_eq!(used(&store, 1), 1);
    }
}

#[test]
fn a_snapshot_leaves_out_what_is_damaged() {
    let Some(node) = node() else { return };
    let store = connect(&node.url()).unwrap();
    for number in 1..=3 {
        take(&store, number).unwrap();
    }
    let of = |number| {
        let names = run(&node, "KEYS *:v1:{????}:*");
        let counter = format!("{:032x}", key(number).0);
        names.lines().find(|name| name.ends_with(&counter)).unwrap().to_owned()
    };
    let (list, text) = (of(1), of(2));
    run(&node, &format!("DEL {list}"));
    run(&node, &format!("LPUSH {list} a"));
    run(&node, &format!("SET {text} text"));
    let measured = Measured::default();
    let _listening = measured.listen();
    let mut told = Vec::new();
    store.wait(store.store().snapshot(call(), &mut |kept| told.push(kept.key))).unwrap();
    assert_eq!(told, [key(3)]);
    assert_eq!(measured.of("limitrate_store_damaged_total{store=redis}"), 2.0);
}

#[test]
fn who_counted_under_a_secret_that_was_flushed_is_not_counted_apart() {
    let Some(node) = node() else { return };
    let store = connect(&node.url()).unwrap();
    take(&store, 1).unwrap();
    let before = secret(&store);
    run(&node, "FLUSHALL");
    let other = connect(&node.url()).unwrap();
    assert_ne!(secret(&other), before);
    // A new connection has it looked at; so do ten seconds.
    run(&node, "CLIENT KILL TYPE normal SKIPME yes");
    recovers("a secret that was flushed is seen", Duration::from_secs(10), || {
        matches!(take(&store, 1), Err(StoreError::Corrupt { .. }))
    });
    let StoreError::Corrupt { what } = failing(&store, 1) else { panic!() };
    assert!(what.contains("another secret"), "{what}");
    until("the other one goes on", || take(&other, 1).is_ok());
}

fn secret(store: &Blocking<RedisStore>) -> Option<u64> {
    store.wait(store.store().secret()).unwrap()
}

#[test]
fn a_deadline_may_be_as_long_as_there_is() {
    let Some(node) = node() else { return };
    let store = connect(&node.url()).unwrap();
    let patient = Call { deadline: Duration::MAX, ..call() };
    assert!(store.wait(store.store().charge(patient, &[charge(1)])).unwrap().taken);
}

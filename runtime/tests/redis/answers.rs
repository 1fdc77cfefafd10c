//! What servers answer that will not or cannot, and what others did to what is kept.

use std::{thread, time::Duration};

use limitrate_core::time::{Nanos, Timestamp};
use limitrate_runtime::store::{Call, ClockOf, Store as _, StoreError, Ticket};
use limitrate_testkit::server::{Redis, RedisOptions, or_skip, until};

use crate::{call, charge, connect, failing, node, recovered, run, take, used};

/// The names of the counters that there are.
fn names(node: &Redis) -> Vec<String> {
    run(node, "KEYS *:v1:{????}:*").lines().map(str::to_owned).collect()
}

#[test]
fn scripts_that_were_flushed_are_sent_again() {
    let Some(node) = node() else { return };
    let store = connect(&node.url()).unwrap();
    for count in 1..=5 {
        take(&store, 1).unwrap();
        assert_eq!(run(&node, "SCRIPT FLUSH"), "OK");
        assert_eq!(used(&store, 1), count);
    }
}

#[test]
fn flushed_data_begins_anew_and_the_secret_is_put_back() {
    let Some(node) = node() else { return };
    let store = connect(&node.url()).unwrap();
    take(&store, 1).unwrap();
    let secret = store.wait(store.store().secret()).unwrap();
    run(&node, "FLUSHALL");
    assert_eq!(take(&store, 1).unwrap().verdicts[0].status.remaining, 999);
    // A new connection has it looked at; so do ten seconds.
    run(&node, "CLIENT KILL TYPE normal SKIPME yes");
    until("the secret is there again", || {
        let _ = take(&store, 2);
        run(&node, "EXISTS limitrate:{meta}:v1:secret") == "1"
    });
    let other = connect(&node.url()).unwrap();
    assert_eq!(other.wait(other.store().secret()).unwrap(), secret);
}

#[test]
fn what_is_no_counter_is_refused_and_left_alone() {
    let Some(node) = node() else { return };
    let store = connect(&node.url()).unwrap();
    take(&store, 1).unwrap();
    let name = names(&node).remove(0);
    run(&node, &format!("DEL {name}"));
    run(&node, &format!("LPUSH {name} a"));
    assert!(matches!(failing(&store, 1), StoreError::Corrupt { .. }));
    assert_eq!(run(&node, &format!("LLEN {name}")), "1");
    for text in ["text", "a-text-that-is-as-long-as-33-bytes"] {
        run(&node, &format!("SET {name} {text}"));
        assert!(matches!(failing(&store, 1), StoreError::Corrupt { .. }));
        assert_eq!(run(&node, &format!("GET {name}")), text);
    }
    // Charges with it are not taken either, and others are not disturbed.
    let both = [charge(2), charge(1)];
    store.wait(store.store().charge(call(), &both)).unwrap_err();
    assert_eq!(used(&store, 2), 0);
    take(&store, 2).unwrap();
}

#[test]
fn every_key_expires_and_one_that_would_not_does_again() {
    let Some(node) = node() else { return };
    let store = connect(&node.url()).unwrap();
    take(&store, 1).unwrap();
    let name = names(&node).remove(0);
    let lives = || run(&node, &format!("PTTL {name}")).parse::<i64>().unwrap();
    assert!((86_400_000..=172_803_000).contains(&lives()), "{}", lives());
    run(&node, &format!("PERSIST {name}"));
    assert_eq!(lives(), -1);
    take(&store, 1).unwrap();
    assert!(lives() > 0);
    assert_eq!(used(&store, 1), 2);
}

#[test]
fn a_replica_takes_no_charges() {
    let Some(node) = node() else { return };
    let replica_of = Some(node.port());
    let replica = or_skip(Redis::start(&RedisOptions { replica_of, ..RedisOptions::default() })).unwrap();
    let _ = connect(&node.url()).unwrap();
    until("the replica has it", || run(&replica, "EXISTS limitrate:{meta}:v1:secret") == "1");
    let store = connect(&replica.url()).unwrap();
    let error = failing(&store, 1);
    assert!(matches!(&error, StoreError::Unavailable { what, .. } if what.contains("replica")), "{error:?}");
    run(&replica, "REPLICAOF NO ONE");
    assert!(recovered(&store, 1) < Duration::from_secs(2));
}

#[test]
fn a_server_that_loads_its_data_is_waited_out() {
    let extra = ["--enable-debug-command", "yes", "--loading-process-events-interval-bytes", "1024"];
    let extra = extra.map(str::to_owned).to_vec();
    let Some(node) = or_skip(Redis::start(&RedisOptions { extra, ..RedisOptions::default() })) else {
        return;
    };
    let store = connect(&node.url()).unwrap();
    take(&store, 1).unwrap();
    run(&node, "DEBUG POPULATE 2000 filler 100");
    run(&node, "CONFIG SET key-load-delay 300");
    thread::scope(|scope| {
        let loading = scope.spawn(|| run(&node, "DEBUG RELOAD"));
        until(
            "it loads",
            || matches!(take(&store, 2), Err(StoreError::Unavailable { what, .. }) if what.contains("loading")),
        );
        loading.join().unwrap();
        assert!(recovered(&store, 2) < Duration::from_secs(2));
    });
    assert_eq!(used(&store, 1), 1);
}

#[test]
fn a_full_server_counts_nothing_and_forgets_nothing() {
    let Some(node) = node() else { return };
    let store = connect(&node.url()).unwrap();
    take(&store, 1).unwrap();
    run(&node, "CONFIG SET maxmemory 1");
    for _ in 0..3 {
        let error = failing(&store, 1);
        assert!(matches!(&error, StoreError::Unavailable { what, .. } if what.contains("full")), "{error:?}");
    }
    run(&node, "CONFIG SET maxmemory 0");
    assert_eq!(used(&store, 1), 1);
    assert!(recovered(&store, 1) < Duration::from_secs(2));
}

#[test]
fn a_counter_that_was_evicted_begins_anew_and_is_whole() {
    let extra = ["--enable-debug-command", "yes", "--maxmemory-policy", "allkeys-random"];
    let extra = extra.map(str::to_owned).to_vec();
    let Some(node) = or_skip(Redis::start(&RedisOptions { extra, ..RedisOptions::default() })) else {
        return;
    };
    let store = connect(&node.url()).unwrap();
    let counters = 200;
    for number in 0..counters {
        take(&store, number).unwrap();
    }
    run(&node, "CONFIG SET maxmemory 3mb");
    run(&node, "DEBUG POPULATE 30000 filler 100");
    let mut evicted = 0;
    for number in 0..counters {
        // Either it is as it was, or it begins: never anything else.
        match take(&store, number).unwrap().verdicts[0].status.remaining {
            998 => {}
            999 => evicted += 1,
            other => panic!("{other}"),
        }
    }
    assert!(evicted > 0);
}

#[test]
fn who_may_not_come_in_is_told_so_without_the_password() {
    let password = Some("opensesame".to_owned());
    let Some(node) = or_skip(Redis::start(&RedisOptions { password, ..RedisOptions::default() })) else {
        return;
    };
    for wrong in ["redis://", "redis://:hunter2@", "redis://ann:hunter2@"] {
        let error = connect(&format!("{wrong}{}", node.address())).unwrap_err();
        assert!(matches!(error, StoreError::Denied { .. }), "{error:?}");
        assert!(!format!("{error:?} {error}").contains("hunter2"));
    }
    let store = connect(&node.url()).unwrap();
    take(&store, 1).unwrap();
    // A user who may not run scripts.
    run(&node, "ACL SETUSER ann on >pw ~* +@all -@scripting");
    let error = connect(&format!("redis://ann:pw@{}", node.address())).unwrap_err();
    assert!(matches!(error, StoreError::Denied { .. }), "{error:?}");
}

#[test]
fn prefixes_and_layouts_on_one_server_do_not_meet() {
    let Some(node) = node() else { return };
    let (one, other) =
        (connect(&node.url()).unwrap(), connect(&format!("{}?prefix=other", node.url())).unwrap());
    take(&one, 1).unwrap();
    assert_eq!((used(&one, 1), used(&other, 1)), (1, 0));
    assert_eq!(one.wait(one.store().len()).unwrap(), 1);
    assert_eq!(other.wait(other.store().len()).unwrap(), 0);
    assert_ne!(one.wait(one.store().secret()).unwrap(), other.wait(other.store().secret()).unwrap());
    // A newer version of us has been at it.
    run(&node, "SET limitrate:{meta}:layout 2");
    let error = connect(&node.url()).unwrap_err();
    assert!(matches!(error, StoreError::NewerLayout { found: 2, known: 1 }), "{error:?}");
    assert_eq!(run(&node, "GET limitrate:{meta}:layout"), "2");
}

#[test]
fn callers_whose_clocks_differ_agree_by_the_servers() {
    let Some(node) = node() else { return };
    let store = connect(&node.url()).unwrap();
    let at = |now| {
        let call =
            Call { clock: ClockOf::Store, deadline: Duration::from_secs(2), ..Call::at(now, Ticket(0)) };
        store.wait(store.store().charge(call, &[charge(1)])).unwrap()
    };
    let server = at(Timestamp(0)).now;
    let mut last = server;
    let minutes = |count: i64| Nanos::from_secs(60 * count);
    let instants = [
        server.after(minutes(10)),
        server.after(minutes(-10)),
        server,
        server.after(minutes(-30)),
        Timestamp::MIN,
        Timestamp::MAX,
    ];
    for (taken, now) in (2..).zip(instants) {
        let charged = at(now);
        assert!(
            charged.now >= last && charged.now.since(last) < Nanos::from_secs(30),
            "{now:?}: {charged:?}"
        );
        assert_eq!(charged.verdicts[0].status.remaining, 1_000 - taken);
        last = charged.now;
    }
}

#[test]
fn keys_of_any_bytes_have_names_of_one_length() {
    let Some(node) = node() else { return };
    let store = connect(&node.url()).unwrap();
    let huge = vec![b'x'; 16 << 20];
    let values: [&[u8]; 8] = [b"", b"\0", b"\r\n", b"{}", b"a:b*?[c]", "🦀".as_bytes(), b"\xff\xfe", &huge];
    for value in values {
        let one = charge(0);
        let one = limitrate_core::charge::Charge { counter: one.counter.with_part(1, value), ..one };
        assert!(store.wait(store.store().charge(call(), &[one])).unwrap().taken);
    }
    let names = names(&node);
    assert_eq!(names.len(), values.len());
    assert!(names.iter().all(|name| name.len() == "limitrate:v1:{0123}:".len() + 32), "{names:?}");
}

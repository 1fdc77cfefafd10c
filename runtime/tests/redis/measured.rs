//! What the store counts beside failures: decisions that no script makes, and what nobody finished.

use std::{io, time::Duration};

use limitrate_core::{algorithm::Terms, charge::Charge};
use limitrate_runtime::store::{Call, Charged, RedisOptions, RedisStore, RequestId, Store as _, StoreError};
use limitrate_testkit::server::{RedisCluster, until};
use tokio::{
    runtime::{Builder, Runtime},
    task::yield_now,
    time::timeout,
};

use crate::{
    DAY,
    apart::{cluster, home},
    call, charge,
    common::Measured,
    key, node,
    unfinished::around,
};

/// A store all of which is on this thread, so that what it counts is heard.
struct Heard {
    on: Runtime,
    store: RedisStore,
}

impl Heard {
    fn connect(url: &str) -> io::Result<Self> {
        let on = Builder::new_current_thread().enable_all().build()?;
        let give_back_after = Duration::from_millis(300);
        let options = RedisOptions { give_back_after, ..RedisOptions::from_url(url).unwrap() };
        let store = on.block_on(RedisStore::connect(options)).unwrap();
        Ok(Self { on, store })
    }

    fn charge(&self, call: Call, charges: &[Charge<'_>]) -> Result<Charged, StoreError> {
        self.on.block_on(self.store.charge(call, charges))
    }

    fn used(&self, number: u64) -> Option<i64> {
        let patient = Call { deadline: Duration::from_secs(2), ..call() };
        self.on.block_on(self.store.used(patient, key(number), &DAY)).ok().flatten()
    }

    /// Lets its tasks run.
    fn run(&self) {
        self.on.block_on(async {
            for _ in 0..200 {
                yield_now().await;
            }
        });
    }
}

#[test]
fn decisions_that_no_script_makes_are_counted() {
    let Some(node) = node() else { return };
    let heard = Heard::connect(&node.url()).unwrap();
    // Once the store knows what the server's clock shows, which is far from its caller's.
    assert!(heard.charge(call(), &[charge(3)]).unwrap().taken);
    let measured = Measured::default();
    let _listening = measured.listen();
    let wide = Charge { terms: Terms { ceiling: i64::MAX, burst: 0, starting: None }, ..charge(1) };
    let named = Call { request: Some(RequestId(1)), ..call() };
    for (call, charge, count) in
        [(call(), charge(2), 0.0), (call(), wide, 1.0), (call(), wide, 2.0), (named, charge(2), 2.0)]
    {
        assert!(heard.charge(call, &[charge]).unwrap().taken);
        assert_eq!(measured.of("limitrate_store_wide_decisions_total{store=redis}"), count);
    }
    assert_eq!(measured.of("limitrate_store_disagreements_total{store=redis}"), 0.0);
}

/// Three counters of a Cluster, and who decides over them.
fn apart(cluster: &RedisCluster) -> ([u64; 3], Heard) {
    (around(cluster), Heard::connect(&cluster.url()).unwrap())
}

#[test]
fn decisions_that_nobody_finished_are_counted_when_they_are_given_back() {
    let Some(cluster) = cluster() else { return };
    let measured = Measured::default();
    let _listening = measured.listen();
    let (numbers, heard) = apart(&cluster);
    let node = home(&cluster, numbers[1]);
    assert!(heard.charge(call(), &numbers.map(charge)).unwrap().taken);
    node.daemon().suspend();
    // Whoever made it is gone in the middle of it.
    let dying = Heard::connect(&cluster.url()).unwrap();
    let patient = Call { deadline: Duration::from_secs(5), ..call() };
    let charges = numbers.map(charge);
    let soon = Duration::from_millis(100);
    dying.on.block_on(async { timeout(soon, dying.store.charge(patient, &charges)).await }).unwrap_err();
    dying.on.shutdown_background();
    assert_eq!(heard.used(numbers[0]), Some(2));
    node.daemon().resume();
    until("it is given back", || {
        heard.run();
        heard.used(numbers[0]) == Some(1) && heard.used(numbers[1]) == Some(1)
    });
    until("it is counted", || {
        heard.run();
        measured.of("limitrate_store_given_back_total{store=redis}") == 1.0
    });
    assert_eq!(measured.of("limitrate_store_stranded_total{store=redis}"), 0.0);
}

#[test]
fn what_cannot_be_given_back_is_counted() {
    let Some(cluster) = cluster() else { return };
    let measured = Measured::default();
    let _listening = measured.listen();
    let (numbers, heard) = apart(&cluster);
    let node = home(&cluster, numbers[0]);
    assert!(heard.charge(call(), &numbers.map(charge)).unwrap().taken);
    // Nobody knows whether the first node has the note and its charges, and it cannot be asked.
    node.daemon().suspend();
    heard.charge(call(), &numbers.map(charge)).unwrap_err();
    until("it is given up", || {
        heard.run();
        measured.of("limitrate_store_stranded_total{store=redis}") == 1.0
    });
    node.daemon().resume();
}

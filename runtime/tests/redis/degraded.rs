//! One node behind a guard that fails in each way in which one does: `fail` clauses decide, and it is found again.

use std::{sync::Arc, thread, time::Duration};

use limitrate_runtime::store::{RedisOptions, RedisStore, Store, StoreError};
use limitrate_testkit::server::{Redis, RedisOptions as NodeOptions, or_skip};

use crate::{node, outage::Outage, run};

async fn connect(url: String) -> Result<Arc<dyn Store>, StoreError> {
    Ok(Arc::new(RedisStore::connect(RedisOptions::from_url(&url)?).await?))
}

#[test]
fn a_guarded_node_that_is_killed_is_done_without_until_it_is_there_again() {
    let Some(node) = node() else { return };
    let outage = Outage {
        name: "a guarded Redis that was killed",
        kinds: &["lost", "unreachable"],
        within: Duration::from_secs(5),
        keeps: false,
    };
    outage.bear(async || connect(node.url()).await, || node.daemon().kill(), || node.restart().unwrap());
}

#[test]
fn a_guarded_node_that_stands_still_is_done_without_until_it_goes_on() {
    let Some(node) = node() else { return };
    let outage = Outage {
        name: "a guarded Redis that stood still",
        kinds: &["timeout", "unreachable"],
        within: Duration::from_secs(5),
        keeps: true,
    };
    outage.bear(async || connect(node.url()).await, || node.daemon().suspend(), || node.daemon().resume());
}

#[test]
fn a_guarded_node_that_lets_nobody_in_is_done_without_until_it_does() {
    let Some(node) = node() else { return };
    run(&node, "ACL SETUSER ann on >pw ~* +@all");
    let outage = Outage {
        name: "a guarded Redis that let nobody in",
        kinds: &["denied", "lost", "unreachable"],
        within: Duration::from_secs(5),
        keeps: true,
    };
    let lock = || {
        run(&node, "ACL SETUSER ann <pw >another");
        run(&node, "CLIENT KILL USER ann");
    };
    let url = format!("redis://ann:pw@{}", node.address());
    outage.bear(async || connect(url).await, lock, || drop(run(&node, "ACL SETUSER ann >pw")));
}

#[test]
fn a_guarded_node_that_loads_its_data_is_done_without_until_it_has() {
    let extra = ["--enable-debug-command", "yes", "--loading-process-events-interval-bytes", "1024"];
    let extra = extra.map(str::to_owned).to_vec();
    let Some(node) = or_skip(Redis::start(&NodeOptions { extra, ..NodeOptions::default() })) else {
        return;
    };
    run(&node, "DEBUG POPULATE 3000 filler 100");
    run(&node, "CONFIG SET key-load-delay 400");
    let outage = Outage {
        name: "a guarded Redis that loaded its data",
        kinds: &["unavailable", "timeout", "unreachable"],
        within: Duration::from_secs(30),
        keeps: true,
    };
    thread::scope(|scope| {
        let load = || drop(scope.spawn(|| run(&node, "DEBUG RELOAD")));
        outage.bear(async || connect(node.url()).await, load, || {});
    });
}

#[test]
fn a_guarded_node_that_is_full_is_done_without_until_there_is_room() {
    let Some(node) = node() else { return };
    let outage = Outage {
        name: "a guarded Redis that was full",
        kinds: &["unavailable"],
        within: Duration::from_secs(5),
        keeps: true,
    };
    let of = |bytes: &str| drop(run(&node, &format!("CONFIG SET maxmemory {bytes}")));
    outage.bear(async || connect(node.url()).await, || of("1"), || of("0"));
}

//! The suite of every store, on Redis: on one node, over its socket, on the master that Sentinels name, and on a Cluster; and
//! equality with memory, step by step.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "helpers of tests are not seen to be tests"
)]

use std::hash::{BuildHasher as _, RandomState};

use limitrate_runtime::store::{RedisOptions, RedisStore};
use limitrate_testkit::{
    Blocking,
    conformance::processes::three_processes_are_admitted_exactly,
    server::{Redis, RedisCluster, RedisSentinel, or_skip},
};

#[path = "redis/equality.rs"]
mod equality;
#[path = "redis/trips.rs"]
mod trips;

#[test]
fn processes_on_one_node_are_admitted_exactly() {
    three_processes_are_admitted_exactly(
        "processes_on_one_node_are_admitted_exactly",
        || node().map(|node| (node, node.url())),
        |url| Ok(connected(url)),
    );
}

#[test]
fn processes_behind_a_sentinel_are_admitted_exactly() {
    three_processes_are_admitted_exactly(
        "processes_behind_a_sentinel_are_admitted_exactly",
        || sentinel().map(|sentinel| (sentinel, sentinel.url())),
        |url| Ok(connected(url)),
    );
}

#[test]
fn processes_on_a_cluster_are_admitted_exactly() {
    three_processes_are_admitted_exactly(
        "processes_on_a_cluster_are_admitted_exactly",
        || cluster().map(|cluster| (cluster, cluster.url())),
        |url| Ok(connected(url)),
    );
}

fn connected(url: &str) -> Blocking<RedisStore> {
    let options = RedisOptions::from_url(url).unwrap();
    Blocking::connect(RedisStore::connect(options)).unwrap()
}

/// A store of its own on servers that others use too.
fn apart(url: &str) -> Blocking<RedisStore> {
    connected(&format!("{url}?prefix=apart-{:x}", RandomState::new().hash_one(())))
}

fn node() -> Option<&'static Redis> {
    or_skip(Redis::shared())
}

fn cluster() -> Option<&'static RedisCluster> {
    or_skip(RedisCluster::shared())
}

fn sentinel() -> Option<&'static RedisSentinel> {
    or_skip(RedisSentinel::shared())
}

mod on_one_node {
    use limitrate_testkit::conformance::Trial;

    limitrate_testkit::conformance!(waited for {
        let Some(node) = super::node() else { return };
        (super::apart(&node.url()), Trial::shared().scattered())
    });
}

mod over_a_socket {
    use limitrate_testkit::conformance::Trial;

    limitrate_testkit::conformance!(waited for {
        let Some(node) = super::node() else { return };
        let url = format!("redis+unix://{}?prefix=socket", node.socket().display());
        (super::connected(&url), Trial::shared())
    });
}

mod behind_a_sentinel {
    use limitrate_testkit::conformance::Trial;

    limitrate_testkit::conformance!(waited for {
        let Some(sentinel) = super::sentinel() else { return };
        (super::connected(&sentinel.url()), Trial::shared())
    });
}

mod on_a_cluster {
    use limitrate_testkit::conformance::Trial;

    limitrate_testkit::conformance!(waited for {
        let Some(cluster) = super::cluster() else { return };
        (super::connected(&cluster.url()), Trial::shared().with_decisions(50))
    });
}

mod on_a_cluster_over_many_groups {
    use limitrate_testkit::conformance::Trial;

    limitrate_testkit::conformance!(waited for {
        let Some(cluster) = super::cluster() else { return };
        (super::apart(&cluster.url()), Trial::shared().scattered().with_decisions(50))
    });
}

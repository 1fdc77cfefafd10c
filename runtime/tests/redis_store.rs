//! The suite of every store, on Redis: on one node, over its socket, on the master that Sentinels name, and on a Cluster; and
//! equality with memory, step by step.

use limitrate_runtime::store::{RedisOptions, RedisStore};
use limitrate_testkit::{
    Blocking,
    server::{Redis, RedisCluster, or_skip},
};

#[path = "redis/equality.rs"]
mod equality;
#[path = "redis/trips.rs"]
mod trips;

fn connected(url: &str) -> Blocking<RedisStore> {
    let options = RedisOptions::from_url(url).unwrap();
    Blocking::connect(RedisStore::connect(options)).unwrap()
}

fn node() -> Option<&'static Redis> {
    or_skip(Redis::shared())
}

fn cluster() -> Option<&'static RedisCluster> {
    or_skip(RedisCluster::shared())
}

mod on_one_node {
    use limitrate_testkit::conformance::Trial;

    limitrate_testkit::conformance!({
        let Some(node) = super::node() else { return };
        (super::connected(&node.url()), Trial::shared().scattered())
    });
}

mod over_a_socket {
    use limitrate_testkit::conformance::Trial;

    limitrate_testkit::conformance!({
        let Some(node) = super::node() else { return };
        let url = format!("redis+unix://{}?prefix=socket", node.socket().display());
        (super::connected(&url), Trial::shared())
    });
}

mod on_a_cluster {
    use limitrate_testkit::conformance::Trial;

    limitrate_testkit::conformance!({
        let Some(cluster) = super::cluster() else { return };
        (super::connected(&cluster.url()), Trial::shared().with_decisions(50))
    });
}

mod on_a_cluster_over_many_groups {
    use limitrate_testkit::conformance::Trial;

    limitrate_testkit::conformance!({
        let Some(cluster) = super::cluster() else { return };
        (super::connected(&cluster.url()), Trial::shared().scattered().with_decisions(50))
    });
}

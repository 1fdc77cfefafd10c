//! The suite of every store, on Redis.

use limitrate_runtime::store::{RedisOptions, RedisStore};
use limitrate_testkit::Blocking;

fn url() -> String {
    std::env::var("REDIS_URL").unwrap()
}

fn store() -> Blocking<RedisStore> {
    Blocking::connect(RedisStore::connect(RedisOptions::from_url(&url()).unwrap())).unwrap()
}

mod suite {
    use limitrate_testkit::conformance::Trial;

    limitrate_testkit::conformance!((super::store(), Trial::shared()));
}

//! Servers of a test's own: started on free loopback ports, in temporary folders, and gone with the test.
//!
//! Binaries are those of Debian's packages, found in `PATH` and where Debian puts them. Whoever needs one that is not there
//! says so with [`or_skip`]. Servers that refuse to be run by root are run by another user then. Whatever ends the process of
//! the tests, its servers end with it, and their folders are removed.
//!
//! Faults are done to the process ([`Daemon`]: killed, stopped, started again) or on the way to it ([`Proxy`]).

mod authority;
mod daemon;
mod error;
mod find;
mod folder;
mod guardian;
mod mariadb;
mod poll;
mod port;
mod postgres;
mod proxy;
mod redis;
mod shared;
mod template;

pub use self::{
    authority::Certificate,
    daemon::Daemon,
    error::ServerError,
    find::{Missing, or_skip},
    mariadb::{MariaDb, MariaDbOptions},
    poll::{over_within, recovers, until, within},
    port::free as free_port,
    postgres::{Postgres, PostgresOptions},
    proxy::{Commands, Fault, Lost, Proxy, Toward},
    redis::{
        Redis, RedisOptions,
        cluster::{ClusterOptions, RedisCluster},
        sentinel::{RedisSentinel, SENTINEL_NAME},
    },
};

//! A store by its address: `memory`, `sqlite:counters.db`, `redis://…`, `postgres://…`, `mysql://…`.

use std::sync::Arc;

use super::{MemoryOptions, MemoryStore, Store, StoreError};

/// What an address may begin with, and the feature that has it.
const SCHEMES: [(&str, &str); 10] = [
    ("memory", ""),
    ("sqlite", "sqlite"),
    ("redis", "redis"),
    ("rediss", "redis"),
    ("redis+unix", "redis"),
    ("redis+sentinel", "redis"),
    ("redis+cluster", "redis"),
    ("postgres", "postgres"),
    ("postgresql", "postgres"),
    ("mysql", "mysql"),
];

/// Opens the store at an address. Must be called within a tokio runtime with time, which the store then lives on.
///
/// # Errors
///
/// [`StoreError::Address`] for an address of no kind of store, one that this build does not have, or one that is wrong in
/// itself; else what connecting says. No error repeats a password.
pub async fn open(url: &str) -> Result<Arc<dyn Store>, StoreError> {
    let scheme = url.split(':').next().unwrap_or_default();
    match scheme {
        "memory" => Ok(Arc::new(MemoryStore::new(MemoryOptions::default()))),
        #[cfg(feature = "sqlite")]
        "sqlite" => Ok(Arc::new(super::SqliteStore::open(&super::SqliteOptions::from_url(url)?)?)),
        #[cfg(feature = "redis")]
        "redis" | "rediss" | "redis+unix" | "redis+sentinel" | "redis+cluster" => {
            Ok(Arc::new(super::RedisStore::connect(super::RedisOptions::from_url(url)?).await?))
        }
        #[cfg(feature = "postgres")]
        "postgres" | "postgresql" => {
            Ok(Arc::new(super::PostgresStore::connect(super::PostgresOptions::from_url(url)?).await?))
        }
        #[cfg(feature = "mysql")]
        "mysql" => Ok(Arc::new(super::MySqlStore::connect(super::MySqlOptions::from_url(url)?).await?)),
        other => Err(unknown(other)),
    }
}

fn unknown(scheme: &str) -> StoreError {
    let what = match SCHEMES.iter().find(|(known, _)| *known == scheme) {
        Some((_, feature)) => {
            format!("this build has no `{scheme}` stores: build it with the feature `{feature}`")
        }
        None => {
            let known: Vec<_> = SCHEMES.iter().map(|(scheme, _)| format!("`{scheme}`")).collect();
            format!("`{}` is no kind of store; there are {}", scheme.escape_debug(), known.join(", "))
        }
    };
    StoreError::Address { what }
}

//! A store by its address: `memory`, `sqlite:counters.db`, `redis://…`, `postgres://…`, `mysql://…`.

use std::sync::Arc;

use super::{MemoryOptions, MemoryStore, Store, StoreError};

/// What the addresses of each kind of store may begin with, and the feature that has it.
const KINDS: [(&str, &[&str]); 5] = [
    ("memory", &["memory"]),
    ("sqlite", &["sqlite"]),
    (
        "redis",
        &[
            "redis",
            "rediss",
            "redis+unix",
            "redis+sentinel",
            "rediss+sentinel",
            "redis+cluster",
            "rediss+cluster",
        ],
    ),
    ("postgres", &["postgres", "postgresql"]),
    ("mysql", &["mysql", "mariadb"]),
];

/// Opens the store at an address. Must be called within a tokio runtime with time and I/O, which the store then lives on.
///
/// # Errors
///
/// [`StoreError::Address`] for an address of no kind of store, one that this build does not have, or one that is wrong in
/// itself; else what connecting says. No error repeats a password.
pub async fn open(url: &str) -> Result<Arc<dyn Store>, StoreError> {
    // No more of what is no address is ever repeated: it may be a password.
    let scheme = url.split([':', '/', '@', '?']).next().unwrap_or_default();
    let kind = KINDS.iter().find(|(_, schemes)| schemes.contains(&scheme)).map(|(kind, _)| *kind);
    match kind {
        Some("memory") => Ok(Arc::new(MemoryStore::new(MemoryOptions::default()))),
        #[cfg(feature = "sqlite")]
        Some("sqlite") => {
            let options = super::SqliteOptions::from_url(url)?;
            // It waits for the disk, and for others who have the file.
            let opened = tokio::task::spawn_blocking(move || super::SqliteStore::open(&options)).await;
            Ok(Arc::new(opened.map_err(|error| StoreError::Unreachable(error.into()))??))
        }
        #[cfg(feature = "redis")]
        Some("redis") => Ok(Arc::new(super::RedisStore::connect(super::RedisOptions::from_url(url)?).await?)),
        #[cfg(feature = "postgres")]
        Some("postgres") => {
            Ok(Arc::new(super::PostgresStore::connect(super::PostgresOptions::from_url(url)?).await?))
        }
        #[cfg(feature = "mysql")]
        Some("mysql") => Ok(Arc::new(super::MySqlStore::connect(super::MySqlOptions::from_url(url)?).await?)),
        Some(kind) => {
            let what = format!("this build has no `{scheme}` stores: build it with the feature `{kind}`");
            Err(StoreError::Address { what })
        }
        None => {
            let known: Vec<_> =
                KINDS.iter().flat_map(|(_, schemes)| *schemes).map(|s| format!("`{s}`")).collect();
            let what =
                format!("`{}` is no kind of store; there are {}", scheme.escape_debug(), known.join(", "));
            Err(StoreError::Address { what })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_is_no_address_is_told_by_its_beginning_alone() {
        for (url, told) in
            [("disk", "`disk`"), ("redi//:hunter2@h", "`redi`"), ("", "``"), ("x@hunter2", "`x`")]
        {
            let error = open(url).await.err().map(|error| error.to_string()).unwrap_or_default();
            assert!(
                error.contains(&format!("{told} is no kind of store; there are `memory`")),
                "{url}: {error}"
            );
            assert!(!error.contains("hunter2"), "{error}");
        }
    }

    #[tokio::test]
    async fn memory_needs_nothing() {
        assert!(open("memory").await.is_ok());
    }
}

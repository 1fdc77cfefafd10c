//! A store that is dropped where it may hold up nobody: on a runtime.

use std::time::Duration;

use limitrate_runtime::store::{Call, Durability, SqliteOptions, SqliteStore, Store as _, StoreError};
use limitrate_testkit::conformance::{FIXED, NOW};
use rusqlite::Connection;
use tokio::{
    runtime::{Builder, Runtime},
    time::Instant,
};

use crate::{at, charge, open, options, used};

#[test]
fn dropping_it_on_a_runtime_holds_up_no_task() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("c.db");
    let patient =
        SqliteOptions { busy: Duration::from_secs(30), ..options(&file, (Durability::Normal, false)) };
    let runtime = Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let store = SqliteStore::open(&patient).unwrap();
        let other = Connection::open(&file).unwrap();
        other.execute_batch("BEGIN IMMEDIATE").unwrap();
        // Its thread waits for the other process from here on.
        let call = Call { deadline: Duration::from_millis(20), ..at(NOW) };
        let given_up = store.charge(call, &[charge(1, &FIXED, 5)]).await.unwrap_err();
        assert!(matches!(given_up, StoreError::Timeout(_)), "{given_up}");
        let start = Instant::now();
        drop(store);
        assert!(start.elapsed() < Duration::from_secs(10), "{:?}", start.elapsed());
        other.execute_batch("ROLLBACK").unwrap();
    });
}

/// However the runtime ends: what is owed needs none of the threads that it may leave behind.
#[test]
fn what_is_owed_is_written_before_the_runtime_ends() {
    for end in [drop, Runtime::shutdown_background] {
        let folder = tempfile::tempdir().unwrap();
        let lazy = SqliteOptions {
            flush_every: Duration::from_secs(60),
            ..options(&folder.path().join("c.db"), (Durability::Behind, true))
        };
        let runtime = Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let store = SqliteStore::open(&lazy).unwrap();
            assert!(store.charge(at(NOW), &[charge(1, &FIXED, 5)]).await.unwrap().taken);
        });
        end(runtime);
        assert_eq!(used(&open(&lazy).unwrap(), 1).unwrap(), Some(1));
    }
}

//! The SQLite store: the suite of every store, restarts, several processes, and what happens when the file fails.
#![cfg(feature = "sqlite")]
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "helpers of tests fail by panicking")]

#[path = "../common/measured.rs"]
mod common;
mod degraded;
mod dropped;
mod faults;
mod killed;
mod limits;
#[path = "../common/outage.rs"]
mod outage;
mod processes;
mod restart;
mod suite;

use std::{
    env,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::Duration,
};

use limitrate_core::{
    algorithm::{Algorithm, Terms},
    charge::Charge,
    key::CounterKey,
    time::Timestamp,
};
use limitrate_runtime::store::{
    Call, Charged, Durability, Kept, SqliteOptions, SqliteStore, Store, StoreError, Ticket,
};
use limitrate_testkit::{
    Blocking,
    conformance::{FIXED, NOW},
};

/// Says to a test that it is a child's part, and on which file.
const CHILD: &str = "LIMITRATE_SQLITE_CHILD";

/// Every way to keep the file.
const WAYS: [(Durability, bool); 5] = [
    (Durability::Normal, false),
    (Durability::Normal, true),
    (Durability::Full, false),
    (Durability::Full, true),
    (Durability::Behind, true),
];

fn options(path: &Path, (durability, exclusive): (Durability, bool)) -> SqliteOptions {
    SqliteOptions { durability, exclusive, ..SqliteOptions::new(path) }
}

fn open(options: &SqliteOptions) -> Result<Blocking<SqliteStore>, StoreError> {
    Blocking::connect(async { SqliteStore::open(options) })
}

fn key(number: u64) -> CounterKey {
    CounterKey::of_limit(&number.to_le_bytes(), 0x5EED)
}

/// A charge of one.
fn charge(number: u64, algorithm: &Algorithm, ceiling: i64) -> Charge<'_> {
    let terms = Terms { ceiling, burst: ceiling, starting: None };
    Charge::new(key(number), key(!number), algorithm, terms, 1)
}

/// A call of somebody who has time: tests share machines with others.
fn at(now: Timestamp) -> Call {
    Call { deadline: Duration::from_secs(10), ..Call::at(now, Ticket(0)) }
}

/// Charges at `NOW`.
fn decide(store: &Blocking<SqliteStore>, charges: &[Charge<'_>]) -> Result<Charged, StoreError> {
    store.wait(store.store().charge(at(NOW), charges))
}

/// What is in use of a window.
fn used(store: &Blocking<SqliteStore>, number: u64) -> Result<Option<i64>, StoreError> {
    store.wait(store.store().used(at(NOW), key(number), &FIXED))
}

/// All that is kept, by key.
fn kept(store: &Blocking<SqliteStore>) -> Vec<Kept> {
    let mut kept = Vec::new();
    store.wait(store.store().snapshot(at(NOW), &mut |one| kept.push(one))).unwrap();
    kept.sort_by_key(|one| one.key);
    kept
}

/// Runs a test of this program in a process of its own, which knows by [`child_file`] that it is one.
fn child(test: &str, file: &Path) -> Command {
    let mut command = Command::new(env::current_exe().unwrap());
    command.args(["--exact", test, "--nocapture", "--test-threads=1"]).env(CHILD, file);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// The file to work on, if this is a child.
fn child_file() -> Option<PathBuf> {
    env::var_os(CHILD).map(Into::into)
}

/// Waits for a child, which must do well.
fn succeed(child: Child) {
    let output = child.wait_with_output().unwrap();
    let told = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{}: {told}", output.status);
}

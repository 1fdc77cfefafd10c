//! A file behind a guard that another process has locked: `fail` clauses decide, and it is found again.

use std::{
    cell::RefCell,
    io::{BufRead as _, BufReader, Read as _, Write as _},
    process::Stdio,
    sync::Arc,
    time::Duration,
};

use limitrate_runtime::store::{Durability, SqliteStore, Store};
use rusqlite::Connection;

use crate::{child, child_file, options, outage::Outage, succeed};

/// Locks the file until it is told to let go.
#[test]
fn child_that_locks() {
    let Some(file) = child_file() else { return };
    let other = Connection::open(file).unwrap();
    other.busy_timeout(Duration::from_secs(10)).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    std::io::stderr().write_all(b"locked\n").unwrap();
    std::io::stdin().read_to_end(&mut Vec::new()).unwrap();
    other.execute_batch("ROLLBACK").unwrap();
}

#[test]
fn a_guarded_file_that_another_process_has_locked_is_done_without_until_it_lets_go() {
    for durability in [Durability::Normal, Durability::Full] {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("c.db");
        let outage = Outage {
            name: "a guarded file that another process had locked",
            kinds: &["unavailable"],
            within: Duration::from_secs(5),
            keeps: true,
        };
        let locking = RefCell::new(None);
        let lock = || {
            let mut child = child("degraded::child_that_locks", &file).stdin(Stdio::piped()).spawn().unwrap();
            let mut told = BufReader::new(child.stderr.take().unwrap()).lines();
            assert!(told.any(|line| line.unwrap() == "locked"));
            *locking.borrow_mut() = Some(child);
        };
        let let_go = || {
            let mut child = locking.take().unwrap();
            drop(child.stdin.take());
            succeed(child);
        };
        let options = options(&file, (durability, false));
        outage.bear(async || Ok(Arc::new(SqliteStore::open(&options)?) as Arc<dyn Store>), lock, let_go);
    }
}

//! A file that is locked, foreign, newer, damaged or read-only.

use std::{
    fs,
    os::unix::{
        fs::{MetadataExt as _, PermissionsExt as _},
        process::CommandExt as _,
    },
    path::Path,
    sync::Arc,
    time::Duration,
};

use limitrate_runtime::store::{Call, Durability, SqliteOptions, SqliteStore, Store, StoreError};
use limitrate_testkit::{
    Blocking,
    conformance::{FIXED, NOW},
    server::{over_within, recovers},
};
use rusqlite::Connection;
use tokio::task::JoinSet;

use crate::{
    WAYS, at, charge, child, child_file, common::Measured, decide, kept, key, open, options, succeed, used,
};

/// Somebody else's uid, for a process that may not write everywhere.
const NOBODY: u32 = 65_534;

#[test]
fn a_file_locked_by_another_is_unavailable_for_that_long_and_nothing_is_applied() {
    for durability in [Durability::Normal, Durability::Full] {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("c.db");
        let store = open(&options(&file, (durability, false))).unwrap();
        assert!(decide(&store, &[charge(1, &FIXED, 5)]).unwrap().taken);
        let other = Connection::open(&file).unwrap();
        other.execute_batch("BEGIN IMMEDIATE").unwrap();
        let busy = options(&file, (durability, false)).busy;
        let refused = over_within(busy..=busy, || decide(&store, &[charge(1, &FIXED, 5)])).unwrap_err();
        assert!(matches!(refused, StoreError::Unavailable { .. }), "{refused}");
        assert!(!refused.may_have_applied() && refused.to_string().contains("another process has locked"));
        other.execute_batch("ROLLBACK").unwrap();
        recovers("a file that was locked", Duration::from_secs(1), || {
            decide(&store, &[charge(1, &FIXED, 5)]).is_ok_and(|charged| charged.taken)
        });
        assert_eq!(used(&store, 1).unwrap(), Some(2));
    }
}

#[test]
fn a_call_that_waits_for_longer_than_its_caller_is_given_up_and_not_begun() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("c.db");
    let patient =
        SqliteOptions { busy: Duration::from_secs(20), ..options(&file, (Durability::Normal, false)) };
    let store = open(&patient).unwrap();
    let other = Connection::open(&file).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let call = Call { deadline: Duration::from_millis(20), ..at(NOW) };
    let given_up = over_within(call.deadline..=call.deadline, || {
        store.wait(store.store().charge(call, &[charge(1, &FIXED, 5)])).unwrap_err()
    });
    assert!(matches!(given_up, StoreError::Timeout(deadline) if deadline == call.deadline), "{given_up}");
    other.execute_batch("ROLLBACK").unwrap();
    assert_eq!(used(&store, 1).unwrap(), Some(0));
}

/// Whoever comes when so many wait already is told so, and nothing is done.
#[test]
fn a_queue_that_is_full_refuses_at_once_and_goes_on() {
    const ROOM: u64 = 16_384;
    const MORE: u64 = 500;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("c.db");
    let patient =
        SqliteOptions { busy: Duration::from_secs(60), ..options(&file, (Durability::Normal, false)) };
    let open_it = async { Ok(Arc::new(SqliteStore::open(&patient)?) as Arc<dyn Store>) };
    let store: Blocking<Arc<dyn Store>> = Blocking::connect(open_it).unwrap();
    let other = Connection::open(&file).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let call = Call { deadline: Duration::from_secs(60), ..at(NOW) };
    let (charged, refused) = store.wait(async {
        let mut calls = JoinSet::new();
        // Beside those that wait, a batch may be on its way.
        for number in 1..=2 * ROOM + MORE {
            let sqlite = Arc::clone(store.store());
            calls.spawn(async move {
                let charges = [charge(number, &FIXED, 5)];
                let charged = sqlite.charge(call, &charges).await;
                (number, charged)
            });
        }
        let (mut charged, mut refused) = (Vec::new(), Vec::new());
        while let Some(answer) = calls.join_next().await {
            match answer.unwrap() {
                (number, Ok(_)) => charged.push(number),
                (number, Err(StoreError::Unavailable { what, .. })) if what.contains("wait for its file") => {
                    refused.push(number);
                }
                (_, Err(error)) => panic!("{error:?}"),
            }
            if refused.len() == usize::try_from(MORE).unwrap() && !other.is_autocommit() {
                other.execute_batch("ROLLBACK").unwrap();
            }
        }
        (charged, refused)
    });
    assert!(
        charged.len() >= usize::try_from(ROOM).unwrap() && refused.len() >= usize::try_from(MORE).unwrap()
    );
    drop(store);
    let store = open(&patient).unwrap();
    for (numbers, used_each) in [(&charged, 1), (&refused, 0)] {
        assert!(numbers.iter().step_by(31).all(|number| used(&store, *number).unwrap() == Some(used_each)));
    }
}

#[test]
fn a_newer_layout_is_refused_and_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("c.db");
    for way in WAYS {
        drop(open(&options(&file, way)).unwrap());
        Connection::open(&file).unwrap().pragma_update(None, "user_version", 7).unwrap();
        let before = fs::read(&file).unwrap();
        let refused = open(&options(&file, way)).unwrap_err();
        assert!(matches!(refused, StoreError::NewerLayout { found: 7, known: 1 }), "{refused}");
        assert_eq!(fs::read(&file).unwrap(), before);
        Connection::open(&file).unwrap().pragma_update(None, "user_version", 1).unwrap();
    }
}

#[test]
fn what_is_not_ours_is_refused_and_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let (theirs, text, header) =
        (folder.path().join("t.db"), folder.path().join("t.txt"), folder.path().join("h.db"));
    Connection::open(&theirs).unwrap().execute_batch("CREATE TABLE x (y); PRAGMA user_version = 1").unwrap();
    fs::write(&text, "counters: 5, but in a text of more than a hundred bytes. ".repeat(30)).unwrap();
    drop(open(&SqliteOptions::new(&header)).unwrap());
    let mut bytes = fs::read(&header).unwrap();
    bytes[..64].fill(0xA5);
    fs::write(&header, bytes).unwrap();
    for (file, wanted) in [(&theirs, "another program"), (&text, "move it away"), (&header, "move it away")] {
        for way in WAYS {
            let before = fs::read(file).unwrap();
            let refused = open(&options(file, way)).unwrap_err();
            assert!(matches!(refused, StoreError::Corrupt { .. }), "{refused}");
            assert!(refused.to_string().contains(wanted), "{refused}");
            assert_eq!(fs::read(file).unwrap(), before);
        }
    }
}

#[test]
fn where_no_file_can_be_there_is_no_store() {
    let folder = tempfile::tempdir().unwrap();
    let refused = open(&SqliteOptions::new(folder.path())).unwrap_err();
    assert!(matches!(&refused, StoreError::Address { what } if what.contains("folder")), "{refused}");
    let refused = open(&SqliteOptions::new(folder.path().join("no/c.db"))).unwrap_err();
    let StoreError::Unreachable(cause) = &refused else { panic!("{refused}") };
    assert!(cause.to_string().contains("no/c.db"), "it is told which: {cause}");
}

/// A file of some thousand counters.
fn grown(file: &Path) {
    let store = open(&options(file, (Durability::Normal, true))).unwrap();
    for number in 0..4_000 {
        assert!(decide(&store, &[charge(number, &FIXED, 5)]).unwrap().taken);
    }
}

#[test]
fn a_damaged_page_fails_the_calls_that_need_it_and_no_others() {
    for way in WAYS.into_iter().filter(|way| way.0 == Durability::Normal) {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("c.db");
        grown(&file);
        let mut bytes = fs::read(&file).unwrap();
        // A page in the middle: leaves by far outnumber the others.
        let page = bytes.len() / 1024 / 2 * 1024;
        bytes[page..page + 1024].fill(0xEE);
        fs::write(&file, &bytes).unwrap();
        let store = open(&options(&file, way)).unwrap();
        let (mut taken, mut damaged) = (0, 0);
        for number in 0..4_000 {
            match decide(&store, &[charge(number, &FIXED, 5)]) {
                Ok(charged) => taken += usize::from(charged.taken),
                Err(error) => {
                    assert!(
                        matches!(error, StoreError::Corrupt { .. }) && !error.may_have_applied(),
                        "{error}"
                    );
                    assert!(error.to_string().contains(".recover"), "{error}");
                    damaged += 1;
                }
            }
        }
        assert!(taken > 3_500 && damaged > 0, "{way:?}: {taken} taken, {damaged} damaged");
    }
}

#[test]
fn a_damaged_row_fails_its_own_calls_until_it_is_reset() {
    for way in WAYS.into_iter().filter(|way| way.0 != Durability::Behind) {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("c.db");
        drop({
            let store = open(&options(&file, way)).unwrap();
            assert!(decide(&store, &[charge(1, &FIXED, 5), charge(2, &FIXED, 5)]).unwrap().taken);
            store
        });
        let other = Connection::open(&file).unwrap();
        let damage = "UPDATE entry SET value = x'0102' WHERE key = ?1";
        assert_eq!(other.execute(damage, [key(1).0.to_be_bytes()]).unwrap(), 1);
        drop(other);
        let store = open(&options(&file, way)).unwrap();
        let refused = decide(&store, &[charge(2, &FIXED, 5), charge(1, &FIXED, 5)]).unwrap_err();
        assert!(matches!(&refused, StoreError::Corrupt { what } if what.contains("reset")), "{refused}");
        assert_eq!(used(&store, 2).unwrap(), Some(1));
        let call = at(NOW);
        assert!(store.wait(store.store().reset(call, key(1))).unwrap());
        assert!(decide(&store, &[charge(2, &FIXED, 5), charge(1, &FIXED, 5)]).unwrap().taken);
        assert_eq!(kept(&store).len(), 2);
    }
}

#[test]
fn a_damaged_row_keeps_no_other_from_being_told_or_begun_with() {
    for way in WAYS {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("c.db");
        drop({
            let store = open(&options(&file, way)).unwrap();
            assert!(decide(&store, &[1, 2, 3].map(|number| charge(number, &FIXED, 5))).unwrap().taken);
            store
        });
        let other = Connection::open(&file).unwrap();
        let damage = "UPDATE entry SET value = x'0102' WHERE key = ?1";
        assert_eq!(other.execute(damage, [key(1).0.to_be_bytes()]).unwrap(), 1);
        drop(other);
        let measured = Measured::default();
        let _listening = measured.listen();
        let store = open(&options(&file, way)).unwrap();
        let mut others = [key(2), key(3)];
        others.sort_unstable();
        assert_eq!(kept(&store).iter().map(|kept| kept.key).collect::<Vec<_>>(), others, "{way:?}");
        assert_eq!(measured.of("limitrate_store_damaged_total{store=sqlite}"), 1.0, "{way:?}");
    }
}

/// Tries a file and a folder that it may only read.
#[test]
fn child_that_may_not_write() {
    let Some(folder) = child_file() else { return };
    for (name, way) in ["file", "folder"].into_iter().flat_map(|name| WAYS.map(|way| (name, way))) {
        let refused = open(&options(&folder.join(name).join("c.db"), way)).unwrap_err();
        let is_told = matches!(refused, StoreError::Unavailable { .. } | StoreError::Denied { .. });
        assert!(is_told && !refused.may_have_applied(), "{name}: {refused:?}");
    }
    let refused = open(&SqliteOptions::new(folder.join("folder/new.db"))).unwrap_err();
    assert!(matches!(refused, StoreError::Denied { .. } | StoreError::Unreachable(_)), "{refused:?}");
}

#[test]
fn a_file_or_folder_that_may_only_be_read_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let mode = |path: &Path, mode| fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    mode(folder.path(), 0o755);
    for name in ["file", "folder"] {
        let inner = folder.path().join(name);
        fs::create_dir(&inner).unwrap();
        drop(open(&SqliteOptions::new(inner.join("c.db"))).unwrap());
        mode(&inner.join("c.db"), 0o444);
        mode(&inner, if name == "file" { 0o777 } else { 0o555 });
    }
    let mut child = child("faults::child_that_may_not_write", folder.path());
    // Root may write everywhere.
    let is_root = fs::metadata("/proc/self").is_ok_and(|own| own.uid() == 0);
    if is_root {
        child.uid(NOBODY);
    }
    succeed(child.spawn().unwrap());
    mode(&folder.path().join("folder"), 0o755);
}

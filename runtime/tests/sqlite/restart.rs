//! Counters outlive the store; so does the secret that their keys are hashed under.

use std::{fs, path::Path, time::Duration};

use limitrate_core::{
    charge::{Block, Charge},
    key::CounterKey,
    time::Nanos,
};
use limitrate_runtime::store::{
    Call, Durability, Kept, RequestId, SqliteOptions, SqliteStore, Store as _, StoreError,
};
use limitrate_testkit::{
    Blocking,
    conformance::{ALL, FIXED, MINUTE, NOW},
};

use crate::{WAYS, at, charge, decide, kept, key, open, options, used};

/// Something of each kind that can be kept.
fn fill(store: &Blocking<SqliteStore>) {
    let block = Block { first: MINUTE, up_to: MINUTE, forget: MINUTE };
    for (number, algorithm) in (0..).zip(ALL) {
        assert!(decide(store, &[Charge { warn: &[1], ..charge(number, algorithm, 5) }]).unwrap().taken);
        let held = Charge { hold: Some(MINUTE), ..charge(10 + number, algorithm, 5) };
        assert!(decide(store, &[held]).unwrap().taken);
        assert!(
            !decide(store, &[Charge { cost: 9, block: Some(&block), ..charge(20 + number, algorithm, 5) }])
                .unwrap()
                .taken
        );
    }
}

#[test]
fn a_restart_forgets_nothing() {
    for way in WAYS {
        let folder = tempfile::tempdir().unwrap();
        let options = options(&folder.path().join("c.db"), way);
        let store = open(&options).unwrap();
        fill(&store);
        let (before, secret) = (kept(&store), store.wait(store.store().secret()).unwrap());
        assert!(before.len() >= 20 && secret.is_some());
        store.wait(store.store().close()).unwrap();
        let closed = decide(&store, &[charge(0, &FIXED, 5)]).unwrap_err();
        assert!(matches!(closed, StoreError::Closed), "{closed}");
        let again = open(&options).unwrap();
        assert_eq!(
            (kept(&again), again.wait(again.store().secret()).unwrap()),
            (before.clone(), secret),
            "{way:?}"
        );
        // Dropping is as good as closing.
        assert!(decide(&again, &[charge(0, &FIXED, 5)]).unwrap().taken);
        drop((store, again));
        assert_eq!(used(&open(&options).unwrap(), 0).unwrap(), Some(2), "{way:?}");
    }
}

#[test]
fn a_file_may_be_kept_in_another_way_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("c.db");
    for (number, way) in (1..).zip(WAYS.into_iter().chain(WAYS)) {
        let store = open(&options(&path, way)).unwrap();
        assert!(decide(&store, &[charge(1, &FIXED, 100)]).unwrap().taken);
        assert_eq!(used(&store, 1).unwrap(), Some(number));
    }
}

#[test]
fn what_was_written_behind_follows_what_memory_does() {
    let folder = tempfile::tempdir().unwrap();
    let options = options(&folder.path().join("c.db"), (Durability::Behind, true));
    let store = open(&options).unwrap();
    fill(&store);
    store.wait(store.store().flush()).unwrap();
    // What is there no more is taken out of the file.
    for number in [0, 10, 20] {
        store.wait(store.store().reset(at(NOW), key(number))).unwrap();
    }
    store.wait(store.store().flush()).unwrap();
    let before = kept(&store);
    drop(store);
    assert_eq!(kept(&open(&options).unwrap()), before);
}

#[test]
fn more_changes_than_can_be_noted_are_written_all_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("c.db");
    let quiet =
        SqliteOptions { flush_every: Duration::from_secs(60), ..options(&path, (Durability::Behind, true)) };
    let store = open(&quiet).unwrap();
    // Keys of one stripe.
    let one = |number: u128| Charge { counter: CounterKey(number << 64 | number), ..charge(1, &FIXED, 5) };
    for number in 1..=20_000 {
        store.store().charge_at_once(at(NOW), &[one(number)]).unwrap();
    }
    let before = kept(&store);
    assert_eq!(before.len(), 20_000);
    drop(store);
    assert_eq!(kept(&open(&quiet).unwrap()), before);
}

#[test]
fn what_is_idle_is_dropped_without_anybody_asking() {
    for way in WAYS {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("c.db");
        let store = open(&options(&path, way)).unwrap();
        for number in 0..100 {
            assert!(decide(&store, &[charge(number, &FIXED, 5)]).unwrap().taken);
        }
        // The next call of anybody is long after.
        let later = NOW.after(Nanos(MINUTE.0 * 10));
        for round in 0.. {
            let call = at(later.after(Nanos(round)));
            let looking = Charge { cost: 0, ..charge(500, &FIXED, 5) };
            store.wait(store.store().charge(call, &[looking])).unwrap();
            store.wait(store.store().flush()).unwrap();
            let rows = if way.0 == Durability::Behind {
                None
            } else {
                Some(store.wait(store.store().len()).unwrap())
            };
            if rows == Some(0) || (rows.is_none() && round > 200) {
                break;
            }
            assert!(round < 10_000, "{way:?}");
        }
        drop(store);
        assert_eq!(open(&options(&path, (Durability::Normal, false))).map(|store| kept(&store)).unwrap(), []);
    }
}

#[test]
fn keys_that_come_and_go_do_not_fill_the_file() {
    for exclusive in [false, true] {
        let folder = tempfile::tempdir().unwrap();
        let options = options(&folder.path().join("c.db"), (Durability::Normal, exclusive));
        let store = open(&options).unwrap();
        // Some hundred count at a time.
        for number in 0..4_000 {
            let now = NOW.after(Nanos(MINUTE.0 / 100 * i64::try_from(number).unwrap()));
            assert!(store.wait(store.store().charge(at(now), &[charge(number, &FIXED, 5)])).unwrap().taken);
        }
        let rows = store.wait(store.store().len()).unwrap();
        assert!(rows <= 1_500, "{rows}");
    }
}

#[test]
fn a_caller_whose_clock_is_ahead_costs_nobody_a_counter() {
    // Flushes are the disk's.
    for way in WAYS.into_iter().filter(|way| way.0 != Durability::Full) {
        let folder = tempfile::tempdir().unwrap();
        let options = options(&folder.path().join("c.db"), way);
        let store = open(&options).unwrap();
        for number in 0..100 {
            assert!(decide(&store, &[charge(number, &FIXED, 5)]).unwrap().taken);
        }
        store.wait(store.store().flush()).unwrap();
        let ahead = at(NOW.after(Nanos(MINUTE.0 * 10)));
        assert!(store.wait(store.store().charge(ahead, &[charge(500, &FIXED, 5)])).unwrap().taken);
        store.wait(store.store().flush()).unwrap();
        // Enough of others for the whole file to be looked through.
        for number in 1_000..1_300 {
            assert!(decide(&store, &[charge(number, &FIXED, 5)]).unwrap().taken);
        }
        drop(store);
        let again = open(&options).unwrap();
        for number in 0..100 {
            assert_eq!(used(&again, number).unwrap(), Some(1), "{way:?}: {number}");
        }
    }
}

#[test]
fn a_call_made_again_is_counted_once_however_many_came_before() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&options(&folder.path().join("c.db"), (Durability::Behind, true))).unwrap();
    let charge_once = |number: usize| {
        let call = Call { request: Some(RequestId::of(&number.to_le_bytes())), ..at(NOW) };
        store.store().charge_at_once(call, &[charge(1, &FIXED, i64::MAX)]).unwrap();
    };
    // More than any store remembers.
    let calls = 300_000;
    (0..calls).for_each(charge_once);
    charge_once(calls - 1);
    assert_eq!(used(&store, 1).unwrap(), i64::try_from(calls).ok());
}

#[test]
fn a_call_made_again_is_counted_once_even_by_the_next_process() {
    let folder = tempfile::tempdir().unwrap();
    let options = SqliteOptions::new(folder.path().join("c.db"));
    let call = Call { request: Some(RequestId::of(b"once")), ..at(NOW) };
    let mut answers = Vec::new();
    for _ in 0..3 {
        let store = open(&options).unwrap();
        answers.push(store.wait(store.store().charge(call, &[charge(1, &FIXED, 5)])).unwrap());
        assert_eq!(used(&store, 1).unwrap(), Some(1));
    }
    assert!(answers[0].taken && answers.iter().all(|answer| *answer == answers[0]));
}

#[test]
fn a_snapshot_moves_into_another_file() {
    let folder = tempfile::tempdir().unwrap();
    let from = open(&SqliteOptions::new(folder.path().join("a.db"))).unwrap();
    fill(&from);
    let told: Vec<Kept> = kept(&from);
    for way in WAYS {
        let into = open(&options(&folder.path().join(format!("{way:?}.db")), way)).unwrap();
        let restore = |kept| into.wait(into.store().restore(at(NOW), kept)).unwrap();
        assert_eq!(restore(told.clone()), told.len());
        assert_eq!(restore(told.clone()), 0);
        assert_eq!(kept(&into), told);
    }
}

#[test]
fn any_path_is_a_file() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["a b", "ü☂", "q?x=1#y%20", "file:c.db", "'quoted'\"", "new\nline", "-c"] {
        let path = folder.path().join(name);
        assert!(decide(&open(&SqliteOptions::new(&path)).unwrap(), &[charge(1, &FIXED, 5)]).unwrap().taken);
        assert!(fs::metadata(&path).unwrap().is_file(), "{name}");
        let encoded: String = name.bytes().map(|byte| format!("%{byte:02X}")).collect();
        let url = format!("sqlite:{}/{encoded}", folder.path().display());
        let options = SqliteOptions::from_url(&url).unwrap();
        assert_eq!(options.path, Path::new(&path));
        assert_eq!(used(&open(&options).unwrap(), 1).unwrap(), Some(1));
    }
}

//! Several processes on one file, each of many threads: they admit exactly to the ceiling.

use std::{
    sync::atomic::{AtomicI64, Ordering::Relaxed},
    thread,
    time::Duration,
};

use limitrate_core::charge::Charge;
use limitrate_runtime::store::{Durability, SqliteOptions, Store as _, StoreError};
use limitrate_testkit::conformance::{FIXED, processes::three_processes_are_admitted_exactly};

use crate::{charge, child, child_file, decide, open, options, succeed, used};

const PROCESSES: usize = 3;
const THREADS: u64 = 16;
const DECISIONS: u64 = 25;
/// Less than all of them ask for.
const CEILING: i64 = 1_000;

/// Charges the counters in several orders, all or none; how often it was admitted goes to a counter that refuses nobody.
#[test]
fn child_of_several() {
    let Some(file) = child_file() else { return };
    // Nobody need give up here, however slow the machine.
    let patient =
        SqliteOptions { busy: Duration::from_secs(30), ..options(&file, (Durability::Normal, false)) };
    let store = open(&patient).unwrap();
    let admitted = AtomicI64::new(0);
    thread::scope(|scope| {
        for thread in 0..THREADS {
            let (store, admitted) = (&store, &admitted);
            scope.spawn(move || {
                for round in 0..DECISIONS {
                    let mut charges = [charge(1, &FIXED, CEILING), charge(2, &FIXED, CEILING + 50)];
                    if (thread + round) % 2 == 0 {
                        charges.reverse();
                    }
                    admitted.fetch_add(i64::from(decide(store, &charges).unwrap().taken), Relaxed);
                }
            });
        }
    });
    let told = Charge { cost: admitted.into_inner(), ..charge(3, &FIXED, i64::MAX) };
    assert!(decide(&store, &[told]).unwrap().taken);
}

#[test]
fn three_processes_of_sixteen_threads_admit_exactly_to_the_ceiling() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("c.db");
    // They even make the file together.
    let children: Vec<_> =
        (0..PROCESSES).map(|_| child("processes::child_of_several", &file).spawn().unwrap()).collect();
    children.into_iter().for_each(succeed);
    let store = open(&options(&file, (Durability::Normal, false))).unwrap();
    let counts = [1, 2, 3].map(|number| used(&store, number).unwrap().unwrap());
    assert_eq!(counts, [CEILING; 3]);
}

/// On every kind of counter.
#[test]
fn three_processes_on_one_file_are_admitted_exactly() {
    three_processes_are_admitted_exactly(
        "processes::three_processes_on_one_file_are_admitted_exactly",
        || {
            let folder = tempfile::tempdir().unwrap();
            let file = folder.path().join("c.db").to_str().unwrap().to_owned();
            Some((folder, file))
        },
        |file| {
            let patient = Duration::from_secs(30);
            open(&SqliteOptions { busy: patient, ..options(file.as_ref(), (Durability::Normal, false)) })
        },
    );
}

#[test]
fn two_stores_on_one_file_see_what_the_other_did() {
    let folder = tempfile::tempdir().unwrap();
    let options = options(&folder.path().join("c.db"), (Durability::Normal, false));
    let (a, b) = (open(&options).unwrap(), open(&options).unwrap());
    assert_eq!(a.wait(a.store().secret()).unwrap(), b.wait(b.store().secret()).unwrap());
    for round in 0..10 {
        assert!(decide(&a, &[charge(1, &FIXED, 20)]).unwrap().taken);
        assert!(decide(&b, &[charge(1, &FIXED, 20)]).unwrap().taken);
        assert_eq!(used(&a, 1).unwrap(), Some(2 * round + 2));
    }
    assert!(!decide(&a, &[charge(1, &FIXED, 20)]).unwrap().taken);
}

#[test]
fn a_file_that_is_one_process_s_alone_is_refused_to_others() {
    for way in [(Durability::Behind, false), (Durability::Normal, true)] {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("c.db");
        let first = open(&options(&file, way)).unwrap();
        assert!(decide(&first, &[charge(1, &FIXED, 5)]).unwrap().taken);
        for second in [(Durability::Behind, false), (Durability::Normal, true), (Durability::Normal, false)] {
            let refused = open(&options(&file, second)).unwrap_err();
            assert!(matches!(refused, StoreError::Unavailable { .. }), "{refused}");
            assert!(refused.to_string().contains("another process has locked"), "{refused}");
        }
        drop(first);
        let shared = open(&options(&file, (Durability::Normal, false))).unwrap();
        assert_eq!(used(&shared, 1).unwrap(), Some(1));
        // The other way round.
        assert!(open(&options(&file, way)).is_err());
    }
}

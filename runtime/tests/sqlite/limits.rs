//! A disk that is full: a file that may not grow any more.

use std::{
    path::Path,
    process::{Command, Stdio},
    time::Duration,
};

use limitrate_runtime::store::{Durability, SqliteOptions, Store as _, StoreError};
use limitrate_testkit::{
    conformance::FIXED,
    server::{recovers, until},
};
use metrics_util::debugging::DebuggingRecorder;

use crate::{WAYS, charge, child, child_file, decide, open, options, used};

/// How large the files of the child may become, in blocks of 512 bytes.
const BLOCKS: usize = 1_024;

/// Charges counters until there is no room for more, and a few times after that.
#[test]
fn child_on_a_full_disk() {
    let Some(folder) = child_file() else { return };
    for (number, way) in WAYS.into_iter().enumerate().filter(|(_, way)| way.0 != Durability::Behind) {
        let store = open(&options(&folder.join(format!("{number}.db")), way)).unwrap();
        let (mut last, mut refused) = (0, 0);
        for number in 0.. {
            match decide(&store, &[charge(number, &FIXED, 5), charge(!number, &FIXED, 5)]) {
                Ok(charged) => {
                    assert!(charged.taken);
                    last = number;
                }
                Err(error) => {
                    assert!(
                        matches!(error, StoreError::Unavailable { .. }) && !error.may_have_applied(),
                        "{error}"
                    );
                    assert_eq!(
                        (used(&store, number).unwrap(), used(&store, !number).unwrap()),
                        (Some(0), Some(0))
                    );
                    refused += 1;
                }
            }
            if refused == 20 {
                break;
            }
            assert!(number < 1_000_000, "the disk is never full");
        }
        assert!(last > 100, "{way:?}: full after {last}");
        // What was there before is there, whole.
        for number in (0..=last).step_by(17) {
            assert_eq!(used(&store, number).unwrap(), used(&store, !number).unwrap());
        }
    }
    behind(&folder);
}

/// Callers of what is written behind are answered all the same, and what could not be written is counted.
fn behind(folder: &Path) {
    let recorder = DebuggingRecorder::new();
    let counted = recorder.snapshotter();
    recorder.install().unwrap();
    let often = SqliteOptions {
        flush_every: Duration::from_millis(5),
        ..options(&folder.join("behind.db"), (Durability::Behind, true))
    };
    let store = open(&often).unwrap();
    let mut numbers = 0..;
    until("a flush fails", || {
        for number in numbers.by_ref().take(2_000) {
            assert!(decide(&store, &[charge(number, &FIXED, 5)]).unwrap().taken);
        }
        let name = "limitrate_store_flush_failures_total";
        counted.snapshot().into_vec().iter().any(|(key, ..)| key.key().name() == name)
    });
    // With room again, all of it is written: what was counted while there was none, too.
    let own = std::process::id().to_string();
    let told = Command::new("prlimit").args(["--pid", &own, "--fsize=unlimited:"]).status().unwrap();
    assert!(told.success());
    let last = numbers.start - 1;
    recovers("what could not be written behind", Duration::from_secs(10), || {
        store.wait(store.store().close()).is_ok()
    });
    drop(store);
    let store = open(&often).unwrap();
    for number in (0..last).step_by(97).chain([last]) {
        assert_eq!(used(&store, number).unwrap(), Some(1), "{number} of {last}");
    }
}

#[test]
fn a_full_disk_refuses_and_applies_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let program = child("limits::child_on_a_full_disk", folder.path());
    // The shell limits the size of files, and has the signal ignored that would end the process.
    let mut shell = Command::new("sh");
    shell.arg("-c").arg(format!("trap '' XFSZ; ulimit -S -f {BLOCKS}; exec \"$@\"")).arg("sh");
    shell.arg(program.get_program()).args(program.get_args());
    shell.envs(program.get_envs().filter_map(|(name, value)| Some((name, value?))));
    shell.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    crate::succeed(shell.spawn().unwrap());
    // With room again, everything goes on.
    for number in [0, 1, 2, 3] {
        let store = open(&options(&folder.path().join(format!("{number}.db")), WAYS[number])).unwrap();
        assert_eq!(used(&store, 0).unwrap(), Some(1));
        assert!(decide(&store, &[charge(1 << 40, &FIXED, 5)]).unwrap().taken);
    }
}

//! A process that is killed at any moment: what it was answered is there, and no decision is there in part.

use std::{
    io::{BufRead as _, BufReader, Write as _},
    thread,
    time::Duration,
};

use limitrate_runtime::store::Durability;
use limitrate_testkit::conformance::FIXED;
use proptest::{
    strategy::{Strategy as _, ValueTree as _},
    test_runner::TestRunner,
};
use tokio::time::Instant;

use crate::{WAYS, charge, child, child_file, decide, open, options, used};

const THREADS: u64 = 4;
/// Of each way.
const KILLS: usize = 6;

/// Charges two counters at once, for ever, and says so after each answer.
fn charge_until_killed(way: usize) {
    let Some(file) = child_file() else { return };
    let store = open(&options(&file, WAYS[way])).unwrap();
    thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                loop {
                    let both = [charge(1, &FIXED, i64::MAX), charge(2, &FIXED, i64::MAX)];
                    assert!(decide(&store, &both).unwrap().taken);
                    // At once, and whole.
                    let _ = std::io::stderr().write_all(b"told\n");
                }
            });
        }
    });
}

#[test]
fn child_to_kill_0() {
    charge_until_killed(0);
}

#[test]
fn child_to_kill_1() {
    charge_until_killed(1);
}

#[test]
fn child_to_kill_2() {
    charge_until_killed(2);
}

#[test]
fn child_to_kill_3() {
    charge_until_killed(3);
}

#[test]
fn child_to_kill_4() {
    charge_until_killed(4);
}

#[test]
fn what_is_written_behind_is_lost_only_if_it_was_told_just_before_a_kill() {
    // A flush begins every 100 ms; the rest is for a disk and a machine that have much else to do.
    const LATE: Duration = Duration::from_millis(1_600);
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("c.db");
    let (mut known, mut largest) = (0, 0);
    for _ in 0..3 {
        let mut child = child("killed::child_to_kill_4", &file).spawn().unwrap();
        let told = BufReader::new(child.stderr.take().unwrap()).lines();
        let mut told = told.filter(|line| line.as_ref().is_ok_and(|line| line == "told"));
        let heard: Vec<Instant> = told
            .by_ref()
            .map(|_| Instant::now())
            .scan(None, |first, now| (now - *first.get_or_insert(now) < 2 * LATE).then_some(now))
            .collect();
        child.kill().unwrap();
        let killed = Instant::now();
        let later = told.count();
        child.wait().unwrap();
        let store = open(&options(&file, WAYS[4])).unwrap();
        // Each counter as it stood when the flush came to it: decisions that were made meanwhile may be in one and not in the other.
        let counts = [1, 2].map(|number| usize::try_from(used(&store, number).unwrap().unwrap()).unwrap());
        // What was heard of was told before.
        let least = known + heard.iter().filter(|at| killed - **at > LATE).count();
        let most = largest + heard.len() + 1 + later + usize::try_from(THREADS).unwrap();
        assert!(least > known, "nothing was told in time");
        assert!(counts.iter().all(|count| (least..=most).contains(count)), "{counts:?} of {least} to {most}");
        (known, largest) = (counts[0].min(counts[1]), counts[0].max(counts[1]));
    }
}

#[test]
fn what_was_answered_outlives_a_kill_at_any_moment_and_nothing_is_half_there() {
    let mut runner = TestRunner::deterministic();
    for (number, way) in WAYS.into_iter().enumerate() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("c.db");
        let mut told = 0;
        for _ in 0..KILLS {
            let wait_for = (1..400_usize).new_tree(&mut runner).unwrap().current();
            let mut child = child(&format!("killed::child_to_kill_{number}"), &file).spawn().unwrap();
            let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
            told += lines.by_ref().take(wait_for).filter(|line| line.as_ref().unwrap() == "told").count();
            child.kill().unwrap();
            told += lines.filter(|line| line.as_ref().is_ok_and(|line| line == "told")).count();
            child.wait().unwrap();
            let store = open(&options(&file, way)).unwrap();
            let counts = [1, 2].map(|number| used(&store, number).unwrap().unwrap());
            let least = i64::try_from(told).unwrap();
            let most = least + i64::try_from(THREADS).unwrap();
            if way.0 == Durability::Behind {
                // What was not flushed is gone, and none was invented.
                assert!(counts.iter().all(|count| *count <= most), "{counts:?} {told}");
            } else {
                assert_eq!(counts[0], counts[1], "{way:?}");
                assert!((least..=most).contains(&counts[0]), "{way:?}: {counts:?} of {told}");
            }
            // What was there but not told is known now.
            told = usize::try_from(counts[0].max(counts[1])).unwrap();
        }
        assert!(told > 0 || way.0 == Durability::Behind);
    }
}

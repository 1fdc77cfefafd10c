//! The counters of a memory store, saved and taken over.

use std::fs;

use limitrate_core::{
    algorithm::{Algorithm, Terms},
    charge::{Block, Charge},
    key::CounterKey,
    time::{Nanos, Timestamp},
    window::Window,
};
use limitrate_runtime::store::{
    LocalStore, MemoryOptions, MemoryStore, Settled, Settlement, Settlements, Ticket, Verdicts,
    file::{FileError, LAYOUT, Saved},
};
use proptest::prelude::*;

const NOW: Timestamp = Timestamp(1_800_000_000_000_000_000);
const MINUTE: Nanos = Nanos::from_secs(60);
const BLOCK: Block = Block { first: Nanos::from_secs(30), up_to: MINUTE, forget: MINUTE };
static ALGORITHMS: [Algorithm; 5] = [
    Algorithm::FixedWindow(Window::Rolling(MINUTE)),
    Algorithm::SlidingLog(MINUTE),
    Algorithm::SlidingWindow(MINUTE),
    Algorithm::Bucket(MINUTE),
    Algorithm::InFlight(MINUTE),
];

fn store() -> MemoryStore {
    MemoryStore::new(MemoryOptions::default())
}

fn charge(number: u64, which: usize) -> Charge<'static> {
    let key = CounterKey::of_limit(&number.to_le_bytes(), 3);
    let terms = Terms { ceiling: 10, burst: 10, starting: (which == 3 && number % 2 == 0).then_some(4) };
    let plain = Charge::new(key, key, &ALGORITHMS[which], terms, 2);
    match number % 5 {
        1 => Charge { hold: (which != 4).then_some(MINUTE), ..plain },
        2 => Charge { block: Some(&BLOCK), ..plain },
        3 => Charge { warn: &[200_000, 900_000], ..plain },
        _ => plain,
    }
}

fn decide(store: &MemoryStore, now: Timestamp, charge: Charge<'_>, ticket: u64) -> (bool, Verdicts) {
    let mut verdicts = Verdicts::new();
    (store.charge(now, &[charge], Ticket(ticket), &mut verdicts), verdicts)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Whatever a store has been through: one that is taken over from its file goes on as it would have.
    #[test]
    fn a_store_that_was_saved_goes_on_as_if_nothing_had_been(
        before in proptest::collection::vec((0_u64..12, 0_usize..5, 0_i64..5_000), 1..60),
        after in proptest::collection::vec((0_u64..12, 0_usize..5, 0_i64..5_000), 1..30),
    ) {
        let (first, folder) = (store(), tempfile::tempdir().unwrap());
        let (mut now, mut ticket) = (NOW, 0);
        // A number has one algorithm, as a limit has.
        let one = |number: u64, which: usize| charge(number * 5 + which as u64 * 100, which);
        for (number, which, millis) in before {
            now = now.after(Nanos(millis * 1_000_000));
            ticket += 1;
            decide(&first, now, one(number, which), ticket);
        }
        let path = folder.path().join("counters");
        Saved::of(&first, 7, now).write(&path).unwrap();
        let saved = Saved::read(&path).unwrap();
        prop_assert_eq!((saved.secret, saved.at), (7, now));
        let (second, kept) = (store(), saved.kept.len());
        prop_assert_eq!(saved.restore(&second, now), kept);
        for (number, which, millis) in after {
            now = now.after(Nanos(millis * 1_000_000));
            ticket += 1;
            let charge = one(number, which);
            prop_assert_eq!(decide(&second, now, charge, ticket), decide(&first, now, charge, ticket));
            for old in [ticket, ticket / 2] {
                let Charge { counter, limit, algorithm, .. } = charge;
                let settlement = [Settlement { counter, limit, algorithm, ticket: Ticket(old), actual: 1 }];
                let (mut a, mut b) = (Settlements::new(), Settlements::new());
                first.settle(now, &settlement, &mut a);
                second.settle(now, &settlement, &mut b);
                prop_assert_eq!(a, b);
            }
        }
    }
}

#[test]
fn reservations_are_taken_over() {
    let (first, second) = (store(), store());
    let reserving = Charge { hold: Some(MINUTE), ..charge(0, 2) };
    assert!(decide(&first, NOW, reserving, 9).0);
    assert_eq!(Saved::of(&first, 0, NOW).restore(&second, NOW), 2);
    let Charge { counter, limit, algorithm, .. } = reserving;
    let mut settled = Settlements::new();
    second.settle(
        NOW,
        &[Settlement { counter, limit, algorithm, ticket: Ticket(9), actual: 1 }],
        &mut settled,
    );
    assert_eq!(settled[0], Settled::Replaced { reserved: 2 });
    assert_eq!(second.used(NOW, counter, algorithm), Some(1));
}

#[test]
fn what_is_there_already_is_not_given_back() {
    let (first, second) = (store(), store());
    let one = charge(0, 2);
    assert!(decide(&first, NOW, one, 1).0);
    for ticket in 0..3 {
        assert!(decide(&second, NOW, one, ticket).0);
    }
    assert_eq!(Saved::of(&first, 0, NOW).restore(&second, NOW), 0);
    assert_eq!(second.used(NOW, one.counter, one.algorithm), Some(6));
}

#[test]
fn what_is_idle_by_now_is_left_behind() {
    let (first, second) = (store(), store());
    assert!(decide(&first, NOW, charge(0, 2), 1).0);
    let saved = Saved::of(&first, 0, NOW);
    assert_eq!(saved.kept.len(), 1);
    assert_eq!(saved.restore(&second, NOW.after(Nanos::from_secs(180))), 0);
    assert!(second.is_empty());
}

fn written() -> (tempfile::TempDir, std::path::PathBuf, Vec<u8>) {
    let (store, folder) = (store(), tempfile::tempdir().unwrap());
    for number in 0..20 {
        decide(&store, NOW, charge(number, usize::try_from(number % 5).unwrap()), number);
    }
    let path = folder.path().join("counters");
    Saved::of(&store, 5, NOW).write(&path).unwrap();
    let bytes = fs::read(&path).unwrap();
    (folder, path, bytes)
}

#[test]
fn a_file_that_was_torn_anywhere_is_refused() {
    let (_folder, path, bytes) = written();
    for length in 0..bytes.len() {
        fs::write(&path, &bytes[..length]).unwrap();
        let error = Saved::read(&path).unwrap_err();
        let is_told = matches!(&error, FileError::Damaged { .. } | FileError::Other { .. });
        assert!(is_told, "{length}: {error}");
    }
    fs::write(&path, [&bytes[..], &[0]].concat()).unwrap();
    assert!(matches!(Saved::read(&path), Err(FileError::Damaged { .. })));
}

#[test]
fn a_file_with_any_byte_changed_is_refused() {
    let (_folder, path, bytes) = written();
    for position in 0..bytes.len() {
        let mut changed = bytes.clone();
        changed[position] ^= 0x10;
        fs::write(&path, &changed).unwrap();
        assert!(Saved::read(&path).is_err(), "{position}");
    }
}

#[test]
fn files_of_other_kinds_and_newer_ones_say_what_they_are() {
    let (_folder, path, mut bytes) = written();
    bytes[8] = 2;
    fs::write(&path, &bytes).unwrap();
    let error = Saved::read(&path).unwrap_err();
    assert!(matches!(error, FileError::NewerLayout { found: 2, .. }));
    assert!(
        error
            .to_string()
            .ends_with("has layout 2, and this version knows no layout after 1: update LimitRate")
    );
    assert_eq!(LAYOUT, 1);
    fs::write(&path, "rule r { limit 1 req/s globally }").unwrap();
    assert!(matches!(Saved::read(&path), Err(FileError::Other { .. })));
    fs::remove_file(&path).unwrap();
    assert!(matches!(Saved::read(&path), Err(FileError::Io { done: "read", .. })));
}

#[test]
fn a_file_that_cannot_be_written_leaves_the_old_one() {
    let (folder, path, bytes) = written();
    let saved = Saved::read(&path).unwrap();
    assert!(
        matches!(saved.write(folder.path()), Err(FileError::Io { done: "written", .. })),
        "it is a folder"
    );
    assert!(matches!(saved.write(folder.path().join("no/such")), Err(FileError::Io { done: "written", .. })));
    assert_eq!(fs::read(&path).unwrap(), bytes);
    saved.write(&path).unwrap();
    let files: Vec<_> = fs::read_dir(folder.path()).unwrap().map(|file| file.unwrap().file_name()).collect();
    assert_eq!(files, ["counters"]);
}

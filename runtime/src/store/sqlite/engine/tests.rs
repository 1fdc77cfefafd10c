//! The engine interrupted at every instruction that SQLite executes, and on a file that may not grow.

use std::{
    cell::Cell,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
};

use limitrate_core::{
    algorithm::{Algorithm, Terms},
    time::{Nanos, Timestamp},
    window::Window,
};
use tokio::sync::oneshot::{self, Receiver};

use super::{
    super::{
        options::{Durability, SqliteOptions},
        work::{ChargeAll, Count, Job, Page, ReleaseAll, Reset, SettleAll, Work},
    },
    *,
};
use crate::store::{
    Kept, Lease, LocalStore, MemoryOptions, MemoryStore, OwnedCharge, Settlement, Settlements, StoreError,
    Ticket, Verdicts,
};

const MINUTE: Nanos = Nanos::from_secs(60);
const FIXED: Algorithm = Algorithm::FixedWindow(Window::Rolling(MINUTE));
const IN_FLIGHT: Algorithm = Algorithm::InFlight(MINUTE);
const NOW: Timestamp = Timestamp(4_200_000_000_000_000_000);

fn engine(folder: &Path, exclusive: bool) -> Engine {
    let options = SqliteOptions {
        exclusive,
        durability: Durability::Normal,
        ..SqliteOptions::new(folder.join("c.db"))
    };
    Engine::new(File::open(&options).unwrap().0, exclusive)
}

fn charge(number: u64, algorithm: &Algorithm, ceiling: i64) -> Charge<'_> {
    let key = |number: u64| CounterKey::of_limit(&number.to_le_bytes(), 0x5EED);
    let terms = Terms { ceiling, burst: ceiling, starting: None };
    Charge::new(key(number), key(!number), algorithm, terms, 1)
}

/// Where an answer comes in.
type Asked<W> = Receiver<Result<<W as Work>::Answer, StoreError>>;

fn job<W: Work>(work: W) -> (Box<dyn Step>, Asked<W>) {
    let (reply, answer) = oneshot::channel();
    (Box::new(Job::new(work, reply)), answer)
}

fn ask<W: Work>(engine: &mut Engine, work: W) -> Result<W::Answer, StoreError> {
    let (step, mut answer) = job(work);
    run(engine, vec![step]);
    answer.try_recv().unwrap()
}

thread_local! {
    /// Whether the calls that are executed have been committed.
    static IS_COMMITTED: Cell<bool> = const { Cell::new(false) };
}

fn run(engine: &mut Engine, mut steps: Vec<Box<dyn Step>>) {
    IS_COMMITTED.set(false);
    engine.run(&mut steps).tell(&mut steps);
    engine.collect();
}

fn charges(ticket: u64, charges: &[Charge<'_>]) -> ChargeAll {
    ChargeAll {
        call: Call::at(NOW, Ticket(ticket)),
        charges: charges.iter().map(OwnedCharge::from).collect(),
    }
}

/// What the file has, read anew.
fn kept(engine: &mut Engine) -> Vec<Kept> {
    engine.forget();
    let mut kept = ask(engine, Page { behind: None, rows: 100_000 }).unwrap().kept;
    kept.retain(|kept| NOW < kept.idle_at);
    kept
}

/// What the memory has that saw the same calls.
fn told(memory: &MemoryStore) -> Vec<Kept> {
    let mut told = Vec::new();
    memory.snapshot(NOW, &mut |kept| told.push(kept));
    told.sort_by_key(|kept| kept.key);
    told
}

/// A history on both: what the engine answers with an error has not happened.
fn replay(engine: &mut Engine, memory: &MemoryStore, round: u64) -> usize {
    let mut failed = 0;
    let both =
        [charge(round % 7, &FIXED, 50), Charge { hold: Some(MINUTE), ..charge(round % 5 + 10, &FIXED, 90) }];
    let held = [charge(20, &IN_FLIGHT, 1_000)];
    let mut steps = Vec::new();
    let (step, mut first) = job(charges(round, &both));
    steps.push(step);
    let (step, mut second) = job(charges(round, &held));
    steps.push(step);
    run(engine, steps);
    let answers = [(&mut first, &both[..]), (&mut second, &held[..])];
    for (answer, charges) in answers {
        match answer.try_recv().unwrap() {
            Ok(charged) => {
                let mut verdicts = Verdicts::new();
                let taken = memory.charge(NOW, charges, Ticket(round), &mut verdicts);
                assert_eq!((charged.taken, charged.verdicts), (taken, verdicts));
            }
            Err(error) => {
                assert!(!error.may_have_applied(), "{error}");
                failed += 1;
            }
        }
    }
    let Charge { counter, limit, algorithm, .. } = both[1];
    let settlement = Settlement { counter, limit, algorithm, ticket: Ticket(round), actual: 3 };
    match ask(engine, SettleAll { now: NOW, settlements: vec![(&settlement).into()] }) {
        Ok(answer) => {
            let mut settled = Settlements::new();
            memory.settle(NOW, &[settlement], &mut settled);
            assert_eq!(answer, settled);
        }
        Err(_) => failed += 1,
    }
    let lease = Lease { counter: held[0].counter, limit: held[0].limit, ticket: Ticket(round) };
    match ask(engine, ReleaseAll { now: NOW, leases: vec![lease] }) {
        Ok(ended) => assert_eq!(ended == 1, LocalStore::release(memory, NOW, lease)),
        Err(_) => failed += 1,
    }
    if round.is_multiple_of(3) {
        match ask(engine, Reset(both[0].counter)) {
            Ok(was_there) => assert_eq!(was_there, memory.reset(both[0].counter)),
            Err(_) => failed += 1,
        }
    }
    failed
}

#[test]
fn whatever_instruction_fails_a_call_has_happened_or_not() {
    for exclusive in [false, true] {
        let folder = tempfile::tempdir().unwrap();
        let mut engine = engine(folder.path(), exclusive);
        let memory = MemoryStore::new(MemoryOptions::default());
        let (executed, fails_at) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(u64::MAX)));
        // Once a commit has begun, it is no interruption that could stop it: whichever statement commits, it is the last one.
        let (counted, at) = (Arc::clone(&executed), Arc::clone(&fails_at));
        let fails = move || counted.fetch_add(1, Relaxed) == at.load(Relaxed) && !IS_COMMITTED.get();
        let connection = engine.file.connection();
        connection.progress_handler(1, Some(fails)).unwrap();
        let commits = move || {
            IS_COMMITTED.set(true);
            false
        };
        connection.commit_hook(Some(commits)).unwrap();
        let mut failures = 0;
        for round in 0.. {
            executed.store(0, Relaxed);
            fails_at.store(round, Relaxed);
            let failed = replay(&mut engine, &memory, round);
            let has_failed = executed.load(Relaxed) > round;
            fails_at.store(u64::MAX, Relaxed);
            failures += failed;
            assert_eq!(kept(&mut engine), told(&memory), "after a failure at instruction {round}");
            if !has_failed {
                break;
            }
        }
        assert!(failures > 100, "{failures}");
    }
}

#[test]
fn a_file_that_may_not_grow_refuses_what_needs_room_and_serves_the_rest() {
    for exclusive in [false, true] {
        let folder = tempfile::tempdir().unwrap();
        let mut engine = engine(folder.path(), exclusive);
        engine.file.connection().pragma_update(None, "max_page_count", 8).unwrap();
        let mut taken = 0;
        let error = loop {
            let (a, b) = (charge(taken, &FIXED, 5), charge(taken + 100_000, &FIXED, 5));
            match ask(&mut engine, charges(0, &[a, b])) {
                Ok(charged) => taken += u64::from(charged.taken),
                Err(error) => break error,
            }
        };
        assert!(
            matches!(&error, StoreError::Unavailable { what, .. } if what.contains("no space")),
            "{error}"
        );
        let rows = ask(&mut engine, Count).unwrap();
        assert_eq!(u64::try_from(rows).unwrap(), taken * 2);
        // Who is there already is served.
        assert!(ask(&mut engine, charges(0, &[charge(0, &FIXED, 5)])).unwrap().taken);
        engine.file.connection().pragma_update(None, "max_page_count", 1_000_000).unwrap();
        assert!(ask(&mut engine, charges(0, &[charge(taken, &FIXED, 5)])).unwrap().taken);
    }
}

#[test]
fn who_has_given_up_is_not_charged() {
    let folder = tempfile::tempdir().unwrap();
    let mut engine = engine(folder.path(), true);
    let (step, answer) = job(charges(0, &[charge(1, &FIXED, 5)]));
    drop(answer);
    run(&mut engine, vec![step]);
    assert_eq!(ask(&mut engine, Count).unwrap(), 0);
}

//! Several processes on one store: together they are admitted exactly to the ceilings.

use std::{
    env,
    io::{self, BufRead as _, BufReader, Write as _},
    process::{Child, Command, Stdio},
    sync::atomic::{AtomicI64, Ordering::Relaxed},
};

use limitrate_core::{algorithm::Algorithm, charge::Charge};
use limitrate_runtime::store::{LocalStore, Store, StoreError, Ticket, Verdicts};

use super::{
    BUCKET, FIXED, IN_FLIGHT, LOG, NOW, SLIDING, Subject as _, Trial, decide,
    threads::{Random, THREADS, sum_over_threads},
};
use crate::Blocking;

const PROCESSES: u64 = 3;

/// What a process finds in its environment if it is one of several: which, on which counters, and the store's address.
const ROLE: &str = "LIMITRATE_COMPETES";

/// Begins the lines that processes tell each other.
const MARK: &str = "[competing] ";

/// The counters of the competition. The first is filled for sure.
const COUNTERS: [(&Algorithm, u64); 6] =
    [(&FIXED, 2), (&FIXED, 4), (&LOG, 10), (&SLIDING, 4), (&BUCKET, 5), (&IN_FLIGHT, 12)];

fn charge(trial: Trial, number: usize, cost: i64) -> Charge<'static> {
    let (algorithm, share) = COUNTERS[number];
    let ceiling = PROCESSES * THREADS * trial.decisions() / share;
    Charge { cost, ..trial.charge(number as u64, algorithm, ceiling.cast_signed()) }
}

/// Three processes with sixteen threads each charge the same counters, alone and together. Each process is this one's
/// program once more, which runs only the test of this name, as `module::test`. `serve` makes what the store is connected
/// to, if it can be had, and its address; `connect` connects to an address.
pub fn three_processes_are_admitted_exactly<S: Store, T>(
    test: &str,
    serve: impl FnOnce() -> Option<(T, String)>,
    connect: impl Fn(&str) -> Result<Blocking<S>, StoreError>,
) {
    if let Ok(role) = env::var(ROLE) {
        return compete(&role, connect);
    }
    let Some((served, address)) = serve() else { return };
    let trial = Trial::shared();
    let store = connect(&address).unwrap();
    let mut children: Vec<_> =
        (0..PROCESSES).map(|process| start(test, &format!("{process} {} {address}", trial.name()))).collect();
    let mut lines: Vec<_> =
        children.iter_mut().map(|child| BufReader::new(child.stdout.take().unwrap()).lines()).collect();
    let mut hear = |process: usize| {
        let told = lines[process].find_map(|line| Some(line.unwrap().split_once(MARK)?.1.to_owned()));
        told.unwrap_or_else(|| String::from("it ended"))
    };
    for process in 0..children.len() {
        assert_eq!(hear(process), "ready");
    }
    for child in &mut children {
        child.stdin.take().unwrap().write_all(b"go\n").unwrap();
    }
    let mut sums = [0; COUNTERS.len()];
    for process in 0..children.len() {
        let told = hear(process);
        for (sum, taken) in sums.iter_mut().zip(told.split(' ')) {
            *sum += taken.parse::<i64>().unwrap();
        }
    }
    for child in &mut children {
        assert!(child.wait().unwrap().success());
    }
    for (number, sum) in sums.into_iter().enumerate() {
        let look = charge(trial, number, 0);
        let left = decide(&store, &[look]).1[0].status.remaining;
        assert_eq!(left, look.terms.ceiling - sum, "{:?}", look.algorithm);
        assert!(sum > 0 && (number > 0 || left == 0), "{number}: {left} left, {sum} taken");
    }
    store.assert_sound();
    drop(served);
}

fn start(test: &str, role: &str) -> Child {
    let mut program = Command::new(env::current_exe().unwrap());
    program.args([test, "--exact", "--nocapture", "--test-threads=1"]).env(ROLE, role);
    program.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap()
}

/// Not by `println!`, which tests may capture.
fn tell(what: &str) {
    io::stdout().write_all(format!("{MARK}{what}\n").as_bytes()).unwrap();
}

/// One of the processes.
fn compete<S: Store>(role: &str, connect: impl Fn(&str) -> Result<Blocking<S>, StoreError>) {
    let mut fields = role.splitn(3, ' ');
    let process: u64 = fields.next().unwrap().parse().unwrap();
    let trial = Trial::named(fields.next().unwrap().parse().unwrap());
    let store = connect(fields.next().unwrap()).unwrap();
    tell("ready");
    io::stdin().lines().next().unwrap().unwrap();
    let taken = COUNTERS.map(|_| AtomicI64::new(0));
    sum_over_threads(|thread| {
        let mut random = Random(0x9E37_79B9 + process * THREADS + thread);
        let mut verdicts = Verdicts::new();
        for decision in 0..trial.decisions() {
            let ticket = Ticket(((process * THREADS) + thread) * trial.decisions() + decision);
            let numbers: Vec<usize> = if decision % 2 == 0 {
                vec![0]
            } else {
                (0..COUNTERS.len()).filter(|_| random.below(3) == 0).collect()
            };
            let cost = |number: usize| 1 + i64::from(number > 0 && decision % 3 == 0);
            let charges: Vec<_> = numbers.iter().map(|n| charge(trial, *n, cost(*n))).collect();
            if LocalStore::charge(&store, NOW, &charges, ticket, &mut verdicts) {
                for number in numbers {
                    taken[number].fetch_add(cost(number), Relaxed);
                }
            }
        }
        0
    });
    store.assert_sound();
    let taken = taken.map(|taken| taken.into_inner().to_string());
    tell(&taken.join(" "));
}

//! Processes that are killed while they decide over several nodes of a Cluster.

use std::{
    env,
    io::{self, BufRead as _, BufReader, Write as _},
    process::{Child, ChildStdout, Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

use limitrate_runtime::store::{Call, RequestId, Store as _, Ticket};
use limitrate_testkit::server::{recovers, until};
use tokio::task::JoinSet;

use crate::{
    apart::{cluster, home},
    call, charge,
    unfinished::{GIVEN_BACK, around, connect_soon, until_all_is_over},
    used,
};

/// What a process finds in its environment if it is one that is killed: the address of the Cluster, and what it decides over.
const ROLE: &str = "LIMITRATE_IS_KILLED";

/// Begins the lines that such a process tells.
const MARK: &str = "[unfinished] ";

/// A process that decides again and again, until it is killed.
struct Victim {
    child: Child,
    lines: io::Lines<BufReader<ChildStdout>>,
}

impl Victim {
    /// Runs one test of this program in a process of its own.
    fn start(test: &str, role: &str) -> Self {
        let mut program = Command::new(env::current_exe().unwrap());
        program.args([test, "--exact", "--nocapture", "--test-threads=1"]).env(ROLE, role);
        let mut child = program.stdout(Stdio::piped()).spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        Self { child, lines }
    }

    /// What it tells next; nothing once it is dead.
    fn hear(&mut self) -> Option<String> {
        self.lines.by_ref().map_while(Result::ok).find_map(|line| Some(line.split_once(MARK)?.1.to_owned()))
    }

    /// Kills it. All that it told and was not heard yet.
    fn kill(mut self) -> Vec<String> {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        std::iter::from_fn(|| self.hear()).collect()
    }
}

fn tell(what: &str) {
    io::stdout().write_all(format!("{MARK}{what}\n").as_bytes()).unwrap();
}

#[test]
fn a_process_that_is_killed_between_two_places_is_given_back() {
    const TEST: &str = "killed::a_process_that_is_killed_between_two_places_is_given_back";
    if let Ok(role) = env::var(ROLE) {
        let (url, numbers) = role.split_once(' ').unwrap();
        let numbers: Vec<u64> = numbers.split(' ').map(|number| number.parse().unwrap()).collect();
        let charges: Vec<_> = numbers.into_iter().map(charge).collect();
        let store = connect_soon(url);
        let patient = Call { deadline: Duration::from_secs(2), ..call() };
        let _ = store.wait(store.store().charge(patient, &charges));
        return;
    }
    let Some(cluster) = cluster() else { return };
    let store = connect_soon(&cluster.url());
    let numbers = around(&cluster);
    let node = home(&cluster, numbers[1]);
    node.daemon().suspend();
    let [first, second, third] = numbers;
    let victim = Victim::start(TEST, &format!("{} {first} {second} {third}", cluster.url()));
    until("the first place is taken", || used(&store, first) == 1);
    victim.kill();
    recovers("what a killed process left", Duration::from_secs(2) + GIVEN_BACK, || used(&store, first) == 0);
    node.daemon().resume();
    until_all_is_over(&cluster);
    assert_eq!(numbers.map(|number| used(&store, number)), [0; 3]);
}

/// Decides over all of these, in several tasks at once, until it is killed: every fifth time something that never fits.
fn decide_until_killed(role: &str) {
    const TASKS: u64 = 4;
    let fields: Vec<&str> = role.split(' ').collect();
    let (url, is_named) = (fields[0], fields[1] == "named");
    let mut begin: u64 = fields[2].parse().unwrap();
    begin *= 1 << 32;
    let numbers: Vec<u64> = fields[3..].iter().map(|number| number.parse().unwrap()).collect();
    let store = connect_soon(url);
    let next = Arc::new(AtomicU64::new(begin));
    store.wait(async {
        let mut tasks = JoinSet::new();
        for _ in 0..TASKS {
            let (store, next, numbers) = (store.store().clone(), Arc::clone(&next), numbers.clone());
            tasks.spawn(async move {
                loop {
                    let id = next.fetch_add(1, Relaxed);
                    let mut charges: Vec<_> = numbers.iter().map(|number| charge(*number)).collect();
                    let is_refused = id % 5 == 4;
                    if is_refused {
                        charges.iter_mut().max_by_key(|charge| charge.counter.group()).unwrap().cost = 5_000;
                    } else {
                        tell(&format!("try {id}"));
                    }
                    let charged = store.charge(named(id, is_named), &charges).await.unwrap();
                    assert_eq!(charged.taken, !is_refused);
                    if charged.taken {
                        tell(&format!("told {id}"));
                    }
                }
            });
        }
        tasks.join_all().await;
    });
}

fn named(id: u64, is_named: bool) -> Call {
    let request = is_named.then_some(RequestId(u128::from(id)));
    Call { ticket: Ticket(id), request, deadline: Duration::from_secs(2), ..call() }
}

/// Kills processes that decide, and says which decisions were told, and of which nobody knows.
fn kill_some(test: &str, url: &str, kind: &str, numbers: [u64; 3]) -> (Vec<u64>, Vec<u64>) {
    let (mut tried, mut told) = (Vec::new(), Vec::new());
    let [first, second, third] = numbers;
    for round in 1..=6_u32 {
        let mut victim = Victim::start(test, &format!("{url} {kind} {round} {first} {second} {third}"));
        let mut lines: Vec<String> = (0..20 + 7 * round).map_while(|_| victim.hear()).collect();
        lines.extend(victim.kill());
        for line in lines {
            let (what, id) = line.split_once(' ').unwrap();
            // The last line may be torn.
            let Ok(id) = id.parse() else { continue };
            if what == "told" { told.push(id) } else { tried.push(id) }
        }
    }
    tried.retain(|id| !told.contains(id));
    (told, tried)
}

#[test]
fn after_random_kills_every_decision_is_counted_at_all_places_or_at_none() {
    const TEST: &str = "killed::after_random_kills_every_decision_is_counted_at_all_places_or_at_none";
    if let Ok(role) = env::var(ROLE) {
        return decide_until_killed(&role);
    }
    let Some(cluster) = cluster() else { return };
    let stores = [(); 2].map(|()| connect_soon(&cluster.url()));
    let numbers = around(&cluster);
    let (told, unknown) = kill_some(TEST, &cluster.url(), "unnamed", numbers);
    until_all_is_over(&cluster);
    let [first, second, third] = numbers.map(|number| usize::try_from(used(&stores[0], number)).unwrap());
    assert!(first == second && second == third, "{first} {second} {third}");
    assert!(told.len() >= 60 && !unknown.is_empty(), "{} {}", told.len(), unknown.len());
    assert!((told.len()..=told.len() + unknown.len()).contains(&first), "{first} of {}", told.len());
}

#[test]
fn after_random_kills_what_is_asked_again_by_its_name_is_counted_once() {
    const TEST: &str = "killed::after_random_kills_what_is_asked_again_by_its_name_is_counted_once";
    if let Ok(role) = env::var(ROLE) {
        return decide_until_killed(&role);
    }
    let Some(cluster) = cluster() else { return };
    let store = connect_soon(&cluster.url());
    let numbers = around(&cluster);
    let (told, unknown) = kill_some(TEST, &cluster.url(), "named", numbers);
    for id in &unknown {
        let again = || store.wait(store.store().charge(named(*id, true), &numbers.map(charge)));
        until("it is decided", || again().is_ok_and(|charged| charged.taken));
    }
    // Those that were told are known as well.
    for id in told.iter().rev().take(5) {
        assert!(store.wait(store.store().charge(named(*id, true), &numbers.map(charge))).unwrap().taken);
    }
    until_all_is_over(&cluster);
    let sum = i64::try_from(told.len() + unknown.len()).unwrap();
    assert_eq!(numbers.map(|number| used(&store, number)), [sum; 3]);
}

//! A store that stands still: how long decisions take until it is left alone, while it is, and how soon it is used again.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::indexing_slicing,
    reason = "a benchmark stops at the first surprise"
)]

use std::sync::{Arc, Mutex};

use limitrate_core::{
    algorithm::{Algorithm, Terms},
    charge::{Charge, Fail},
    key::CounterKey,
    time::{Nanos, Timestamp},
};
use limitrate_runtime::store::{
    Call, ClockOf, GuardOptions, Guarded, RedisOptions, RedisStore, Store as _, Ticket, guard::Switch,
};
use limitrate_testkit::server::{Redis, RedisOptions as NodeOptions, or_skip};
use tokio::{
    runtime::Builder,
    task::JoinSet,
    time::{Duration, Instant, interval, sleep},
};

const MINUTE: Algorithm = Algorithm::Bucket(Nanos::from_secs(60));
const TERMS: Terms = Terms { ceiling: 6_000_000, burst: 600_000, starting: None };
const DEADLINE: Duration = Duration::from_millis(50);
/// Each decides once in so long.
const PACE: Duration = Duration::from_millis(10);
const TASKS: u64 = 64;
/// Before the server stands still, while it does, and after it.
const SPANS: [Duration; 3] = [Duration::from_secs(1), Duration::from_secs(3), Duration::from_secs(2)];

/// When a decision began, how long it took, and whether it was made without the store.
type Seen = (Instant, Duration, bool);

/// Prints the figures of this section.
pub(super) fn run() {
    let Some(node) = or_skip(Redis::start(&NodeOptions::default())) else { return };
    let runtime = Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let store = RedisStore::connect(RedisOptions::from_url(&node.url()).unwrap()).await.unwrap();
        let away = Arc::new(Mutex::new(None));
        let noted = Arc::clone(&away);
        let on_switch = move |switch| {
            if matches!(switch, Switch::Away { .. }) {
                noted.lock().unwrap().get_or_insert_with(Instant::now);
            }
        };
        let options = GuardOptions { on_switch: Some(Box::new(on_switch)), ..GuardOptions::default() };
        let guarded = Guarded::new(Arc::new(store), options);
        let end = Instant::now() + SPANS.iter().sum();
        let mut tasks = JoinSet::new();
        (0..TASKS).for_each(|task| drop(tasks.spawn(decide(guarded.clone(), task, end))));
        sleep(SPANS[0]).await;
        node.daemon().suspend();
        let stopped = Instant::now();
        sleep(SPANS[1]).await;
        node.daemon().resume();
        let resumed = Instant::now();
        let seen: Vec<Seen> = tasks.join_all().await.into_iter().flatten().collect();
        let away = away.lock().unwrap().unwrap();
        show("before", &seen, |(begun, took, _)| begun + took < stopped);
        show("until it is left alone", &seen, |(begun, ..)| (stopped..away).contains(&begun));
        show("while it is", &seen, |(begun, ..)| (away..resumed).contains(&begun));
        let first = seen.iter().filter(|(begun, _, degraded)| *begun > resumed && !degraded);
        let first = first.map(|(begun, ..)| *begun - resumed).min().unwrap();
        println!(
            "left alone {:?} after it stood still, used again {first:?} after it went on",
            away - stopped
        );
    });
}

async fn decide(guarded: Guarded, task: u64, end: Instant) -> Vec<Seen> {
    let mut paces = interval(PACE);
    let key = CounterKey::of_limit(&task.to_le_bytes(), 7).in_group(7);
    let charges = [Charge { fail: Fail::Open, ..Charge::new(key, key, &MINUTE, TERMS, 1) }];
    let mut seen = Vec::new();
    while Instant::now() < end {
        paces.tick().await;
        let begun = Instant::now();
        let call = Call { clock: ClockOf::Store, deadline: DEADLINE, ..Call::at(Timestamp(0), Ticket(0)) };
        let charged = guarded.charge(call, &charges).await.unwrap();
        assert!(charged.taken);
        seen.push((begun, begun.elapsed(), charged.degraded));
    }
    seen
}

/// Prints how long the decisions took that are meant.
fn show(name: &str, seen: &[Seen], is_meant: impl Fn(Seen) -> bool) {
    let mut took: Vec<Duration> =
        seen.iter().filter(|seen| is_meant(**seen)).map(|(_, took, _)| *took).collect();
    took.sort_unstable();
    let Some(longest) = took.last() else { return println!("{name}: no decisions") };
    let [p50, p99] = [took.len() / 2, took.len() * 99 / 100].map(|at| took[at]);
    println!(
        "{name:<22} {:>6} decisions, deadline {DEADLINE:?}: p50 {p50:?}, p99 {p99:?}, longest {longest:?}",
        took.len()
    );
}

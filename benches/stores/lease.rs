//! Limits with `overshoot 5%`, leased from a store, beside the same limits in memory.

use std::{
    hint::black_box,
    num::NonZeroU32,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering::Relaxed},
    },
    time::Instant,
};

use limitrate_core::{
    algorithm::{Algorithm, Terms},
    charge::Charge,
    key::CounterKey,
    time::{Nanos, Timestamp},
};
use limitrate_runtime::store::{
    Call, Layered, LayeredOptions, MemoryOptions, MemoryStore, RedisOptions, RedisStore, Store, Ticket,
};
use limitrate_testkit::server::{Redis, RedisOptions as NodeOptions, or_skip};
use tokio::{
    runtime::{Builder, Runtime},
    task::{JoinSet, yield_now},
};

const WINDOW: Algorithm = Algorithm::SlidingWindow(Nanos::from_secs(60));
const CEILING: i64 = 1_000_000_000;
const NOW: Timestamp = Timestamp(1_800_000_000_000_000_000);
const DECISIONS: usize = 4_000_000;
/// How many tasks decide at once.
const TASKS: usize = 64;
/// How many decisions a task makes in its turn.
const TURN: usize = 25;
/// How long after a decision the next one comes, by their clock: leases end and are taken anew while it runs.
const APART: i64 = 500;
const ROUNDS: usize = 5;

/// Prints the figures of this section.
pub(super) fn run() {
    let runtime = Builder::new_current_thread().enable_all().build().unwrap();
    over("memory", &runtime, &memory());
    over_redis(&runtime);
}

fn over_redis(runtime: &Runtime) {
    let Some(node) = or_skip(Redis::start(&NodeOptions::default())) else { return };
    let options = RedisOptions::from_url(&node.url()).unwrap();
    let store = runtime.block_on(RedisStore::connect(options)).unwrap();
    over("redis", runtime, &(Arc::new(store) as Arc<dyn Store>));
}

/// Prints the figures of leases over one store.
fn over(name: &str, runtime: &Runtime, store: &Arc<dyn Store>) {
    for keys in [1, 1_000] {
        let mut rounds: Vec<(f64, f64)> =
            (0..ROUNDS).map(|_| (measure(runtime, &memory(), keys), leased(runtime, store, keys))).collect();
        rounds.sort_by(|a, b| (a.1 / a.0).total_cmp(&(b.1 / b.0)));
        let (bare, leased) = rounds.get(ROUNDS / 2).copied().unwrap();
        println!(
            "{keys:>4} keys, {TASKS} tasks: memory {bare:6.1} ns, leased from {name} {leased:6.1} ns  {:.2}x",
            leased / bare
        );
    }
}

fn memory() -> Arc<dyn Store> {
    Arc::new(MemoryStore::new(MemoryOptions::default()))
}

fn leased(runtime: &Runtime, store: &Arc<dyn Store>, keys: usize) -> f64 {
    let options = LayeredOptions::of(NonZeroU32::MIN);
    let layered: Arc<dyn Store> = Arc::new(Layered::untended(Arc::clone(store), options));
    measure(runtime, &layered, keys)
}

/// Nanoseconds of one decision, of some tasks that take turns on one thread; while one waits for the store, others decide.
#[expect(clippy::disallowed_methods, reason = "a benchmark measures real time")]
fn measure(runtime: &Runtime, store: &Arc<dyn Store>, keys: usize) -> f64 {
    let clock = Arc::new(AtomicI64::new(0));
    let start = Instant::now();
    runtime.block_on(async {
        let mut tasks = JoinSet::new();
        for task in 0..TASKS {
            tasks.spawn(decide(Arc::clone(store), keys, task, Arc::clone(&clock)));
        }
        tasks.join_all().await
    });
    start.elapsed().as_secs_f64() * 1e9 / DECISIONS as f64
}

/// One task's part of the decisions.
async fn decide(store: Arc<dyn Store>, keys: usize, task: usize, clock: Arc<AtomicI64>) {
    let terms = Terms { ceiling: CEILING, burst: CEILING, starting: None };
    let charges: Vec<Charge<'_>> = (0..keys)
        .map(|number| {
            let key = CounterKey::of_limit(&number.to_le_bytes(), 7).in_group(7);
            Charge { overshoot: 50_000, ..Charge::new(key, key, &WINDOW, terms, 1) }
        })
        .collect();
    // Each begins with another key, and leaves the thread to others now and then, as a server's tasks do.
    let mut turn = charges.iter().cycle().skip(task * keys / TASKS).map(std::slice::from_ref);
    for _ in 0..DECISIONS / (TASKS * TURN) {
        for charges in turn.by_ref().take(TURN) {
            let now = NOW.after(Nanos(clock.fetch_add(APART, Relaxed)));
            let call = Call::at(now, Ticket(0));
            let charged = match store.charge_at_once(call, charges) {
                Some(charged) => charged,
                None => store.charge(call, charges).await.unwrap(),
            };
            assert!(black_box(charged).taken);
        }
        yield_now().await;
    }
}

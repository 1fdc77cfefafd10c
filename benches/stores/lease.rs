//! Limits with `overshoot 5%`, leased from a store, beside the same limits in memory.

use std::{hint::black_box, num::NonZeroU32, sync::Arc, time::Instant};

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
use tokio::runtime::{Builder, Runtime};

const WINDOW: Algorithm = Algorithm::SlidingWindow(Nanos::from_secs(60));
const CEILING: i64 = 1_000_000_000;
const NOW: Timestamp = Timestamp(1_800_000_000_000_000_000);
const DECISIONS: i64 = 4_000_000;
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
            (0..ROUNDS).map(|_| (measure(runtime, &*memory(), keys), leased(runtime, store, keys))).collect();
        rounds.sort_by(|a, b| (a.1 / a.0).total_cmp(&(b.1 / b.0)));
        let (bare, leased) = rounds.get(ROUNDS / 2).copied().unwrap();
        println!(
            "{keys:>4} keys: memory {bare:6.1} ns, leased from {name} {leased:6.1} ns  {:.2}x",
            leased / bare
        );
    }
}

fn memory() -> Arc<dyn Store> {
    Arc::new(MemoryStore::new(MemoryOptions::default()))
}

fn leased(runtime: &Runtime, store: &Arc<dyn Store>, keys: usize) -> f64 {
    let options = LayeredOptions { instances: NonZeroU32::MIN, ..LayeredOptions::default() };
    measure(runtime, &Layered::untended(Arc::clone(store), options), keys)
}

/// Nanoseconds of one decision, waits for the store included.
#[expect(clippy::disallowed_methods, reason = "a benchmark measures real time")]
fn measure(runtime: &Runtime, store: &dyn Store, keys: usize) -> f64 {
    let terms = Terms { ceiling: CEILING, burst: CEILING, starting: None };
    let charges: Vec<Charge<'_>> = (0..keys)
        .map(|number| {
            let key = CounterKey::of_limit(&number.to_le_bytes(), 7).in_group(7);
            Charge { overshoot: 50_000, ..Charge::new(key, key, &WINDOW, terms, 1) }
        })
        .collect();
    let charges: Vec<&[Charge<'_>]> = charges.iter().map(std::slice::from_ref).collect();
    let decide = |number: i64, charges: &[Charge<'_>]| {
        let call = Call::at(NOW.after(Nanos(number * APART)), Ticket(0));
        let charged = match store.charge_at_once(call, charges) {
            Some(charged) => charged,
            None => runtime.block_on(store.charge(call, charges)).unwrap(),
        };
        assert!(black_box(charged).taken);
    };
    let start = Instant::now();
    (0..DECISIONS).zip(charges.iter().cycle()).for_each(|(number, charges)| decide(number, charges));
    start.elapsed().as_secs_f64() * 1e9 / DECISIONS as f64
}

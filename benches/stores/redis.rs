//! Redis, beside a bare lean GCRA script over the same client, which is the least that a decision there could take: it goes by the
//! caller's clock, keeps one number, and says nothing but yes or no and how long to wait. Both admit every request, and so write.
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::indexing_slicing,
    reason = "a benchmark stops at the first surprise"
)]

use std::time::Duration;

use limitrate_core::{
    algorithm::{Algorithm, Terms},
    charge::Charge,
    key::CounterKey,
    time::{Nanos, Timestamp},
};
use limitrate_runtime::store::{Call, ClockOf, RedisOptions, RedisStore, Store as _, Ticket};
use limitrate_testkit::server::{Redis, RedisOptions as NodeOptions, or_skip};
use redis::aio::MultiplexedConnection;
use tokio::{
    runtime::Builder,
    time::{Duration as Span, Instant},
};

const KEYS: u64 = 10_000;
const SPAN: Duration = Duration::from_millis(1_200);
const ROUNDS: usize = 5;
const MINUTE: Algorithm = Algorithm::Bucket(Nanos::from_secs(60));
/// A request every ten microseconds, and so many at once that none is refused.
const TERMS: Terms = Terms { ceiling: 6_000_000, burst: 600_000, starting: None };

/// The caller's clock, the emission interval and the tolerance, in nanoseconds.
const LEAN: &str = "
local now = tonumber(ARGV[1])
local tat = tonumber(redis.call('GET', KEYS[1]) or 0)
if tat < now then tat = now end
local fresh = tat + ARGV[2]
local over = fresh - now - ARGV[3]
if over > 0 then return {0, over} end
redis.call('SET', KEYS[1], fresh, 'PX', 60000)
return {1, 0}
";

/// How many a second, and the median latency.
#[derive(Debug, Clone, Copy)]
struct Figures {
    per_second: f64,
    median: Span,
}

/// Prints the figures of this section.
pub(super) fn run() {
    let Some(node) = or_skip(Redis::start(&NodeOptions::default())) else { return };
    let runtime = Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let store = RedisStore::connect(RedisOptions::from_url(&node.url()).unwrap()).await.unwrap();
        let client = redis::Client::open(format!("{}?protocol=resp3", node.url())).unwrap();
        let connection = client.get_multiplexed_async_connection().await.unwrap();
        let hash: String =
            redis::cmd("SCRIPT").arg("LOAD").arg(LEAN).query_async(&mut connection.clone()).await.unwrap();
        for in_flight in [1, 64, 256] {
            let mut rounds = Vec::new();
            for _ in 0..ROUNDS {
                let (to, script) = (connection.clone(), hash.clone());
                let bare = measure(in_flight, move |number| lean(to.clone(), script.clone(), number)).await;
                let ours = |limits| {
                    let store = store.clone();
                    measure(in_flight, move |number| decide(store.clone(), number, limits))
                };
                rounds.push((bare, ours(1).await, ours(3).await));
            }
            // The round whose ratio is the median.
            rounds.sort_by(|a, b| {
                (a.1.per_second / a.0.per_second).total_cmp(&(b.1.per_second / b.0.per_second))
            });
            let (bare, one, three) = rounds[ROUNDS / 2];
            for (name, figures) in [("lean script", bare), ("one limit", one), ("three limits", three)] {
                println!(
                    "redis: {in_flight:>3} in flight, {name:<12} {:>8.0}/s  x{:.2}  p50 {:>5} us  x{:.2}",
                    figures.per_second,
                    figures.per_second / bare.per_second,
                    figures.median.as_micros(),
                    figures.median.as_secs_f64() / bare.median.as_secs_f64(),
                );
            }
        }
    });
}

async fn lean(mut connection: MultiplexedConnection, hash: String, number: u64) {
    let mut command = redis::cmd("EVALSHA");
    command.arg(hash).arg(1).arg(format!("lean:{{{:04x}}}:{number:032x}", number % 65_536));
    command.arg(now(number)).arg(10_000_i64).arg(6_000_000_000_i64);
    let (admitted, _): (i64, i64) = command.query_async(&mut connection).await.unwrap();
    assert_eq!(admitted, 1);
}

/// The clock of the bare script; what it is matters as little as that of the other.
fn now(number: u64) -> i64 {
    1_800_000_000_000_000 + number.cast_signed()
}

async fn decide(store: RedisStore, number: u64, limits: u64) {
    let charge = |limit: u64| {
        let key = CounterKey::of_limit(&(number + limit * KEYS).to_le_bytes(), 7).in_group(7);
        Charge::new(key, key, &MINUTE, TERMS, 1)
    };
    let call =
        Call { clock: ClockOf::Store, deadline: Duration::from_secs(5), ..Call::at(Timestamp(0), Ticket(0)) };
    let charges = [charge(0), charge(1), charge(2)];
    let count = usize::try_from(limits).unwrap();
    assert!(store.charge(call, &charges[..count]).await.unwrap().taken);
}

/// Has so many tasks call one after another for a while.
async fn measure<F>(in_flight: u64, call: impl Fn(u64) -> F + Clone + Send + 'static) -> Figures
where
    F: Future<Output = ()> + Send + 'static,
{
    let start = Instant::now();
    let tasks: Vec<_> = (0..in_flight)
        .map(|task| {
            let call = call.clone();
            tokio::spawn(async move {
                let mut number = task.wrapping_mul(0x9E37_79B9) % KEYS;
                let mut latencies = Vec::new();
                while start.elapsed() < SPAN {
                    number = (number * 4_001 + 17) % KEYS;
                    let begun = Instant::now();
                    call(number).await;
                    latencies.push(begun.elapsed());
                }
                latencies
            })
        })
        .collect();
    let mut latencies = Vec::new();
    for task in tasks {
        latencies.extend(task.await.unwrap());
    }
    let per_second = latencies.len() as f64 / start.elapsed().as_secs_f64();
    latencies.sort_unstable();
    Figures { per_second, median: latencies[latencies.len() / 2] }
}

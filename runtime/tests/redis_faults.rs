//! Redis as it fails for real: each test breaks servers of its own, and says what a caller is told, what was counted, and how
//! soon it goes on.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "helpers of tests are not seen to be tests"
)]

#[path = "common/measured.rs"]
mod common;
#[path = "common/outage.rs"]
mod outage;

#[path = "redis/answers.rs"]
mod answers;
#[path = "redis/apart.rs"]
mod apart;
#[path = "redis/broken.rs"]
mod broken;
#[path = "redis/damaged.rs"]
mod damaged;
#[path = "redis/degraded.rs"]
mod degraded;
#[path = "redis/expiring.rs"]
mod expiring;
#[path = "redis/guarded.rs"]
mod guarded;
#[path = "redis/killed.rs"]
mod killed;
#[path = "redis/measured.rs"]
mod measured;
#[path = "redis/moved.rs"]
mod moved;
#[path = "redis/moving.rs"]
mod moving;
#[path = "redis/nth_command.rs"]
mod nth_command;
#[path = "redis/tls.rs"]
mod tls;
#[path = "redis/together.rs"]
mod together;
#[path = "redis/unfinished.rs"]
mod unfinished;

use std::time::Duration;

use limitrate_core::{
    algorithm::{Algorithm, Terms},
    charge::Charge,
    key::CounterKey,
    time::{Nanos, Timestamp},
};
use limitrate_runtime::store::{
    Call, Charged, ClockOf, RedisOptions, RedisStore, Store as _, StoreError, Ticket,
};
use limitrate_testkit::{
    Blocking,
    server::{Redis, RedisOptions as NodeOptions, or_skip, recovers},
};
use tokio::time::Instant;

/// How long a call may take here.
const DEADLINE: Duration = Duration::from_millis(200);

/// How much later a machine that has much else to do may tell it.
const SLACK: Duration = Duration::from_millis(1_500);

const DAY: Algorithm = Algorithm::SlidingWindow(Nanos::from_secs(86_400));

fn key(number: u64) -> CounterKey {
    CounterKey::of_limit(&number.to_le_bytes(), 0x5EED)
}

/// One of a thousand a day.
fn charge(number: u64) -> Charge<'static> {
    let terms = Terms { ceiling: 1_000, burst: 0, starting: None };
    Charge::new(key(number), key(!number), &DAY, terms, 1)
}

fn call() -> Call {
    Call { clock: ClockOf::Store, deadline: DEADLINE, ..Call::at(Timestamp(0), Ticket(0)) }
}

fn connect(url: &str) -> Result<Blocking<RedisStore>, StoreError> {
    Blocking::connect(RedisStore::connect(RedisOptions::from_url(url)?))
}

fn node() -> Option<Redis> {
    or_skip(Redis::start(&NodeOptions::default()))
}

/// What `redis-cli` prints for a command.
fn run(node: &Redis, command: &str) -> String {
    node.command(&command.split(' ').collect::<Vec<_>>()).unwrap()
}

fn take(store: &Blocking<RedisStore>, number: u64) -> Result<Charged, StoreError> {
    store.wait(store.store().charge(call(), &[charge(number)]))
}

/// How much of a counter is used; whoever looks has time.
fn used(store: &Blocking<RedisStore>, number: u64) -> i64 {
    let patient = Call { deadline: Duration::from_secs(5), ..call() };
    store.wait(store.store().used(patient, key(number), &DAY)).unwrap().unwrap()
}

/// A call that is answered with an error in time. Which, and whether it may have been counted.
#[track_caller]
fn failing(store: &Blocking<RedisStore>, number: u64) -> StoreError {
    let start = Instant::now();
    let error = take(store, number).unwrap_err();
    assert!(start.elapsed() < DEADLINE + SLACK, "{:?}", start.elapsed());
    error
}

/// Charges until it is answered again. How long that took, which is printed under the test's name.
fn recovered(store: &Blocking<RedisStore>, number: u64) -> Duration {
    let start = Instant::now();
    let test = std::thread::current().name().unwrap_or("decisions").to_owned();
    recovers(&test, Duration::from_secs(10), || take(store, number).is_ok());
    start.elapsed()
}

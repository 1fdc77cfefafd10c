//! What `rlc cost` says that keys take in memory is what the store takes for them.
#![expect(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "helpers of tests fail by panicking"
)]

use std::{num::NonZeroUsize, sync::Arc};

use limitrate_compiler::{
    Engine, compile,
    cost::{Cost, StateBytes},
};
use limitrate_core::{
    facts::Value,
    time::{Nanos, Timestamp},
};
use limitrate_runtime::{
    Limiter, LimiterOptions,
    store::{MemoryOptions, MemoryStore},
};

const NOW: Timestamp = Timestamp(1_800_000_000_000_000_000);

/// Numbers of keys from one to just short of twice it, evenly by their ratio: tables that double are as empty and as full
/// as they get in between.
const SIZES: [u64; 8] = [20_000, 21_810, 23_784, 25_937, 28_284, 30_844, 33_636, 36_680];

/// A limiter of one limit, and what its keys are said to take.
fn limiter(limit: &str) -> (Limiter<MemoryStore>, StateBytes) {
    let text = format!("input {{ user : key }} rule a {{ limit {limit} }}");
    let accepted = match compile("a.rl", text.as_bytes(), Engine::Interpreter) {
        Ok(accepted) => accepted,
        Err(rejected) => panic!("{text}: {:#?}", rejected.diagnostics.sorted()),
    };
    let state = Cost::of(accepted.policy.program()).limits[0].state;
    let store = MemoryOptions { shards: NonZeroUsize::new(4), ..MemoryOptions::default() };
    let options = LimiterOptions { secret: 1, instance: 1, ..LimiterOptions::default() };
    (Limiter::with(Arc::new(accepted.policy), MemoryStore::new(store), options), state)
}

/// What a key takes after so many requests, on average over how full tables are.
fn measured(limiter: &Limiter<MemoryStore>, requests: i64) -> u64 {
    let user = limiter.fact("user").unwrap();
    let (mut keys, mut bytes_each) = (0..u64::MAX, 0);
    for size in SIZES {
        for key in keys.by_ref().take_while(|key| key + 1 < size) {
            let name = key.to_string();
            for request in 0..requests {
                let _ = limiter.decide_at(&[(user, Value::Str(&name))], NOW.after(Nanos(request)));
            }
        }
        bytes_each += u64::try_from(limiter.store().bytes()).unwrap() / size;
    }
    bytes_each / SIZES.len() as u64
}

/// Whether a figure is at most a seventh off.
fn is_near(said: u64, measured: u64) -> bool {
    said.abs_diff(measured) * 7 <= measured
}

#[test]
fn keys_take_what_they_are_said_to_take() {
    // Each with as many requests as fill what a key may have.
    for (limit, requests) in [
        ("10 req/min per user using gcra burst 5 req", 5),
        ("10 req/min per user using token_bucket", 10),
        ("10 req/min per user using token_bucket starting 5 req", 5),
        ("10 req/min per user using leaky_bucket on exceed block for 5 min", 11),
        ("10 req/min per user using fixed_window", 10),
        ("10 req/min per user using sliding_window", 10),
        ("10 req/min per user using sliding_window warn at 50%", 10),
        ("10 req/min per user using sliding_log", 10),
        ("8 in flight per user for at most 2 min", 8),
    ] {
        let (first, said) = limiter(limit);
        let least = measured(&first, 1);
        assert!(is_near(said.least, least), "{limit}: {said:?}, but {least} with one request");
        let most = if said.least == said.most { least } else { measured(&limiter(limit).0, requests) };
        assert!(is_near(said.most, most), "{limit}: {said:?}, but {most} with {requests} requests");
    }
}

#[test]
fn open_reservations_take_what_they_are_said_to_take() {
    for limit in [
        "100 req/min per user using gcra burst 5 req reserve 1 req settle 1 req",
        "100 req/min per user using fixed_window reserve 1 req settle 1 req",
        "100 req/min per user using sliding_log reserve 1 req settle 1 req",
    ] {
        let (limiter, said) = limiter(limit);
        let (said, measured) = (said.least + said.reservation, measured(&limiter, 1));
        assert!(is_near(said, measured), "{limit}: {said}, but {measured}");
    }
}

//! A policy's `overshoot`, from its text to the store's calls; and how many instances share what.

use std::{num::NonZeroU32, sync::Arc};

use limitrate_compiler::{Engine, Policy};
use limitrate_core::{algorithm::Algorithm, facts::Value, time::Nanos};
use limitrate_runtime::{
    Asking, Limiter, LimiterOptions,
    store::{GuardOptions, Guarded, Layered, Store},
};

use crate::{
    START, at,
    faulty::{Faulty, Line},
    memory, options, runtime,
};

fn policy(limit: &str) -> Arc<Policy> {
    let text = format!("input {{ user : key }}\nrule api {{ limit {limit} }}\n");
    Arc::new(limitrate_compiler::compile("a.rl", text.as_bytes(), Engine::Interpreter).unwrap().policy)
}

/// How many of so many requests of one user pass.
fn passing<S: Store>(limiter: &Limiter<S>, requests: usize) -> usize {
    let user = limiter.fact("user").unwrap();
    let (on, asking) = (runtime(), Asking { at: Some(START), ..Asking::default() });
    let passes = |_: &usize| {
        let facts = [(user, Value::Str("ada"))];
        on.block_on(limiter.decide_shared(&facts, asking)).unwrap().outcome().passes()
    };
    (0..requests).filter(passes).count()
}

/// How many calls a store gets for so many requests of one user to a limit.
fn calls(limit: &str, requests: usize) -> usize {
    let line = Faulty::new(&memory());
    let layered = Layered::untended(line.clone(), options(1));
    let limiter = Limiter::with(policy(limit), layered, LimiterOptions::default());
    assert_eq!(passing(&limiter, requests), requests);
    line.calls().0
}

#[test]
fn requests_reach_the_store_unless_their_limit_may_be_leased_from() {
    assert_eq!(calls("10_000 req/min per user", 500), 500);
    let leased = calls("10_000 req/min per user overshoot 5%", 500);
    assert!(leased < 20, "{leased}");
}

/// Of a layer and a limiter that were told of so many instances each: how many units are leased at most, and how many requests
/// pass while the store is away.
fn shares(layer: u32, limiter: u32) -> (i64, usize) {
    let policy = policy("1000 req/min per user overshoot 10%");
    let line = Faulty::new(&memory());
    let guarded = Arc::new(Guarded::new(line.clone(), GuardOptions::default()));
    let layered: Arc<dyn Store> = Arc::new(Layered::untended(guarded, options(layer)));
    let instances = NonZeroU32::new(limiter).unwrap();
    let limiter = Limiter::with(policy, layered, LimiterOptions { instances, ..LimiterOptions::default() });
    let (on, user) = (runtime(), limiter.fact("user").unwrap());
    let (counter, _) = limiter.counter(0, &[(user, Value::Str("ada"))]).unwrap();
    let algorithm = Algorithm::SlidingWindow(Nanos::from_secs(60));
    let mut most = 0;
    for passed in 1..=200 {
        assert_eq!(passing(&limiter, 1), 1);
        let used = on.block_on(line.used(at(0), counter, &algorithm)).unwrap().unwrap();
        most = most.max(used - passed);
    }
    line.becomes(Line::Down);
    // What is leased passes first.
    let leased = on.block_on(line.memory().used(at(0), counter, &algorithm)).unwrap().unwrap() - 200;
    (most, passing(&limiter, 1_000) - usize::try_from(leased).unwrap())
}

#[test]
fn how_many_instances_share_a_store_is_what_the_layer_or_the_limiter_was_told_of_if_those_are_more() {
    let alone = shares(1, 1);
    assert!((51..=100).contains(&alone.0) && alone.1 > 800, "{alone:?}");
    for (layer, limiter) in [(4, 4), (1, 4), (4, 1)] {
        let (most, passed) = shares(layer, limiter);
        assert!((13..=25).contains(&most), "{most}");
        assert_eq!(passed, 250);
    }
}

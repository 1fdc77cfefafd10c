//! A policy's `overshoot`, from its text to the store's calls.

use std::sync::Arc;

use limitrate_compiler::Engine;
use limitrate_core::facts::Value;
use limitrate_runtime::{Asking, Limiter, LimiterOptions, store::Layered};

use crate::{START, faulty::Faulty, memory, options, runtime};

/// How many calls a store gets for so many requests of one user to a limit.
fn calls(limit: &str, requests: usize) -> usize {
    let text = format!("input {{ user : key }}\nrule api {{ limit {limit} }}\n");
    let policy = limitrate_compiler::compile("a.rl", text.as_bytes(), Engine::Interpreter).unwrap().policy;
    let line = Faulty::new(&memory());
    let layered = Layered::untended(line.clone(), options(1));
    let limiter = Limiter::with(Arc::new(policy), layered, LimiterOptions::default());
    let user = limiter.fact("user").unwrap();
    let (on, asking) = (runtime(), Asking { at: Some(START), ..Asking::default() });
    for _ in 0..requests {
        let facts = [(user, Value::Str("ada"))];
        let decision = on.block_on(limiter.decide_shared(&facts, asking)).unwrap();
        assert!(decision.outcome().passes());
    }
    line.calls().0
}

#[test]
fn requests_reach_the_store_unless_their_limit_may_be_leased_from() {
    assert_eq!(calls("10_000 req/min per user", 500), 500);
    let leased = calls("10_000 req/min per user overshoot 5%", 500);
    assert!(leased < 20, "{leased}");
}

//! Tickets: what a request holds is its own, whoever shares the store.

use std::{collections::BTreeSet, sync::Arc};

use limitrate_core::facts::Value;
use limitrate_runtime::{
    Limiter, LimiterOptions, Outcome,
    store::{MemoryOptions, MemoryStore},
};

use super::{NOON, Test, options, policy, user};

const TEXT: &str = "
    input { user : key  really : tokens after response }
    rule chat {
      limit day: 1000 tokens/day per user resets in \"UTC\" reserve 100 tokens settle really
      limit streams: 4 in flight per user for at most 5 min
    }";

#[test]
fn two_limiters_on_one_store_never_settle_each_others_reservations() {
    let store = Arc::new(MemoryStore::new(MemoryOptions::default()));
    let another = LimiterOptions { secret: 1, ..LimiterOptions::default() };
    let (one, other) = (Test::on(TEXT, store.clone(), options()), Test::on(TEXT, store, another));
    let ada = [user("ada")];
    let held = [one.run(&ada), one.run(&ada), other.run(&ada), other.run(&ada)];
    assert_eq!(one.outcome(&ada), Outcome::Reject);
    let tickets: BTreeSet<_> = held.iter().map(|running| running.ticket().unwrap()).collect();
    assert_eq!(tickets.len(), 4);
    for (running, tokens) in held.iter().zip([1, 10, 100, 1_000]) {
        // Whoever replies: policy, secret and store are the same.
        let replied = other.reply(running, &[("really", Value::Int(tokens))]);
        assert_eq!(replied.released, 1);
    }
    assert_eq!((one.used("day", &ada), other.used("streams", &ada)), (1_111, 0));
}

#[test]
fn limiters_begin_their_tickets_far_apart() {
    let policy = policy(TEXT);
    let first: BTreeSet<_> = (0..200)
        .map(|_| {
            let limiter = Limiter::new(policy.clone());
            let facts = [(limiter.fact("user").unwrap(), Value::Str("ada"))];
            limiter.decide_at(&facts, NOON).ticket().unwrap().0
        })
        .collect();
    assert_eq!(first.len(), 200);
    let gap = first.iter().zip(first.iter().skip(1)).map(|(a, b)| b - a).min().unwrap();
    assert!(gap > 1 << 32, "{gap}");
}

#[test]
fn a_limiter_that_starts_anew_leaves_what_its_forerunner_held_alone() {
    let store = Arc::new(MemoryStore::new(MemoryOptions::default()));
    let again = || LimiterOptions { secret: 1, ..LimiterOptions::default() };
    let before = Test::on(TEXT, store.clone(), again());
    let ada = [user("ada")];
    let lost = before.run(&ada);
    drop(before);
    let after = Test::on(TEXT, store, again());
    let running = after.run(&ada);
    after.reply(&running, &[("really", Value::Int(7))]);
    assert_eq!((after.used("day", &ada), after.used("streams", &ada)), (107, 1));
    after.reply(&lost, &[("really", Value::Int(1))]);
    assert_eq!((after.used("day", &ada), after.used("streams", &ada)), (8, 0));
}

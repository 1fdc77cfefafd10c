//! A whole limiter, from its policy's text to replies.

use std::{num::NonZeroU32, sync::Arc, time::Duration};

use limitrate_compiler::{Engine, Policy, compile, ir::LimitInfo};
use limitrate_core::{
    facts::Value,
    time::{Nanos, Timestamp},
};
use limitrate_runtime::{
    Asking, Limiter, LimiterOptions,
    store::{Layered, LayeredOptions, LocalStore, MemoryStore, RequestId, Store},
};
use limitrate_testkit::conformance::{FIXED, Trial};

use crate::{Fate, memory, pass, paused, until_well};

/// Monday, 2026-01-05T12:00:00Z.
const NOON: Timestamp = Timestamp(1_767_614_400_000_000_000);

const RULES: &str = "
    use std.http
    input {
      user   : key
      model  : one of \"large\", \"small\"
      most   : tokens = 100 tokens
      really : tokens after response
    }
    rule chat {
      let cost = if model == \"large\" then most else 10 tokens
      limit day: 105 tokens/day per user resets in \"UTC\" reserve cost settle really
        on exceed downgrade model to \"small\"
      limit streams: 2 in flight per user for at most 5 min
      limit often: 3 req/min per user overshoot 34%
      limit tries: 4 req/15 min per user refund when response.status < 400
    }
    rule strict {
      limit tight: 5 req/h globally using fixed_window on exceed block for 10 min warn at 50%
    }
    shadow rule tighter {
      limit watched: 1 req/min per user
      limit slots: 1 in flight per user for at most 5 min
    }";

fn policy() -> Arc<Policy> {
    let compiled = compile("nth.rl", RULES.as_bytes(), Engine::Interpreter);
    Arc::new(compiled.unwrap_or_else(|rejected| panic!("{:#?}", rejected.diagnostics.sorted())).policy)
}

fn options() -> LimiterOptions {
    LimiterOptions { secret: 1, instance: 1, ..LimiterOptions::default() }
}

/// What came of each of six requests of two users, of which every other one is answered.
async fn story<S: Store>(policy: &Arc<Policy>, store: S) -> Vec<String> {
    let limiter = Limiter::with(Arc::clone(policy), store, options());
    let fact = |name: &str| limiter.fact(name).unwrap();
    let mut outcomes = Vec::new();
    for (number, (user, model)) in (0_u32..).zip([
        ("ada", "large"),
        ("bob", "small"),
        ("ada", "large"),
        ("ada", "large"),
        ("ada", "small"),
        ("bob", "large"),
    ]) {
        let facts = [
            (fact("user"), Value::Str(user)),
            (fact("model"), Value::Str(model)),
            (fact("method"), Value::Str("GET")),
            (fact("path"), Value::Str("/")),
        ];
        let now = NOON.after(Nanos::from_secs(i64::from(number)));
        let request = Some(RequestId::of(&number.to_le_bytes()));
        let asking = Asking { at: Some(now), request, deadline: Duration::from_secs(1) };
        let decision = loop {
            match limiter.decide_shared(&facts, asking).await {
                Ok(decision) if !decision.is_degraded() => break decision,
                Ok(_) | Err(_) => pass().await,
            }
        };
        outcomes.push(format!("{:?} {:?}", decision.outcome(), decision.retry_after()));
        let running = limiter.running(&decision);
        if number % 2 == 0 {
            let status = Value::Int(if number == 0 { 500 } else { 200 });
            let reply = [(fact("really"), Value::Int(7)), (fact("response.status"), status)];
            for _ in 0..10 {
                match limiter.reply_shared(&running, &reply, asking).await {
                    Ok(_) => break,
                    Err(_) => pass().await,
                }
            }
        }
    }
    outcomes
}

/// What is in use of each limit of each user.
fn used(policy: &Arc<Policy>, memory: &Arc<MemoryStore>) -> Vec<Option<i64>> {
    let limiter = Limiter::with(Arc::clone(policy), Arc::clone(memory), options());
    let user = limiter.fact("user").unwrap();
    let limits = (0..).zip(&policy.program().limits);
    let of = |(position, info): (usize, &LimitInfo)| {
        ["ada", "bob"].map(|name| {
            let (counter, _) = limiter.counter(position, &[(user, Value::Str(name))]).unwrap();
            LocalStore::used(&**memory, NOON.after(Nanos::from_secs(6)), counter, &info.algorithm)
        })
    };
    limits.flat_map(of).collect()
}

/// What happens where nothing fails: what came of each request, and what is in use then.
async fn undisturbed(policy: &Arc<Policy>) -> (Vec<String>, Vec<Option<i64>>) {
    let memory = memory();
    let outcomes = story(policy, Arc::clone(&memory)).await;
    let has = |word: &str| outcomes.iter().any(|outcome| outcome.starts_with(word));
    assert!(has("Allow") && has("Downgrade") && has("Reject"), "{outcomes:?}");
    (outcomes, used(policy, &memory))
}

#[test]
fn whichever_calls_to_a_bare_store_fail_requests_made_again_are_decided_and_counted_alike() {
    let policy = policy();
    paused(async {
        let expected = undisturbed(&policy).await;
        for fate in Fate::all(16) {
            let memory = memory();
            let outcomes = story(&policy, fate.store(&memory) as Arc<dyn Store>).await;
            assert_eq!((outcomes, used(&policy, &memory)), expected, "{fate:?}");
        }
    });
}

#[test]
fn whichever_calls_fail_behind_a_guard_and_leases_requests_made_again_are_decided_and_counted_alike() {
    let policy = policy();
    paused(async {
        let expected = undisturbed(&policy).await;
        for fate in Fate::all(16) {
            let memory = memory();
            let guarded = fate.guarded(&fate.store(&memory));
            let layered = Layered::untended(Arc::new(guarded.clone()), LayeredOptions::of(NonZeroU32::MIN));
            let outcomes = story(&policy, layered).await;
            until_well(&guarded, NOON, Trial::alone().charge(7, &FIXED, 1_000)).await;
            assert_eq!((outcomes, used(&policy, &memory)), expected, "{fate:?}");
        }
    });
}

//! Many requests in one call are answered as one after the other.
#![expect(clippy::panic, clippy::unwrap_used, reason = "a test stops at the first surprise")]

use std::sync::{Arc, LazyLock};

use limitrate_compiler::{Engine, Policy, compile};
use limitrate_core::{
    facts::{FactId, Value},
    time::{Nanos, Timestamp},
};
use limitrate_runtime::{
    Decision, DecisionRecord, Limiter, LimiterOptions,
    store::{MemoryOptions, MemoryStore},
};
use proptest::prelude::*;

const NOON: Timestamp = Timestamp(1_767_614_400_000_000_000);

/// Everything that a decision may come with: several limits, downgrades, reservations, blocks, warnings, shadows, leases,
/// words with values in them, and facts that are missing or malformed.
const EVERYTHING: &str = "
    input {
      user  : key
      size  : int in 0..100 = 1
      model : one of \"large\", \"small\"
    }
    rule deny_some { if size > 90 then deny 413 \"{size} of {user} is too much.\" }
    rule exempt_some { if user == \"root\" then exempt \"one of us\" }
    rule models {
      if model == \"large\"
      then limit large: 2 req/min per user on exceed downgrade model to \"small\"
      else limit small: 3 req/min per user using gcra burst 2 req
    }
    rule all {
      limit budget: 40 points/h per user reserve size * 1 points settle size * 1 points
      limit many: 30 req/min globally using sliding_log warn at 50%, 80%
      limit open: 6 in flight per user for at most 10 s
    }
    rule strict { if size > 50 then limit big: 2 req/min per user on exceed deny 403 \"No, {user}.\" block for 2 min }
    shadow rule tried { if size > 70 then deny  limit tried: 1 req/min per user }
";

fn policy(text: &str) -> Arc<Policy> {
    match compile("test.rl", text.as_bytes(), Engine::Native) {
        Ok(accepted) => Arc::new(accepted.policy),
        Err(rejected) => panic!("{:#?}", rejected.diagnostics.sorted()),
    }
}

/// A limiter with counters of its own; two of one policy answer alike.
fn limiter(policy: &Arc<Policy>) -> Limiter {
    let options = LimiterOptions { secret: 1, instance: 1, ..LimiterOptions::default() };
    Limiter::with(policy.clone(), MemoryStore::new(MemoryOptions::default()), options)
}

/// Compiled once: every case decides by it.
static EVERYTHING_COMPILED: LazyLock<Arc<Policy>> = LazyLock::new(|| policy(EVERYTHING));

type Request = Vec<(FactId, Value<'static>)>;

/// Everything of a decision that a caller can see.
fn seen(limiter: &Limiter, decision: &Decision<'_>, request: &Request) -> String {
    serde_json::to_string(&DecisionRecord::new(1, limiter, decision, request)).unwrap()
}

fn requests(limiter: &Limiter) -> impl Strategy<Value = Vec<Request>> + use<> {
    let [user, size, model] = ["user", "size", "model"].map(|name| limiter.fact(name).unwrap());
    let users = prop::sample::select(vec!["ada", "bob", "root"]);
    let models = prop::sample::select(vec!["large", "large", "small", "huge", ""]);
    let request = (users, prop::option::of(0_i64..=101), models).prop_map(move |(name, amount, kind)| {
        let mut facts = vec![(user, Value::Str(name))];
        facts.extend(amount.map(|amount| (size, Value::Int(amount))));
        if !kind.is_empty() {
            facts.push((model, Value::Str(kind)));
        }
        facts
    });
    prop::collection::vec(request, 0..40)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, ..ProptestConfig::default() })]

    #[test]
    fn a_batch_is_answered_as_one_request_after_the_other(
        batches in prop::collection::vec((requests(&limiter(&EVERYTHING_COMPILED)), 0_i64..40), 1..6),
    ) {
        let (together, apart) = (limiter(&EVERYTHING_COMPILED), limiter(&EVERYTHING_COMPILED));
        let mut now = NOON;
        let mut decisions = Vec::new();
        for (requests, seconds) in &batches {
            now = now.after(Nanos::from_secs(*seconds));
            together.decide_many_at(requests, now, &mut decisions);
            prop_assert_eq!(decisions.len(), requests.len());
            for (request, decision) in requests.iter().zip(&decisions) {
                let alone = apart.decide_at(request, now);
                prop_assert_eq!(seen(&together, decision, request), seen(&apart, &alone, request));
            }
        }
    }
}

#[test]
fn requests_on_one_key_see_what_those_before_them_took() {
    let limiter = limiter(&policy("input { user : key } rule r { limit 20 req/h per user }"));
    let user = limiter.fact("user").unwrap();
    let requests = vec![[(user, Value::Str("ada"))]; 50];
    let mut decisions = Vec::new();
    limiter.decide_many_at(&requests, NOON, &mut decisions);
    let passed: Vec<bool> = decisions.iter().map(|decision| decision.outcome().passes()).collect();
    assert_eq!(passed, [[true; 20].as_slice(), &[false; 30]].concat());
}

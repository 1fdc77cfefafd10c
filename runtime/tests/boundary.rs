//! The limiter's side of the boundary to an engine: facts bound, sites read, charges made, the reference asked. In few
//! steps, for Miri, which cannot run machine code.

use std::sync::Arc;

use limitrate_compiler::{Engine, compile};
use limitrate_core::{facts::Value, time::Timestamp};
use limitrate_runtime::{
    Cause, Limiter, LimiterOptions, Outcome, Problem, TrustOptions,
    store::{MemoryOptions, MemoryStore},
};

const POLICY: &str = "input { user : key  size : bytes = 1 B  peer : ip = 192.0.2.1 }
rule a { if size > 5 B then deny 413 \"{user}: {size}\"  if peer in {10.0.0.0/8} then exempt \"ours\" }
rule b { limit 2 req/min per user, peer }
";

#[test]
fn a_request_goes_through_every_stratum() {
    let policy = match compile("a.rl", POLICY.as_bytes(), Engine::Interpreter) {
        Ok(accepted) => Arc::new(accepted.policy),
        Err(rejected) => panic!("{:#?}", rejected.diagnostics.sorted()),
    };
    let trust = TrustOptions { sample_every: 1, ..TrustOptions::default() };
    let options = LimiterOptions { secret: 1, instance: 1, trust, ..LimiterOptions::default() };
    let limiter = Limiter::with(policy, MemoryStore::new(MemoryOptions::default()), options);
    let fact = |name| limiter.fact(name).unwrap();
    let (user, size, peer) = (fact("user"), fact("size"), fact("peer"));
    let now = Timestamp(1_000_000_000_000);
    let ada = (user, Value::Str("ada"));

    let outcomes = [(); 3].map(|()| limiter.decide_at(&[ada], now).outcome());
    assert_eq!(outcomes, [Outcome::Allow, Outcome::Allow, Outcome::Reject]);
    let elsewhere = limiter.decide_at(&[ada, (peer, Value::Str("2001:db8::1"))], now);
    assert_eq!(elsewhere.outcome(), Outcome::Allow);
    let denied = limiter.decide_at(&[ada, (size, Value::Int(6))], now);
    assert_eq!((denied.outcome(), denied.status(), denied.message()), (Outcome::Deny, 413, "ada: 6 bytes"));
    let ours = limiter.decide_at(&[ada, (peer, Value::Str("10.1.2.3"))], now);
    assert_eq!((ours.outcome(), ours.message()), (Outcome::Exempt, "ours"));
    let nobody = limiter.decide_at(&[], now);
    let Cause::Input(problem) = nobody.cause() else { panic!("{:?}", nobody.cause()) };
    assert_eq!((problem.fact, problem.problem), (user, Problem::Missing));
    assert_eq!((limiter.trust().sampled, limiter.trust().mismatched), (6, 0));
}

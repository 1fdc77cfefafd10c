//! The paths that are counted. Everything about them is fixed: secrets, instants, requests.

use std::{hint::black_box, sync::Arc};

use limitrate::{
    core::clock::Ticks,
    prelude::*,
    runtime::{
        TrustOptions,
        store::{MemoryOptions, MemoryStore},
    },
};

use crate::texts::{GCRA, HIERARCHY, REFUSED, SLIDING, rules};

/// One path.
pub(crate) struct Path {
    pub(crate) name: &'static str,
    /// How often the shorter run does it. What a limiter does only now and then is in the difference as often as it ought
    /// to be where this divides by how seldom that is.
    pub(crate) times: u64,
    pub(crate) prepare: fn() -> Box<dyn FnMut()>,
}

/// How often a decision is made.
const DECISIONS: u64 = 4_096;

pub(crate) const PATHS: &[Path] = &[
    Path {
        name: "one hot key, gcra",
        times: DECISIONS,
        prepare: || decided(GCRA, &[("user", USER)], Outcome::Allow),
    },
    Path {
        name: "one hot key, sliding window",
        times: DECISIONS,
        prepare: || decided(SLIDING, &[("user", USER)], Outcome::Allow),
    },
    Path { name: "refused", times: DECISIONS, prepare: refused },
    Path {
        name: "three limits of a hierarchy",
        times: DECISIONS,
        prepare: || {
            let facts = [("org", Value::Str("org-17")), ("team", Value::Str("team-4")), ("user", USER)];
            decided(HIERARCHY, &facts, Outcome::Allow)
        },
    },
    Path { name: "every kind of fact classified", times: DECISIONS, prepare: classified },
    Path { name: "decided among 10 rules", times: DECISIONS, prepare: || among(10) },
    Path { name: "decided among 1000 rules", times: DECISIONS, prepare: || among(1_000) },
    Path { name: "100 rules checked", times: 1, prepare: || compiled(100, Engine::Interpreter) },
    Path { name: "100 rules made machine code", times: 1, prepare: || compiled(100, Engine::Native) },
];

const USER: Value<'static> = Value::Str("user-0123456789abcdefabc");

/// One test of each kind that a request is classified by; none holds but those of the route and the schedule.
const CLASSIFIED: &str = r#"
    use std.http
    input { user : key  region : string  size : int }
    set offices = 192.0.2.0/24, 198.51.100.0/24, 2001:db8::/32
    set nearby = "eu-west", "eu-north", "eu-south"
    schedule open = daily 00:00..23:00 in "Europe/Berlin"
    rule scanners { if path like "*.php" or path like "/.*" then deny 404 }
    rule probes { if ip in offices then exempt "ours" }
    rule odd { if user matches "^[0-9]+-test$" then deny 403 }
    rule large { on POST "/v1/items/:id/parts/**"  if size > 1000000 then deny 413 }
    rule api {
      on ANY "/v1/items/:id"
      if now in open and region not in nearby and starts_with(user, "user-") then limit 1G req/min per user
    }"#;

/// A clock that stands, read as the default one is.
#[derive(Debug)]
struct Noon;

impl Clock for Noon {
    fn now(&self) -> Timestamp {
        Timestamp(1_767_614_400_000_000_000)
    }

    fn ticks(&self) -> Option<Arc<Ticks>> {
        Some(Arc::new(Ticks::new(self.now())))
    }
}

fn policy(text: &str, engine: Engine) -> Policy {
    match limitrate::compile("counted.rl", text.as_bytes(), engine) {
        Ok(accepted) => accepted.policy,
        Err(rejected) => panic!("{:#?}", rejected.diagnostics.sorted()),
    }
}

fn limiter(text: &str) -> Limiter {
    let policy = policy(text, Engine::Native);
    assert_eq!(policy.interpreted(), None, "machine code is to be counted");
    // Which decisions are recomputed is left to chance, so none is.
    let trust = TrustOptions { sample_every: 0, ..TrustOptions::default() };
    let options =
        LimiterOptions { clock: Arc::new(Noon), secret: 1, instance: 1, trust, ..LimiterOptions::default() };
    Limiter::with(Arc::new(policy), MemoryStore::new(MemoryOptions::default()), options)
}

/// Decides the same request again and again.
fn decided(text: &str, facts: &[(&str, Value<'static>)], expected: Outcome) -> Box<dyn FnMut()> {
    let limiter = limiter(text);
    let facts: Vec<(FactId, Value<'static>)> =
        facts.iter().map(|(name, value)| (limiter.fact(name).unwrap(), *value)).collect();
    Box::new(move || assert_eq!(limiter.decide(black_box(&facts)).outcome(), expected))
}

fn refused() -> Box<dyn FnMut()> {
    let limiter = limiter(REFUSED);
    let facts = [(limiter.fact("user").unwrap(), USER)];
    assert_eq!(limiter.decide(&facts).outcome(), Outcome::Allow);
    Box::new(move || assert_eq!(limiter.decide(black_box(&facts)).outcome(), Outcome::Reject))
}

fn classified() -> Box<dyn FnMut()> {
    let facts = [
        ("user", USER),
        ("region", Value::Str("us-east")),
        ("size", Value::Int(512)),
        ("method", Value::Str("POST")),
        ("path", Value::Str("/v1/items/4711")),
        ("ip", Value::Ip([203, 0, 113, 7].into())),
    ];
    decided(CLASSIFIED, &facts, Outcome::Allow)
}

/// Decides by the first ten of so many rules.
fn among(count: usize) -> Box<dyn FnMut()> {
    let facts = [
        ("user", USER),
        ("method", Value::Str("GET")),
        ("path", Value::Str("/v1/p0/items/4711")),
        ("region", Value::Str("r1")),
        ("tier", Value::Str("t1")),
        ("size", Value::Int(512)),
    ];
    decided(&rules(count), &facts, Outcome::Allow)
}

fn compiled(count: usize, engine: Engine) -> Box<dyn FnMut()> {
    let text = rules(count);
    Box::new(move || drop(black_box(policy(&text, engine))))
}

//! What each clause of a limit means, from the text of a policy to decisions and counters.
#![expect(clippy::panic, clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod block;
mod downgrade;
mod exceed;
mod reserve;
mod rollout;
mod shadow;
mod tickets;
mod torture;
mod warn;

use std::sync::Arc;

use limitrate_compiler::{Engine, Policy, compile};
use limitrate_core::{
    facts::{FactId, Value},
    time::{Nanos, Timestamp},
};
use limitrate_runtime::{
    Decision, Limiter, LimiterOptions, Outcome, Replied, Running,
    store::{LocalStore as _, MemoryOptions, MemoryStore},
};

/// Monday, 2026-01-05T12:00:00Z.
const NOON: Timestamp = Timestamp(1_767_614_400_000_000_000);

fn policy(text: &str) -> Arc<Policy> {
    match compile("test.rl", text.as_bytes(), Engine::Native) {
        Ok(accepted) => Arc::new(accepted.policy),
        Err(rejected) => panic!("{:#?}", rejected.diagnostics.sorted()),
    }
}

fn options() -> LimiterOptions {
    LimiterOptions { secret: 1, instance: 1, ..LimiterOptions::default() }
}

/// A limiter, and the instant that its requests come at.
struct Test {
    limiter: Limiter<Arc<MemoryStore>>,
    now: Timestamp,
}

type Facts<'a> = [(&'a str, Value<'a>)];

impl Test {
    fn new(text: &str) -> Self {
        Self::on(text, Arc::new(MemoryStore::new(MemoryOptions::default())), options())
    }

    fn on(text: &str, store: Arc<MemoryStore>, options: LimiterOptions) -> Self {
        Self { limiter: Limiter::with(policy(text), store, options), now: NOON }
    }

    fn wait(&mut self, span: Nanos) {
        self.now = self.now.after(span);
    }

    fn facts<'a>(&self, named: &Facts<'a>) -> Vec<(FactId, Value<'a>)> {
        named.iter().map(|(name, value)| (self.limiter.fact(name).unwrap(), *value)).collect()
    }

    fn decide(&self, named: &Facts<'_>) -> Decision<'_> {
        self.limiter.decide_at(&self.facts(named), self.now)
    }

    fn outcome(&self, named: &Facts<'_>) -> Outcome {
        self.decide(named).outcome()
    }

    /// Sends a request that must pass.
    fn run(&self, named: &Facts<'_>) -> Running {
        let decision = self.decide(named);
        assert!(decision.outcome().passes(), "{:?} by {:?}", decision.outcome(), limited_by(&decision));
        self.limiter.running(&decision)
    }

    /// Sends a request that must pass, and is never heard of again.
    fn pass(&self, named: &Facts<'_>) {
        drop(self.run(named));
    }

    fn reply(&self, running: &Running, named: &Facts<'_>) -> Replied<'_> {
        self.limiter.reply(running, &self.facts(named), self.now)
    }

    /// What is in use of a limit's counter, for these facts.
    fn used(&self, limit: &str, named: &Facts<'_>) -> i64 {
        let program = self.limiter.policy().program();
        let mut limits = program.limits.iter().enumerate();
        let (position, info) = limits.find(|(_, info)| info.name == limit && !info.shadow).unwrap();
        let (counter, _) = self.limiter.counter(position, &self.facts(named)).unwrap();
        self.limiter.store().used(self.now, counter, &info.algorithm).unwrap()
    }
}

fn limited_by<'p>(decision: &Decision<'p>) -> Vec<&'p str> {
    decision.limited_by().collect()
}

const fn user(name: &str) -> (&'static str, Value<'_>) {
    ("user", Value::Str(name))
}

const SECOND: Nanos = Nanos::from_secs(1);
const MINUTE: Nanos = Nanos::from_secs(60);
const HOUR: Nanos = Nanos::from_secs(3_600);

//! Runs the `test` blocks of a policy: one engine, counters in memory, a virtual clock.
//!
//! A test starts at [`TEST_START`] with empty counters. `send 100` is a hundred requests at one instant, and what is
//! expected must hold for each. A request is running, and holds its leases and reservations, until `reply` answers it or
//! they expire. A test ends at its first expectation that does not hold.

mod coverage;
mod failure;
mod note;

use std::sync::Arc;

use limitrate_compiler::{
    Policy,
    check::TEST_START,
    checked::{Expected, Reply, Send, Step, StepKind, Test, UsedCounter},
    grammar::{ast, span::Span},
    ir::LimitInfo,
};
use limitrate_core::{
    facts::{FactId, OwnedValue, Value},
    key::CounterKey,
    time::Timestamp,
};
use limitrate_runtime::{
    Decision, Limiter, Outcome, Running,
    store::{LocalStore as _, MemoryOptions, MemoryStore},
};

pub use coverage::{Coverage, Covered, SiteKind};
pub use failure::Failure;

use crate::{ManualClock, limiter::repeatable, words};

/// What became of a test.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TestReport {
    /// Its title.
    pub title: String,
    /// Where the title stands.
    pub span: Span,
    /// The expectation that did not hold; `None` if all did.
    pub failure: Option<Failure>,
    /// How many requests it sent, the one that failed included.
    pub requests: u64,
}

impl TestReport {
    /// Whether every expectation held.
    #[must_use]
    pub const fn passed(&self) -> bool {
        self.failure.is_none()
    }
}

/// Runs a test of `policy`.
#[must_use]
pub fn run(policy: &Arc<Policy>, test: &Test) -> TestReport {
    run_with(policy, test, &mut Coverage::default())
}

/// Runs a test of `policy`, and notes in `coverage` what its requests reached.
pub fn run_with(policy: &Arc<Policy>, test: &Test, coverage: &mut Coverage) -> TestReport {
    let store = MemoryStore::new(MemoryOptions::default());
    let limiter = Limiter::with(policy.clone(), store, repeatable(Arc::new(ManualClock::new(TEST_START))));
    let mut run = Run {
        limiter: &limiter,
        coverage,
        now: TEST_START,
        given: Vec::new(),
        running: Vec::new(),
        requests: 0,
    };
    let failure = test.steps.iter().find_map(|step| run.step(step).err()).map(|failure| *failure);
    TestReport { title: test.title.clone(), span: test.span, failure, requests: run.requests }
}

/// A test while it runs.
struct Run<'r> {
    limiter: &'r Limiter<MemoryStore>,
    coverage: &'r mut Coverage,
    now: Timestamp,
    /// The facts that hold from here on, each once.
    given: Vec<(FactId, OwnedValue)>,
    /// What the requests of the last `send` hold.
    running: Vec<Running>,
    requests: u64,
}

/// A counter that a step names.
struct Named<'r> {
    key: CounterKey,
    info: &'r LimitInfo,
    /// The values of its key, in words.
    shown: Vec<(String, String)>,
}

impl Run<'_> {
    fn step(&mut self, step: &Step) -> Result<(), Box<Failure>> {
        match &step.kind {
            StepKind::Given(facts) => {
                for (fact, value) in facts {
                    self.given.retain(|(given, _)| given != fact);
                    self.given.push((*fact, value.clone()));
                }
            }
            StepKind::At(at) => self.now = *at,
            StepKind::Wait(span) => self.now = self.now.after(*span),
            StepKind::SetUsed(counter, used) => {
                let Named { key, info, .. } = self.counter(counter)?;
                if !self.limiter.store().set_used(self.now, key, &info.algorithm, *used) {
                    let message = format!("the use of `{}` cannot be set", counter.limit);
                    return Err(Failure::new(step.span, self.now, message, "no room for another counter"));
                }
            }
            StepKind::ExpectUsed(counter, comparison, wanted) => {
                self.expect_used(step.span, counter, (*comparison, *wanted))?;
            }
            StepKind::Send(send) => self.send(send)?,
            StepKind::Reply(reply) => {
                for running in std::mem::take(&mut self.running) {
                    self.reply(&running, reply);
                }
            }
        }
        Ok(())
    }

    fn send(&mut self, send: &Send) -> Result<(), Box<Failure>> {
        self.running.clear();
        let facts = overlaid(&self.given, &send.facts);
        let limiter = self.limiter;
        for number in 1..=send.count {
            self.requests += 1;
            let decision = limiter.decide_at(&facts, self.now);
            self.coverage.note(&decision);
            if !holds(&send.expect, &decision) {
                return Err(failure::of_request(limiter, &decision, &facts, send, number));
            }
            if let Some(note) = send.notes.iter().find(|note| !note::holds(note, &decision)) {
                return Err(note::failure(&decision, note, (send.count, number)));
            }
            let running = limiter.running(&decision);
            if let Some(reply) = &send.reply {
                self.reply(&running, reply);
            } else if !running.is_empty() {
                self.running.push(running);
            }
        }
        Ok(())
    }

    fn reply(&self, running: &Running, reply: &Reply) {
        let facts = overlaid(&[], &reply.facts);
        self.limiter.reply(running, &facts, self.now);
    }

    fn expect_used(
        &self,
        span: Span,
        counter: &UsedCounter,
        (comparison, wanted): (ast::Comparison, i64),
    ) -> Result<(), Box<Failure>> {
        let Named { key, info, shown } = self.counter(counter)?;
        // The checker admits only limits that count their use here.
        let used = self.limiter.store().used(self.now, key, &info.algorithm).unwrap_or(0);
        if comparison.holds(&used, &wanted) {
            return Ok(());
        }
        let name = &counter.limit;
        let message = format!(
            "at {}, {} of `{name}` is used{}",
            words::instant(self.now),
            words::amount(info.unit, used),
            words::for_key(&shown),
        );
        let expected = format!("expected {} {}", comparison.sign(), words::amount(info.unit, wanted));
        Err(Failure::new(span, self.now, message, expected))
    }

    /// The counter that a step names.
    fn counter(&self, counter: &UsedCounter) -> Result<Named<'_>, Box<Failure>> {
        let limits = &self.limiter.policy().program().limits;
        // What is rolled out to a part of the requests counts the rest in shadow: the limit itself is meant.
        let named = |shadow: bool| {
            limits.iter().position(move |limit| limit.name == counter.limit && limit.shadow == shadow)
        };
        let position = named(false).or_else(|| named(true));
        let facts = overlaid(&self.given, &counter.keys);
        let found = position.and_then(|position| {
            let (key, shown) = self.limiter.counter(position, &facts)?;
            Some((key, limits.get(position)?, shown))
        });
        let Some((key, info, shown)) = found else {
            let message = format!("the policy has no limit `{}`", counter.limit);
            return Err(Failure::new(counter.span, self.now, message, "no such limit"));
        };
        if shown.len() < info.keys.len() {
            let named: Vec<&str> = shown.iter().map(|(name, _)| name.as_str()).collect();
            let lacking = words::key_facts(self.limiter.policy().program(), info)
                .into_iter()
                .find(|name| !named.contains(name))
                .unwrap_or("key");
            let message = format!("`{}` is counted by `{lacking}`, which is not given here", counter.limit);
            let expected = format!("which {lacking}? give it, or add `for {lacking} \"…\"`");
            return Err(Failure::new(counter.span, self.now, message, expected));
        }
        Ok(Named { key, info, shown })
    }
}

/// The given facts, with `own` in place of those of the same name.
fn overlaid<'f>(
    given: &'f [(FactId, OwnedValue)],
    own: &'f [(FactId, OwnedValue)],
) -> Vec<(FactId, Value<'f>)> {
    let kept = given.iter().filter(|(fact, _)| own.iter().all(|(other, _)| other != fact));
    kept.chain(own).map(|(fact, value)| (*fact, value.borrow())).collect()
}

/// Whether a decision is what the test expects.
fn holds(expected: &Expected, decision: &Decision<'_>) -> bool {
    let outcome = decision.outcome();
    match expected {
        Expected::Allow => outcome == Outcome::Allow,
        Expected::Exempt => outcome == Outcome::Exempt,
        Expected::Downgrade(wanted) => decision.downgrade().is_some_and(|downgrade| {
            let changes = || downgrade.changes();
            changes().count() == wanted.len()
                && wanted
                    .iter()
                    .all(|(fact, to)| changes().any(|(changed, value)| changed == *fact && value == to))
        }),
        Expected::Deny(status) => {
            outcome == Outcome::Deny && status.is_none_or(|status| status == i64::from(decision.status()))
        }
        Expected::Reject { by, retry_after } => {
            outcome == Outcome::Reject
                && by.as_ref().is_none_or(|by| decision.limited_by().any(|limit| limit == by.node))
                && retry_after.is_none_or(|(comparison, wanted)| {
                    decision.retry_after().is_some_and(|wait| comparison.holds(&wait, &wanted))
                })
        }
    }
}

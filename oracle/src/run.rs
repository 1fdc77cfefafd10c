//! The differential run: policies from a seed, histories for each, everything compared.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    thread,
};

use limitrate_compiler::source::Texts;
use parking_lot::Mutex;

use crate::{
    build::build,
    coverage::Coverage,
    engines::{Difference, play},
    generate::{large, policy},
    history::{Mentioned, Source, Step},
    random::Random,
};

/// Requests of one history: few enough that counters do not stay full.
const REQUESTS: usize = 40;

/// One policy in so many is a large one.
const LARGE_EVERY: u64 = 24;

/// What to run.
#[derive(Debug, Clone, Copy)]
pub struct Plan {
    /// What everything is made from.
    pub seed: u64,
    /// How many pairs of a policy and a request to decide, at least.
    pub pairs: u64,
    /// How many histories each policy is played.
    pub histories: usize,
    /// How many threads.
    pub threads: usize,
    /// The number of the first policy: to begin elsewhere, or to run one again.
    pub first: u64,
}

/// A policy and a history, with the names of its facts.
#[derive(Debug, Clone)]
pub struct Case {
    /// The policy.
    pub text: String,
    /// The facts of the history, by position.
    pub names: Vec<Box<str>>,
    /// The history.
    pub steps: Vec<Step>,
}

/// A difference, and what shows it.
#[derive(Debug, Clone)]
pub struct Found {
    /// The seed of the run.
    pub seed: u64,
    /// The number of the policy.
    pub policy: u64,
    /// What shows it.
    pub case: Case,
    /// What differs.
    pub difference: Difference,
}

/// What came of a run.
#[derive(Debug, Clone, Default)]
pub struct Summary {
    /// Pairs of a policy and a request that were decided by every engine.
    pub pairs: u64,
    /// Policies that were played.
    pub policies: u64,
    /// Rules of the largest of them.
    pub largest: usize,
    /// Texts that the compiler rejected.
    pub rejected: u64,
    /// Some of the reasons.
    pub reasons: Vec<String>,
    /// What the policies reached.
    pub coverage: Coverage,
    /// What differs; a run stops at the first few.
    pub found: Vec<Found>,
}

/// A run stops at so many differences.
const MOST_FOUND: usize = 5;

/// So many reasons for rejections are kept.
const MOST_REASONS: usize = 20;

/// Runs a plan to its end, or to the first few differences.
#[must_use]
pub fn run(plan: Plan) -> Summary {
    let next = AtomicU64::new(plan.first);
    let summary = Mutex::new(Summary::default());
    thread::scope(|scope| {
        for _ in 0..plan.threads.max(1) {
            scope.spawn(|| {
                loop {
                    let done = {
                        let summary = summary.lock();
                        summary.pairs >= plan.pairs || summary.found.len() >= MOST_FOUND
                    };
                    if done {
                        break;
                    }
                    let part = one(plan, next.fetch_add(1, Ordering::Relaxed));
                    summary.lock().add(part);
                }
            });
        }
    });
    summary.into_inner()
}

impl Summary {
    fn add(&mut self, part: Self) {
        self.pairs += part.pairs;
        self.policies += part.policies;
        self.largest = self.largest.max(part.largest);
        self.rejected += part.rejected;
        self.coverage.merge(&part.coverage);
        self.found.extend(part.found);
        self.reasons.extend(part.reasons);
        self.reasons.truncate(MOST_REASONS);
    }
}

/// The text of the policy of this number.
#[must_use]
pub fn text(seed: u64, number: u64) -> (String, Random) {
    let mut random = Random::part(seed, number);
    let text = if number % LARGE_EVERY == LARGE_EVERY - 1 {
        // Most have some hundred rules, a few some thousand.
        let most = if random.chance(8) { 2_000 } else { 300 };
        let rules = 20 + random.below(most);
        large(&mut random, rules)
    } else {
        policy(&mut random)
    };
    (text, random)
}

/// Plays the policy of this number.
#[must_use]
pub fn one(plan: Plan, number: u64) -> Summary {
    let mut summary = Summary::default();
    let (text, mut random) = text(plan.seed, number);
    let built = match build(&text, &Texts::default(), Some(&mut summary.coverage)) {
        Ok(built) => built,
        Err(reason) => {
            summary.rejected = 1;
            summary.reasons.push(format!("policy {number}: {reason}"));
            return summary;
        }
    };
    summary.policies = 1;
    let Some(reference) = built.policies.first() else { return summary };
    summary.largest = reference.program().origins.len();
    let source = Source::new(reference.program(), Mentioned::of(&built.file));
    let names: Vec<Box<str>> = source.schema.iter().map(|decl| decl.name.clone()).collect();
    for _ in 0..plan.histories {
        let steps = source.history(&mut random, REQUESTS);
        summary.pairs += u64::try_from(REQUESTS).unwrap_or(0);
        if let Err(difference) = play(&built.policies, &names, &steps) {
            let case = Case { text, names, steps };
            summary.found.push(Found { seed: plan.seed, policy: number, case, difference });
            break;
        }
    }
    summary
}

/// What a case shows of one engine or store; `None` where the policy does not compile, or all agree.
#[must_use]
pub fn reproduces(case: &Case, who: &str) -> Option<Difference> {
    let built = build(&case.text, &Texts::default(), None).ok()?;
    play(&built.policies, &case.names, &case.steps).err().filter(|difference| difference.who == who)
}

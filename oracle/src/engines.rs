//! One history, played on every engine and every store: what a caller sees must be the same each time.

use std::{
    collections::VecDeque,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
};

use limitrate_compiler::Policy;
use limitrate_core::facts::{FactId, Value};
use limitrate_runtime::{
    Limiter, LimiterOptions, Running,
    store::{LocalStore, MemoryOptions, MemoryStore},
};
use limitrate_testkit::ModelStore;

use crate::{
    build::ENGINES,
    history::{Act, Facts, Step},
    seen::{Seen, SeenReply},
};

/// Room for every key of a history.
const KEYS: usize = 100_000;

/// So many requests may still be answered.
const MOST_RUNNING: usize = 8;

/// What a caller sees of one step.
#[derive(Debug, Clone, PartialEq)]
pub enum Event<'p> {
    /// Of a request.
    Decided(Box<Seen<'p>>),
    /// Of a reply or a release; nothing where no such request is running.
    Replied(Option<SeenReply>),
}

/// A limiter over any store.
pub type AnyLimiter = Limiter<Arc<dyn LocalStore>>;

/// A limiter whose decisions can be repeated.
#[must_use]
pub fn limiter(policy: Arc<Policy>, store: Arc<dyn LocalStore>) -> AnyLimiter {
    Limiter::with(policy, store, LimiterOptions { secret: 7, instance: 1, ..LimiterOptions::default() })
}

/// A store in memory with room for everything.
#[must_use]
pub fn memory() -> Arc<dyn LocalStore> {
    Arc::new(MemoryStore::new(MemoryOptions {
        max_keys: KEYS,
        shards: std::num::NonZeroUsize::new(2),
        ..MemoryOptions::default()
    }))
}

/// Plays a history on one limiter.
#[derive(Debug)]
pub struct Player<'l> {
    limiter: &'l AnyLimiter,
    /// The facts of the schema, where the policy has them.
    ids: Vec<Option<FactId>>,
    /// What the last requests hold, the latest first.
    running: VecDeque<Running>,
}

impl<'l> Player<'l> {
    /// A player of histories over the facts of these names.
    #[must_use]
    pub fn new(limiter: &'l AnyLimiter, names: &[Box<str>]) -> Self {
        let ids = names.iter().map(|name| limiter.fact(name).ok()).collect();
        Self { limiter, ids, running: VecDeque::new() }
    }

    /// Plays one step.
    pub fn step(&mut self, step: &Step) -> Event<'l> {
        match &step.act {
            Act::Send(facts) => {
                let bound = self.bind(facts);
                let decision = self.limiter.decide_at(&bound, step.at);
                self.running.push_front(self.limiter.running(&decision));
                self.running.truncate(MOST_RUNNING);
                Event::Decided(Box::new(Seen::of(&decision)))
            }
            Act::Reply { back, facts } => {
                let bound = self.bind(facts);
                let replied = self
                    .running
                    .get(*back)
                    .map(|running| SeenReply::of(&self.limiter.reply(running, &bound, step.at)));
                Event::Replied(replied)
            }
            Act::Release { back } => {
                let running = self.running.get(*back);
                Event::Replied(running.map(|running| SeenReply::of(&self.limiter.release(running, step.at))))
            }
        }
    }

    fn bind<'f>(&self, facts: &'f Facts) -> Vec<(FactId, Value<'f>)> {
        let known = facts.iter().filter_map(|(position, value)| {
            Some((self.ids.get(*position).copied().flatten()?, value.borrow()))
        });
        known.collect()
    }
}

/// Where two that must agree do not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// The step of the history.
    pub step: usize,
    /// Who says otherwise than the reference.
    pub who: String,
    /// What the reference shows.
    pub expected: String,
    /// What the other shows.
    pub found: String,
}

/// Plays a history on every engine over a store in memory, and on the reference over the model of a store.
///
/// # Errors
///
/// The first difference. A panic is one.
pub fn play(policies: &[Arc<Policy>], names: &[Box<str>], steps: &[Step]) -> Result<(), Difference> {
    let mut at = 0;
    let played = catch_unwind(AssertUnwindSafe(|| play_all(policies, names, steps, &mut at)));
    played.unwrap_or_else(|_| {
        let (expected, found) = ("an answer".to_owned(), "a panic".to_owned());
        Err(Difference { step: at, who: "a panic".to_owned(), expected, found })
    })
}

fn play_all(
    policies: &[Arc<Policy>],
    names: &[Box<str>],
    steps: &[Step],
    at: &mut usize,
) -> Result<(), Difference> {
    let engines = ENGINES.iter().map(|(name, _)| *name).zip(policies);
    let mut limiters: Vec<(&str, AnyLimiter)> =
        engines.map(|(name, policy)| (name, limiter(policy.clone(), memory()))).collect();
    if let Some(reference) = policies.first() {
        limiters.push(("the model of a store", limiter(reference.clone(), Arc::new(ModelStore::default()))));
    }
    let mut players: Vec<(&str, Player<'_>)> =
        limiters.iter().map(|(name, limiter)| (*name, Player::new(limiter, names))).collect();
    for (position, step) in steps.iter().enumerate() {
        *at = position;
        let mut events = players.iter_mut().map(|(name, player)| (*name, player.step(step)));
        let Some((_, expected)) = events.next() else { return Ok(()) };
        for (who, found) in events {
            if found != expected {
                return Err(Difference {
                    step: position,
                    who: who.to_owned(),
                    expected: format!("{expected:?}"),
                    found: format!("{found:?}"),
                });
            }
        }
    }
    Ok(())
}

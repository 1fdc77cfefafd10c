//! One history, played on every engine and every store: what a caller sees must be the same each time.

use std::{
    collections::VecDeque,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
};

use limitrate_compiler::Policy;
use limitrate_core::{
    facts::{FactId, Value},
    time::Timestamp,
};
use limitrate_runtime::{
    Decision, Limiter, LimiterOptions, Replied, Running,
    store::{LocalStore, MemoryOptions, MemoryStore},
};
use limitrate_testkit::ModelStore;

use crate::{
    build::ENGINES,
    history::{Act, Facts, Step},
    seen::{Seen, SeenReply},
    waiting::WaitingLimiter,
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
pub fn limiter(policy: Arc<Policy>, store: Arc<dyn LocalStore>) -> Playing {
    Playing::AtOnce(Limiter::with(policy, store, options()))
}

/// The options of limiters whose decisions can be repeated.
pub(crate) fn options() -> LimiterOptions {
    LimiterOptions { secret: 7, instance: 1, ..LimiterOptions::default() }
}

/// What plays a history: the same limiter, asked in both ways.
#[derive(Debug)]
pub enum Playing {
    /// Over a store that answers at once.
    AtOnce(AnyLimiter),
    /// Over one that has to be waited for.
    Waiting(WaitingLimiter),
}

impl Playing {
    fn fact(&self, name: &str) -> Option<FactId> {
        match self {
            Self::AtOnce(limiter) => limiter.fact(name).ok(),
            Self::Waiting(limiter) => limiter.fact(name),
        }
    }

    fn decide_at(&self, facts: &[(FactId, Value<'_>)], at: Timestamp) -> Decision<'_> {
        match self {
            Self::AtOnce(limiter) => limiter.decide_at(facts, at),
            Self::Waiting(limiter) => limiter.decide_at(facts, at),
        }
    }

    fn running(&self, decision: &Decision<'_>) -> Running {
        match self {
            Self::AtOnce(limiter) => limiter.running(decision),
            Self::Waiting(limiter) => limiter.running(decision),
        }
    }

    fn reply(&self, running: &Running, facts: &[(FactId, Value<'_>)], at: Timestamp) -> Replied<'_> {
        match self {
            Self::AtOnce(limiter) => limiter.reply(running, facts, at),
            Self::Waiting(limiter) => limiter.reply(running, facts, at),
        }
    }

    fn release(&self, running: &Running, at: Timestamp) -> Replied<'_> {
        match self {
            Self::AtOnce(limiter) => limiter.release(running, at),
            Self::Waiting(limiter) => limiter.release(running, at),
        }
    }
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
    limiter: &'l Playing,
    /// The facts of the schema, where the policy has them.
    ids: Vec<Option<FactId>>,
    /// What the last requests hold, the latest first.
    running: VecDeque<Running>,
}

impl<'l> Player<'l> {
    /// A player of histories over the facts of these names.
    #[must_use]
    pub fn new(limiter: &'l Playing, names: &[Box<str>]) -> Self {
        let ids = names.iter().map(|name| limiter.fact(name)).collect();
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
    let mut limiters: Vec<(&str, Playing)> =
        engines.map(|(name, policy)| (name, limiter(policy.clone(), memory()))).collect();
    if let Some(reference) = policies.first() {
        let model = limiter(reference.clone(), Arc::new(ModelStore::default()));
        limiters.push(("the model of a store", model));
        let waiting = WaitingLimiter::new(reference.clone());
        limiters.push(("a store that has to be waited for", Playing::Waiting(waiting)));
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

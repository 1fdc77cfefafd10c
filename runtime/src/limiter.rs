//! The hot path: bind facts, call the program, apply its charges, report.

mod batch;
mod decide;
mod instants;
mod message;
mod second_pass;
mod shared;
mod sites;

use std::{
    cell::Cell,
    hash::{BuildHasher as _, RandomState},
    num::NonZeroU32,
    sync::{Arc, atomic::AtomicU64},
};

use limitrate_compiler::{
    Policy,
    ir::{ChargeSite, LimitId, Program},
    policy::Scratch,
};
use limitrate_core::{
    clock::Clock,
    facts::{FactId, Value},
    key::CounterKey,
    time::{Nanos, Timestamp},
};

use crate::{
    bind::{Binder, Bound, InputProblem},
    clock::TickedClock,
    decision::{Decision, Outcome},
    key::LimitKeys,
    store::{LocalStore, MemoryOptions, MemoryStore, Store},
    trust::{TrustOptions, Watch},
};
use decide::Needs;
use instants::Instants;
pub use shared::Asking;
use sites::Sites;

/// Charges up to which a decision allocates nothing.
///
/// What still may: reservations, downgrades and shadow rules that apply; texts with values in them; the store, where a
/// counter is a list (`sliding_log`, limits in flight) or its table grows.
pub const INLINE_CHARGES: usize = 4;

thread_local! {
    /// The memory of this thread's decisions.
    static SCRATCH: Cell<Option<Box<Scratch>>> = const { Cell::new(None) };
}

/// Lends this thread's memory. A decision within a decision gets its own, and leaves that.
#[inline]
pub(crate) fn with_scratch<T>(work: impl FnOnce(&mut Scratch) -> T) -> T {
    let mut scratch = SCRATCH.take().unwrap_or_default();
    let result = work(&mut scratch);
    SCRATCH.set(Some(scratch));
    result
}

/// A name that no fact of the policy has.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the policy declares no fact `{name}`")]
pub struct UnknownFact {
    /// The name asked for.
    pub name: String,
}

/// What a limiter may be given beside its policy.
#[derive(Debug, Clone)]
pub struct LimiterOptions {
    /// Where instants come from: a [`TickedClock`] by default, which is up to two milliseconds late and costs next to
    /// nothing to read. With a [`SystemClock`](crate::SystemClock) every instant is exact, and no thread is started.
    pub clock: Arc<dyn Clock>,
    /// The secret under which keys are hashed; a random one by default.
    pub secret: u64,
    /// Where the numbers of tickets begin; at random by default.
    ///
    /// A ticket names what a running request holds, and no two that are open at once may be the same. One limiter counts
    /// its tickets up from here, so limiters that share a store, or follow one another on it, must begin far apart: as
    /// random numbers of 64 bits do. Give a number only where a run must repeat another, on a store of its own.
    pub instance: u64,
    /// How many instances of the service share the store: a limit that does not choose what happens while the store is away
    /// is then counted in each against its even share. A `Layered` store is told, so that each leases
    /// its part; if it was told of more instances, that is the number.
    pub instances: NonZeroU32,
    /// How far machine code is trusted.
    pub trust: TrustOptions,
}

impl Default for LimiterOptions {
    fn default() -> Self {
        let random = RandomState::new();
        Self {
            clock: Arc::new(TickedClock),
            secret: random.hash_one("secret"),
            instance: random.hash_one("instance"),
            instances: NonZeroU32::MIN,
            trust: TrustOptions::default(),
        }
    }
}

/// Decides requests by one policy against one store. Shared between threads without locks of its own.
#[derive(Debug)]
pub struct Limiter<S = MemoryStore> {
    policy: Arc<Policy>,
    store: S,
    binder: Binder,
    keys: LimitKeys,
    sites: Sites,
    /// Whether counters are in groups: see [`Store::is_grouped`].
    is_grouped: bool,
    instants: Instants,
    /// What the policy asks for beside plain limits.
    needs: Needs,
    /// Watches the engine that decides.
    pub(crate) watch: Watch,
    /// The next ticket. Always odd, so that it never is 0, which names nothing, however often it wraps.
    tickets: AtomicU64,
}

impl Limiter<MemoryStore> {
    /// A limiter with counters in memory, the system's clock in ticks and a random secret; see [`LimiterOptions`].
    #[must_use]
    pub fn new(policy: Arc<Policy>) -> Self {
        Self::with(policy, MemoryStore::new(MemoryOptions::default()), LimiterOptions::default())
    }
}

impl<S> Limiter<S> {
    /// The policy.
    #[must_use]
    pub const fn policy(&self) -> &Arc<Policy> {
        &self.policy
    }

    /// The store.
    #[must_use]
    pub const fn store(&self) -> &S {
        &self.store
    }

    pub(crate) const fn binder(&self) -> &Binder {
        &self.binder
    }

    pub(crate) fn program(&self) -> &Program {
        self.policy.program()
    }

    /// The key of a charge's limit, without the values that it counts apart.
    pub(crate) fn limit_key(&self, site: &ChargeSite) -> CounterKey {
        self.keys.limit(site.limit)
    }
}

impl<S: Store> Limiter<S> {
    /// A limiter over `store`.
    #[must_use]
    pub fn with(policy: Arc<Policy>, store: S, options: LimiterOptions) -> Self {
        let program = policy.program();
        let keys = LimitKeys::new(program, options.secret);
        let instances = store.shared_by(options.instances);
        Self {
            binder: Binder::new(program),
            sites: Sites::new(program, &keys, instances),
            is_grouped: store.is_grouped(),
            needs: Needs::of(program),
            instants: Instants::new(options.clock),
            keys,
            watch: Watch::new(&policy, options.trust),
            tickets: AtomicU64::new(options.instance | 1),
            store,
            policy,
        }
    }

    /// The fact of this name: looked up once, then used for every request.
    ///
    /// # Errors
    ///
    /// [`UnknownFact`] if the policy declares none.
    pub fn fact(&self, name: &str) -> Result<FactId, UnknownFact> {
        let position = self.policy.program().facts.iter().position(|fact| &*fact.decl.name == name);
        let position = position.and_then(|position| u16::try_from(position).ok());
        position.map(FactId).ok_or_else(|| UnknownFact { name: name.to_owned() })
    }

    /// The instant of the limiter's clock: that of a request decided now.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.instants.now()
    }

    /// The frame of a request, for explanations: what every slot of the program holds.
    ///
    /// # Errors
    ///
    /// The fact that makes the request unacceptable.
    pub fn frame(&self, facts: &[(FactId, Value<'_>)], now: Timestamp) -> Result<Vec<i64>, InputProblem> {
        let mut bound = Bound::new(now);
        self.binder.bind(self.policy.program(), facts, &mut bound)?;
        Ok(self.policy.frame(&bound))
    }

    /// The counter of a limit for these facts, whether or not they make a whole request; and its key in words.
    #[must_use]
    pub fn counter(
        &self,
        limit: usize,
        facts: &[(FactId, Value<'_>)],
    ) -> Option<(CounterKey, Vec<(String, String)>)> {
        let program = self.policy.program();
        let info = program.limits.get(limit)?;
        let bound = self.binder.partial(program, facts);
        let plan = self.keys.plan(program, LimitId(u32::try_from(limit).ok()?));
        let counter = plan.counter(&bound);
        let counter = if self.is_grouped { counter.in_group(plan.group(&bound)) } else { counter };
        Some((counter, crate::key::shown(program, info, &bound)))
    }
}

impl<S: LocalStore> Limiter<S> {
    /// Decides one request now.
    ///
    /// On counters in memory it waits for nothing but their short locks, and up to [`INLINE_CHARGES`] charges it
    /// allocates nothing.
    #[inline]
    pub fn decide(&self, facts: &[(FactId, Value<'_>)]) -> Decision<'_> {
        let mut decision = Decision::new(&self.policy, self.instants.now(), self.instants.slack());
        self.decide_into(&mut decision, facts);
        if decision.outcome == Outcome::Reject {
            self.instants.catch_up();
        }
        decision
    }

    /// Decides one request at `now`: for tests, replays and callers with a clock of their own, which counts as exact.
    #[inline]
    pub fn decide_at(&self, facts: &[(FactId, Value<'_>)], now: Timestamp) -> Decision<'_> {
        let mut decision = Decision::new(&self.policy, now, Nanos::ZERO);
        self.decide_into(&mut decision, facts);
        decision
    }
}

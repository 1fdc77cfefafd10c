//! The hot path: bind facts, call the program, apply its charges, report.

use std::{
    borrow::Cow,
    cell::Cell,
    hash::{BuildHasher as _, RandomState},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use limitrate_compiler::{
    Policy,
    interpret::Values,
    ir::{Burst, Piece, Program},
    outcome::{RawCharge, RawOutcome},
    policy::Scratch,
};
use limitrate_core::{
    algorithm::{Algorithm, Terms},
    charge::Charge,
    clock::Clock,
    facts::{FactId, Value},
    key::CounterKey,
    time::Timestamp,
};
use smallvec::SmallVec;

use crate::{
    bind::{Binder, Bound, InputProblem},
    clock::SystemClock,
    decision::{Cause, Decision, LimitDecision, Outcome},
    key::LimitKeys,
    store::{Lease, LocalStore, MemoryOptions, MemoryStore, Ticket, Verdicts},
};

/// Charges that a decision holds without allocating.
const INLINE_CHARGES: usize = 8;

/// The status of a request that a limit rejects, and of one whose facts are malformed.
const TOO_MANY_REQUESTS: u16 = 429;
const BAD_REQUEST: u16 = 400;

thread_local! {
    /// The frame and sites of this thread's decisions.
    static SCRATCH: Cell<Option<Box<Buffers>>> = const { Cell::new(None) };
}

#[derive(Debug, Default)]
struct Buffers {
    frame: Vec<i64>,
    scratch: Scratch,
}

/// A name that no fact of the policy has.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the policy declares no fact `{name}`")]
pub struct UnknownFact {
    /// The name asked for.
    pub name: String,
}

/// What a limiter may be given beside its policy.
#[derive(Debug)]
pub struct LimiterOptions {
    /// Where instants come from.
    pub clock: Arc<dyn Clock>,
    /// The secret under which keys are hashed; a random one by default.
    pub secret: u64,
}

impl Default for LimiterOptions {
    fn default() -> Self {
        Self { clock: Arc::new(SystemClock), secret: RandomState::new().hash_one("limitrate") }
    }
}

/// The leases of one request that is running: give them back with [`Limiter::release`] when it is answered.
#[derive(Debug, Clone, Default)]
#[must_use = "a lease that is not given back counts until it expires"]
pub struct Leases(SmallVec<[Lease; 2]>);

impl Leases {
    /// Whether the request holds none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// Decides requests by one policy against one store. Shared between threads without locks of its own.
#[derive(Debug)]
pub struct Limiter<S = MemoryStore> {
    policy: Arc<Policy>,
    store: S,
    binder: Binder,
    keys: LimitKeys,
    clock: Arc<dyn Clock>,
    /// Whether the policy has in-flight limits, so that decisions need tickets.
    leases: bool,
    tickets: AtomicU64,
}

impl Limiter<MemoryStore> {
    /// A limiter with counters in memory, the system's clock and a random secret.
    #[must_use]
    pub fn new(policy: Arc<Policy>) -> Self {
        Self::with(policy, MemoryStore::new(MemoryOptions::default()), LimiterOptions::default())
    }
}

impl<S: LocalStore> Limiter<S> {
    /// A limiter over `store`.
    #[must_use]
    pub fn with(policy: Arc<Policy>, store: S, options: LimiterOptions) -> Self {
        let program = policy.program();
        Self {
            binder: Binder::new(program),
            keys: LimitKeys::new(program, options.secret),
            leases: program.limits.iter().any(|limit| matches!(limit.algorithm, Algorithm::InFlight(_))),
            clock: options.clock,
            tickets: AtomicU64::new(1),
            store,
            policy,
        }
    }

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

    /// Decides one request now. Up to four charges, nothing is allocated.
    pub fn decide(&self, facts: &[(FactId, Value<'_>)]) -> Decision<'_> {
        self.decide_at(facts, self.clock.now())
    }

    /// Decides one request at `now`: for tests, replays and callers with a clock of their own.
    pub fn decide_at(&self, facts: &[(FactId, Value<'_>)], now: Timestamp) -> Decision<'_> {
        let mut decision = Decision::new(&self.policy, now);
        let mut buffers = SCRATCH.take().unwrap_or_default();
        self.decide_into(&mut decision, facts, &mut buffers);
        SCRATCH.set(Some(buffers));
        decision
    }

    /// Fills in a decision in place: it is too large to be moved on the hot path.
    fn decide_into<'p>(
        &'p self,
        decision: &mut Decision<'p>,
        facts: &[(FactId, Value<'_>)],
        buffers: &mut Buffers,
    ) {
        let Buffers { frame, scratch } = buffers;
        let program = self.policy.program();
        let mut bound = Bound::new();
        if let Err(problem) = self.binder.bind(program, facts, decision.now, &mut bound, frame) {
            return self.malformed(decision, problem);
        }
        match self.policy.decide(frame, scratch) {
            RawOutcome::Deny => self.denied(decision, &scratch.sites, &bound, frame),
            RawOutcome::Exempt => self.exempted(decision, &scratch.sites),
            RawOutcome::Charges => self.charge(decision, &scratch.sites, &bound),
        }
    }

    fn malformed(&self, decision: &mut Decision<'_>, problem: InputProblem) {
        let name = self.policy.program().fact_name(problem.fact);
        decision.outcome = Outcome::Deny;
        decision.status = BAD_REQUEST;
        decision.cause = Cause::Input(problem);
        decision.message = Cow::Owned(format!("`{name}` {}", problem.problem));
    }

    fn denied<'p>(
        &'p self,
        decision: &mut Decision<'p>,
        sites: &[RawCharge],
        bound: &Bound<'_>,
        frame: &[i64],
    ) {
        let program = self.policy.program();
        decision.outcome = Outcome::Deny;
        decision.cause = rules(sites);
        if let Some(site) = sites.first().and_then(|raw| program.denies.get(position(raw))) {
            decision.status = site.status;
            decision.message = message(program, &site.message, bound, frame);
        }
    }

    fn exempted<'p>(&'p self, decision: &mut Decision<'p>, sites: &[RawCharge]) {
        let site = sites.first().and_then(|raw| self.policy.program().exempts.get(position(raw)));
        decision.outcome = Outcome::Exempt;
        decision.cause = rules(sites);
        decision.message = Cow::Borrowed(site.map_or("", |site| site.reason.as_str()));
    }

    fn charge(&self, decision: &mut Decision<'_>, sites: &[RawCharge], bound: &Bound<'_>) {
        let program = self.policy.program();
        let mut charges: SmallVec<[Charge<'_>; INLINE_CHARGES]> = SmallVec::new();
        for raw in sites {
            charges.extend(self.resolve(program, raw, bound));
        }
        if charges.is_empty() {
            return;
        }
        if self.leases {
            decision.ticket = Ticket(self.tickets.fetch_add(1, Ordering::Relaxed));
        }
        let mut verdicts = Verdicts::new();
        if !self.store.charge(decision.now, &charges, decision.ticket, &mut verdicts) {
            decision.outcome = Outcome::Reject;
            decision.status = TOO_MANY_REQUESTS;
        }
        for ((raw, charge), verdict) in sites.iter().zip(&charges).zip(&verdicts) {
            decision.limits.push(LimitDecision {
                site: u32::try_from(raw.site).unwrap_or(u32::MAX),
                counter: charge.counter,
                ceiling: raw.ceiling,
                cost: raw.cost,
                verdict: *verdict,
            });
        }
    }

    /// The charge that a site of the program asks for.
    fn resolve<'p>(&self, program: &'p Program, raw: &RawCharge, bound: &Bound<'_>) -> Option<Charge<'p>> {
        let site = program.charges.get(position(raw))?;
        let limit = site.limit.0 as usize;
        let info = program.limits.get(limit)?;
        let burst = match site.burst {
            Burst::Fixed(burst) => burst,
            Burst::Ceiling => raw.ceiling,
        };
        Some(Charge {
            counter: self.keys.counter(limit, info, bound),
            limit: self.keys.limit(limit),
            algorithm: &site.algorithm,
            terms: Terms { ceiling: raw.ceiling, burst, starting: site.starting },
            cost: raw.cost,
            fail: site.fail,
            mode: site.mode,
            hold: site.settle.map(|(_, hold)| hold),
            block: site.block.as_ref(),
            warn: &site.warn,
        })
    }

    /// The leases that a request holds while it is running.
    pub fn leases(&self, decision: &Decision<'_>) -> Leases {
        if !self.leases || decision.outcome() != Outcome::Allow {
            return Leases::default();
        }
        let program = self.policy.program();
        let held = decision.limits.iter().filter_map(|limit| {
            let position = program.charges.get(limit.site as usize)?.limit.0 as usize;
            let in_flight = matches!(program.limits.get(position)?.algorithm, Algorithm::InFlight(_));
            let limit_key = self.keys.limit(position);
            in_flight.then_some(Lease { counter: limit.counter, limit: limit_key, ticket: decision.ticket })
        });
        Leases(held.collect())
    }

    /// Gives back the leases of a request that was answered at `now`; those that have expired are gone already.
    pub fn release(&self, leases: &Leases, now: Timestamp) {
        for lease in &leases.0 {
            self.store.release(now, *lease);
        }
    }

    /// The frame of a request, for explanations: what every slot of the program holds.
    ///
    /// # Errors
    ///
    /// The fact that makes the request unacceptable.
    pub fn frame(&self, facts: &[(FactId, Value<'_>)], now: Timestamp) -> Result<Vec<i64>, InputProblem> {
        let (mut bound, mut frame) = (Bound::new(), Vec::new());
        self.binder.bind(self.policy.program(), facts, now, &mut bound, &mut frame)?;
        Ok(frame)
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
        Some((self.keys.counter(limit, info, &bound), crate::key::shown(program, info, &bound)))
    }
}

/// The position of a site in its stratum.
fn position(raw: &RawCharge) -> usize {
    usize::try_from(raw.site).unwrap_or(usize::MAX)
}

fn rules(sites: &[RawCharge]) -> Cause {
    Cause::Rules(sites.iter().filter_map(|raw| u32::try_from(raw.site).ok()).collect())
}

/// The longest that a fact may be in a message, in bytes.
const MAX_FACT_IN_MESSAGE: usize = 128;

/// A message with its values. Borrowed where it has none.
fn message<'p>(program: &'p Program, pieces: &'p [Piece], bound: &Bound<'_>, frame: &[i64]) -> Cow<'p, str> {
    if let [Piece::Text(text)] = pieces {
        return Cow::Borrowed(text);
    }
    let mut values = Values::default();
    values.evaluate(program, frame);
    let mut out = String::new();
    for piece in pieces {
        write_piece(&mut out, piece, bound, &values);
    }
    Cow::Owned(out)
}

/// Appends a piece of a message; `-` for what is absent.
fn write_piece(out: &mut String, piece: &Piece, bound: &Bound<'_>, values: &Values) {
    match piece {
        Piece::Text(text) => out.push_str(text),
        Piece::Fact(fact) => match bound.get(*fact) {
            Value::Str(text) => out.extend(printable(text)),
            Value::Ip(ip) => out.push_str(&ip.to_string()),
            Value::Int(number) => out.push_str(&number.to_string()),
            Value::Bool(value) => out.push_str(if value { "true" } else { "false" }),
            Value::Absent => out.push('-'),
        },
        Piece::Value(node, ty) => out.push_str(&ty.write(values.get(*node))),
        Piece::Choice(node, texts) => {
            let chosen = usize::try_from(values.get(*node)).ok().and_then(|position| texts.get(position));
            out.push_str(chosen.map_or("-", String::as_str));
        }
        Piece::Maybe(present, piece) if values.get(*present) != 0 => write_piece(out, piece, bound, values),
        Piece::Maybe(..) => out.push('-'),
    }
}

/// A fact's text without control characters, up to [`MAX_FACT_IN_MESSAGE`] bytes.
fn printable(text: &str) -> impl Iterator<Item = char> {
    let mut end = text.len().min(MAX_FACT_IN_MESSAGE);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.get(..end).unwrap_or_default().chars().map(|c| if c.is_control() { '\u{FFFD}' } else { c })
}

//! The answer to one request, with everything that a response, a log line or an explanation needs.

use std::borrow::Cow;

use limitrate_compiler::{Policy, ir::LimitInfo};
use limitrate_core::{
    algorithm::Refusal,
    charge::{Counted, Mode, Verdict},
    key::CounterKey,
    time::{Nanos, Timestamp},
};
use smallvec::SmallVec;

pub(crate) use self::{downgrade::Changes, extra::Extra};
pub use self::{
    downgrade::Downgrade,
    extra::{ShadowRule, Warning},
};
use crate::{bind::InputProblem, limiter::INLINE_CHARGES, store::Ticket};

mod downgrade;
mod extra;

/// The status of a request that passes.
const PASSES: u16 = 200;

/// What became of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Outcome {
    /// It passes, and every charge was taken.
    Allow,
    /// A limit did not fit, and no charge was taken.
    Reject,
    /// A rule refuses it, or a fact is missing or malformed. No charge was taken.
    Deny,
    /// A rule lets it pass uncounted.
    Exempt,
    /// It passes with some of its facts changed, by `on exceed downgrade`; see [`Decision::downgrade`].
    Downgrade,
}

impl Outcome {
    /// The word of decision records.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Allow => "allow",
            Self::Reject => "reject",
            Self::Deny => "deny",
            Self::Exempt => "exempt",
            Self::Downgrade => "downgrade",
        }
    }

    /// Whether the request may go on.
    #[must_use]
    pub const fn passes(self) -> bool {
        matches!(self, Self::Allow | Self::Exempt | Self::Downgrade)
    }
}

/// Why a request was denied or exempted, where no limit decided.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Cause {
    /// Limits decided.
    Limits,
    /// These sites of the policy's `denies` or `exempts`, the reported one first.
    Rules(SmallVec<[u32; 4]>),
    /// A fact of the request.
    Input(InputProblem),
}

/// What one limit made of a request.
#[derive(Debug, Clone, Copy)]
pub struct LimitDecision {
    /// The position of the charge in the policy's `charges`.
    pub site: u32,
    /// The counter.
    pub counter: CounterKey,
    /// The ceiling, in base units.
    pub ceiling: i64,
    /// What this request takes, in base units.
    pub cost: i64,
    /// What the store said.
    pub verdict: Verdict,
    /// What the charge means for the decision.
    pub mode: Mode,
}

impl LimitDecision {
    /// Whether it refuses the request: it must fit, and does not.
    #[must_use]
    pub fn refuses(&self) -> bool {
        self.mode == Mode::Enforce && !self.fits()
    }

    /// Whether the charge fit.
    #[must_use]
    pub const fn fits(&self) -> bool {
        self.verdict.judged.is_ok()
    }

    /// How long until this charge would fit if nothing else were charged; `None` if it fits, or never will.
    #[must_use]
    pub const fn retry_after(&self) -> Option<Nanos> {
        match self.verdict.judged {
            Err(Refusal::Wait(wait)) => Some(wait),
            Ok(()) | Err(Refusal::Never) => None,
        }
    }

    /// Where it was counted.
    #[must_use]
    pub const fn counted(&self) -> Counted {
        self.verdict.counted
    }
}

/// The answer to one request.
#[derive(Debug, Clone)]
pub struct Decision<'p> {
    pub(crate) policy: &'p Policy,
    pub(crate) now: Timestamp,
    /// How far the real instant may be after `now`: by so much waits are longer.
    pub(crate) slack: Nanos,
    pub(crate) outcome: Outcome,
    pub(crate) cause: Cause,
    /// Whether the store did not answer, and the limits' `fail` clauses decided.
    pub(crate) is_degraded: bool,
    pub(crate) status: u16,
    pub(crate) message: Cow<'p, str>,
    /// What each charge came to, by the name of its limit; shadows included where the request passes.
    pub(crate) limits: LimitDecisions,
    pub(crate) ticket: Ticket,
    /// What few policies ask for.
    pub(crate) extra: Option<Box<Extra<'p>>>,
}

/// What the limits of one pass made of a request.
pub(crate) type LimitDecisions = SmallVec<[LimitDecision; INLINE_CHARGES]>;

/// Limits with what they made of a request.
fn named<'d, 'p>(
    policy: &'p Policy,
    limits: &'d [LimitDecision],
) -> impl Iterator<Item = (&'p LimitInfo, &'d LimitDecision)> + use<'d, 'p> {
    let program = policy.program();
    limits.iter().filter_map(move |limit| {
        let site = program.charges.get(limit.site as usize)?;
        Some((program.limits.get(site.limit.0 as usize)?, limit))
    })
}

impl<'p> Decision<'p> {
    /// A request that nothing has refused yet.
    #[inline]
    pub(crate) fn new(policy: &'p Policy, now: Timestamp, slack: Nanos) -> Self {
        Self {
            policy,
            now,
            slack,
            outcome: Outcome::Allow,
            cause: Cause::Limits,
            is_degraded: false,
            status: PASSES,
            message: Cow::Borrowed(""),
            limits: SmallVec::new(),
            ticket: Ticket(0),
            extra: None,
        }
    }

    /// What became of the request.
    #[must_use]
    pub const fn outcome(&self) -> Outcome {
        self.outcome
    }

    /// Why, where no limit decided.
    #[must_use]
    pub const fn cause(&self) -> &Cause {
        &self.cause
    }

    /// Whether the store did not answer, and each limit's `fail` clause decided.
    #[must_use]
    pub const fn is_degraded(&self) -> bool {
        self.is_degraded
    }

    /// The HTTP status of a refusal: 429 or what `on exceed deny` says for a limit, 403 or the rule's for a rule, 400 for
    /// a malformed fact; 200 for what passes. Of several limits that say one, the first by name does.
    #[must_use]
    pub const fn status(&self) -> u16 {
        self.status
    }

    /// What to tell the caller: the text of a `deny` or `on exceed deny`, an `exempt`'s reason, what is wrong with a fact.
    /// Often empty.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.message
    }

    /// The instant of the decision. By a ticked clock the real one may be somewhat later.
    #[must_use]
    pub const fn now(&self) -> Timestamp {
        self.now
    }

    /// The policy that decided.
    #[must_use]
    pub const fn policy(&self) -> &'p Policy {
        self.policy
    }

    /// Every charge that counts, by the name of its limit: those that must fit, and those that `on exceed allow` lets
    /// pass. Of a downgraded request these are the charges that were taken.
    pub fn limits(&self) -> impl Iterator<Item = (&'p LimitInfo, &LimitDecision)> {
        named(self.policy, &self.limits).filter(|(_, limit)| limit.mode != Mode::Shadow)
    }

    /// What limits in shadow made of a request that passes, by name: the answer never depends on them.
    pub fn shadow(&self) -> impl Iterator<Item = (&'p LimitInfo, &LimitDecision)> {
        named(self.policy, &self.limits).filter(|(_, limit)| limit.mode == Mode::Shadow)
    }

    /// The names of the limits that refuse the request.
    pub fn limited_by(&self) -> impl Iterator<Item = &'p str> {
        self.limits().filter(|(_, limit)| limit.refuses()).map(|(info, _)| info.name.as_str())
    }

    /// How long until this request would fit if nothing else were charged: the largest wait among the limits that
    /// refuse it. `None` if none does, or if it can never fit.
    #[must_use]
    pub fn retry_after(&self) -> Option<Nanos> {
        let mut failing = self.limits.iter().filter(|limit| limit.refuses()).map(LimitDecision::retry_after);
        let first = failing.next()??;
        failing.try_fold(first, |longest, wait| Some(longest.max(wait?)))
    }

    /// The one limit whose figures stand for the decision: on a reject the failing one with the longest wait (never is
    /// longest), else the one with the fewest requests of this cost left; ties by name.
    #[must_use]
    pub fn binding(&self) -> Option<(&'p LimitInfo, &LimitDecision)> {
        let wait = |limit: &LimitDecision| limit.retry_after().map_or(i64::MAX, |wait| wait.0);
        if self.outcome == Outcome::Reject {
            // The first of equal ones counts, and they are in the order of their names.
            return self
                .limits()
                .filter(|(_, limit)| limit.refuses())
                .reduce(|best, next| if wait(next.1) > wait(best.1) { next } else { best });
        }
        let enforced = self.limits().filter(|(_, limit)| limit.mode == Mode::Enforce);
        enforced.min_by_key(|(_, limit)| limit.verdict.status.remaining / limit.cost.max(1))
    }

    /// The names of the rules that denied or exempted, the reported one first.
    pub fn rules(&self) -> impl Iterator<Item = &'p str> {
        let program = self.policy.program();
        let sites: &[u32] = match &self.cause {
            Cause::Rules(sites) => sites,
            Cause::Limits | Cause::Input(_) => &[],
        };
        let denied = self.outcome == Outcome::Deny;
        sites.iter().filter_map(move |site| {
            let site = *site as usize;
            let origin =
                if denied { program.denies.get(site)?.origin } else { program.exempts.get(site)?.origin };
            program.origins.get(origin).map(|origin| origin.name.as_str())
        })
    }
}

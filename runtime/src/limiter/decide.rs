//! One pass of a request through the strata: input, denies, exempts, limits.

use std::{borrow::Cow, sync::atomic::Ordering};

use limitrate_compiler::{
    ir::{Burst, Exceed, Program},
    outcome::{RawCharge, RawOutcome},
    policy::Scratch,
};
use limitrate_core::{
    algorithm::Terms,
    charge::{Charge, Mode},
    facts::{FactId, Value},
};
use smallvec::SmallVec;

use super::{Limiter, message::message};
use crate::{
    bind::{Bound, InputProblem},
    decision::{Cause, Decision, LimitDecision, Outcome},
    running,
    store::{LocalStore, Ticket, Verdicts},
};

/// Charges that a decision holds without allocating.
const INLINE_CHARGES: usize = 8;

/// The status of a request that a limit rejects, and of one whose facts are malformed.
const TOO_MANY_REQUESTS: u16 = 429;
const BAD_REQUEST: u16 = 400;

/// What a policy asks for beside plain limits.
#[derive(Debug, Clone, Copy)]
pub(super) struct Needs {
    /// Limits that hold something while a request is running, so that decisions need tickets.
    tickets: bool,
    /// Reservations, shadow rules, or `on exceed`: a decision is not done with its charges.
    pub(super) more: bool,
}

impl Needs {
    pub(super) fn of(program: &Program) -> Self {
        let exceeds = |exceed: &Exceed| matches!(exceed, Exceed::Deny { .. } | Exceed::Downgrade { .. });
        Self {
            tickets: program.charges.iter().any(running::holds),
            more: !program.reports.is_empty()
                || program.charges.iter().any(|site| site.settle.is_some() || exceeds(&site.exceed)),
        }
    }
}

impl<S: LocalStore> Limiter<S> {
    /// Fills in a decision in place: it is too large to be moved on the hot path.
    pub(super) fn decide_into<'p>(
        &'p self,
        decision: &mut Decision<'p>,
        facts: &[(FactId, Value<'_>)],
        scratch: &mut Scratch,
    ) {
        let mut bound = Bound::new(decision.now);
        self.pass(decision, facts, &mut bound, scratch);
        if self.needs.more {
            self.after_first_pass(decision, facts, &bound, scratch);
        }
    }

    /// Decides a request as far as its charges; `bound` is left as it was decided over.
    #[inline]
    pub(super) fn pass<'p: 'a, 'a>(
        &'p self,
        decision: &mut Decision<'p>,
        facts: &[(FactId, Value<'a>)],
        bound: &mut Bound<'a>,
        scratch: &mut Scratch,
    ) {
        let program = self.policy.program();
        if let Err(problem) = self.binder.bind(program, facts, bound) {
            return self.malformed(decision, problem);
        }
        match self.watch.decide(&self.policy, bound, scratch) {
            RawOutcome::Deny => self.denied(decision, bound, scratch),
            RawOutcome::Exempt => self.exempted(decision, &scratch.sites),
            RawOutcome::Charges => self.charge(decision, &scratch.sites, bound),
        }
    }

    fn malformed(&self, decision: &mut Decision<'_>, problem: InputProblem) {
        let name = self.policy.program().fact_name(problem.fact);
        decision.outcome = Outcome::Deny;
        decision.status = BAD_REQUEST;
        decision.cause = Cause::Input(problem);
        decision.message = Cow::Owned(format!("`{name}` {}", problem.problem));
    }

    fn denied<'p>(&'p self, decision: &mut Decision<'p>, bound: &Bound<'_>, scratch: &mut Scratch) {
        let program = self.policy.program();
        decision.outcome = Outcome::Deny;
        decision.cause = rules(&scratch.sites);
        if let Some(site) = scratch.sites.first().and_then(|raw| program.denies.get(position(raw))) {
            decision.status = site.status;
            decision.message = message(&self.policy, &site.message, bound, scratch);
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
        if self.needs.tickets {
            decision.ticket = Ticket(self.tickets.fetch_add(2, Ordering::Relaxed));
        }
        let mut verdicts = Verdicts::new();
        let taken = self.store.charge(decision.now, &charges, decision.ticket, &mut verdicts);
        if !taken {
            decision.outcome = Outcome::Reject;
            decision.status = TOO_MANY_REQUESTS;
        }
        for ((raw, charge), verdict) in sites.iter().zip(&charges).zip(&verdicts) {
            // Nothing is decided in shadow for a request that does not go through.
            if charge.mode == Mode::Shadow && !taken {
                continue;
            }
            decision.limits.push(LimitDecision {
                site: u32::try_from(raw.site).unwrap_or(u32::MAX),
                mode: charge.mode,
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
}

/// The position of a site in its stratum.
fn position(raw: &RawCharge) -> usize {
    usize::try_from(raw.site).unwrap_or(usize::MAX)
}

fn rules(sites: &[RawCharge]) -> Cause {
    Cause::Rules(sites.iter().filter_map(|raw| u32::try_from(raw.site).ok()).collect())
}

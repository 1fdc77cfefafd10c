//! One pass of a request through the strata: input, denies, exempts, limits.

use std::{borrow::Cow, slice, sync::atomic::Ordering};

use limitrate_compiler::{
    ir::{Exceed, Program},
    outcome::{RawCharge, RawOutcome},
    policy::Scratch,
};
use limitrate_core::{
    algorithm::{Refusal, Status},
    charge::{Charge, Mode, Verdict},
    facts::{FactId, Value},
    time::Nanos,
};
use smallvec::SmallVec;

use super::{INLINE_CHARGES, Limiter, message::message, with_scratch};
use crate::{
    bind::{Bound, InputProblem},
    decision::{Cause, Decision, LimitDecision, Outcome},
    running,
    store::{LocalStore, Ticket, Verdicts},
};

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
    /// Whether decisions need tickets.
    pub(super) const fn tickets(self) -> bool {
        self.tickets
    }

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
    // A function of its own, to which the decision is an argument: only then does a caller that was given it by
    // `decide` have it where it was made.
    #[inline(never)]
    pub(super) fn decide_into<'p>(&'p self, decision: &mut Decision<'p>, facts: &[(FactId, Value<'_>)]) {
        with_scratch(|scratch| {
            let mut bound = Bound::new(decision.now);
            self.pass(decision, facts, &mut bound, scratch);
            if self.needs.more {
                self.after_first_pass(decision, facts, &bound, scratch);
            }
        });
    }

    /// Decides a request as far as its charges; `bound` is left as it was decided over.
    #[inline]
    pub(super) fn pass<'p: 'a, 'a>(
        &'p self,
        decision: &mut Decision<'p>,
        facts: &'a [(FactId, Value<'a>)],
        bound: &mut Bound<'a>,
        scratch: &mut Scratch,
    ) {
        if self.select(decision, facts, bound, scratch) {
            self.charge(decision, &scratch.sites, bound);
        }
    }

    /// Takes the charges that apply to a request, all or none.
    #[inline(always)]
    fn charge(&self, decision: &mut Decision<'_>, raws: &[RawCharge], bound: &Bound<'_>) {
        if let [raw] = raws {
            if let Some(charge) = self.sites.charge(raw, bound) {
                self.apply(decision, raws, slice::from_ref(&charge));
            }
            return;
        }
        let mut charges: SmallVec<[Charge<'_>; INLINE_CHARGES]> = SmallVec::new();
        charges.extend(raws.iter().filter_map(|raw| self.sites.charge(raw, bound)));
        if !charges.is_empty() {
            self.apply(decision, raws, &charges);
        }
    }

    /// Applies charges, at least one, and says what each came to. `raws` are those that they were made of.
    // Inlined so that of a single charge nothing is left of the loop.
    #[inline(always)]
    pub(super) fn apply(&self, decision: &mut Decision<'_>, raws: &[RawCharge], charges: &[Charge<'_>]) {
        if self.needs.tickets {
            decision.ticket = self.ticket();
        }
        let mut verdicts = Verdicts::new();
        let taken = self.store.charge(decision.now, charges, decision.ticket, &mut verdicts);
        record(decision, raws, charges, &verdicts, taken);
    }
}

/// Says in a decision what its charges came to.
#[inline(always)]
pub(super) fn record(
    decision: &mut Decision<'_>,
    raws: &[RawCharge],
    charges: &[Charge<'_>],
    verdicts: &Verdicts,
    taken: bool,
) {
    if !taken {
        decision.outcome = Outcome::Reject;
        decision.status = TOO_MANY_REQUESTS;
    }
    for ((raw, charge), verdict) in raws.iter().zip(charges).zip(verdicts) {
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
            verdict: later(verdict, decision.slack),
        });
    }
}

impl<S> Limiter<S> {
    /// Binds the facts and asks the policy. True where limits are to decide: `scratch.sites` has their charges.
    ///
    /// Every decision comes by here once a pass, alone or in a batch. Counters are neither read nor changed.
    #[inline]
    pub(super) fn select<'p: 'a, 'a>(
        &'p self,
        decision: &mut Decision<'p>,
        facts: &'a [(FactId, Value<'a>)],
        bound: &mut Bound<'a>,
        scratch: &mut Scratch,
    ) -> bool {
        if let Err(problem) = self.binder.bind(self.policy.program(), facts, bound) {
            self.malformed(decision, problem);
            return false;
        }
        match self.watch.decide(&self.policy, bound, scratch) {
            RawOutcome::Charges => return true,
            RawOutcome::Deny => self.denied(decision, bound, scratch),
            RawOutcome::Exempt => self.exempted(decision, &scratch.sites),
        }
        false
    }

    /// The ticket of a decision, where the policy holds anything while requests run.
    #[inline]
    pub(super) fn ticket(&self) -> Ticket {
        if self.needs.tickets { Ticket(self.tickets.fetch_add(2, Ordering::Relaxed)) } else { Ticket(0) }
    }

    #[cold]
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
}

/// A verdict that is still right for callers who ask again by a clock that may be so much late.
// Field by field, as it was written just before: to read it back in wider pieces would cost as much as to charge.
#[inline]
fn later(verdict: &Verdict, slack: Nanos) -> Verdict {
    let longer = |wait: Nanos| Nanos(wait.0.saturating_add(slack.0));
    let reset_after = verdict.status.reset_after;
    Verdict {
        judged: match verdict.judged {
            Ok(()) => Ok(()),
            Err(Refusal::Wait(wait)) => Err(Refusal::Wait(longer(wait))),
            Err(Refusal::Never) => Err(Refusal::Never),
        },
        status: Status {
            remaining: verdict.status.remaining,
            reset_after: if reset_after > Nanos::ZERO { longer(reset_after) } else { reset_after },
        },
        counted: verdict.counted,
        blocked: verdict.blocked,
        warned: verdict.warned,
    }
}

/// The position of a site in its stratum.
fn position(raw: &RawCharge) -> usize {
    usize::try_from(raw.site).unwrap_or(usize::MAX)
}

fn rules(sites: &[RawCharge]) -> Cause {
    Cause::Rules(sites.iter().filter_map(|raw| u32::try_from(raw.site).ok()).collect())
}

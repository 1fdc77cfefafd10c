//! What comes after the charges: the words of `on exceed deny`, a downgrade's second pass, shadow rules, reservations.

use std::{mem, sync::Arc};

use limitrate_compiler::{ir::Exceed, policy::Scratch};
use limitrate_core::facts::{FactId, Value};
use smallvec::SmallVec;

use super::{Limiter, message::message};
use crate::{
    bind::Bound,
    decision::{Cause, Changes, Decision, Downgrade, Extra, LimitDecision, Outcome},
    store::LocalStore,
};

/// Facts of a changed request that are held without allocating.
const INLINE_FACTS: usize = 16;

impl<S: LocalStore> Limiter<S> {
    /// Completes a decision that was made over `bound`.
    #[cold]
    pub(super) fn after_first_pass<'p>(
        &'p self,
        decision: &mut Decision<'p>,
        facts: &[(FactId, Value<'_>)],
        bound: &Bound<'_>,
        scratch: &mut Scratch,
    ) {
        if matches!(decision.cause, Cause::Input(_)) {
            return;
        }
        self.complete(decision, bound, scratch);
        if decision.outcome != Outcome::Reject {
            return;
        }
        let changes = self.downgrades(decision);
        if changes.is_empty() {
            self.say_why(decision, bound, scratch);
        } else {
            self.second_pass(decision, changes, facts, scratch);
        }
    }

    /// Decides the request once more with its facts changed; what does not pass then is refused as it came.
    fn second_pass<'p>(
        &'p self,
        first: &mut Decision<'p>,
        changes: Changes<'p>,
        facts: &[(FactId, Value<'_>)],
        scratch: &mut Scratch,
    ) {
        let mut changed: SmallVec<[(FactId, Value<'_>); INLINE_FACTS]> = facts.into();
        changed.extend(changes.iter().map(|(fact, value)| (*fact, value.borrow())));
        let (mut second, mut bound) =
            (Decision::new(&self.policy, first.now, first.slack), Bound::new(first.now));
        self.pass(&mut second, &changed, &mut bound, scratch);
        if second.outcome.passes() {
            second.outcome = Outcome::Downgrade;
            self.complete(&mut second, &bound, scratch);
            mem::swap(first, &mut second);
        }
        let downgrade = Downgrade { changes, other: second.limits };
        first.extra.get_or_insert_default().downgrade = Some(downgrade);
    }
}

impl<S> Limiter<S> {
    /// Adds what shadow rules would have done, and what a reservation will be settled with.
    pub(super) fn complete<'p>(
        &'p self,
        decision: &mut Decision<'p>,
        bound: &Bound<'_>,
        scratch: &mut Scratch,
    ) {
        let program = self.policy.program();
        let mut extra = Extra::default();
        let mut reports = Vec::new();
        self.policy.report(bound, scratch, &mut reports);
        extra.reports = reports.into();
        let reserves = |limit: &LimitDecision| {
            let site = program.charges.get(limit.site as usize);
            site.is_some_and(|site| site.settle.is_some()) && limit.is_held(program)
        };
        if decision.outcome.passes() && decision.limits.iter().any(reserves) {
            extra.snapshot = Some(Arc::new(self.binder.snapshot(&self.policy, bound)));
        }
        if !extra.reports.is_empty() || extra.snapshot.is_some() {
            decision.extra = Some(Box::new(extra));
        }
    }

    /// Status and text of a rejection: those of the first limit by name that says some.
    pub(super) fn say_why<'p>(
        &'p self,
        decision: &mut Decision<'p>,
        bound: &Bound<'_>,
        scratch: &mut Scratch,
    ) {
        let program = self.policy.program();
        let failing = decision.limits.iter().filter(|limit| limit.refuses());
        let said = failing.filter_map(|limit| match &program.charges.get(limit.site as usize)?.exceed {
            Exceed::Deny { status, message } => Some((*status, message)),
            Exceed::Reject | Exceed::Allow | Exceed::Downgrade { .. } => None,
        });
        let first = said.into_iter().next();
        if let Some((status, pieces)) = first {
            decision.status = status;
            decision.message = message(&self.policy, pieces, bound, scratch);
        }
    }

    /// The facts to change, each once, where every limit that refuses the request offers to; else none.
    pub(super) fn downgrades<'p>(&'p self, decision: &Decision<'p>) -> Changes<'p> {
        let program = self.policy.program();
        let mut changes = Changes::new();
        for limit in decision.limits.iter().filter(|limit| limit.refuses()) {
            match program.charges.get(limit.site as usize).map(|site| &site.exceed) {
                Some(Exceed::Downgrade { fact, to }) => {
                    if changes.iter().all(|(changed, _)| changed != fact) {
                        changes.push((*fact, to));
                    }
                }
                Some(Exceed::Reject | Exceed::Deny { .. } | Exceed::Allow) | None => return Changes::new(),
            }
        }
        changes
    }
}

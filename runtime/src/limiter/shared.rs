//! Decisions over a store that may have to be waited for: the same steps, between which the caller's task may rest.

use std::{mem, time::Duration};

use limitrate_compiler::outcome::RawCharge;
use limitrate_core::{
    charge::Charge,
    facts::{FactId, Value},
    time::{Nanos, Timestamp},
};
use smallvec::SmallVec;

use super::{INLINE_CHARGES, Limiter, decide::record, with_scratch};
use crate::{
    bind::Bound,
    decision::{Cause, Decision, Downgrade, Outcome},
    store::{Call, ClockOf, RequestId, Store, StoreError, Ticket},
};

/// The second pass of a decision has so much time, however long the first took.
const LEAST_DEADLINE: Duration = Duration::from_millis(1);

/// What a caller says of one decision over a shared store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Asking {
    /// After how long the caller gives up on the store.
    pub deadline: Duration,
    /// Names the request, if it may be made again and is to be counted once.
    pub request: Option<RequestId>,
    /// The instant of the decision where the caller has a clock of its own, by which the store then goes too; else the
    /// limiter's clock counts for the policy, and the store's for counters.
    pub at: Option<Timestamp>,
}

impl Default for Asking {
    fn default() -> Self {
        Self { deadline: Call::DEADLINE, request: None, at: None }
    }
}

impl Asking {
    /// The call of an instant.
    pub(crate) fn call(self, now: Timestamp, ticket: Ticket) -> Call {
        let clock = if self.at.is_some() { ClockOf::Caller } else { ClockOf::Store };
        Call { now, clock, ticket, request: self.request, deadline: self.deadline }
    }
}

impl<S: Store> Limiter<S> {
    /// Decides one request, waiting for the store where it must be waited for: one that answers at once never is.
    ///
    /// Dropping the future before it is done gives the request up: what it may have charged by then stays charged.
    ///
    /// # Errors
    ///
    /// Why the store gave no answer. A [guarded](crate::store::Guarded) one always does.
    pub async fn decide_shared(
        &self,
        facts: &[(FactId, Value<'_>)],
        asking: Asking,
    ) -> Result<Decision<'_>, StoreError> {
        let now = asking.at.unwrap_or_else(|| self.instants.now());
        let slack = if asking.at.is_some() { Nanos::ZERO } else { self.instants.slack() };
        let mut decision = Decision::new(&self.policy, now, slack);
        let mut bound = Bound::new(now);
        self.pass_shared(&mut decision, facts, &mut bound, asking).await?;
        if decision.outcome == Outcome::Reject {
            self.instants.catch_up();
        }
        if !self.needs.more || matches!(decision.cause, Cause::Input(_)) {
            return Ok(decision);
        }
        with_scratch(|scratch| self.complete(&mut decision, &bound, scratch));
        if decision.outcome != Outcome::Reject {
            return Ok(decision);
        }
        let changes = self.downgrades(&decision);
        if changes.is_empty() {
            with_scratch(|scratch| self.say_why(&mut decision, &bound, scratch));
            return Ok(decision);
        }
        let mut changed: Vec<(FactId, Value<'_>)> = facts.to_vec();
        changed.extend(changes.iter().map(|(fact, value)| (*fact, value.borrow())));
        let mut second = Decision::new(&self.policy, now, slack);
        let mut bound = Bound::new(now);
        // It is another call than the first one, for what is left of the caller's time.
        let request = asking.request.map(|request| RequestId(request.0.rotate_left(1) ^ 1));
        let spent = if asking.at.is_some() { Nanos::ZERO } else { self.instants.now().since(now) };
        let spent = Duration::from_nanos(u64::try_from(spent.0).unwrap_or(0));
        let deadline = asking.deadline.saturating_sub(spent).max(LEAST_DEADLINE);
        self.pass_shared(&mut second, &changed, &mut bound, Asking { request, deadline, ..asking }).await?;
        if second.outcome.passes() {
            second.outcome = Outcome::Downgrade;
            with_scratch(|scratch| self.complete(&mut second, &bound, scratch));
            mem::swap(&mut decision, &mut second);
        }
        let downgrade = Downgrade { changes, other: second.limits };
        decision.extra.get_or_insert_default().downgrade = Some(downgrade);
        Ok(decision)
    }

    /// Decides a request as far as its charges.
    async fn pass_shared<'p: 'a, 'a>(
        &'p self,
        decision: &mut Decision<'p>,
        facts: &'a [(FactId, Value<'a>)],
        bound: &mut Bound<'a>,
        asking: Asking,
    ) -> Result<(), StoreError> {
        let mut raws: SmallVec<[RawCharge; INLINE_CHARGES]> = SmallVec::new();
        with_scratch(|scratch| {
            if self.select(decision, facts, bound, scratch) {
                raws.extend_from_slice(&scratch.sites);
            }
        });
        let charge = |raw| match self.is_grouped {
            true => self.sites.grouped_charge(raw, bound),
            false => self.sites.charge(raw, bound),
        };
        let charges: SmallVec<[Charge<'_>; INLINE_CHARGES]> = raws.iter().filter_map(charge).collect();
        if charges.is_empty() {
            return Ok(());
        }
        let asking = Asking { request: asking.request.map(|request| request.of_call(&charges)), ..asking };
        decision.ticket = match asking.request {
            // A request that is made again is the one that holds what the first one took.
            Some(request) if self.needs.tickets() => Ticket(request.folded() | 1),
            Some(_) | None => self.ticket(),
        };
        let call = asking.call(decision.now, decision.ticket);
        let charged = match self.store.charge_at_once(call, &charges) {
            Some(charged) => charged,
            None => {
                let charged = self.store.charge(call, &charges).await?;
                // The store's own instant is exact.
                decision.slack = Nanos::ZERO;
                charged
            }
        };
        decision.now = charged.now;
        decision.is_degraded |= charged.degraded;
        record(decision, &raws, &charges, &charged.verdicts, charged.taken);
        Ok(())
    }
}

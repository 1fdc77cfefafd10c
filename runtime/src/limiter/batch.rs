//! Deciding many requests in one call: the same answers, with cache misses that overlap.
//!
//! A few requests at a time are bound and selected, and the store is told of all their counters, before the first of them
//! is charged. Charges are then taken in the order of the requests: what one takes, the next does not find.

use arrayvec::ArrayVec;
use limitrate_compiler::{outcome::RawCharge, policy::Scratch};
use limitrate_core::{
    charge::Charge,
    facts::{FactId, Value},
    time::{Nanos, Timestamp},
};
use smallvec::SmallVec;

use super::{Limiter, with_scratch};
use crate::{
    bind::Bound,
    decision::{Decision, Outcome},
    store::LocalStore,
};

/// Requests whose counters are fetched at once: more than a processor fetches at a time gain nothing.
const AT_ONCE: usize = 16;

/// Charges of these requests that are held without allocating.
const CHARGES_AT_ONCE: usize = 2 * AT_ONCE;

/// The charges of a few requests, before they are applied.
#[derive(Default)]
struct Chosen<'p> {
    raws: SmallVec<[RawCharge; CHARGES_AT_ONCE]>,
    charges: SmallVec<[Charge<'p>; CHARGES_AT_ONCE]>,
    /// Where the charges of each request end.
    ends: ArrayVec<usize, AT_ONCE>,
}

impl<S: LocalStore> Limiter<S> {
    /// Decides requests now, all at one instant: for servers that read several at once.
    ///
    /// `out` is cleared and gets one decision per request, in their order. Each is what [`decide`](Self::decide) would
    /// have answered to it after those before it.
    ///
    /// ```
    /// # use std::sync::Arc;
    /// # use limitrate_compiler::{Engine, compile};
    /// # use limitrate_core::facts::Value;
    /// # use limitrate_runtime::Limiter;
    /// let policy = compile("api.rl", b"input { user : key } rule api { limit 2 req/min per user }", Engine::Native)
    ///     .expect("a valid policy")
    ///     .policy;
    /// let limiter = Limiter::new(Arc::new(policy));
    /// let user = limiter.fact("user")?;
    /// let requests = [[(user, Value::Str("ada"))], [(user, Value::Str("bob"))], [(user, Value::Str("ada"))]];
    /// let mut decisions = Vec::new();
    /// limiter.decide_many(&requests, &mut decisions);
    /// assert!(decisions.iter().all(|decision| decision.outcome().passes()));
    /// limiter.decide_many(&requests, &mut decisions);
    /// let passed: Vec<bool> = decisions.iter().map(|decision| decision.outcome().passes()).collect();
    /// assert_eq!(passed, [false, true, false]);
    /// # Ok::<(), limitrate_runtime::UnknownFact>(())
    /// ```
    pub fn decide_many<'p, 'f, F: AsRef<[(FactId, Value<'f>)]>>(
        &'p self,
        requests: &[F],
        out: &mut Vec<Decision<'p>>,
    ) {
        self.decide_each(requests, self.instants.now(), self.instants.slack(), out);
        if out.iter().any(|decision| decision.outcome == Outcome::Reject) {
            self.instants.catch_up();
        }
    }

    /// The same at `now`, which counts as exact.
    pub fn decide_many_at<'p, 'f, F: AsRef<[(FactId, Value<'f>)]>>(
        &'p self,
        requests: &[F],
        now: Timestamp,
        out: &mut Vec<Decision<'p>>,
    ) {
        self.decide_each(requests, now, Nanos::ZERO, out);
    }

    fn decide_each<'p, 'f, F: AsRef<[(FactId, Value<'f>)]>>(
        &'p self,
        requests: &[F],
        now: Timestamp,
        slack: Nanos,
        out: &mut Vec<Decision<'p>>,
    ) {
        out.clear();
        out.extend(requests.iter().map(|_| Decision::new(&self.policy, now, slack)));
        with_scratch(|scratch| {
            let mut chosen = Chosen::default();
            for (requests, decisions) in requests.chunks(AT_ONCE).zip(out.chunks_mut(AT_ONCE)) {
                self.choose(requests, decisions, &mut chosen, scratch);
                self.apply_chosen(requests, decisions, &chosen, scratch);
            }
        });
    }

    /// Finds the charges of each request, and has their counters fetched. Nothing here depends on a counter, so it may
    /// come before the charges of requests that stand earlier.
    fn choose<'p, 'f, F: AsRef<[(FactId, Value<'f>)]>>(
        &'p self,
        requests: &[F],
        decisions: &mut [Decision<'p>],
        chosen: &mut Chosen<'p>,
        scratch: &mut Scratch,
    ) {
        chosen.raws.clear();
        chosen.charges.clear();
        chosen.ends.clear();
        for (request, decision) in requests.iter().zip(decisions) {
            let mut bound = Bound::new(decision.now);
            if self.select(decision, request.as_ref(), &mut bound, scratch) {
                for raw in &scratch.sites {
                    if let Some(charge) = self.sites.charge(raw, &bound) {
                        chosen.raws.push(*raw);
                        chosen.charges.push(charge);
                    }
                }
            }
            chosen.ends.push(chosen.charges.len());
        }
        // All together: between one and the next a processor would find too much else to do to overlap them.
        self.store.prefetch(&chosen.charges);
    }

    /// Charges request after request, and completes their decisions.
    fn apply_chosen<'p, 'f, F: AsRef<[(FactId, Value<'f>)]>>(
        &'p self,
        requests: &[F],
        decisions: &mut [Decision<'p>],
        chosen: &Chosen<'p>,
        scratch: &mut Scratch,
    ) {
        let mut start = 0;
        for ((request, decision), end) in requests.iter().zip(decisions).zip(&chosen.ends) {
            let of_request = start..*end;
            start = *end;
            if let (Some(raws), Some(charges)) =
                (chosen.raws.get(of_request.clone()), chosen.charges.get(of_request))
                && !charges.is_empty()
            {
                self.apply(decision, raws, charges);
            }
            if self.needs.more {
                self.complete_chosen(decision, request.as_ref(), scratch);
            }
        }
    }

    /// Completes a decision over its facts, bound once more: few policies ask for it.
    #[cold]
    fn complete_chosen<'p>(
        &'p self,
        decision: &mut Decision<'p>,
        facts: &[(FactId, Value<'_>)],
        scratch: &mut Scratch,
    ) {
        let mut bound = Bound::new(decision.now);
        if self.binder.bind(self.policy.program(), facts, &mut bound).is_ok() {
            self.after_first_pass(decision, facts, &bound, scratch);
        }
    }
}

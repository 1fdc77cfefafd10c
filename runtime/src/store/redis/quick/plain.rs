//! Decisions of nothing but enforced buckets and sliding windows: the script for them reads less, and answers with less.

use limitrate_core::{
    algorithm::Algorithm,
    charge::{Charge, Mode},
    time::Timestamp,
};

use super::{MOST_CHARGES, Plan, has_repeated, is_within, judged};
use crate::store::{Call, ClockOf, redis::names::Names};

/// Packs a decision. `None` if it is not a plain one.
pub(in crate::store::redis) fn pack(
    names: &Names,
    call: &Call,
    charges: &[Charge<'_>],
    about: Timestamp,
) -> Option<Plan> {
    let is_odd = call.request.is_some() || !is_within(about);
    if is_odd || charges.len() > MOST_CHARGES || !charges.iter().all(is_plainly) || has_repeated(charges) {
        return None;
    }
    let mut plan = Plan::of(charges.len(), 41);
    plan.now = (call.clock == ClockOf::Caller).then_some(call.now);
    for charge in charges {
        let judged = judged(charge, about)?;
        let (first, second) = match charge.algorithm {
            Algorithm::Bucket(_) => (judged.numbers[0], judged.numbers[1]),
            Algorithm::SlidingWindow(_)
            | Algorithm::FixedWindow(_)
            | Algorithm::SlidingLog(_)
            | Algorithm::InFlight(_) => (charge.cost, judged.numbers[0]),
        };
        plan.name(names, charge.counter, true);
        plan.bytes.push(judged.kind);
        plan.double(first)?;
        plan.double(second)?;
        if matches!(charge.algorithm, Algorithm::SlidingWindow(_)) {
            plan.double(judged.span)?;
            judged.instants.into_iter().for_each(|instant| plan.integer(instant));
        }
    }
    Some(plan)
}

/// Whether the script knows this charge: one that may fit, with nothing beside its counter.
fn is_plainly(charge: &Charge<'_>) -> bool {
    let Charge { algorithm, terms, cost, mode, hold, block, warn, .. } = charge;
    let highest = match algorithm {
        Algorithm::Bucket(_) if terms.starting.is_none() => terms.burst,
        Algorithm::SlidingWindow(_) => terms.ceiling,
        Algorithm::Bucket(_)
        | Algorithm::FixedWindow(_)
        | Algorithm::SlidingLog(_)
        | Algorithm::InFlight(_) => return false,
    };
    let may_fit = terms.ceiling > 0 && (1..=highest).contains(cost);
    may_fit && *mode == Mode::Enforce && hold.is_none() && block.is_none() && warn.is_empty()
}

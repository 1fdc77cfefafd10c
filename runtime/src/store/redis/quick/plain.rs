//! Decisions of nothing but enforced buckets and sliding windows: the script for them reads less, and answers with less.
//!
//! Beside a charge there may be one in shadow on the same counter, as whoever [leases](crate::store::Layered) asks for: it is
//! taken on top where all are taken and it fits, too.

use limitrate_core::{
    algorithm::Algorithm,
    charge::{Charge, Mode},
    time::Timestamp,
};

use super::{Judged, MOST_CHARGES, Plan, bucket, has_repeated, is_within, sliding_window};
use crate::store::{Call, ClockOf, redis::names::Names};

/// How a charge is judged, as the script is told; with something on top the number is one higher, and one more amount follows.
mod kind {
    pub(super) const BUCKET: u8 = 1;
    pub(super) const SLIDING_WINDOW: u8 = 3;
}

/// Packs a decision. `None` if it is not a plain one.
pub(in crate::store::redis) fn pack(
    names: &Names,
    call: &Call,
    charges: &[Charge<'_>],
    about: Timestamp,
) -> Option<Plan> {
    let is_odd = call.request.is_some() || !is_within(about) || !(1..=MOST_CHARGES).contains(&charges.len());
    if is_odd
        || !charges.iter().all(|charge| is_known(charges, charge))
        || has_repeated(charges, |charge| (charge.counter, charge.mode))
    {
        return None;
    }
    let mut plan = Plan::of(charges.len(), 49);
    plan.now = (call.clock == ClockOf::Caller).then_some(call.now);
    for charge in charges.iter().filter(|charge| charge.mode == Mode::Enforce) {
        plan.name(names, charge.counter, true);
        plan.add_plainly(charge, on_top(charges, charge), about)?;
    }
    Some(plan)
}

impl Plan {
    fn add_plainly(
        &mut self,
        charge: &Charge<'_>,
        on_top: Option<&Charge<'_>>,
        about: Timestamp,
    ) -> Option<()> {
        let Charge { algorithm, terms, cost, .. } = *charge;
        let more = u8::from(on_top.is_some());
        match algorithm {
            Algorithm::Bucket(span) => {
                let Judged { numbers: [x, y, _], .. } = bucket(*span, terms, cost)?;
                self.bytes.push(kind::BUCKET + more);
                self.double(x)?;
                self.double(y)?;
                if let Some(more) = on_top {
                    self.double(bucket(*span, terms, more.cost)?.numbers[0])?;
                }
            }
            Algorithm::SlidingWindow(span) => {
                let Judged { instants, span, .. } = sliding_window(*span, terms, about)?;
                self.bytes.push(kind::SLIDING_WINDOW + more);
                for number in [cost, terms.ceiling, span] {
                    self.double(number)?;
                }
                instants.into_iter().for_each(|instant| self.integer(instant));
                if let Some(more) = on_top {
                    self.double(more.cost)?;
                }
            }
            Algorithm::FixedWindow(_) | Algorithm::SlidingLog(_) | Algorithm::InFlight(_) => return None,
        }
        Some(())
    }
}

/// Whether the script knows this charge: an enforced one that may fit, or one on top of it, with nothing beside the counter.
fn is_known(charges: &[Charge<'_>], charge: &Charge<'_>) -> bool {
    let is_bare = charge.hold.is_none() && charge.block.is_none() && charge.warn.is_empty();
    is_bare
        && match charge.mode {
            Mode::Enforce => may_fit(charge),
            Mode::Shadow => charges.iter().any(|own| carries(own, charge)),
            Mode::Soft => false,
        }
}

/// Whether a charge is taken on top of this one, if it is one in shadow.
fn carries(own: &Charge<'_>, charge: &Charge<'_>) -> bool {
    own.mode == Mode::Enforce
        && own.counter == charge.counter
        && own.terms == charge.terms
        && own.algorithm == charge.algorithm
}

/// What is taken on top of a charge, if it may ever fit.
fn on_top<'c, 'p>(charges: &'c [Charge<'p>], own: &Charge<'_>) -> Option<&'c Charge<'p>> {
    charges.iter().find(|charge| charge.mode == Mode::Shadow && carries(own, charge) && may_fit(charge))
}

fn may_fit(charge: &Charge<'_>) -> bool {
    let Charge { algorithm, terms, cost, .. } = *charge;
    let highest = match algorithm {
        Algorithm::Bucket(_) if terms.starting.is_none() => terms.burst,
        Algorithm::SlidingWindow(_) => terms.ceiling,
        Algorithm::Bucket(_)
        | Algorithm::FixedWindow(_)
        | Algorithm::SlidingLog(_)
        | Algorithm::InFlight(_) => return false,
    };
    terms.ceiling > 0 && (1..=highest).contains(&cost)
}

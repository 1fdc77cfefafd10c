//! What is prepared once of each charge site, so that a decision only adds its counter, its ceiling and its cost.

use std::num::NonZeroU32;

use limitrate_compiler::{
    ir::{Burst, ChargeSite, Program},
    outcome::RawCharge,
};
use limitrate_core::{
    algorithm::{Algorithm, Terms},
    charge::{Block, Charge, Fail, Mode},
    time::Nanos,
};

use crate::{
    bind::Bound,
    key::{KeyPlan, LimitKeys},
};

/// Parts per million in a whole.
const WHOLE: i64 = 1_000_000;

/// The charge sites of a policy, by their position.
#[derive(Debug)]
pub(super) struct Sites(Box<[Site]>);

/// What all charges of one site have in common, side by side in memory.
#[derive(Debug)]
struct Site {
    key: KeyPlan,
    burst: Burst,
    starting: Option<i64>,
    fail: Fail,
    mode: Mode,
    hold: Option<Nanos>,
    algorithm: Algorithm,
    block: Option<Block>,
    warn: Box<[i64]>,
    overshoot: i64,
}

impl Sites {
    pub(super) fn new(program: &Program, keys: &LimitKeys, instances: NonZeroU32) -> Self {
        let even = Fail::Local((WHOLE / i64::from(instances.get())).max(1));
        Self(program.charges.iter().map(|site| Site::new(program, keys, site, even)).collect())
    }

    /// The charge that a site asks for; `None` where the policy has no such site.
    // Inlined so that it is written where it is wanted: to move it would be to wait until it is written.
    #[inline(always)]
    pub(super) fn charge(&self, raw: &RawCharge, bound: &Bound<'_>) -> Option<Charge<'_>> {
        let site = self.0.get(usize::try_from(raw.site).ok()?)?;
        let burst = match site.burst {
            Burst::Fixed(burst) => burst,
            Burst::Ceiling => raw.ceiling,
        };
        Some(Charge {
            counter: site.key.counter(bound),
            limit: site.key.limit(),
            algorithm: &site.algorithm,
            terms: Terms { ceiling: raw.ceiling, burst, starting: site.starting },
            cost: raw.cost,
            fail: site.fail,
            mode: site.mode,
            hold: site.hold,
            block: site.block.as_ref(),
            warn: &site.warn,
            overshoot: site.overshoot,
        })
    }

    /// The same in its group, for a store that keeps counters in groups.
    pub(super) fn grouped_charge(&self, raw: &RawCharge, bound: &Bound<'_>) -> Option<Charge<'_>> {
        let site = self.0.get(usize::try_from(raw.site).ok()?)?;
        let charge = self.charge(raw, bound)?;
        Some(Charge { counter: charge.counter.in_group(site.key.group(bound)), ..charge })
    }
}

impl Site {
    /// `fail` is what happens where the limit does not choose.
    fn new(program: &Program, keys: &LimitKeys, site: &ChargeSite, fail: Fail) -> Self {
        Self {
            key: keys.plan(program, site.limit),
            burst: site.burst,
            starting: site.starting,
            fail: site.fail.unwrap_or(fail),
            mode: site.mode,
            hold: site.settle.map(|(_, hold)| hold),
            algorithm: site.algorithm.clone(),
            block: site.block,
            warn: site.warn.clone().into(),
            overshoot: site.overshoot,
        }
    }
}

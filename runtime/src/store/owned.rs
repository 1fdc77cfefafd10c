//! Charges and settlements that borrow nothing: those of callers who wait while another thread or task works on them.

use limitrate_core::{
    algorithm::{Algorithm, Terms},
    charge::{Block, Charge, Fail, Mode},
    key::CounterKey,
    time::Nanos,
};
use smallvec::SmallVec;

use super::{Settlement, Ticket};

/// A [`Charge`] of one's own.
#[derive(Debug, Clone)]
pub struct OwnedCharge {
    counter: CounterKey,
    limit: CounterKey,
    algorithm: Algorithm,
    terms: Terms,
    cost: i64,
    fail: Fail,
    mode: Mode,
    hold: Option<Nanos>,
    block: Option<Block>,
    warn: SmallVec<[i64; 2]>,
    overshoot: i64,
}

impl From<&Charge<'_>> for OwnedCharge {
    fn from(charge: &Charge<'_>) -> Self {
        let Charge { counter, limit, algorithm, terms, cost, fail, mode, hold, block, warn, overshoot } =
            *charge;
        Self {
            counter,
            limit,
            algorithm: algorithm.clone(),
            terms,
            cost,
            fail,
            mode,
            hold,
            block: block.copied(),
            warn: warn.into(),
            overshoot,
        }
    }
}

impl OwnedCharge {
    /// The charge.
    #[must_use]
    pub fn borrow(&self) -> Charge<'_> {
        Charge {
            counter: self.counter,
            limit: self.limit,
            algorithm: &self.algorithm,
            terms: self.terms,
            cost: self.cost,
            fail: self.fail,
            mode: self.mode,
            hold: self.hold,
            block: self.block.as_ref(),
            warn: &self.warn,
            overshoot: self.overshoot,
        }
    }
}

/// A [`Settlement`] of one's own.
#[derive(Debug, Clone)]
pub struct OwnedSettlement {
    counter: CounterKey,
    limit: CounterKey,
    algorithm: Algorithm,
    ticket: Ticket,
    actual: i64,
}

impl From<&Settlement<'_>> for OwnedSettlement {
    fn from(settlement: &Settlement<'_>) -> Self {
        let Settlement { counter, limit, algorithm, ticket, actual } = *settlement;
        Self { counter, limit, algorithm: algorithm.clone(), ticket, actual }
    }
}

impl OwnedSettlement {
    /// The settlement.
    #[must_use]
    pub const fn borrow(&self) -> Settlement<'_> {
        let Self { counter, limit, algorithm, ticket, actual } = self;
        Settlement { counter: *counter, limit: *limit, algorithm, ticket: *ticket, actual: *actual }
    }
}

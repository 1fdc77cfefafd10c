//! One spend against one counter: what a decision asks of a store, and what the store answers.

pub use crate::block::Block;
use crate::{
    algorithm::{Algorithm, Refusal, Status, Terms},
    key::CounterKey,
    time::Nanos,
};

/// What happens to a charge that the store cannot count: it does not answer, or has no room for another counter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fail {
    /// Pass uncounted.
    Open,
    /// Refuse.
    Closed,
    /// Count locally, all such keys of the limit together, against this share of the ceiling in parts per million.
    Local(i64),
}

/// What a charge means for the decision.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Mode {
    /// It must fit, or nothing is taken.
    #[default]
    Enforce,
    /// It is taken whether it fits or not, past the ceiling too: `on exceed allow`.
    Soft,
    /// It is decided alone when the request goes through, and taken if it fits: the answer never depends on it.
    Shadow,
}

/// One spend against one counter.
#[derive(Debug, Clone, Copy)]
pub struct Charge<'p> {
    /// The counter.
    pub counter: CounterKey,
    /// The limit's own identity, without the values of the key: the counter shared by keys that find no room.
    pub limit: CounterKey,
    /// How the limit counts.
    pub algorithm: &'p Algorithm,
    /// What judges this charge.
    pub terms: Terms,
    /// How much, in base units. Zero only looks, but to reserve nothing is judged as one; a negative cost never fits.
    pub cost: i64,
    /// What happens when the counter cannot be kept.
    pub fail: Fail,
    /// What it means for the decision.
    pub mode: Mode,
    /// A reservation: what is taken stays open to be settled for this long.
    pub hold: Option<Nanos>,
    /// What a charge that does not fit sets off.
    pub block: Option<&'p Block>,
    /// Parts per million of the ceiling (of a bucket: of its burst) at which the caller is to be warned, ascending.
    pub warn: &'p [i64],
    /// Parts per million of the ceiling that the instances of a service may have leased at once, taken in advance and not
    /// used yet: `overshoot`. Of 0, each charge is decided where its counter is.
    pub overshoot: i64,
}

impl<'p> Charge<'p> {
    /// An enforced charge that reserves, blocks and warns of nothing.
    #[must_use]
    pub const fn new(
        counter: CounterKey,
        limit: CounterKey,
        algorithm: &'p Algorithm,
        terms: Terms,
        cost: i64,
    ) -> Self {
        Self {
            counter,
            limit,
            algorithm,
            terms,
            cost,
            fail: Fail::Closed,
            mode: Mode::Enforce,
            hold: None,
            block: None,
            warn: &[],
            overshoot: 0,
        }
    }

    /// Whether it must fit and has nothing beside its counter: no reservation, block or warning.
    #[inline]
    #[must_use]
    pub fn is_plain(&self) -> bool {
        self.mode == Mode::Enforce && self.hold.is_none() && self.block.is_none() && self.warn.is_empty()
    }

    /// The cost to judge. Nothing is reserved only while something is left: a request that declares no cost beforehand
    /// is refused once the budget is spent.
    #[inline]
    #[must_use]
    pub const fn judged_cost(&self) -> i64 {
        if self.cost == 0 && self.hold.is_some() { 1 } else { self.cost }
    }
}

/// Where a charge was counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Counted {
    /// On its own counter.
    Own,
    /// On the counter shared by the limit's keys that found no room, by `fail local`.
    Shared,
    /// Nowhere, by `fail open` or `fail closed`.
    Nowhere,
}

/// What a store says of one charge.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Verdict {
    /// Whether it fit, and if not, for how long.
    pub judged: Result<(), Refusal>,
    /// The counter after the decision: charged if all charges fit, untouched otherwise.
    pub status: Status,
    /// Where it was counted.
    pub counted: Counted,
    /// Whether a block refused it, or was set off by it. It then waits at least until the block ends.
    pub blocked: bool,
    /// The highest of the charge's warning marks that its use reached with this charge, for the first time in the
    /// counter's window.
    pub warned: Option<i64>,
}

impl Verdict {
    /// A verdict without block or warning.
    #[must_use]
    pub const fn new(judged: Result<(), Refusal>, status: Status, counted: Counted) -> Self {
        Self { judged, status, counted, blocked: false, warned: None }
    }
}

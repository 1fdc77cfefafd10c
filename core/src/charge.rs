//! One spend against one counter: what a decision asks of a store, and what the store answers.

use crate::{
    algorithm::{Algorithm, Refusal, Status, Terms},
    key::CounterKey,
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
    /// How much, in base units. Zero only looks; a negative cost never fits.
    pub cost: i64,
    /// What happens when the counter cannot be kept.
    pub fail: Fail,
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
}

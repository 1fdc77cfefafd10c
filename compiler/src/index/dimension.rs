//! The dimensions that sites can be told apart by: a slot with its value, or all tests of one kind of one fact.

use std::collections::HashMap;

use crate::ir::{
    Program, SlotId,
    slot::{Slot, Subject},
};

/// The position of a dimension in [`Dimensions`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct DimensionId(pub(super) u32);

/// What a request brings to a dimension.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Brings {
    /// The value of this slot.
    Value(SlotId),
    /// Any number of tests, as the numbers of their slots; this is the first of them.
    Tests(SlotId),
}

/// Every dimension of a program.
#[derive(Debug)]
pub(super) struct Dimensions {
    of_slot: Vec<Option<DimensionId>>,
    all: Vec<Brings>,
}

/// Tests that one look at a fact answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Kind {
    Route(Subject),
    InNets(Subject),
    Has(Subject),
}

impl Dimensions {
    pub(super) fn of(program: &Program) -> Self {
        let mut dimensions = Self { of_slot: Vec::with_capacity(program.slots.len()), all: Vec::new() };
        let mut kinds = HashMap::new();
        for (id, slot) in (0..).map(SlotId).zip(&program.slots) {
            let next = DimensionId(u32::try_from(dimensions.all.len()).unwrap_or(u32::MAX));
            let dimension = match *slot {
                Slot::Like(..) | Slot::Matches(..) | Slot::Rollout(..) => None,
                Slot::Route(fact, _) => Some(*kinds.entry(Kind::Route(fact.into())).or_insert(next)),
                Slot::InNets(fact, _) => Some(*kinds.entry(Kind::InNets(fact.into())).or_insert(next)),
                Slot::Has(subject, _) => Some(*kinds.entry(Kind::Has(subject)).or_insert(next)),
                Slot::Value(_)
                | Slot::Present(_)
                | Slot::Text(_)
                | Slot::SameText(..)
                | Slot::SameAddress(..)
                | Slot::Length(_)
                | Slot::Schedule(_)
                | Slot::Now => Some(next),
            };
            if dimension == Some(next) {
                dimensions.all.push(if slot.is_test() { Brings::Tests(id) } else { Brings::Value(id) });
            }
            dimensions.of_slot.push(dimension);
        }
        dimensions
    }

    /// The dimension of a slot; none where it costs too much to be read for every request.
    pub(super) fn of_slot(&self, slot: SlotId) -> Option<DimensionId> {
        self.of_slot.get(slot.0 as usize).copied().flatten()
    }

    /// What a request brings to a dimension.
    pub(super) fn brings(&self, dimension: DimensionId) -> Option<Brings> {
        self.all.get(dimension.0 as usize).copied()
    }

    /// Whether a request may bring several tests, so that a site can ask for one that holds, and for no more.
    pub(super) fn is_tests(&self, dimension: DimensionId) -> bool {
        matches!(self.brings(dimension), Some(Brings::Tests(_)))
    }

    /// The slots of a dimension.
    pub(super) fn slots(&self, dimension: DimensionId) -> impl Iterator<Item = SlotId> + '_ {
        let of = self.of_slot.iter();
        (0..).map(SlotId).zip(of).filter(move |(_, of)| **of == Some(dimension)).map(|(slot, _)| slot)
    }

    /// How many slots there are.
    pub(super) const fn slot_count(&self) -> usize {
        self.of_slot.len()
    }

    /// How many dimensions there are.
    pub(super) const fn len(&self) -> usize {
        self.all.len()
    }
}

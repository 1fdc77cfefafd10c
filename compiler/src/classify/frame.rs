//! The frame of a request: the integers that a program reads, filled group by group as they are needed.

use std::sync::Arc;

use super::{GroupId, marks::Marks};
use crate::ir::SlotId;

/// What is known of one request. Used again for the next without being cleared as a whole.
#[derive(Debug, Default)]
pub struct Frame {
    /// By [`SlotId`]. What was not read for this request holds anything, except that a test which was not found to hold
    /// is 0.
    slots: Vec<i64>,
    /// The tests that hold, in the order in which they were found.
    holding: Vec<SlotId>,
    /// One bit for each group that was read.
    read: Vec<u64>,
    /// Memory of the tables that find one thing several times.
    marks: Marks,
    tried: Marks,
    /// Whose slots these are. Held, so that no other can come to be known by the same address.
    owner: Option<Arc<()>>,
}

impl Frame {
    /// Makes this the frame of the policy that this stands for. What another one left is forgotten: the same place may
    /// be a test here that was a number there.
    pub fn belong_to(&mut self, owner: &Arc<()>) {
        if !self.owner.as_ref().is_some_and(|known| Arc::ptr_eq(known, owner)) {
            self.owner = Some(Arc::clone(owner));
            self.holding.clear();
            self.slots.clear();
        }
    }

    /// Begins another request: nothing was read of it, and no test holds.
    pub(super) fn reset(&mut self, slots: usize, groups: usize) {
        for slot in self.holding.drain(..) {
            if let Some(place) = self.slots.get_mut(slot.0 as usize) {
                *place = 0;
            }
        }
        if self.slots.len() != slots {
            self.slots.clear();
            self.slots.resize(slots, 0);
        }
        self.read.clear();
        self.read.resize(groups.div_ceil(64), 0);
    }

    /// Marks a group as read; false if it was read before.
    #[inline]
    pub fn begin(&mut self, group: GroupId) -> bool {
        let (word, bit) = (group.0 as usize / 64, 1_u64 << (group.0 % 64));
        match self.read.get_mut(word) {
            Some(word) if *word & bit == 0 => {
                *word |= bit;
                true
            }
            _ => false,
        }
    }

    /// Sets a slot that is no test.
    #[inline]
    pub fn set(&mut self, slot: SlotId, value: i64) {
        self.filling().set(slot, value);
    }

    /// Says whether a test holds: see [`Slot::is_test`](crate::ir::slot::Slot::is_test).
    #[inline]
    pub fn hold(&mut self, slot: SlotId, holds: bool) {
        if holds {
            self.filling().hold(slot);
        }
    }

    /// The slots.
    #[must_use]
    pub fn slots(&self) -> &[i64] {
        &self.slots
    }

    /// The tests that hold, each once, in the order in which they were found.
    #[must_use]
    pub fn holding(&self) -> &[SlotId] {
        &self.holding
    }

    pub(super) fn filling(&mut self) -> Filling<'_> {
        let Self { slots, holding, marks, tried, .. } = self;
        Filling { slots, holding: Some(holding), marks, tried }
    }
}

/// Slots that are being filled. Those of tests were 0 before.
#[derive(Debug)]
pub(super) struct Filling<'f> {
    pub(super) slots: &'f mut [i64],
    /// Where the tests that hold are listed, if anywhere.
    pub(super) holding: Option<&'f mut Vec<SlotId>>,
    /// What was found of the parts or expressions of one table.
    pub(super) marks: &'f mut Marks,
    /// What was tried of them.
    pub(super) tried: &'f mut Marks,
}

impl Filling<'_> {
    /// Sets a slot that is no test.
    #[inline]
    pub(super) fn set(&mut self, slot: SlotId, value: i64) {
        if let Some(place) = self.slots.get_mut(slot.0 as usize) {
            *place = value;
        }
    }

    /// Says that a test holds.
    #[inline]
    pub(super) fn hold(&mut self, slot: SlotId) {
        if let Some(place) = self.slots.get_mut(slot.0 as usize)
            && *place == 0
        {
            *place = 1;
            if let Some(holding) = &mut self.holding {
                holding.push(slot);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_request_begins_with_no_test_that_holds() {
        let mut frame = Frame::default();
        frame.reset(3, 65);
        assert!(frame.begin(GroupId(64)) && !frame.begin(GroupId(64)));
        frame.hold(SlotId(1), true);
        frame.hold(SlotId(1), true);
        frame.hold(SlotId(2), false);
        assert_eq!((frame.slots(), frame.holding()), (&[0, 1, 0][..], &[SlotId(1)][..]));
        frame.reset(3, 65);
        assert_eq!((frame.slots(), frame.holding()), (&[0, 0, 0][..], &[][..]));
        assert!(frame.begin(GroupId(64)) && !frame.begin(GroupId(128)));
    }
}

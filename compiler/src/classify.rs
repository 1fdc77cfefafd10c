//! Classification: from the facts of a request to the integers that the program reads.
//!
//! Slots that one look at a fact can fill are one group. A look costs about as much whatever the number of the group's
//! slots: it finds the tests that hold, and does not touch the others.

mod affixes;
mod contains;
pub mod frame;
mod group;
mod lists;
mod marks;
mod naive;
mod nets;
mod parts;
mod regexes;
mod routes;
mod schedules;
#[cfg(test)]
mod tests;
mod text;

use std::sync::Arc;

use frame::Filling;
pub use frame::Frame;
use group::Group;
use limitrate_core::{
    facts::{FactId, Phase, Value},
    net::client_network,
    rollout,
};
use marks::Marks;
use schedules::Kept;
use text::TextTable;

use crate::{
    ir::{Program, SlotId, slot::Slot},
    request::Request,
};

/// What is prepared once to classify the requests of a policy.
#[derive(Debug)]
pub struct Classifier {
    /// What the frames of this policy are known by.
    owner: Arc<()>,
    groups: Box<[Group]>,
    /// Of each slot, its group.
    of_slot: Box<[GroupId]>,
    /// The groups that read facts of the response, and the slots in them.
    response: Box<[GroupId]>,
    response_slots: Box<[SlotId]>,
    texts: TextTable,
    schedules: Box<[Kept]>,
}

/// Slots that are computed together, in one look at a fact.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct GroupId(pub u32);

impl Classifier {
    /// Prepares the tables of a program.
    #[must_use]
    pub fn new(program: &Program) -> Self {
        let (groups, of_slot) = group::groups(program);
        let of_slot = of_slot.into_iter().map(|group| GroupId(u32::try_from(group).unwrap_or(u32::MAX)));
        let of_slot: Box<[GroupId]> = of_slot.collect();
        let of_response = |fact: FactId| {
            let declared = program.facts.get(usize::from(fact.0));
            declared.is_some_and(|fact| fact.decl.phase == Phase::Response)
        };
        let slots = (0..).map(SlotId).zip(&program.slots).zip(&of_slot);
        let response: Vec<(SlotId, GroupId)> = slots
            .filter(|((_, slot), _)| slot.facts().into_iter().flatten().any(of_response))
            .map(|((id, _), group)| (id, *group))
            .collect();
        let (response_slots, mut response): (Vec<SlotId>, Vec<GroupId>) = response.into_iter().unzip();
        response.sort_unstable();
        response.dedup();
        Self {
            owner: Arc::default(),
            groups: groups.into(),
            of_slot,
            response: response.into(),
            response_slots: response_slots.into(),
            texts: TextTable::new(&program.tables.texts),
            schedules: program.tables.schedules.iter().map(|_| Kept::default()).collect(),
        }
    }

    /// How many groups there are.
    #[must_use]
    pub fn groups(&self, program: &Program) -> usize {
        debug_assert_eq!(self.of_slot.len(), program.slots.len());
        self.groups.len()
    }

    /// The group of a slot.
    #[must_use]
    #[inline]
    pub fn group_of(&self, slot: SlotId) -> GroupId {
        self.of_slot.get(slot.0 as usize).copied().unwrap_or(GroupId(u32::MAX))
    }

    /// Begins another request: nothing was read of it. Whose requests the frame was used for before does not matter.
    #[inline]
    pub fn begin(&self, program: &Program, frame: &mut Frame) {
        frame.belong_to(&self.owner);
        frame.reset(program.slots.len(), self.groups.len());
    }

    /// Reads the slots of one group, unless that was done for this request.
    #[inline]
    pub fn read(&self, program: &Program, request: &impl Request, group: GroupId, frame: &mut Frame) {
        if frame.begin(group) {
            self.fill(program, request, group, &mut frame.filling());
        }
    }

    /// Reads every slot of the program.
    pub fn read_all(&self, program: &Program, request: &impl Request, frame: &mut Frame) {
        self.begin(program, frame);
        for group in (0..).map(GroupId).take(self.groups.len()) {
            self.read(program, request, group, frame);
        }
    }

    /// Reads every slot of the program by itself, straight from its definition and without any table: what
    /// [`Self::read_all`] must agree with.
    pub fn read_naively(&self, program: &Program, request: &impl Request, frame: &mut Frame) {
        self.begin(program, frame);
        for group in (0..).map(GroupId).take(self.groups.len()) {
            frame.begin(group);
        }
        for (id, slot) in (0..).map(SlotId).zip(&program.slots) {
            let value = naive::slot(program, request, *slot);
            if slot.is_test() { frame.hold(id, value != 0) } else { frame.set(id, value) }
        }
    }

    /// Fills the slots that read a fact of the response, and leaves all others as they are.
    pub fn fill_response(&self, program: &Program, response: &impl Request, frame: &mut [i64]) {
        for slot in &self.response_slots {
            if let Some(place) = frame.get_mut(slot.0 as usize) {
                *place = 0;
            }
        }
        let (mut marks, mut tried) = (Marks::default(), Marks::default());
        let mut filling = Filling { slots: frame, holding: None, marks: &mut marks, tried: &mut tried };
        for group in &self.response {
            self.fill(program, response, *group, &mut filling);
        }
    }

    fn fill(&self, program: &Program, request: &impl Request, group: GroupId, filling: &mut Filling<'_>) {
        match self.groups.get(group.0 as usize) {
            Some(Group::Alone(id, slot)) => filling.set(*id, self.alone(program, request, *slot)),
            Some(group) => group.read(&program.tables, request, filling),
            None => {}
        }
    }

    /// What a slot holds that shares its look with no other.
    fn alone(&self, program: &Program, request: &impl Request, slot: Slot) -> i64 {
        match slot {
            Slot::Text(of) => text::text(request, of.fact).map_or(0, |text| self.texts.id_of(text, of.lower)),
            Slot::SameText(a, b) => i64::from(text::same(request, a, b)),
            Slot::SameAddress(a, b) => match (request.value(a), request.value(b)) {
                (Value::Ip(a), Value::Ip(b)) => i64::from(a == b),
                _ => 0,
            },
            Slot::Rollout(fact, rule) => {
                let rule = program.tables.rollouts.get(rule);
                rule.map_or(0, |rule| rollout_position(rule, request.value(fact)))
            }
            Slot::Schedule(at) => match (self.schedules.get(at), program.tables.schedules.get(at)) {
                (Some(kept), Some(schedule)) => i64::from(kept.holds(schedule, request.now())),
                (None, _) | (_, None) => 0,
            },
            Slot::Now => request.now().0,
            Slot::Value(_)
            | Slot::Present(_)
            | Slot::Length(_)
            | Slot::Route(..)
            | Slot::InNets(..)
            | Slot::Has(..)
            | Slot::Like(..)
            | Slot::Matches(..) => 0,
        }
    }
}

/// Where a request lies in the rollout of a rule; of an address, as a key counts it.
fn rollout_position(rule: &str, value: Value<'_>) -> i64 {
    match value {
        Value::Str(text) => rollout::position(rule, text.as_bytes()),
        Value::Ip(ip) => rollout::position(rule, client_network(ip).as_bytes()),
        Value::Int(number) => rollout::position(rule, &number.to_le_bytes()),
        Value::Bool(value) => rollout::position(rule, &[u8::from(value)]),
        Value::Absent => rollout::position(rule, &[]),
    }
}

//! Classification: from the facts of a request to the integers that the program reads.

pub mod frame;
mod text;

use std::{
    borrow::Cow,
    sync::{Arc, RwLock},
};

pub use frame::Frame;
use limitrate_core::{
    facts::{FactId, FactType, Phase, Value},
    net::client_network,
    rollout,
    schedule::Active,
    time::Timestamp,
};
use text::TextTable;

use crate::{
    ir::{
        Program, SlotId,
        slot::{Slot, Subject},
    },
    request::Request,
};

/// What is prepared once to classify the requests of a policy.
#[derive(Debug)]
pub struct Classifier {
    /// What the frames of this policy are known by.
    owner: Arc<()>,
    texts: TextTable,
    /// The answer of each schedule with the stretch of time it is good for.
    schedules: Box<[RwLock<Option<Active>>]>,
}

/// Slots that are computed together, in one look at a fact.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct GroupId(pub u32);

impl Classifier {
    /// Prepares the tables of a program.
    #[must_use]
    pub fn new(program: &Program) -> Self {
        Self {
            owner: Arc::default(),
            texts: TextTable::new(&program.tables.texts),
            schedules: program.tables.schedules.iter().map(|_| RwLock::new(None)).collect(),
        }
    }

    /// How many groups there are.
    #[must_use]
    pub fn groups(&self, program: &Program) -> usize {
        program.slots.len()
    }

    /// The group of a slot.
    #[must_use]
    pub fn group_of(&self, slot: SlotId) -> GroupId {
        GroupId(slot.0)
    }

    /// Reads the slots of one group, unless that was done for this request.
    pub fn read(&self, program: &Program, request: &impl Request, group: GroupId, frame: &mut Frame) {
        let id = SlotId(group.0);
        if let Some(slot) = program.slots.get(group.0 as usize)
            && frame.begin(group)
        {
            let value = self.slot(program, request, *slot);
            if slot.is_test() { frame.hold(id, value != 0) } else { frame.set(id, value) }
        }
    }

    /// Reads every slot of the program.
    pub fn read_all(&self, program: &Program, request: &impl Request, frame: &mut Frame) {
        frame.belong_to(&self.owner);
        frame.reset(program.slots.len(), self.groups(program));
        for group in (0..).map(GroupId).take(self.groups(program)) {
            self.read(program, request, group, frame);
        }
    }

    /// Fills the slots that read a fact of the response, and leaves all others as they are.
    pub fn fill_response(&self, program: &Program, response: &impl Request, frame: &mut [i64]) {
        let of_response = |fact: FactId| {
            let declared = program.facts.get(usize::from(fact.0));
            declared.is_some_and(|fact| fact.decl.phase == Phase::Response)
        };
        for (slot, place) in program.slots.iter().zip(frame) {
            if slot.facts().into_iter().flatten().any(of_response) {
                *place = self.slot(program, response, *slot);
            }
        }
    }

    fn slot(&self, program: &Program, bound: &impl Request, slot: Slot) -> i64 {
        let tables = &program.tables;
        match slot {
            Slot::Value(fact) => value(program, fact, bound.value(fact)),
            Slot::Present(fact) => i64::from(bound.value(fact) != Value::Absent),
            Slot::Text(of) => subject(bound, of).map_or(0, |text| self.texts.id(&text)),
            Slot::SameText(a, b) => holds(subject(bound, a).zip(subject(bound, b)), |(a, b)| a == b),
            Slot::SameAddress(a, b) => match (bound.value(a), bound.value(b)) {
                (Value::Ip(a), Value::Ip(b)) => i64::from(a == b),
                _ => 0,
            },
            Slot::Length(fact) => {
                text(bound, fact).map_or(0, |text| i64::try_from(text.len()).unwrap_or(i64::MAX))
            }
            Slot::Route(fact, pattern) => {
                holds(text(bound, fact).zip(tables.patterns.get(pattern)), |(path, pattern)| {
                    pattern.matches(path)
                })
            }
            Slot::InNets(fact, set) => match (bound.value(fact), tables.nets.get(set)) {
                (Value::Ip(ip), Some(set)) => i64::from(set.contains(ip)),
                _ => 0,
            },
            Slot::Has(of, part) => {
                holds(subject(bound, of).zip(tables.parts.get(part)), |(text, (place, part))| {
                    place.holds(&text, part)
                })
            }
            Slot::Like(of, glob) => {
                holds(subject(bound, of).zip(tables.globs.get(glob)), |(text, (_, glob))| glob.matches(&text))
            }
            Slot::Matches(of, regex) => {
                holds(subject(bound, of).zip(tables.regexes.get(regex)), |(text, regex)| {
                    regex.is_match(&text)
                })
            }
            Slot::Rollout(fact, rule) => {
                tables.rollouts.get(rule).map_or(0, |rule| rollout_position(rule, bound.value(fact)))
            }
            Slot::Schedule(schedule) => i64::from(self.schedule(program, schedule, bound.now())),
            Slot::Now => bound.now().0,
        }
    }

    /// Whether a schedule holds; looked up in the calendar only when the last answer is no longer good.
    fn schedule(&self, program: &Program, schedule: usize, now: Timestamp) -> bool {
        let (Some(kept), Some(schedule)) =
            (self.schedules.get(schedule), program.tables.schedules.get(schedule))
        else {
            return false;
        };
        if let Some(active) =
            kept.read().ok().and_then(|kept| kept.filter(|active| active.from <= now && now < active.until))
        {
            return active.holds;
        }
        let active = schedule.at(now);
        if let Ok(mut kept) = kept.write() {
            *kept = Some(active);
        }
        active.holds
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

fn holds<T>(pair: Option<T>, test: impl FnOnce(T) -> bool) -> i64 {
    i64::from(pair.is_some_and(test))
}

/// The text of a fact, in lower case where that is asked for.
fn subject<'b>(bound: &'b impl Request, of: Subject) -> Option<Cow<'b, str>> {
    let text = text(bound, of.fact)?;
    Some(if of.lower && text.bytes().any(|byte| byte.is_ascii_uppercase()) {
        Cow::Owned(text.to_ascii_lowercase())
    } else {
        Cow::Borrowed(text)
    })
}

fn text<'b>(bound: &'b impl Request, fact: FactId) -> Option<&'b str> {
    match bound.value(fact) {
        Value::Str(text) => Some(text),
        Value::Absent | Value::Bool(_) | Value::Int(_) | Value::Ip(_) => None,
    }
}

/// A value as an integer: members of enums and plans by position.
fn value(program: &Program, fact: FactId, value: Value<'_>) -> i64 {
    match value {
        Value::Bool(value) => i64::from(value),
        Value::Int(value) => value,
        Value::Str(text) => match program.facts.get(usize::from(fact.0)).map(|f| &f.decl.ty) {
            Some(FactType::OneOf(members) | FactType::Plan(members)) => members
                .iter()
                .zip(0..)
                .find(|(member, _)| ***member == *text)
                .map_or(-1, |(_, position)| position),
            _ => 0,
        },
        Value::Absent | Value::Ip(_) => 0,
    }
}

//! Groups: the slots that one look at a fact fills, with the table that it needs.

use std::collections::HashMap;

use limitrate_core::facts::{FactId, FactType, Value};

use super::{
    affixes::Affixes,
    contains::Contains,
    frame::Filling,
    nets::Nets,
    parts::{self, Pieces},
    regexes::{self, Regexes},
    routes::Routes,
    text::{TextTable, in_case, text},
};
use crate::{
    checked::Place,
    ir::{
        Program, SlotId, Tables,
        slot::{Slot, Subject},
    },
    request::Request,
};

/// The slots that one look fills.
#[derive(Debug)]
pub(super) enum Group {
    /// What is read off a fact as it is.
    Plain(FactId, Plain),
    /// The patterns that a path matches.
    Routes(FactId, Routes),
    /// The sets that hold an address.
    Nets(FactId, Nets),
    /// The parts that a text starts or ends with, and the globs that are looked for by one.
    Affixes(Subject, Affixes),
    /// The parts that a text has anywhere, and the globs that are looked for by one.
    Contains(Subject, Contains),
    /// The regular expressions that have a match.
    Regexes(Subject, Regexes),
    /// A slot that shares its look with no other.
    Alone(SlotId, Slot),
}

/// What slots a fact fills as it is.
#[derive(Debug)]
pub(super) struct Plain {
    slots: Box<[(SlotId, Slot)]>,
    /// The names that stand for numbers.
    members: Option<TextTable>,
}

/// Which slots belong together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Key {
    Plain(FactId),
    Routes(FactId),
    Nets(FactId),
    Part(Subject, Place),
    Regexes(Subject),
    Alone(SlotId),
}

/// The groups of a program, and of each slot the position of its group.
pub(super) fn groups(program: &Program) -> (Vec<Group>, Vec<usize>) {
    let tables = &program.tables;
    let mut pieces: HashMap<Subject, Pieces<'_>> = HashMap::new();
    for slot in &program.slots {
        if let Slot::Like(of, glob) = slot
            && let Some((_, glob)) = tables.globs.get(*glob)
        {
            pieces.entry(*of).or_default().count(glob);
        }
    }
    let mut known: HashMap<Key, usize> = HashMap::new();
    let mut members: Vec<(Key, Vec<(SlotId, Slot)>)> = Vec::new();
    let mut of_slot = Vec::with_capacity(program.slots.len());
    for (id, slot) in (0..).map(SlotId).zip(&program.slots) {
        let key = key(tables, &pieces, id, *slot);
        let group = *known.entry(key).or_insert_with(|| {
            members.push((key, Vec::new()));
            members.len() - 1
        });
        if let Some((_, slots)) = members.get_mut(group) {
            slots.push((id, *slot));
        }
        of_slot.push(group);
    }
    let groups = members.into_iter().map(|(key, slots)| Group::new(program, &pieces, key, &slots));
    (groups.collect(), of_slot)
}

fn key(tables: &Tables, pieces: &HashMap<Subject, Pieces<'_>>, id: SlotId, slot: Slot) -> Key {
    match slot {
        Slot::Value(fact) | Slot::Present(fact) | Slot::Length(fact) => Key::Plain(fact),
        Slot::Route(fact, _) => Key::Routes(fact),
        Slot::InNets(fact, _) => Key::Nets(fact),
        Slot::Has(of, part) => {
            Key::Part(of, tables.parts.get(part).map_or(Place::Start, |(place, _)| *place))
        }
        Slot::Like(of, glob) => {
            Key::Part(of, looked_for(tables, pieces, of, glob).map_or(Place::Start, |(place, _)| place))
        }
        Slot::Matches(of, _) => Key::Regexes(of),
        Slot::Text(_)
        | Slot::SameText(..)
        | Slot::SameAddress(..)
        | Slot::Rollout(..)
        | Slot::Schedule(_)
        | Slot::Now => Key::Alone(id),
    }
}

/// The piece by which a glob is looked for.
fn looked_for<'t>(
    tables: &'t Tables,
    pieces: &HashMap<Subject, Pieces<'t>>,
    of: Subject,
    glob: usize,
) -> Option<(Place, &'t str)> {
    let (_, glob) = tables.globs.get(glob)?;
    Some(pieces.get(&of)?.of(glob))
}

impl Group {
    fn new(
        program: &Program,
        pieces: &HashMap<Subject, Pieces<'_>>,
        key: Key,
        slots: &[(SlotId, Slot)],
    ) -> Self {
        let tables = &program.tables;
        match key {
            Key::Plain(fact) => Self::Plain(fact, Plain::new(program, fact, slots)),
            Key::Routes(fact) => {
                let pattern = |(id, slot): &(SlotId, Slot)| {
                    let Slot::Route(_, pattern) = *slot else { return None };
                    Some((*id, tables.patterns.get(pattern)?))
                };
                Self::Routes(fact, Routes::new(slots.iter().filter_map(pattern)))
            }
            Key::Nets(fact) => {
                let set = |(id, slot): &(SlotId, Slot)| {
                    let Slot::InNets(_, set) = *slot else { return None };
                    Some((*id, tables.nets.get(set)?))
                };
                Self::Nets(fact, Nets::new(slots.iter().filter_map(set)))
            }
            Key::Part(of, place) => {
                let part = |(id, slot): &(SlotId, Slot)| {
                    if let Slot::Like(_, glob) = *slot {
                        let (_, piece) = looked_for(tables, pieces, of, glob)?;
                        return Some((piece, parts::Test { slot: *id, glob: Some(glob) }));
                    }
                    let Slot::Has(_, part) = *slot else { return None };
                    let (_, part) = tables.parts.get(part)?;
                    Some((part.as_str(), parts::Test { slot: *id, glob: None }))
                };
                let parts = slots.iter().filter_map(part);
                match place {
                    Place::Start => Self::Affixes(of, Affixes::new(false, parts)),
                    Place::End => Self::Affixes(of, Affixes::new(true, parts)),
                    Place::Anywhere => Self::Contains(of, Contains::new(parts)),
                }
            }
            Key::Regexes(of) => {
                let test = |(id, slot): &(SlotId, Slot)| {
                    let Slot::Matches(_, regex) = *slot else { return None };
                    Some(regexes::Test { slot: *id, regex })
                };
                Self::Regexes(of, Regexes::new(tables, &slots.iter().filter_map(test).collect::<Vec<_>>()))
            }
            Key::Alone(id) => Self::Alone(id, slots.first().map_or(Slot::Now, |(_, slot)| *slot)),
        }
    }

    /// Fills the slots of the group, but for those of [`Self::Alone`].
    pub(super) fn read(&self, tables: &Tables, request: &impl Request, filling: &mut Filling<'_>) {
        match self {
            Self::Plain(fact, plain) => plain.read(request.value(*fact), filling),
            Self::Routes(fact, routes) => {
                if let Some(path) = text(request, *fact) {
                    routes.find(path, |slot| filling.hold(slot));
                }
            }
            Self::Nets(fact, nets) => {
                if let Value::Ip(ip) = request.value(*fact) {
                    nets.find(ip, |slot| filling.hold(slot));
                }
            }
            Self::Affixes(of, affixes) => look(request, *of, |text| {
                affixes.find(text, |test| test.settle(tables, text, filling));
            }),
            Self::Contains(of, contains) => look(request, *of, |text| contains.read(tables, text, filling)),
            Self::Regexes(of, regexes) => look(request, *of, |text| regexes.read(tables, text, filling)),
            Self::Alone(..) => {}
        }
    }
}

/// Looks at the text of a subject, if the request has it.
fn look(request: &impl Request, of: Subject, look: impl FnOnce(&str)) {
    if let Some(text) = text(request, of.fact) {
        in_case(text, of.lower, look);
    }
}

impl Plain {
    fn new(program: &Program, fact: FactId, slots: &[(SlotId, Slot)]) -> Self {
        let members = match program.facts.get(usize::from(fact.0)).map(|fact| &fact.decl.ty) {
            Some(FactType::OneOf(members) | FactType::Plan(members)) => Some(TextTable::new(members)),
            _ => None,
        };
        Self { slots: slots.into(), members }
    }

    #[inline]
    fn read(&self, value: Value<'_>, filling: &mut Filling<'_>) {
        let length = if let Value::Str(text) = value { text.len() } else { 0 };
        for (id, slot) in &self.slots {
            let value = if let Slot::Value(_) = slot {
                self.number(value)
            } else if let Slot::Length(_) = slot {
                i64::try_from(length).unwrap_or(i64::MAX)
            } else {
                i64::from(value != Value::Absent)
            };
            filling.set(*id, value);
        }
    }

    /// A value as an integer: members of enums and plans by position, -1 for any other text.
    #[inline]
    fn number(&self, value: Value<'_>) -> i64 {
        match value {
            Value::Bool(value) => i64::from(value),
            Value::Int(value) => value,
            Value::Str(text) => self.members.as_ref().map_or(0, |members| members.id(text) - 1),
            Value::Absent | Value::Ip(_) => 0,
        }
    }
}

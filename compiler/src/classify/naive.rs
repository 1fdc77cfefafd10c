//! Every slot by itself, straight from its definition: what classification must agree with.

use std::borrow::Cow;

use limitrate_core::facts::{FactId, FactType, Value};

use super::{rollout_position, text::text};
use crate::{
    ir::{
        Program,
        slot::{Slot, Subject},
    },
    request::Request,
};

/// What a slot holds for a request.
pub(super) fn slot(program: &Program, request: &impl Request, slot: Slot) -> i64 {
    let tables = &program.tables;
    match slot {
        Slot::Value(fact) => value(program, fact, request.value(fact)),
        Slot::Present(fact) => i64::from(request.value(fact) != Value::Absent),
        Slot::Text(of) => subject(request, of).map_or(0, |text| {
            tables.texts.iter().zip(1..).find(|(known, _)| **known == *text).map_or(0, |(_, id)| id)
        }),
        Slot::SameText(a, b) => holds(subject(request, a).zip(subject(request, b)), |(a, b)| a == b),
        Slot::SameAddress(a, b) => match (request.value(a), request.value(b)) {
            (Value::Ip(a), Value::Ip(b)) => i64::from(a == b),
            _ => 0,
        },
        Slot::Length(fact) => {
            text(request, fact).map_or(0, |text| i64::try_from(text.len()).unwrap_or(i64::MAX))
        }
        Slot::Route(fact, pattern) => {
            holds(text(request, fact).zip(tables.patterns.get(pattern)), |(path, pattern)| {
                pattern.matches(path)
            })
        }
        Slot::InNets(fact, set) => match (request.value(fact), tables.nets.get(set)) {
            (Value::Ip(ip), Some(set)) => i64::from(set.contains(ip)),
            _ => 0,
        },
        Slot::Has(of, part) => {
            holds(subject(request, of).zip(tables.parts.get(part)), |(text, (place, part))| {
                place.holds(&text, part)
            })
        }
        Slot::Like(of, glob) => {
            holds(subject(request, of).zip(tables.globs.get(glob)), |(text, (_, glob))| glob.matches(&text))
        }
        Slot::Matches(of, regex) => {
            holds(subject(request, of).zip(tables.regexes.get(regex)), |(text, regex)| regex.is_match(&text))
        }
        Slot::Rollout(fact, rule) => {
            tables.rollouts.get(rule).map_or(0, |rule| rollout_position(rule, request.value(fact)))
        }
        Slot::Schedule(schedule) => {
            tables.schedules.get(schedule).map_or(0, |schedule| i64::from(schedule.at(request.now()).holds))
        }
        Slot::Now => request.now().0,
    }
}

fn holds<T>(pair: Option<T>, test: impl FnOnce(T) -> bool) -> i64 {
    i64::from(pair.is_some_and(test))
}

/// The text of a fact, in lower case where that is asked for.
fn subject<'r>(request: &'r impl Request, of: Subject) -> Option<Cow<'r, str>> {
    let text = text(request, of.fact)?;
    Some(if of.lower { Cow::Owned(text.to_ascii_lowercase()) } else { Cow::Borrowed(text) })
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

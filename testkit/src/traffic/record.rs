//! One request of recorded traffic, and the memory that reading it needs.

use std::collections::BTreeMap;
use std::ops::Range;

use limitrate_core::facts::{FactId, FactType, Value};
use limitrate_core::time::{Nanos, Timestamp};
use limitrate_runtime::{Limiter, store::LocalStore};

use super::fact_value::{Mismatch, Raw, Text, from_int, from_text, is_number, refusal};
use super::schema::{Schema, Target, Targets};
use super::skip::SkipReason;
use crate::limiter::STATUS;

/// The most names of undeclared members that are counted one by one.
pub const MAX_UNKNOWN_NAMES: usize = 64;

/// The most bytes of such a name that are kept; longer ones that begin alike are counted together.
pub const MAX_UNKNOWN_NAME_BYTES: usize = 128;

/// A line of a traffic file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Line<'a> {
    /// Its number in the file, from 1.
    pub number: u64,
    /// Its text, without the line's end.
    pub text: &'a str,
}

/// A recorded request. What it says nothing about is absent: whether that is a mistake, the engine decides.
#[derive(Debug, Clone, PartialEq)]
pub struct Record<'a> {
    /// When it came.
    pub at: Timestamp,
    /// Its facts, those that are constant first; each at most once.
    pub facts: Vec<(FactId, Value<'a>)>,
    /// What became of it, if that was recorded.
    pub reply: Option<Reply<'a>>,
    /// The number of its line, from 1.
    pub line: u64,
}

/// What is known after the response.
#[derive(Debug, Clone, PartialEq)]
pub struct Reply<'a> {
    /// How long after the request it came; zero if not recorded.
    pub after: Nanos,
    /// Its HTTP status; 200 if not recorded.
    pub status: u16,
    /// The facts recorded with it, each at most once. `response.status` is among them if it is declared and recorded.
    pub facts: Vec<(FactId, Value<'a>)>,
}

/// Memory that is used again for each record.
#[derive(Debug, Default)]
pub struct Scratch {
    pub(super) arena: String,
    pub(super) spare: Spare,
    pub(super) seen: Seen,
    /// Members that no fact is declared for.
    pub unknown: UnknownMembers,
}

/// The memory of a record that is done with.
#[derive(Debug, Default)]
pub struct Spare {
    pub(super) facts: Vec<(FactId, Value<'static>)>,
    pub(super) reply: Vec<(FactId, Value<'static>)>,
}

/// Which members the current record has had so far.
#[derive(Debug, Default)]
pub(super) struct Seen {
    record: u64,
    request: Vec<u64>,
    reply: Vec<u64>,
}

/// How often records had a member that no fact is declared for, by name: a mistyped name must not go unnoticed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct UnknownMembers {
    by_name: BTreeMap<Box<str>, u64>,
    others: u64,
    paused: bool,
}

impl Scratch {
    /// Takes back the memory of a record, for the next one.
    pub fn restore(&mut self, spare: Spare) {
        self.spare = spare;
    }
}

impl Record<'_> {
    /// The memory of this record, to [restore](Scratch::restore).
    #[must_use]
    pub fn into_spare(self) -> Spare {
        let reply = self.reply.map(|reply| cleared(reply.facts)).unwrap_or_default();
        Spare { facts: cleared(self.facts), reply }
    }
}

/// The memory of `facts`, empty: collecting in place keeps the allocation.
fn cleared(facts: Vec<(FactId, Value<'_>)>) -> Vec<(FactId, Value<'static>)> {
    facts.into_iter().map_while(|_| None).collect()
}

impl<'a> Reply<'a> {
    /// The facts, with `response.status` among them where the policy declares it.
    #[must_use]
    pub fn facts_with_status<S: LocalStore>(&self, limiter: &Limiter<S>) -> Vec<(FactId, Value<'a>)> {
        let mut facts = self.facts.clone();
        if let Ok(status) = limiter.fact(STATUS)
            && facts.iter().all(|(fact, _)| *fact != status)
        {
            facts.push((status, Value::Int(i64::from(self.status))));
        }
        facts
    }
}

impl Seen {
    /// Begins another record.
    pub(super) fn reset(&mut self, schema: &Schema) {
        self.record += 1;
        // Two members of each object are no facts.
        self.request.resize(schema.request.len() + 2, 0);
        self.reply.resize(schema.reply.len() + 2, 0);
    }

    /// Whether this member is seen for the first time.
    pub(super) fn is_first(&mut self, in_reply: bool, member: usize) -> bool {
        let seen = if in_reply { &mut self.reply } else { &mut self.request };
        seen.get_mut(member).is_none_or(|last| std::mem::replace(last, self.record) != self.record)
    }
}

impl UnknownMembers {
    /// The names and how often each occurred, the most frequent first.
    #[must_use]
    pub fn by_count(&self) -> Vec<(&str, u64)> {
        let mut counts: Vec<_> = self.by_name.iter().map(|(name, count)| (&**name, *count)).collect();
        counts.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
        counts
    }

    /// How often members occurred whose names came after the first [`MAX_UNKNOWN_NAMES`].
    #[must_use]
    pub const fn others(&self) -> u64 {
        self.others
    }

    /// Whether there were none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.by_name.is_empty() && self.others == 0
    }

    pub(super) fn count(&mut self, prefix: &str, name: &str) {
        if self.paused {
            return;
        }
        let end = name.floor_char_boundary(MAX_UNKNOWN_NAME_BYTES.saturating_sub(prefix.len()));
        let is_long = end < name.len();
        let kept = name.get(..end).unwrap_or_default();
        let full;
        let name = if prefix.is_empty() && !is_long {
            name
        } else {
            full = format!("{prefix}{kept}{}", if is_long { "…" } else { "" });
            &full
        };
        if let Some(count) = self.by_name.get_mut(name) {
            *count += 1;
        } else if self.by_name.len() < MAX_UNKNOWN_NAMES {
            self.by_name.insert(name.into(), 1);
        } else {
            self.others += 1;
        }
    }

    /// Counts no more: the same lines are about to be read again.
    pub(super) fn pause(&mut self) {
        self.paused = true;
    }
}

/// Facts while a line is being read: texts in the arena are added at the end, when it no longer grows.
pub(super) struct Draft<'a> {
    facts: Vec<(FactId, Value<'a>)>,
    unescaped: Vec<(usize, Range<usize>)>,
}

impl<'a> Draft<'a> {
    pub(super) fn new(facts: Vec<(FactId, Value<'a>)>) -> Self {
        Self { facts, unescaped: Vec::new() }
    }

    pub(super) fn add_constants(&mut self, schema: &'a Schema) {
        self.facts.extend(schema.constants());
    }

    /// Adds the facts that are read from a member, named by a prefix and the rest; none if it is null.
    pub(super) fn add(
        &mut self,
        member: (&'static str, &str),
        targets: &Targets,
        raw: &Raw<'a>,
        arena: &mut String,
    ) -> Result<(), SkipReason> {
        for Target { id, ty, mapped } in targets {
            let value = match raw {
                Raw::Null => continue,
                Raw::Text(Text::Borrowed(text)) => from_text(ty, text),
                Raw::Text(Text::Unescaped(range)) => {
                    match from_text(ty, arena.get(range.clone()).unwrap_or_default()) {
                        Ok(Value::Str(_)) => {
                            self.unescaped.push((self.facts.len(), range.clone()));
                            Ok(Value::Absent)
                        }
                        Ok(Value::Int(value)) => Ok(Value::Int(value)),
                        Ok(Value::Bool(value)) => Ok(Value::Bool(value)),
                        Ok(Value::Ip(value)) => Ok(Value::Ip(value)),
                        Ok(Value::Absent) => Ok(Value::Absent),
                        Err(error) => Err(error),
                    }
                }
                Raw::Int(value) if *ty == FactType::Key => Ok(self.digits(*value, arena)),
                Raw::Wide(value) if *ty == FactType::Key => Ok(self.digits(*value, arena)),
                Raw::Int(value) => from_int(ty, *value),
                Raw::Wide(_) if is_number(ty) => Err(Mismatch::OutOfRange),
                Raw::Float(value) if is_number(ty) && value.fract() == 0.0 && value.abs() >= 1e15 => {
                    Err(Mismatch::OutOfRange)
                }
                Raw::Bool(value) if *ty == FactType::Bool => Ok(Value::Bool(*value)),
                Raw::Bool(_) | Raw::Wide(_) | Raw::Float(_) | Raw::Array | Raw::Object => {
                    Err(Mismatch::WrongType)
                }
            };
            match value {
                Ok(value) => self.facts.push((*id, value)),
                Err(why) => return Err(refusal(member, mapped.as_deref(), (ty, why), raw, arena)),
            }
        }
        Ok(())
    }

    /// A number as the text of a key.
    fn digits(&mut self, value: impl ToString, arena: &mut String) -> Value<'a> {
        let start = arena.len();
        arena.push_str(&value.to_string());
        self.unescaped.push((self.facts.len(), start..arena.len()));
        Value::Absent
    }

    pub(super) fn finish(mut self, arena: &'a str) -> Vec<(FactId, Value<'a>)> {
        for (at, range) in self.unescaped {
            if let Some((_, value)) = self.facts.get_mut(at) {
                *value = Value::Str(arena.get(range).unwrap_or_default());
            }
        }
        self.facts
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clearing_keeps_the_memory() {
        let facts = vec![(FactId(0), Value::Str("x")); 10];
        let spare = cleared(facts);
        assert!(spare.is_empty() && spare.capacity() >= 10);
    }

    #[test]
    fn a_long_name_is_cut_between_two_characters() {
        let mut unknown = UnknownMembers::default();
        for end in ["x", "y"] {
            unknown.count("", &format!("a{}{end}", "ä".repeat(100_000)));
        }
        unknown.count("reply.", &"b".repeat(129));
        unknown.count("", &"c".repeat(MAX_UNKNOWN_NAME_BYTES));
        let long = format!("a{}…", "ä".repeat(63));
        let (reply, whole) = (format!("reply.{}…", "b".repeat(122)), "c".repeat(128));
        assert_eq!(unknown.by_count(), [(long.as_str(), 2), (&whole, 1), (&reply, 1)]);
    }
}

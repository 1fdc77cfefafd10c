//! JSON lines: one object a request, whose member `t` is the time, `reply` what is known after the response, and every
//! other member a fact by its declared name.
//!
//! Objects are read member by member, without a tree in between; texts without escapes are borrowed from the line.

use std::fmt;

use limitrate_core::literal;
use limitrate_core::time::{Nanos, Timestamp};
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::fact_value::{Raw, Text, describe};
use super::record::{Draft, Line, Record, Reply, Scratch, Seen, Spare, UnknownMembers};
use super::schema::{Members, Schema, reply_member};
use super::skip::SkipReason;

/// Nanoseconds in a millisecond.
const MILLI: i64 = 1_000_000;

/// Reads a line of JSON.
///
/// Numbers are integers in the base unit of the fact's type, or literals of the language in quotes; a key may be a
/// number too. A null is an absent fact.
///
/// # Errors
///
/// The [`SkipReason`] where the line is no such object, has no time, or a value of the wrong type.
pub fn read_jsonl<'a>(
    line: Line<'a>,
    schema: &'a Schema,
    scratch: &'a mut Scratch,
) -> Result<Record<'a>, SkipReason> {
    let Scratch { arena, spare, seen, unknown } = scratch;
    arena.clear();
    seen.reset(schema);
    let Spare { facts, reply } = std::mem::take(spare);
    let mut reading = Reading {
        schema,
        arena,
        seen,
        unknown,
        at: None,
        facts: Draft::new(facts),
        reply: ReplyDraft { is_present: false, after: Nanos::ZERO, status: None, facts: Draft::new(reply) },
        refused: None,
    };
    reading.facts.add_constants(schema);
    let mut json = serde_json::Deserializer::from_str(line.text);
    let object = ObjectVisitor { reading: &mut reading, in_reply: false };
    let parsed = json.deserialize_map(object).and_then(|()| json.end());
    if let Err(error) = parsed {
        return Err(reading.refused.take().unwrap_or_else(|| syntax(&error)));
    }
    reading.finish(line.number)
}

fn syntax(error: &serde_json::Error) -> SkipReason {
    match error.classify() {
        serde_json::error::Category::Data => SkipReason::NotAnObject,
        serde_json::error::Category::Syntax
        | serde_json::error::Category::Eof
        | serde_json::error::Category::Io => SkipReason::NotJson { column: error.column() },
    }
}

/// What has been read of a line.
struct Reading<'a> {
    schema: &'a Schema,
    arena: &'a mut String,
    seen: &'a mut Seen,
    unknown: &'a mut UnknownMembers,
    at: Option<Timestamp>,
    facts: Draft<'a>,
    reply: ReplyDraft<'a>,
    /// Why the line is skipped: the JSON reader's own errors have no room for it.
    refused: Option<SkipReason>,
}

struct ReplyDraft<'a> {
    is_present: bool,
    after: Nanos,
    status: Option<u16>,
    facts: Draft<'a>,
}

impl<'a> Reading<'a> {
    fn finish(self, line: u64) -> Result<Record<'a>, SkipReason> {
        let at = self.at.ok_or(SkipReason::NoTime)?;
        let arena: &'a str = self.arena;
        let ReplyDraft { is_present, after, status, facts } = self.reply;
        let reply =
            is_present.then(|| Reply { after, status: status.unwrap_or(200), facts: facts.finish(arena) });
        Ok(Record { at, facts: self.facts.finish(arena), reply, line })
    }

    fn refuse<E: serde::de::Error>(&mut self, reason: SkipReason) -> E {
        self.refused = Some(reason);
        E::custom("refused")
    }

    fn time(&self, raw: &Raw<'_>) -> Result<Timestamp, SkipReason> {
        let at = match raw {
            Raw::Int(millis) => millis.checked_mul(MILLI).map(Timestamp),
            Raw::Text(text) => literal::parse_instant(text.get(self.arena)).ok(),
            Raw::Null | Raw::Bool(_) | Raw::Wide(_) | Raw::Float(_) | Raw::Array | Raw::Object => None,
        };
        at.ok_or_else(|| SkipReason::BadTime {
            expected: "RFC 3339 or integer milliseconds",
            found: describe(raw, self.arena),
        })
    }

    fn fact(&mut self, in_reply: bool, member: usize, raw: &Raw<'a>) -> Result<(), SkipReason> {
        let members = members(self.schema, in_reply);
        let Some(member) = members.get(member) else { return Ok(()) };
        let draft = if in_reply { &mut self.reply.facts } else { &mut self.facts };
        draft.add((prefix(in_reply), &member.name), &member.targets, raw, self.arena)
    }

    fn status(&mut self, raw: &Raw<'a>) -> Result<(), SkipReason> {
        if let Raw::Int(status @ 0..=999) = raw {
            self.reply.status = u16::try_from(*status).ok();
        } else if *raw != Raw::Null {
            return Err(self.wrong_reply("reply.status", "a status of three digits", raw));
        }
        self.schema.reply.find("status").map_or(Ok(()), |member| self.fact(true, member, raw))
    }

    fn after(&mut self, raw: &Raw<'_>) -> Result<(), SkipReason> {
        let after = match raw {
            Raw::Null => Some(0),
            Raw::Int(millis) => millis.checked_mul(MILLI).filter(|nanos| *nanos >= 0),
            Raw::Float(millis) => nanos(*millis),
            Raw::Bool(_) | Raw::Wide(_) | Raw::Text(_) | Raw::Array | Raw::Object => None,
        };
        let after = after.ok_or_else(|| self.wrong_reply("reply.after_ms", "milliseconds", raw))?;
        self.reply.after = Nanos(after);
        Ok(())
    }

    #[cold]
    fn wrong_reply(&self, member: &str, expected: &'static str, raw: &Raw<'_>) -> SkipReason {
        SkipReason::WrongType { member: member.into(), expected, found: describe(raw, self.arena) }
    }
}

fn members(schema: &Schema, in_reply: bool) -> &Members {
    if in_reply { &schema.reply } else { &schema.request }
}

/// What stands before the names of a reply's members in reasons.
fn prefix(in_reply: bool) -> &'static str {
    if in_reply { "reply." } else { "" }
}

/// Milliseconds as whole nanoseconds.
#[expect(clippy::cast_possible_truncation, reason = "within the range of an `i64`, as checked")]
fn nanos(millis: f64) -> Option<i64> {
    let nanos = (millis * 1e6).round();
    (0.0..9.2e18).contains(&nanos).then_some(nanos as i64)
}

/// A member, by what it means.
enum Key {
    Time,
    Reply,
    Status,
    After,
    /// The place among the known members.
    Fact(usize),
    Unknown,
}

/// The members of a line, or of its reply.
struct ObjectVisitor<'r, 'a> {
    reading: &'r mut Reading<'a>,
    in_reply: bool,
}

impl<'de: 'a, 'a> Visitor<'de> for ObjectVisitor<'_, 'a> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<(), M::Error> {
        let Self { reading, in_reply } = self;
        while let Some(key) = map.next_key_seed(KeySeed { reading, in_reply })? {
            if matches!(key, Key::Unknown) {
                map.next_value::<IgnoredAny>()?;
                continue;
            }
            if matches!(key, Key::Reply) {
                map.next_value_seed(ReplySeed(reading))?;
                continue;
            }
            let raw = map.next_value_seed(RawSeed { arena: reading.arena })?;
            let read = match key {
                Key::Time => reading.time(&raw).map(|at| reading.at = Some(at)),
                Key::Status => reading.status(&raw),
                Key::After => reading.after(&raw),
                Key::Fact(member) => reading.fact(in_reply, member, &raw),
                Key::Reply | Key::Unknown => Ok(()),
            };
            if let Err(reason) = read {
                return Err(reading.refuse(reason));
            }
        }
        Ok(())
    }
}

/// The object of a reply, or null.
struct ReplySeed<'r, 'a>(&'r mut Reading<'a>);

impl<'de: 'a, 'a> DeserializeSeed<'de> for ReplySeed<'_, 'a> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de: 'a, 'a> Visitor<'de> for ReplySeed<'_, 'a> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_map<M: MapAccess<'de>>(self, map: M) -> Result<(), M::Error> {
        self.0.reply.is_present = true;
        ObjectVisitor { reading: self.0, in_reply: true }.visit_map(map)
    }

    fn visit_bool<E: serde::de::Error>(self, value: bool) -> Result<(), E> {
        self.refuse(&Raw::Bool(value))
    }

    fn visit_i64<E: serde::de::Error>(self, value: i64) -> Result<(), E> {
        self.refuse(&Raw::Int(value))
    }

    fn visit_u64<E: serde::de::Error>(self, value: u64) -> Result<(), E> {
        self.refuse(&Raw::Wide(value))
    }

    fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<(), E> {
        self.refuse(&Raw::Float(value))
    }

    fn visit_str<E: serde::de::Error>(self, value: &str) -> Result<(), E> {
        let reason = self.0.wrong_reply("reply", "object", &Raw::Text(Text::Borrowed(value)));
        Err(self.0.refuse(reason))
    }

    fn visit_seq<S: SeqAccess<'de>>(self, _: S) -> Result<(), S::Error> {
        self.refuse(&Raw::Array)
    }
}

impl ReplySeed<'_, '_> {
    fn refuse<E: serde::de::Error>(self, raw: &Raw<'_>) -> Result<(), E> {
        let reason = self.0.wrong_reply("reply", "object", raw);
        Err(self.0.refuse(reason))
    }
}

/// A member's name, looked up at once.
struct KeySeed<'r, 'a> {
    reading: &'r mut Reading<'a>,
    in_reply: bool,
}

impl<'de> DeserializeSeed<'de> for KeySeed<'_, '_> {
    type Value = Key;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Key, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for KeySeed<'_, '_> {
    type Value = Key;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a name")
    }

    fn visit_str<E: serde::de::Error>(self, name: &str) -> Result<Key, E> {
        let Self { reading, in_reply } = self;
        let members = members(reading.schema, in_reply);
        // The members that are no facts have the places after the facts.
        let (key, place) = match (in_reply, name) {
            (false, "t") => (Key::Time, members.len()),
            (false, "reply") => (Key::Reply, members.len() + 1),
            (true, "after_ms") => (Key::After, members.len()),
            (true, "status" | "response.status") => (Key::Status, members.len() + 1),
            (_, name) => {
                let name = if in_reply { reply_member(name).unwrap_or(name) } else { name };
                match members.find(name) {
                    Some(place) => (Key::Fact(place), place),
                    None => {
                        // What every recording may have is no mistyped name.
                        if !(in_reply && name == "size") {
                            reading.unknown.count(prefix(in_reply), name);
                        }
                        return Ok(Key::Unknown);
                    }
                }
            }
        };
        if reading.seen.is_first(in_reply, place) {
            return Ok(key);
        }
        let member = format!("{}{name}", prefix(in_reply)).into();
        Err(reading.refuse(SkipReason::Duplicate { member }))
    }
}

/// Any value: scalars are kept, texts with escapes go to the arena.
struct RawSeed<'r> {
    arena: &'r mut String,
}

impl<'de> DeserializeSeed<'de> for RawSeed<'_> {
    type Value = Raw<'de>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Raw<'de>, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for RawSeed<'_> {
    type Value = Raw<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E>(self) -> Result<Raw<'de>, E> {
        Ok(Raw::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Raw<'de>, E> {
        Ok(Raw::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Raw<'de>, E> {
        Ok(Raw::Int(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Raw<'de>, E> {
        Ok(i64::try_from(value).map_or(Raw::Wide(value), Raw::Int))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Raw<'de>, E> {
        Ok(Raw::Float(value))
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Raw<'de>, E> {
        Ok(Raw::Text(Text::Borrowed(text)))
    }

    fn visit_str<E>(self, text: &str) -> Result<Raw<'de>, E> {
        let start = self.arena.len();
        self.arena.push_str(text);
        Ok(Raw::Text(Text::Unescaped(start..self.arena.len())))
    }

    fn visit_seq<S: SeqAccess<'de>>(self, mut seq: S) -> Result<Raw<'de>, S::Error> {
        while seq.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Raw::Array)
    }

    fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Raw<'de>, M::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Raw::Object)
    }
}

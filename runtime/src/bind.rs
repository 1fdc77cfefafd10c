//! Binding: from the facts of a request to the frame of integers that the policy decides over.
//!
//! What each fact feeds is worked out once per policy. Per request, values are checked against their types, defaults
//! stand in, and slots are filled; a fact that is missing or malformed without a fallback is never guessed.

mod response;

use std::{fmt, net::IpAddr};

use arrayvec::ArrayVec;
use limitrate_compiler::{check::MAX_FACTS, ir::Program, request::Request};
use limitrate_core::{
    facts::{FactDecl, FactId, FactType, Phase, Value},
    net::canonical,
    path,
    time::Timestamp,
};

/// A fact that makes a request unacceptable: it is answered with 400.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InputProblem {
    /// The fact.
    pub fact: FactId,
    /// What is wrong with it.
    pub problem: Problem,
}

/// What is wrong with a fact.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Problem {
    /// The request lacks it, and it has no default.
    Missing,
    /// Its value is of another kind than its type.
    WrongKind,
    /// Its value is outside its type: an unknown member or plan, a number out of range, no address.
    OutsideType,
    /// The request gives a fact that the policy does not declare.
    Undeclared,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Missing => "is missing",
            Self::WrongKind => "has a value of another kind",
            Self::OutsideType => "has a value outside its type",
            Self::Undeclared => "is not declared",
        })
    }
}

/// The facts of one request, checked, with defaults in place.
#[derive(Debug)]
pub(crate) struct Bound<'a> {
    values: ArrayVec<Value<'a>, MAX_FACTS>,
    /// The path in its normal form, where that is not how it was sent.
    path: Option<(FactId, String)>,
    now: Timestamp,
}

impl Request for Bound<'_> {
    #[inline]
    fn value(&self, fact: FactId) -> Value<'_> {
        self.get(fact)
    }

    #[inline]
    fn now(&self) -> Timestamp {
        self.now
    }
}

impl<'a> Bound<'a> {
    /// Nothing bound yet. Filled in place: it is too large to be moved on the hot path.
    pub(crate) const fn new(now: Timestamp) -> Self {
        Self { values: ArrayVec::new_const(), path: None, now }
    }

    /// Sets every fact to its default.
    fn reset(&mut self, program: &'a Program) {
        self.values.clear();
        self.path = None;
        for fact in program.facts.iter().take(MAX_FACTS) {
            self.values.push(fact.decl.default.as_ref().map_or(Value::Absent, |value| value.borrow()));
        }
    }

    /// The value of a fact.
    pub(crate) fn get(&self, fact: FactId) -> Value<'_> {
        match &self.path {
            Some((path, normal)) if *path == fact => Value::Str(normal),
            _ => self.sent(fact),
        }
    }

    /// The value as sent, paths included.
    fn sent(&self, fact: FactId) -> Value<'a> {
        self.values.get(usize::from(fact.0)).copied().unwrap_or(Value::Absent)
    }
}

/// What binding needs to know of a policy.
#[derive(Debug)]
pub(crate) struct Binder {
    /// Facts that a request must carry, as bits by position.
    needed: u64,
    path: Option<FactId>,
    /// Facts of the request whose text is compared with a fact of the response.
    kept: Box<[FactId]>,
}

impl Binder {
    pub(crate) fn new(program: &Program) -> Self {
        let needed = program.facts.iter().take(MAX_FACTS).enumerate().fold(0, |bits, (i, fact)| {
            let decl = &fact.decl;
            let must = fact.used && decl.phase == Phase::Request && !decl.optional && decl.default.is_none();
            bits | (u64::from(must) << i)
        });
        Self { needed, path: program.http.map(|http| http.path), kept: response::kept(program) }
    }

    /// Checks the facts of a request and fills `bound`.
    ///
    /// A fact that stands twice takes the later value.
    pub(crate) fn bind<'a>(
        &self,
        program: &'a Program,
        facts: &[(FactId, Value<'a>)],
        bound: &mut Bound<'a>,
    ) -> Result<(), InputProblem> {
        bound.reset(program);
        let mut given: u64 = 0;
        for (fact, value) in facts {
            let position = usize::from(fact.0);
            let (Some(declared), Some(place)) = (program.facts.get(position), bound.values.get_mut(position))
            else {
                return Err(InputProblem { fact: *fact, problem: Problem::Undeclared });
            };
            if *value == Value::Absent || declared.decl.phase == Phase::Response {
                continue; // what is said of the response before it is there does not count
            }
            match checked(&declared.decl, *value) {
                Ok(value) => *place = value,
                Err(problem) => match &declared.decl.otherwise {
                    Some(otherwise) => *place = otherwise.borrow(),
                    // What is known only after the response decides nothing here.
                    None if !declared.used || declared.decl.phase == Phase::Response => continue,
                    None => return Err(InputProblem { fact: *fact, problem }),
                },
            }
            given |= 1 << position;
        }
        let missing = self.needed & !given;
        if missing != 0 {
            let fact = FactId(u16::try_from(missing.trailing_zeros()).unwrap_or(0));
            return Err(InputProblem { fact, problem: Problem::Missing });
        }
        self.normalise_path(bound);
        Ok(())
    }

    /// The facts as far as they go, for naming counters: what is malformed is absent.
    pub(crate) fn partial<'a>(&self, program: &'a Program, facts: &[(FactId, Value<'a>)]) -> Bound<'a> {
        let mut bound = Bound::new(Timestamp(0));
        bound.reset(program);
        for (fact, value) in facts.iter().filter(|(_, value)| *value != Value::Absent) {
            let position = usize::from(fact.0);
            if let (Some(declared), Some(place)) =
                (program.facts.get(position), bound.values.get_mut(position))
            {
                let otherwise =
                    declared.decl.otherwise.as_ref().map_or(Value::Absent, |value| value.borrow());
                *place = checked(&declared.decl, *value).unwrap_or(otherwise);
            }
        }
        self.normalise_path(&mut bound);
        bound
    }

    fn normalise_path(&self, bound: &mut Bound<'_>) {
        let Some(fact) = self.path else { return };
        if let Value::Str(sent) = bound.sent(fact) {
            match path::normalize(sent) {
                std::borrow::Cow::Borrowed(normal) => {
                    if let Some(place) = bound.values.get_mut(usize::from(fact.0)) {
                        *place = Value::Str(normal);
                    }
                }
                std::borrow::Cow::Owned(normal) => bound.path = Some((fact, normal)),
            }
        }
    }
}

/// The value as its type has it.
fn checked<'a>(decl: &FactDecl, value: Value<'a>) -> Result<Value<'a>, Problem> {
    match (&decl.ty, value) {
        (FactType::Bool, Value::Bool(_)) | (FactType::String | FactType::Key, Value::Str(_)) => Ok(value),
        (FactType::Int { min, max }, Value::Int(number)) => within(value, (*min..=*max).contains(&number)),
        (
            FactType::Percent | FactType::Quantity(_) | FactType::Price(_) | FactType::Duration,
            Value::Int(number),
        ) => within(value, number >= 0),
        (FactType::Instant | FactType::Date | FactType::Clock, Value::Int(_)) => Ok(value),
        (FactType::Ip, Value::Ip(ip)) => Ok(Value::Ip(canonical(ip))),
        (FactType::Ip, Value::Str(text)) => match text.parse::<IpAddr>() {
            Ok(ip) => Ok(Value::Ip(canonical(ip))),
            Err(_) => Err(Problem::OutsideType),
        },
        (FactType::OneOf(members) | FactType::Plan(members), Value::Str(text)) => {
            within(value, members.iter().any(|member| **member == *text))
        }
        _ => Err(Problem::WrongKind),
    }
}

fn within(value: Value<'_>, inside: bool) -> Result<Value<'_>, Problem> {
    if inside { Ok(value) } else { Err(Problem::OutsideType) }
}

//! Binding: from the facts of a request to the frame of integers that the policy decides over.
//!
//! What each fact feeds is worked out once per policy. Per request, values are checked against their types, defaults
//! stand in, and slots are filled; a fact that is missing or malformed without a fallback is never guessed.

mod response;

use std::{fmt, net::IpAddr};

use arrayvec::ArrayVec;
use limitrate_compiler::{check::MAX_FACTS, checked::Fact, ir::Program, request::Request};
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

/// Where a value of a fact stands: nowhere for 0, then among those of its own, and from here on among those sent.
const SENT: u8 = 65;
const _: () = assert!(SENT as usize == MAX_FACTS + 1);

/// The facts of one request, checked, with defaults in place.
///
/// Most are as they were sent, and are not copied: who sent them has just written them, and to read them back in wider
/// pieces would wait for that.
#[derive(Debug)]
pub(crate) struct Bound<'a> {
    /// Of each fact, the place of its value.
    places: [u8; MAX_FACTS],
    /// The facts as they were sent.
    sent: &'a [(FactId, Value<'a>)],
    /// What nobody sent: defaults, and what stands for a value.
    own: ArrayVec<Value<'a>, MAX_FACTS>,
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
        Self { places: [0; MAX_FACTS], sent: &[], own: ArrayVec::new_const(), path: None, now }
    }

    /// The value of a fact.
    #[inline]
    pub(crate) fn get(&self, fact: FactId) -> Value<'_> {
        match &self.path {
            Some((path, normal)) if *path == fact => Value::Str(normal),
            _ => self.sent(fact),
        }
    }

    /// The value as sent, paths included.
    #[inline]
    fn sent(&self, fact: FactId) -> Value<'a> {
        let place = self.places.get(usize::from(fact.0)).copied().unwrap_or(0);
        let value = match place.checked_sub(SENT) {
            Some(at) => self.sent.get(usize::from(at)).map(|(_, value)| value),
            None => self.own.get(usize::from(place).wrapping_sub(1)),
        };
        value.copied().unwrap_or(Value::Absent)
    }

    /// Gives a fact the value that was sent at a position.
    #[inline]
    fn keep(&mut self, position: usize, at: usize) {
        let sent = u8::try_from(at).ok().and_then(|at| at.checked_add(SENT));
        match (self.places.get_mut(position), sent) {
            (Some(place), Some(sent)) if *place == 0 || *place >= SENT => *place = sent,
            _ => self.set(position, self.sent.get(at).map_or(Value::Absent, |(_, value)| *value)),
        }
    }

    /// Gives a fact a value of its own. Each has one place for that at most, so that there is room for all.
    fn set(&mut self, position: usize, value: Value<'a>) {
        let Some(place) = self.places.get_mut(position) else { return };
        if let Some(own) = self.own.get_mut(usize::from(*place).wrapping_sub(1)) {
            *own = value;
        } else if self.own.try_push(value).is_ok() {
            *place = u8::try_from(self.own.len()).unwrap_or(0);
        }
    }
}

/// What binding needs to know of a policy, so that it looks at few declarations. Bits stand for facts by position.
#[derive(Debug)]
pub(crate) struct Binder {
    /// How many facts there are.
    count: usize,
    /// Facts that have a default.
    defaults: Box<[usize]>,
    /// Facts of the request that take any text.
    texts: u64,
    /// Facts that a request must carry.
    needed: u64,
    path: Option<FactId>,
    /// Facts of the request whose text is compared with a fact of the response.
    kept: Box<[FactId]>,
}

impl Binder {
    pub(crate) fn new(program: &Program) -> Self {
        let facts = || program.facts.iter().take(MAX_FACTS);
        let bits = |holds: fn(&Fact) -> bool| {
            facts().enumerate().fold(0, |bits, (position, fact)| bits | (u64::from(holds(fact)) << position))
        };
        Self {
            count: facts().count(),
            defaults: facts()
                .zip(0..)
                .filter(|(fact, _)| fact.decl.default.is_some())
                .map(|(_, position)| position)
                .collect(),
            texts: bits(|fact| {
                fact.decl.phase == Phase::Request && matches!(fact.decl.ty, FactType::String | FactType::Key)
            }),
            needed: bits(|fact| {
                let is_asked = fact.decl.phase == Phase::Request;
                fact.used && is_asked && !fact.decl.optional && fact.decl.default.is_none()
            }),
            path: program.http.map(|http| http.path),
            kept: response::kept(program),
        }
    }

    /// Sets facts to their defaults, where nothing is bound yet.
    #[inline]
    fn begin<'a>(&self, program: &'a Program, bound: &mut Bound<'a>) {
        for position in &self.defaults {
            if let Some(default) = program.facts.get(*position).and_then(|fact| fact.decl.default.as_ref()) {
                bound.set(*position, default.borrow());
            }
        }
    }

    /// Checks the facts of a request and fills `bound`, which is new.
    ///
    /// A fact that stands twice takes the later value.
    #[inline]
    pub(crate) fn bind<'a>(
        &self,
        program: &'a Program,
        facts: &'a [(FactId, Value<'a>)],
        bound: &mut Bound<'a>,
    ) -> Result<(), InputProblem> {
        self.begin(program, bound);
        bound.sent = facts;
        let mut given: u64 = 0;
        for (at, (fact, value)) in facts.iter().enumerate() {
            let position = usize::from(fact.0);
            if position >= self.count {
                return Err(InputProblem { fact: *fact, problem: Problem::Undeclared });
            }
            let bit = 1 << position; // there are no more than 64 facts
            if self.texts & bit != 0 && matches!(value, Value::Str(_)) {
                bound.keep(position, at);
                given |= bit;
            } else if let Some(accepted) = accepted(program, *fact, value)? {
                match accepted {
                    Accepted::AsSent => bound.keep(position, at),
                    Accepted::Otherwise(value) => bound.set(position, value),
                }
                given |= bit;
            }
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
        self.begin(program, &mut bound);
        for (fact, value) in facts.iter().filter(|(_, value)| *value != Value::Absent) {
            let position = usize::from(fact.0);
            if let Some(declared) = program.facts.get(position) {
                let otherwise =
                    declared.decl.otherwise.as_ref().map_or(Value::Absent, |value| value.borrow());
                bound.set(position, checked(&declared.decl, *value).unwrap_or(otherwise));
            }
        }
        self.normalise_path(&mut bound);
        bound
    }

    #[inline]
    fn normalise_path(&self, bound: &mut Bound<'_>) {
        let Some(fact) = self.path else { return };
        if let Value::Str(sent) = bound.sent(fact) {
            match path::normalize(sent) {
                std::borrow::Cow::Borrowed(normal) if normal.len() == sent.len() => {}
                std::borrow::Cow::Borrowed(normal) => bound.set(usize::from(fact.0), Value::Str(normal)),
                std::borrow::Cow::Owned(normal) => bound.path = Some((fact, normal)),
            }
        }
    }
}

/// What a fact comes to that counts.
#[derive(Debug)]
enum Accepted<'a> {
    AsSent,
    /// Another value stands for the one that was sent.
    Otherwise(Value<'a>),
}

/// What a request's fact comes to: `None` where it does not count. An error is a fact that makes the request unacceptable.
fn accepted<'a>(
    program: &'a Program,
    id: FactId,
    value: &Value<'a>,
) -> Result<Option<Accepted<'a>>, InputProblem> {
    let Some(fact) = program.facts.get(usize::from(id.0)) else {
        return Err(InputProblem { fact: id, problem: Problem::Undeclared });
    };
    // What is said of the response before it is there does not count.
    if *value == Value::Absent || fact.decl.phase == Phase::Response {
        return Ok(None);
    }
    match (checked(&fact.decl, *value), &fact.decl.otherwise) {
        (Ok(Value::Ip(ip)), _) => Ok(Some(Accepted::Otherwise(Value::Ip(ip)))),
        (Ok(_), _) => Ok(Some(Accepted::AsSent)),
        (Err(_), Some(otherwise)) => Ok(Some(Accepted::Otherwise(otherwise.borrow()))),
        (Err(_), None) if !fact.used => Ok(None),
        (Err(problem), None) => Err(InputProblem { fact: id, problem }),
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

//! Which member of a record gives which fact.

use limitrate_core::facts::{FactDecl, FactId, FactType, OwnedValue, Phase, Value};
use limitrate_core::unit::Unit;

use super::fact_value::{Mismatch, from_text, type_name};
use super::skip::quoted;

/// The facts of a policy, by the names that records give them.
///
/// A fact is read from the member of its name, unless it is set to a constant or mapped to another member.
#[derive(Debug, Clone)]
pub struct Schema {
    pub(super) constants: Box<[(FactId, OwnedValue)]>,
    pub(super) request: Members,
    pub(super) reply: Members,
    pub(super) combined: CombinedTargets,
}

/// The members known in an object, sorted by name.
#[derive(Debug, Clone, Default)]
pub(super) struct Members(Box<[Member]>);

/// A member, and the facts that are read from it: none where all its facts are set or mapped.
#[derive(Debug, Clone)]
pub(super) struct Member {
    pub(super) name: Box<str>,
    pub(super) targets: Targets,
}

pub(super) type Targets = Box<[Target]>;

/// A fact that is read from a member.
#[derive(Debug, Clone)]
pub(super) struct Target {
    pub(super) id: FactId,
    pub(super) ty: FactType,
    /// The fact's name, if that is not the member's.
    pub(super) mapped: Option<Box<str>>,
}

/// The facts read from each field of a combined log.
#[derive(Debug, Clone, Default)]
pub(super) struct CombinedTargets {
    pub(super) ip: Targets,
    pub(super) remote_user: Targets,
    pub(super) method: Targets,
    pub(super) path: Targets,
    pub(super) query: Targets,
    pub(super) referer: Targets,
    pub(super) user_agent: Targets,
    pub(super) status: Targets,
    pub(super) size: Targets,
}

/// Why facts cannot be read as asked for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SchemaError {
    /// The policy declares no fact of this name.
    #[error("the policy has no fact `{0}`")]
    UnknownFact(Box<str>),
    /// A fact is set or mapped more than once.
    #[error("`{0}` is set or mapped twice")]
    GivenTwice(Box<str>),
    /// A constant is not of its fact's type.
    #[error("`{fact}` is of type {expected}, and {found} is not{}", write_instead(.instead.as_deref()))]
    BadConstant {
        /// The fact.
        fact: Box<str>,
        /// Its type.
        expected: &'static str,
        /// The constant, quoted.
        found: Box<str>,
        /// The constant with the unit that it lacks, if that is what is wrong.
        instead: Option<Box<str>>,
    },
    /// A fact is mapped to a member without a name.
    #[error("`{0}` is mapped to a member without a name")]
    NoMember(Box<str>),
    /// A constant is outside its fact's range.
    #[error("{found} is out of range for `{fact}`")]
    OutOfRange {
        /// The fact.
        fact: Box<str>,
        /// The constant, quoted.
        found: Box<str>,
    },
    /// A constant is none of the values that its fact may take.
    #[error("`{fact}` is never {found}: it is one of {members}")]
    NotAMember {
        /// The fact.
        fact: Box<str>,
        /// The constant, quoted.
        found: Box<str>,
        /// The values, quoted.
        members: Box<str>,
    },
    /// Records use a fact's name for something else.
    #[error("records use `{0}` for something else: set the fact, or map it to another member")]
    ReservedName(Box<str>),
}

fn write_instead(instead: Option<&str>) -> String {
    instead.map_or_else(String::new, |instead| format!(": write `{instead}`"))
}

impl Schema {
    /// A schema of these facts, of which some are `set` to a constant (fact, value) or `mapped` (fact, member).
    ///
    /// Constants are written as in the language, without quotes. A constant or mapping replaces what a record has
    /// under the fact's own name. A fact mapped to a fact that is set takes its constant.
    ///
    /// # Errors
    ///
    /// See [`SchemaError`].
    pub fn new(
        facts: &[FactDecl],
        set: &[(&str, &str)],
        mapped: &[(&str, &str)],
    ) -> Result<Self, SchemaError> {
        check_names(facts, set, mapped)?;
        let mut constants = Vec::new();
        let (mut request, mut reply) = (Builder::default(), Builder::default());
        for (id, fact) in (0..=u16::MAX).map(FactId).zip(facts) {
            let name = &*fact.name;
            let source = lookup(mapped, name);
            if fact.phase == Phase::Request {
                request.declare(name);
            }
            if let Some(member) = reply_member(name) {
                reply.declare(member);
            }
            if let Some(text) = lookup(set, source.unwrap_or(name)) {
                constants.push((id, constant(fact, text)?));
                continue;
            }
            if source.is_none() && matches!(name, "t" | "reply") {
                return Err(SchemaError::ReservedName(name.into()));
            }
            let (source, is_mapped) = (source.unwrap_or(name), source.is_some());
            if let Some(member) = reply_member(source) {
                reply.add(member, id, fact, is_mapped);
            }
            // What is known only after the response is none of the request's members, where it would be left unread.
            if !source.starts_with("reply.") && fact.phase == Phase::Request {
                request.add(source, id, fact, is_mapped);
            }
        }
        let (request, reply) = (request.finish(), reply.finish());
        let combined = CombinedTargets::new(&request, &reply);
        Ok(Self { constants: constants.into(), request, reply, combined })
    }

    /// The facts that are the same for every record.
    pub fn constants(&self) -> impl Iterator<Item = (FactId, Value<'_>)> {
        self.constants.iter().map(|(id, value)| (*id, value.borrow()))
    }
}

impl Members {
    /// The place of a member among the known ones.
    pub(super) fn find(&self, name: &str) -> Option<usize> {
        self.0.binary_search_by(|member| (*member.name).cmp(name)).ok()
    }

    pub(super) fn get(&self, at: usize) -> Option<&Member> {
        self.0.get(at)
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    fn targets(&self, name: &str) -> Targets {
        self.find(name).and_then(|at| self.get(at)).map(|member| member.targets.clone()).unwrap_or_default()
    }
}

impl CombinedTargets {
    fn new(request: &Members, reply: &Members) -> Self {
        Self {
            ip: request.targets("ip"),
            remote_user: request.targets("remote_user"),
            method: request.targets("method"),
            path: request.targets("path"),
            query: request.targets("query"),
            referer: request.targets("referer"),
            user_agent: request.targets("user_agent"),
            status: reply.targets("status"),
            size: reply.targets("size"),
        }
    }
}

/// The member of a `reply` that a source names: the part after `reply.`, a fact's name, or `status` and `size` for
/// what the language calls `response.status` and `response.size`.
pub(super) fn reply_member(source: &str) -> Option<&str> {
    match source {
        "response.status" => Some("status"),
        "response.size" => Some("size"),
        // Facts of these names are not what a reply has under them.
        "status" | "size" | "after_ms" => None,
        _ => Some(source.strip_prefix("reply.").unwrap_or(source)),
    }
}

#[derive(Default)]
struct Builder(std::collections::BTreeMap<Box<str>, Vec<Target>>);

impl Builder {
    fn declare(&mut self, name: &str) {
        self.0.entry(name.into()).or_default();
    }

    fn add(&mut self, name: &str, id: FactId, fact: &FactDecl, is_mapped: bool) {
        let mapped = is_mapped.then(|| fact.name.clone());
        self.0.entry(name.into()).or_default().push(Target { id, ty: fact.ty.clone(), mapped });
    }

    fn finish(self) -> Members {
        Members(self.0.into_iter().map(|(name, targets)| Member { name, targets: targets.into() }).collect())
    }
}

fn lookup<'a>(pairs: &[(&str, &'a str)], fact: &str) -> Option<&'a str> {
    pairs.iter().find(|(name, _)| *name == fact).map(|(_, value)| *value)
}

fn check_names(facts: &[FactDecl], set: &[(&str, &str)], mapped: &[(&str, &str)]) -> Result<(), SchemaError> {
    let mut seen = Vec::new();
    for (name, _) in set.iter().chain(mapped) {
        if !facts.iter().any(|fact| *fact.name == **name) {
            return Err(SchemaError::UnknownFact((*name).into()));
        }
        if seen.contains(name) {
            return Err(SchemaError::GivenTwice((*name).into()));
        }
        seen.push(*name);
    }
    match mapped.iter().find(|(_, member)| member.trim().is_empty()) {
        Some((fact, _)) => Err(SchemaError::NoMember((*fact).into())),
        None => Ok(()),
    }
}

/// A bare number with the unit that its fact wants.
fn with_unit(ty: &FactType, text: &str) -> Option<Box<str>> {
    let text = text.trim();
    let whole = match ty {
        FactType::Percent => format!("{text}%"),
        FactType::Quantity(Unit::Usd) => format!("${text}"),
        FactType::Quantity(unit) => format!("{text} {}", unit.name()),
        FactType::Price(price) if price.money == Unit::Usd => format!("${text}/{}", price.word()),
        FactType::Price(price) => format!("{text} {}/{}", price.money, price.word()),
        FactType::Duration => format!("{text} s"),
        FactType::Bool
        | FactType::Int { .. }
        | FactType::Instant
        | FactType::Date
        | FactType::Clock
        | FactType::String
        | FactType::Key
        | FactType::Ip
        | FactType::OneOf(_)
        | FactType::Plan(_) => return None,
    };
    let is_number = text.starts_with(|first: char| first.is_ascii_digit());
    (is_number && from_text(ty, &whole).is_ok()).then(|| whole.into())
}

fn constant(fact: &FactDecl, text: &str) -> Result<OwnedValue, SchemaError> {
    let out_of_range = || SchemaError::OutOfRange { fact: fact.name.clone(), found: quoted(text) };
    match (from_text(&fact.ty, text), &fact.ty) {
        (Err(Mismatch::WrongType), ty) => Err(SchemaError::BadConstant {
            fact: fact.name.clone(),
            expected: type_name(ty),
            found: quoted(text),
            instead: with_unit(ty, text),
        }),
        (Err(Mismatch::OutOfRange), _) => Err(out_of_range()),
        (Ok(Value::Int(value)), FactType::Int { min, max }) if !(*min..=*max).contains(&value) => {
            Err(out_of_range())
        }
        (Ok(Value::Str(value)), FactType::OneOf(members) | FactType::Plan(members))
            if !members.iter().any(|member| **member == *value) =>
        {
            let members: Vec<_> = members.iter().map(|member| quoted(member)).collect();
            Err(SchemaError::NotAMember {
                fact: fact.name.clone(),
                found: quoted(text),
                members: members.join(", ").into(),
            })
        }
        (Ok(value), _) => OwnedValue::of(value).ok_or_else(out_of_range),
    }
}

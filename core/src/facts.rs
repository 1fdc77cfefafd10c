//! Typed attributes of one request, and the values they take.

use std::net::IpAddr;

use crate::unit::{PriceUnit, Unit};

/// The position of a declared fact in its policy. Looked up by name once, then used for every request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FactId(pub u16);

/// The value of a fact, borrowed from the request.
///
/// Quantities, durations and other numbers are integers in the base unit of the fact's declared type.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Value<'a> {
    /// The request does not have this fact.
    Absent,
    /// Of a `bool`.
    Bool(bool),
    /// Of an `int`, `percent`, quantity, money, `duration`, `instant`, `date` or `clock`, in the base unit:
    /// parts per million, requests, bytes, nano-dollars, nanoseconds, days since the epoch, nanoseconds since midnight.
    Int(i64),
    /// Of a `string`, `key`, plan or enum: enums and plans by their written name.
    Str(&'a str),
    /// Of an `ip`. IPv4-mapped IPv6 addresses count as IPv4.
    Ip(IpAddr),
}

/// A value that a policy owns: a default, a test's binding.
#[derive(Debug, Clone, PartialEq)]
pub enum OwnedValue {
    /// See [`Value::Bool`].
    Bool(bool),
    /// See [`Value::Int`].
    Int(i64),
    /// See [`Value::Str`].
    Str(Box<str>),
    /// See [`Value::Ip`].
    Ip(IpAddr),
}

impl OwnedValue {
    /// A copy of a value that is there.
    #[must_use]
    pub fn of(value: Value<'_>) -> Option<Self> {
        Some(match value {
            Value::Absent => return None,
            Value::Bool(value) => Self::Bool(value),
            Value::Int(value) => Self::Int(value),
            Value::Str(value) => Self::Str(value.into()),
            Value::Ip(value) => Self::Ip(value),
        })
    }

    /// The value, borrowed.
    #[must_use]
    pub fn borrow(&self) -> Value<'_> {
        match self {
            Self::Bool(value) => Value::Bool(*value),
            Self::Int(value) => Value::Int(*value),
            Self::Str(value) => Value::Str(value),
            Self::Ip(value) => Value::Ip(*value),
        }
    }
}

/// The declared type of a fact.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FactType {
    /// `bool`
    Bool,
    /// `int`, `int in a..b`: both ends included.
    Int {
        /// The least value.
        min: i64,
        /// The greatest value.
        max: i64,
    },
    /// `percent`, in parts per million.
    Percent,
    /// A quantity of a unit, in its base unit; never negative.
    Quantity(Unit),
    /// `usd/Mtok`, in pico-units of money per written unit; never negative.
    Price(PriceUnit),
    /// `duration`, in nanoseconds; never negative.
    Duration,
    /// `instant`, in nanoseconds since the epoch.
    Instant,
    /// `date`, in days since the epoch.
    Date,
    /// `clock`, in nanoseconds since midnight.
    Clock,
    /// `string`
    String,
    /// `key`: an identity, for `per` and equality.
    Key,
    /// `ip`
    Ip,
    /// `one of "a", "b"`: the members in the order of declaration.
    OneOf(Box<[Box<str>]>),
    /// `plan`: the declared plans in the order of declaration.
    Plan(Box<[Box<str>]>),
}

/// When a fact is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, PartialOrd, Ord)]
pub enum Phase {
    /// With the request.
    #[default]
    Request,
    /// `after response`: it cannot decide admission, but can settle a reservation.
    Response,
}

/// Who chooses a fact's value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, PartialOrd, Ord)]
pub enum Trust {
    /// The host vouches for it.
    #[default]
    Trusted,
    /// The caller chooses it: a header, the query, a field of the body.
    Untrusted,
}

/// Where an adapter reads a fact from, when the policy says so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// `from header "x-api-key"`: a header's name in lower case.
    Header(Box<str>),
    /// `from query "page"`
    Query(Box<str>),
    /// `from cookie "session"`
    Cookie(Box<str>),
    /// `from descriptor "plan"`: an entry of an Envoy descriptor.
    Descriptor(Box<str>),
}

/// A declared fact.
#[derive(Debug, Clone, PartialEq)]
pub struct FactDecl {
    /// Its name, dots included.
    pub name: Box<str>,
    /// Its type.
    pub ty: FactType,
    /// Whether a request may lack it.
    pub optional: bool,
    /// `= v`: stands in for an absent value.
    pub default: Option<OwnedValue>,
    /// `else v`: stands in for a value outside the type.
    pub otherwise: Option<OwnedValue>,
    /// When it is known.
    pub phase: Phase,
    /// Who chooses it.
    pub trust: Trust,
    /// Where an adapter reads it from; the host gives it where not said.
    pub source: Option<Source>,
}

impl FactDecl {
    /// A trusted fact that every request carries.
    #[must_use]
    pub fn new(name: impl Into<Box<str>>, ty: FactType) -> Self {
        Self {
            name: name.into(),
            ty,
            optional: false,
            default: None,
            otherwise: None,
            phase: Phase::Request,
            trust: Trust::Trusted,
            source: None,
        }
    }
}

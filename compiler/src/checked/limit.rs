//! Limits: what they count, by which key, and what they do with what does not fit.

use limitrate_core::{
    algorithm::Algorithm,
    charge::{Block, Fail},
    facts::{FactId, OwnedValue},
    time::Nanos,
    unit::Unit,
};
use limitrate_grammar::span::Span;

use super::{Expr, Fact, MessagePiece};

/// A limit where it is written.
#[derive(Debug, Clone)]
pub struct Limit {
    /// Its name: its own, or its rule's.
    pub name: String,
    /// From `limit` to the end.
    pub span: Span,
    /// What its counters are.
    pub shape: Shape,
    /// The algorithm's word, as `using` would have it.
    pub word: &'static str,
    /// The ceiling; `unlimited` where there is none.
    pub ceiling: Expr,
    /// Capacity of a bucket where written.
    pub burst: Option<i64>,
    /// First content of a bucket where written.
    pub starting: Option<i64>,
    /// What one request takes; one where not written.
    pub cost: Option<Expr>,
    /// What a reserved cost turns out to be.
    pub settle: Option<Settle>,
    /// The part of each further key.
    pub share: Option<Share>,
    /// What happens when the counter cannot be kept; where not chosen, it is counted locally against an even share among the
    /// instances that the host tells of.
    pub fail: Option<Fail>,
    /// Parts per million of the ceiling at which to warn, ascending.
    pub warn: Vec<i64>,
    /// What happens to a request that does not fit.
    pub exceed: Exceed,
    /// How long a key that did not fit stays refused.
    pub block: Option<Block>,
    /// The name that its counters had before.
    pub was: Option<String>,
    /// Parts per million of the ceiling that instances may have leased at once; 0 where none may.
    pub overshoot: i64,
}

/// `settle actual`, or what `refund when` stands for.
#[derive(Debug, Clone)]
pub struct Settle {
    /// What the request really cost, in the ceiling's unit.
    pub actual: Expr,
    /// How long the reservation stays open.
    pub lease: Nanos,
}

/// What happens to a request that does not fit.
#[derive(Debug, Clone, Default)]
pub enum Exceed {
    /// It is rejected with 429.
    #[default]
    Reject,
    /// It is rejected with this status and text.
    Deny {
        /// The HTTP status.
        status: u16,
        /// The text, in pieces.
        message: Vec<MessagePiece>,
    },
    /// It is taken past the ceiling, and reported.
    Allow,
    /// It is decided once more with this fact changed.
    Downgrade {
        /// The fact.
        fact: FactId,
        /// Its value then.
        to: OwnedValue,
        /// The clause.
        span: Span,
    },
}

/// `at most 30% per user`.
#[derive(Debug, Clone)]
pub struct Share {
    /// Parts per million of the ceiling.
    pub ppm: i64,
    /// The limit's key and this one's.
    pub keys: Vec<KeyPart>,
}

/// What makes two limits of one name the same counters: the unit, the family of the algorithm with its window, the key.
///
/// Buckets are one family whatever they are refilled over, and so is what is in flight whatever its lease: their states
/// can be judged by either.
#[derive(Debug, Clone)]
pub struct Shape {
    /// What is counted.
    pub unit: Counted,
    /// The algorithm with its window.
    pub algorithm: Algorithm,
    /// The key.
    pub keys: Vec<KeyPart>,
}

impl Shape {
    /// Whether both count in one way.
    #[must_use]
    pub fn same_family(&self, other: &Self) -> bool {
        match (&self.algorithm, &other.algorithm) {
            (Algorithm::Bucket(_), Algorithm::Bucket(_))
            | (Algorithm::InFlight(_), Algorithm::InFlight(_)) => true,
            (ours, theirs) => ours == theirs,
        }
    }
}

impl PartialEq for Shape {
    fn eq(&self, other: &Self) -> bool {
        self.unit == other.unit && self.same_family(other) && self.keys == other.keys
    }
}

impl Eq for Shape {}

/// What a limit counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Counted {
    /// Amounts of a unit.
    Unit(Unit),
    /// Requests that are running.
    InFlight,
}

/// One part of a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyPart {
    /// Tried in order.
    pub alternatives: Vec<KeySource>,
    /// The optional level of the hierarchy that this part is: without it the limit is skipped.
    pub skip_without: Option<FactId>,
}

/// Where a key's value comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeySource {
    /// A fact.
    Fact(FactId),
    /// A constant.
    Literal(String),
    /// `prefix(ip, 24, 56)`: the network of an address, by so many leading bits of IPv4 and IPv6.
    Prefix(FactId, u8, u8),
    /// `bucket(api_key ?? "none", 256)`: one of so many buckets, by the first of these that is there.
    Bucket(Vec<KeySource>, u32),
}

impl KeySource {
    /// The source as a policy writes it: `bucket(api_key ?? "none", 256)`.
    #[must_use]
    pub fn words(&self, facts: &[Fact]) -> String {
        let name = |fact: FactId| facts.get(usize::from(fact.0)).map_or("", |fact| &*fact.decl.name);
        match self {
            Self::Fact(fact) => name(*fact).to_owned(),
            Self::Literal(text) => format!("{text:?}"),
            Self::Prefix(fact, v4, v6) => format!("prefix({}, {v4}, {v6})", name(*fact)),
            Self::Bucket(alternatives, buckets) => {
                let words: Vec<String> = alternatives.iter().map(|source| source.words(facts)).collect();
                format!("bucket({}, {buckets})", words.join(" ?? "))
            }
        }
    }

    /// The facts it is made of, in order.
    #[must_use]
    pub fn facts(&self) -> Vec<FactId> {
        match self {
            Self::Fact(fact) | Self::Prefix(fact, ..) => vec![*fact],
            Self::Literal(_) => Vec::new(),
            Self::Bucket(alternatives, _) => alternatives.iter().flat_map(Self::facts).collect(),
        }
    }
}

//! The core program: guarded charges in normal form over a pure, total expression graph.
//!
//! Everything is a 64-bit integer. What a request brings is turned into *slots* before (see [`slot`]); the graph is
//! hash-consed, so that a condition shared by many rules is one node. The interpreter's reading of this program is the
//! definition of what a policy means; generated code must agree with it bit for bit.

pub mod arithmetic;
pub mod build;
mod print;
pub mod slot;
pub mod truth;
mod verify;

use limitrate_core::{
    algorithm::Algorithm,
    charge::{Block, Fail, Mode},
    facts::{FactId, OwnedValue},
    glob::Glob,
    net::NetSet,
    path::Pattern,
    schedule::Schedule,
    time::Nanos,
    unit::Unit,
};
use limitrate_grammar::{ast::Verb, span::Span};

pub use verify::{Malformed, verify};

use crate::{
    checked::{Arithmetic, Comparison, Counted, Fact, HttpFacts, KeyPart, Place, RouteTable, Type},
    identity::CounterIdentity,
};
use slot::Slot;

/// A node of the expression graph. Operands come before the nodes that use them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct NodeId(pub u32);

/// The position of a slot in the frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SlotId(pub u32);

/// The position of a limit in [`Program::limits`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct LimitId(pub u32);

/// An expression. Truth is 1, its opposite 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Node {
    /// A constant.
    Const(i64),
    /// What the frame holds.
    Slot(SlotId),
    /// 1 where the operand is 0, else 0.
    Not(NodeId),
    /// 1 where both are 1; operands are 0 or 1.
    And(NodeId, NodeId),
    /// 1 where one is 1; operands are 0 or 1.
    Or(NodeId, NodeId),
    /// 1 where the comparison holds, signed.
    Compare(Comparison, NodeId, NodeId),
    /// Saturating arithmetic.
    Arithmetic(Arithmetic, NodeId, NodeId),
    /// The second where the first is not 0, else the third.
    Select(NodeId, NodeId, NodeId),
}

/// A whole program.
#[derive(Debug, Default)]
pub struct Program {
    /// The facts of a request, by [`FactId`].
    pub facts: Vec<Fact>,
    /// `method` and `path` of `std.http`, where in use.
    pub http: Option<HttpFacts>,
    /// The fact that is the request's plan.
    pub plan_fact: Option<FactId>,
    /// What each place of the frame holds.
    pub slots: Vec<Slot>,
    /// The tables that slots refer to.
    pub tables: Tables,
    /// The expression graph.
    pub nodes: Vec<Node>,
    /// Refusals by rules.
    pub denies: Vec<DenySite>,
    /// Passes without charges.
    pub exempts: Vec<ExemptSite>,
    /// Charges.
    pub charges: Vec<ChargeSite>,
    /// Denies and exempts of shadow rules: reported, never obeyed.
    pub reports: Vec<ReportSite>,
    /// What reservations come to once the response is known; see [`ChargeSite::settle`].
    pub settlements: Vec<Settlement>,
    /// Limits; several charges may be of one.
    pub limits: Vec<LimitInfo>,
    /// Rules and plans, for explanations.
    pub origins: Vec<Origin>,
    /// The levels of the hierarchy, outermost first.
    pub levels: Vec<FactId>,
    /// Names of the plans.
    pub plans: Vec<String>,
    /// The most charges one request can make.
    pub worst_case_charges: usize,
    /// What requests meet, by their route.
    pub routes: RouteTable,
}

/// Tables that slots are computed with.
#[derive(Debug, Default)]
pub struct Tables {
    /// Texts that facts are compared with; the id of a text is its position plus one, 0 is any other.
    pub texts: Vec<String>,
    /// Path patterns.
    pub patterns: Vec<Pattern>,
    /// Sets of networks.
    pub nets: Vec<NetSet>,
    /// Texts that others are looked into for.
    pub parts: Vec<(Place, String)>,
    /// Patterns of `like`, with their text.
    pub globs: Vec<(String, Glob)>,
    /// Patterns of `matches`.
    pub regexes: Vec<regex::Regex>,
    /// Schedules.
    pub schedules: Vec<Schedule>,
    /// Qualified names of the rules that are enforced for some.
    pub rollouts: Vec<String>,
}

/// Where a site comes from: a rule or a plan's limit.
#[derive(Debug, Clone)]
pub struct Origin {
    /// `rule` or `plan`.
    pub kind: OriginKind,
    /// Its name.
    pub name: String,
    /// Where the name stands.
    pub span: Span,
    /// Whether the request is one that it looks at.
    pub applies: NodeId,
}

/// What a site belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OriginKind {
    /// A rule.
    Rule,
    /// A plan.
    Plan,
}

/// A `deny`.
#[derive(Debug)]
pub struct DenySite {
    /// When it applies.
    pub when: NodeId,
    /// Its rule, in [`Program::origins`].
    pub origin: usize,
    /// The HTTP status.
    pub status: u16,
    /// The text.
    pub message: Vec<Piece>,
    /// The statement.
    pub span: Span,
}

/// An `exempt`.
#[derive(Debug)]
pub struct ExemptSite {
    /// When it applies.
    pub when: NodeId,
    /// Its rule, in [`Program::origins`].
    pub origin: usize,
    /// Why.
    pub reason: String,
    /// The statement.
    pub span: Span,
}

/// A charge.
#[derive(Debug)]
pub struct ChargeSite {
    /// When it applies.
    pub when: NodeId,
    /// The limit.
    pub limit: LimitId,
    /// Its rule or plan, in [`Program::origins`].
    pub origin: usize,
    /// How it counts: of the limit's family, with this charge's own refill time or lease.
    pub algorithm: Algorithm,
    /// The ceiling, in base units.
    pub ceiling: NodeId,
    /// The cost, in base units.
    pub cost: NodeId,
    /// Capacity of a bucket where written; else the default of the algorithm.
    pub burst: Burst,
    /// First content of a bucket where written.
    pub starting: Option<i64>,
    /// What happens when the counter cannot be kept; where not chosen, it is counted locally against an even share among the
    /// instances that the host tells of.
    pub fail: Option<Fail>,
    /// What the charge means for the decision. A limit under `rollout` has two sites, one enforced and one in shadow.
    pub mode: Mode,
    /// The cost is a reservation: its settlement in [`Program::settlements`], and how long it stays open.
    pub settle: Option<(usize, Nanos)>,
    /// Parts per million of the ceiling at which to warn, ascending.
    pub warn: Vec<i64>,
    /// What happens instead of a plain reject when it does not fit.
    pub exceed: Exceed,
    /// How long a key that did not fit stays refused.
    pub block: Option<Block>,
    /// Parts per million of the ceiling that instances may have leased at once; 0 where none may.
    pub overshoot: i64,
    /// The limit as written.
    pub span: Span,
}

/// A `deny` or `exempt` that is only reported.
#[derive(Debug)]
pub struct ReportSite {
    /// When it would apply.
    pub when: NodeId,
    /// Its rule, in [`Program::origins`].
    pub origin: usize,
    /// Whether it is a `deny`.
    pub deny: bool,
    /// The statement.
    pub span: Span,
}

/// What a reservation comes to. The nodes read the frame of the request with the facts of the response added.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settlement {
    /// 1 where every fact that the actual cost needs is there; else the reservation stands.
    pub known: NodeId,
    /// The actual cost, in base units.
    pub actual: NodeId,
}

/// What a limit does when it does not fit.
#[derive(Debug, Default)]
pub enum Exceed {
    /// 429.
    #[default]
    Reject,
    /// `on exceed deny 503 "…"`: status and text of the rejection.
    Deny {
        /// The HTTP status.
        status: u16,
        /// The text; empty says nothing.
        message: Vec<Piece>,
    },
    /// `on exceed allow`: taken past the ceiling, and reported. The site's mode is [`Mode::Soft`], or shadow.
    Allow,
    /// `on exceed downgrade model to "small"`: the request is decided once more with this fact changed.
    Downgrade {
        /// The fact.
        fact: FactId,
        /// Its value then.
        to: OwnedValue,
    },
}

/// The capacity of a bucket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Burst {
    /// As written.
    Fixed(i64),
    /// As much as the ceiling.
    Ceiling,
}

/// A limit, whose counters all its charges share.
#[derive(Debug)]
pub struct LimitInfo {
    /// Its name; a share's is `daily.share`.
    pub name: String,
    /// What is counted.
    pub unit: Counted,
    /// How it counts where it is first written; a charge may have another refill time or lease.
    pub algorithm: Algorithm,
    /// The algorithm's word.
    pub word: &'static str,
    /// What is counted apart.
    pub keys: Vec<KeyPart>,
    /// Whether its counters are those of a shadow: they never meet the enforced ones.
    pub shadow: bool,
    /// The name that it had before it was renamed (`was`), under which its counters are kept.
    pub was: Option<String>,
    /// The counters' identity, as the language defines it: what a reload compares.
    pub counter: CounterIdentity,
    /// The identity as one text, from which the counters' keys are made.
    pub identity: String,
}

/// A piece of a message.
#[derive(Debug)]
pub enum Piece {
    /// As written.
    Text(String),
    /// A fact as the request has it.
    Fact(FactId),
    /// A computed value, printed as this type.
    Value(NodeId, Type),
    /// One of these texts, by the position that the node gives.
    Choice(NodeId, Vec<String>),
    /// The piece where the node is not 0; absent otherwise.
    Maybe(NodeId, Box<Piece>),
}

impl Node {
    /// The nodes that it is computed from.
    #[must_use]
    pub const fn operands(self) -> [Option<NodeId>; 3] {
        match self {
            Self::Const(_) | Self::Slot(_) => [None, None, None],
            Self::Not(a) => [Some(a), None, None],
            Self::And(a, b) | Self::Or(a, b) | Self::Compare(_, a, b) | Self::Arithmetic(_, a, b) => {
                [Some(a), Some(b), None]
            }
            Self::Select(a, b, c) => [Some(a), Some(b), Some(c)],
        }
    }
}

impl Counted {
    /// The unit as decision records name it.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::Unit(unit) => unit.name(),
            Self::InFlight => "in flight",
        }
    }

    /// The unit, where amounts of one are counted.
    #[must_use]
    pub const fn unit(self) -> Option<Unit> {
        match self {
            Self::Unit(unit) => Some(unit),
            Self::InFlight => None,
        }
    }
}

/// The methods that a verb covers; `None` covers all.
#[must_use]
pub const fn methods(verb: Verb) -> Option<&'static [&'static str]> {
    match verb {
        Verb::Get => Some(&["GET", "HEAD"]),
        Verb::Head => Some(&["HEAD"]),
        Verb::Post => Some(&["POST"]),
        Verb::Put => Some(&["PUT"]),
        Verb::Patch => Some(&["PATCH"]),
        Verb::Delete => Some(&["DELETE"]),
        Verb::Options => Some(&["OPTIONS"]),
        Verb::Any => None,
    }
}

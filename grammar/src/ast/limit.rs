//! Limits: a ceiling, its clauses and its key.

use limitrate_core::time::Nanos;

use super::{Expr, Name, On};
use crate::span::{Span, Spanned};

/// A limit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limit {
    /// Its name, if it has one: `limit daily: …`.
    pub name: Option<Name>,
    /// How much per how long.
    pub ceiling: Expr,
    /// The clauses in the order of the text; the compiler reports those that stand twice.
    pub clauses: Vec<Clause>,
    /// From `limit` to the end of the last clause.
    pub span: Span,
}

/// A clause of a limit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Clause {
    /// What it says.
    pub kind: ClauseKind,
    /// The whole clause.
    pub span: Span,
}

/// What a clause says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ClauseKind {
    /// `per user, region`
    Per(Keys),
    /// `globally`
    Globally,
    /// `burst 20 req`
    Burst(Expr),
    /// `starting 5 req`
    Starting(Expr),
    /// `using gcra`
    Using(Name),
    /// `aligned`
    Aligned,
    /// `for at most 2 min`
    ForAtMost(Spanned<Nanos>),
    /// `costing body_size`
    Costing(Expr),
    /// `reserve estimate settle actual`; without a `settle`, the compiler reports it.
    Reserve(Expr, Option<Expr>),
    /// `settle actual` without a `reserve` before it.
    Settle(Expr),
    /// `refund when response.status < 400`
    Refund(Expr),
    /// `warn at 50%, 80%`: parts per million of the ceiling.
    Warn(Vec<Spanned<i64>>),
    /// `on exceed …`
    Exceed(Exceed),
    /// `was old_name`: its counters are those that had this name.
    Was(Name),
    /// `at most 30% per user`: parts per million, and the further key.
    Share(Spanned<i64>, Keys),
    /// `resets in "Europe/Berlin"`
    ResetsIn(Spanned<String>),
    /// `fail closed`
    Fail(FailMode),
    /// `on POST "/v1/images"`, in plans.
    On(On),
    /// `overshoot 5%`: parts per million of the ceiling that instances may have leased at once.
    Overshoot(Spanned<i64>),
}

impl ClauseKind {
    /// The expressions of the clause, in their order.
    pub fn values(&self) -> impl Iterator<Item = &Expr> {
        let (first, second) = match self {
            Self::Burst(value)
            | Self::Starting(value)
            | Self::Costing(value)
            | Self::Settle(value)
            | Self::Refund(value) => (Some(value), None),
            Self::Reserve(value, settle) => (Some(value), settle.as_ref()),
            Self::Exceed(Exceed { action: Some(ExceedAction::Downgrade(_, to)), .. }) => (Some(to), None),
            Self::Per(_)
            | Self::Globally
            | Self::Using(_)
            | Self::Aligned
            | Self::ForAtMost(_)
            | Self::Warn(_)
            | Self::Exceed(_)
            | Self::Was(_)
            | Self::Share(..)
            | Self::ResetsIn(_)
            | Self::Fail(_)
            | Self::On(_)
            | Self::Overshoot(_) => (None, None),
        };
        first.into_iter().chain(second)
    }

    /// The words the clause begins with.
    #[must_use]
    pub const fn words(&self) -> &'static str {
        match self {
            Self::Per(_) => "per",
            Self::Globally => "globally",
            Self::Burst(_) => "burst",
            Self::Starting(_) => "starting",
            Self::Using(_) => "using",
            Self::Aligned => "aligned",
            Self::ForAtMost(_) => "for at most",
            Self::Costing(_) => "costing",
            Self::Reserve(..) => "reserve",
            Self::Settle(_) => "settle",
            Self::Refund(_) => "refund when",
            Self::Warn(_) => "warn at",
            Self::Exceed(_) => "on exceed",
            Self::Was(_) => "was",
            Self::Share(..) => "at most",
            Self::ResetsIn(_) => "resets in",
            Self::Fail(_) => "fail",
            Self::On(_) => "on",
            Self::Overshoot(_) => "overshoot",
        }
    }
}

/// What happens to a request that does not fit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exceed {
    /// What is done instead of a plain reject; `None` where only a `block` is written.
    pub action: Option<ExceedAction>,
    /// How long the key stays refused.
    pub block: Option<BlockFor>,
}

/// What is done with a request that does not fit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ExceedAction {
    /// `deny 503 "…"`: the status and the text of the rejection.
    Deny {
        /// The HTTP status.
        status: Option<Spanned<i64>>,
        /// The message, as written between the quotes and unescaped.
        message: Option<Spanned<String>>,
    },
    /// `allow`: taken past the ceiling, and reported.
    Allow,
    /// `reject`: what happens without the clause.
    Reject,
    /// `downgrade model to "small"`: decided once more with this fact changed.
    Downgrade(Name, Expr),
}

/// `block for 1 min doubling up to 1 h forget after 1 day`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BlockFor {
    /// How long the first block lasts.
    pub first: Spanned<Nanos>,
    /// The longest that doubling makes it.
    pub up_to: Option<Spanned<Nanos>>,
    /// How long after the last block the next is a first one again.
    pub forget: Option<Spanned<Nanos>>,
    /// The whole clause.
    pub span: Span,
}

/// What happens when the store cannot count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FailMode {
    /// `fail open`: pass uncounted.
    Open,
    /// `fail closed`: refuse.
    Closed,
    /// `fail local 25%`: count here against this share of the ceiling, in parts per million; all of it without one.
    Local(Option<i64>),
}

/// The keys after `per`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Keys {
    /// The parts, all of which make the key.
    pub parts: Vec<Key>,
    /// From the first part to the last.
    pub span: Span,
}

/// One part of a key with its fallbacks: `account ?? ip`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key {
    /// Tried in order; the first that is present counts.
    pub alternatives: Vec<Spanned<KeyAtom>>,
    /// The whole part.
    pub span: Span,
}

/// What a key is made of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeyAtom {
    /// A fact, dots included.
    Fact(String),
    /// `bucket(api_key ?? "none", 256)`, `prefix(ip, 24, 56)`, `header("x-client-id")`
    Call(Name, Vec<Expr>),
    /// A constant: everyone without the facts before it shares one counter.
    Literal(String),
}

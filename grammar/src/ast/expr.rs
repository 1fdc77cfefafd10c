//! Expressions, literals, and the patterns of `match`.

use ipnet::IpNet;
use limitrate_core::{
    time::{Nanos, Timestamp},
    unit::{PriceUnit, Unit},
    window::Period,
};

use super::{Day, Name};
use crate::span::{Span, Spanned};

/// An arm of a `match`: some patterns and what they give.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MatchArm<T> {
    /// The patterns; the arm holds for any of them.
    pub patterns: Vec<Pattern>,
    /// What the arm gives.
    pub body: T,
    /// The whole arm.
    pub span: Span,
}

/// A pattern of a `match`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pattern {
    /// What it matches.
    pub kind: PatternKind,
    /// Where it stands.
    pub span: Span,
}

/// What a pattern matches.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum PatternKind {
    /// `else`: whatever the arms before did not.
    Else,
    /// A literal value.
    Literal(Literal),
    /// A bare name: a plan, or a declared set.
    Name(String),
}

/// An expression.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Expr {
    /// What it is.
    pub kind: ExprKind,
    /// Where it stands, without surrounding parentheses.
    pub span: Span,
}

/// What an expression is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ExprKind {
    /// A literal.
    Literal(Literal),
    /// A name with its dots: `region`, `plan.max_upload`, `usage.input`, `now`.
    Path(String),
    /// `at_least(a, b)`
    Call(Name, Vec<Expr>),
    /// `price[model].input`: a table, its keys and the column
    Lookup(Name, Vec<Expr>, Option<Name>),
    /// `{"a", "b"}`
    Set(Vec<Expr>),
    /// `not a`
    Not(Box<Expr>),
    /// `a and b`, `a + b`, `ip in office`
    Binary(Box<Expr>, Spanned<BinaryOp>, Box<Expr>),
    /// `a is present` (true) or `a is missing` (false)
    Is(Box<Expr>, bool),
    /// `if c then a else b`
    If(Box<Expr>, Box<Expr>, Box<Expr>),
    /// `match region { "us" => 100 req/min, … }`
    Match(Box<Expr>, Vec<MatchArm<Expr>>),
}

/// An operator between two expressions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "each is named for its sign")]
pub enum BinaryOp {
    Or,
    And,
    Eq,
    Ne,
    Lt,
    Le,
    Gt,
    Ge,
    In,
    NotIn,
    Like,
    Matches,
    Coalesce,
    Add,
    Sub,
    Mul,
    Div,
}

impl BinaryOp {
    /// The operator as the formatter writes it.
    #[must_use]
    pub const fn sign(self) -> &'static str {
        match self {
            Self::Or => "or",
            Self::And => "and",
            Self::Eq => "==",
            Self::Ne => "!=",
            Self::Lt => "<",
            Self::Le => "<=",
            Self::Gt => ">",
            Self::Ge => ">=",
            Self::In => "in",
            Self::NotIn => "not in",
            Self::Like => "like",
            Self::Matches => "matches",
            Self::Coalesce => "??",
            Self::Add => "+",
            Self::Sub => "-",
            Self::Mul => "*",
            Self::Div => "/",
        }
    }
}

/// A literal value, in base units.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Literal {
    /// `42`, `10k`
    Int(i64),
    /// `true`
    Bool(bool),
    /// `80%`, in parts per million.
    Percent(i64),
    /// `5 MiB`, `$20`
    Amount(i64, Unit),
    /// `$2.50/Mtok`, in pico-units of money per written unit.
    Price(i64, PriceUnit),
    /// `5.1 s`
    Duration(Nanos),
    /// `60 req/min`, `1000 per minute` (no unit: counts requests)
    Rate(i64, Option<Unit>, RateWindow),
    /// `4 in flight`
    InFlight(i64),
    /// `"text"`, unescaped
    String(String),
    /// `10.0.0.0/8`, `2001:db8::1` (a single address is a network of one)
    Net(IpNet),
    /// `2026-12-25`
    Date(Day),
    /// `09:00`: nanoseconds after midnight
    Clock(Nanos),
    /// `2026-03-02T16:59:30-05:00`
    Instant(Timestamp),
    /// `unlimited`
    Unlimited,
}

/// What stands after a rate's slash.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RateWindow {
    /// `/min`, `/10 s`, `/24 h`, `/7 days`
    Span(Nanos),
    /// A bare `/day`, `/week`, `/month`, `/year`
    Calendar(Period),
}

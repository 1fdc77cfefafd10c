//! Types and typed expressions.

use ipnet::IpNet;
use limitrate_core::{
    facts::FactId,
    literal,
    time::{Nanos, Timestamp},
    unit::{PriceUnit, Unit},
};
use limitrate_grammar::{ast::RateWindow, span::Span};

use super::ScheduleId;

/// The type of an expression.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Type {
    /// True or false.
    Bool,
    /// A whole number.
    Int,
    /// Parts per million.
    Percent,
    /// An amount of a unit.
    Quantity(Unit),
    /// Money per so much of a unit.
    Price(PriceUnit),
    /// A length of time.
    Duration,
    /// A point in time.
    Instant,
    /// A day.
    Date,
    /// A time of day.
    Clock,
    /// Text, keys included.
    Text,
    /// An address.
    Ip,
    /// A member of the enum that this fact declares.
    OneOf(FactId),
    /// A plan.
    Plan,
    /// An amount per window.
    Rate(Unit, RateWindow),
    /// So many at once.
    InFlight,
    /// A ceiling that limits nothing.
    Unlimited,
    /// What an expression with a reported error has: it goes with everything.
    Unknown,
}

impl Type {
    /// A value of this type as people read it: `5 MiB`, `30%`, `2 min`.
    #[must_use]
    pub fn write(&self, value: i64) -> String {
        match self {
            Self::Percent => literal::write_percent(value).to_string(),
            Self::Quantity(unit) | Self::Rate(unit, _) => literal::write_amount(value, *unit).to_string(),
            Self::Price(unit) => literal::write_price(value, *unit).to_string(),
            Self::Duration => literal::write_duration(Nanos(value)).to_string(),
            Self::Instant => literal::write_instant(Timestamp(value)).to_string(),
            Self::Date => literal::write_date(i32::try_from(value).unwrap_or_default()).to_string(),
            Self::Clock => literal::write_clock(Nanos(value)),
            Self::Bool
            | Self::Int
            | Self::Text
            | Self::Ip
            | Self::OneOf(_)
            | Self::Plan
            | Self::InFlight
            | Self::Unlimited
            | Self::Unknown => literal::write_count(value).to_string(),
        }
    }
}

/// A typed expression.
#[derive(Debug, Clone)]
pub struct Expr {
    /// What it computes.
    pub kind: ExprKind,
    /// Its type.
    pub ty: Type,
    /// Where it may be absent: the place that makes it so.
    pub absent: Option<Span>,
    /// The positive test of an optional inside it, which must not be turned round.
    pub tests_absent: Option<Span>,
    /// Where it stands.
    pub span: Span,
}

impl Expr {
    /// Whether a text or an address may come out as a fact's, and so is not known to the compiler.
    pub(crate) fn reads_fact(&self) -> bool {
        match &self.kind {
            ExprKind::Coalesce(a, b) | ExprKind::If(_, a, b) => a.reads_fact() || b.reads_fact(),
            ExprKind::Lower(inner) => inner.reads_fact(),
            ExprKind::Fact(_) | ExprKind::Let(_) => true,
            ExprKind::Const(_)
            | ExprKind::Text(_)
            | ExprKind::Now
            | ExprKind::ByPlan(_)
            | ExprKind::Lookup(..)
            | ExprKind::Not(_)
            | ExprKind::And(..)
            | ExprKind::Or(..)
            | ExprKind::Compare(..)
            | ExprKind::Arithmetic(..)
            | ExprKind::Present(_)
            | ExprKind::InNets(..)
            | ExprKind::Length(_)
            | ExprKind::Has(..)
            | ExprKind::Like(..)
            | ExprKind::Matches(..)
            | ExprKind::Holds(_) => false,
        }
    }
}

/// What a typed expression computes.
#[derive(Debug, Clone)]
pub enum ExprKind {
    /// Any scalar as an integer in its base unit: `false` is 0, members of enums and plans by position.
    Const(i64),
    /// Literal text.
    Text(String),
    /// A fact of the request.
    Fact(FactId),
    /// The instant of the request.
    Now,
    /// A value by plan, in the order of the plans.
    ByPlan(Vec<Expr>),
    /// A column of a table, by the values of its keys.
    Lookup(TableId, usize, Vec<Expr>),
    /// An earlier `let`.
    Let(LetId),
    /// Logical not.
    Not(Box<Expr>),
    /// Logical and.
    And(Box<Expr>, Box<Expr>),
    /// Logical or.
    Or(Box<Expr>, Box<Expr>),
    /// The left value, or the right one where it is absent.
    Coalesce(Box<Expr>, Box<Expr>),
    /// A comparison of integers of one type, or equality of text.
    Compare(Comparison, Box<Expr>, Box<Expr>),
    /// Saturating arithmetic.
    Arithmetic(Arithmetic, Box<Expr>, Box<Expr>),
    /// Whether the value is there.
    Present(Box<Expr>),
    /// Whether an address lies in one of these networks.
    InNets(Box<Expr>, Vec<IpNet>),
    /// Text with its ASCII letters in lower case.
    Lower(Box<Expr>),
    /// The length of text in bytes.
    Length(Box<Expr>),
    /// Whether text has this text at a place.
    Has(Box<Expr>, Place, String),
    /// Whether text matches a glob over the whole value.
    Like(Box<Expr>, String),
    /// Whether text contains a match of a regular expression.
    Matches(Box<Expr>, String),
    /// Whether a schedule holds now.
    Holds(ScheduleId),
    /// A choice.
    If(Box<Expr>, Box<Expr>, Box<Expr>),
}

/// Where one text is looked for in another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Place {
    /// At its beginning.
    Start,
    /// At its end.
    End,
    /// Anywhere.
    Anywhere,
}

impl Place {
    /// Whether `text` has `part` at this place.
    #[must_use]
    pub fn holds(self, text: &str, part: &str) -> bool {
        match self {
            Self::Start => text.starts_with(part),
            Self::End => text.ends_with(part),
            Self::Anywhere => text.contains(part),
        }
    }
}

/// A comparison.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "each is named for its sign")]
pub enum Comparison {
    Eq,
    Ne,
    Lt,
    Le,
    Gt,
    Ge,
}

/// An operation on integers; each saturates.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Arithmetic {
    /// Sum.
    Add,
    /// Difference.
    Sub,
    /// Product.
    Mul,
    /// Left times right parts per million, rounded down.
    Scale,
    /// The lesser.
    Min,
    /// The greater.
    Max,
    /// Left through right, rounded down; 0 where right is 0.
    Divide,
    /// Left through right in parts per million, rounded down; 0 where right is 0.
    Ratio,
    /// Left times right through this divisor, rounded up: a price times a quantity. The divisor lies between 1 and
    /// [`crate::ir::arithmetic::MAX_DIVISOR`].
    Price(i64),
}

/// The position of a `let` in [`super::Checked::lets`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct LetId(pub usize);

/// The position of a table in [`super::Checked::tables`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct TableId(pub usize);

/// A table: its rows are total, and the first that fits holds.
#[derive(Debug, Clone, Default)]
pub struct Table {
    /// The rows; the last one holds where none before it does.
    pub rows: Vec<Row>,
}

/// A row of a table.
#[derive(Debug, Clone)]
pub struct Row {
    /// A constant for each key, or nothing for `else`.
    pub patterns: Vec<Option<Expr>>,
    /// A constant for each column.
    pub cells: Vec<Expr>,
}

//! Declarations: facts and their types, the hierarchy, plans, sets, schedules and calendars.

use limitrate_core::{
    facts::Source,
    time::Nanos,
    unit::{PriceUnit, Unit},
};

use super::{Expr, Limit, Name, RateWindow};
use crate::span::{Span, Spanned};

/// A module whose facts are used, and what else is taken from it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Use {
    /// The module.
    pub module: Name,
    /// The names in parentheses.
    pub names: Vec<Name>,
}

/// One level of the hierarchy, outermost first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Level {
    /// The input it names.
    pub name: Name,
    /// Whether `?` follows: limits keyed by a missing level are skipped.
    pub optional: bool,
}

/// One declared fact: `region : string = "unknown"`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attribute {
    /// Its name, dots allowed.
    pub name: Name,
    /// Its declared type.
    pub ty: TypeExpr,
    /// `from header "x-api-key"`: where an adapter reads it.
    pub source: Option<Source>,
    /// `untrusted`: whether the caller chooses it.
    pub untrusted: bool,
    /// `trusted`: the host vouches for a header, because its own edge sets it.
    pub trusted: Option<Span>,
    /// `after response`: whether it is known only then.
    pub after_response: bool,
    /// `= v`: stands in for an absent value.
    pub default: Option<Expr>,
    /// `else v`: stands in for a value outside the type.
    pub otherwise: Option<Expr>,
    /// The whole declaration.
    pub span: Span,
}

/// A type as written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TypeExpr {
    /// What is before the question mark.
    pub kind: TypeExprKind,
    /// Whether `?` follows.
    pub optional: bool,
    /// The whole type.
    pub span: Span,
}

/// A type without its question mark.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TypeExprKind {
    /// `one of "a", "b"`
    OneOf(Vec<Spanned<String>>),
    /// `int in 1..100`, both ends included.
    IntRange(i64, i64),
    /// `usd/Mtok`
    Price(Spanned<PriceUnit>),
    /// `req/min`
    Rate(Spanned<(Unit, RateWindow)>),
    /// A word such as `string`, `key`, `tokens`, `plan`.
    Named(String),
}

/// A plan and what a customer on it gets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// Its name.
    pub name: Name,
    /// The plan it extends.
    pub extends: Option<Name>,
    /// Limits, removals and constants in the order of the text.
    pub entries: Vec<PlanEntry>,
}

/// One line of a plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PlanEntry {
    /// A limit, by name new or replacing an inherited one.
    Limit(Limit),
    /// `no limit daily`
    NoLimit(Name),
    /// `max_upload = 5 MiB`
    Constant(Name, Expr),
}

/// A named set of addresses, strings or numbers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SetDecl {
    /// Its name.
    pub name: Name,
    /// Its members.
    pub members: Vec<Expr>,
}

/// Recurring spans of a week.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Schedule {
    /// Its name.
    pub name: Name,
    /// The spans; the schedule holds in any of them.
    pub spans: Vec<WeekSpan>,
    /// The zone written after `in`; UTC without one.
    pub zone: Option<Spanned<String>>,
    /// The calendar whose days are left out.
    pub except: Option<Name>,
}

/// `mon..fri 09:00..17:00`: a span past midnight belongs to the day it starts on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WeekSpan {
    /// First weekday, Monday is 0.
    pub first_day: u8,
    /// Last weekday, included; before the first it wraps around the week's end.
    pub last_day: u8,
    /// Nanoseconds after local midnight at which it begins.
    pub from: Nanos,
    /// Nanoseconds after local midnight at which it ends; not after `from` means on the next day.
    pub until: Nanos,
    /// The whole span.
    pub span: Span,
}

/// A list of days.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Calendar {
    /// Its name.
    pub name: Name,
    /// Its days.
    pub days: Vec<Spanned<Day>>,
    /// The zone written after `in`, whose days they are; UTC without one.
    pub zone: Option<Spanned<String>>,
}

/// A day: days since 1970-01-01.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Day(pub i32);

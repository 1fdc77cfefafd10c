//! The syntax tree of a policy, with a span on every node.
//!
//! Literals are already numbers in base units, so that `60 requests per minute` and `60 req/min` are one tree. Names are
//! text: what they refer to is the compiler's business. Nothing here knows about types.

mod budget;
mod declaration;
mod expr;
mod limit;
mod rule;
pub(crate) mod spans;
mod test;
mod value;

pub use budget::{Bound, Measure};
pub use declaration::{
    Attribute, Calendar, Day, Level, Plan, PlanEntry, Schedule, SetDecl, TypeExpr, TypeExprKind, Use,
    WeekSpan,
};
pub use expr::{BinaryOp, Expr, ExprKind, Literal, MatchArm, Pattern, PatternKind, RateWindow};
pub use limit::{BlockFor, Clause, ClauseKind, Exceed, ExceedAction, FailMode, Key, KeyAtom, Keys, Limit};
pub use rule::{On, Rollout, Rule, Stmt, StmtKind, Target, Verb};
pub use test::{Bind, Comparison, Expected, Note, NoteKind, Reply, Send, Step, StepKind, Test, Used};
pub use value::{Column, Function, Param, Table, TableRow, UnitDecl, fact_name};

use crate::span::{Span, Spanned};

/// A name as written: lower snake case, not a reserved word.
pub type Name = Spanned<String>;

/// One source file.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct File {
    /// Its items in the order of the text; broken ones are left out and reported.
    pub items: Vec<Item>,
}

/// A top-level item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    /// What it declares.
    pub kind: ItemKind,
    /// Words after numbers that the language has no unit for: whether they are declared is the compiler's business.
    pub unit_words: Vec<Name>,
    /// From its first keyword to its last token.
    pub span: Span,
}

/// What an item declares.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ItemKind {
    /// `edition 2026`
    Edition(Spanned<i64>),
    /// `module platform.base`: what others call this file.
    Module(Name),
    /// `use std.geo (eu)`
    Use(Use),
    /// `hierarchy org > team? > user`
    Hierarchy(Vec<Level>),
    /// `input { … }`
    Input(Vec<Attribute>),
    /// `plan pro extends free { … }`
    Plan(Plan),
    /// `set office = 203.0.113.0/24, …`
    Set(SetDecl),
    /// `schedule business_hours = mon..fri 09:00..17:00 in "Europe/Paris" except holidays`
    Schedule(Schedule),
    /// `calendar holidays = 2026-12-25, …`
    Calendar(Calendar),
    /// `unit images, image`
    Unit(UnitDecl),
    /// `table price by model : (input usd/Mtok) { … }`
    Table(Table),
    /// `fn cost(count: tokens) -> usd = …`
    Function(Function),
    /// `budget { charges <= 8 per request }`
    Budget(Vec<Bound>),
    /// `rule api per user { … }`
    Rule(Rule),
    /// `test "…" { … }`
    Test(Test),
}

//! The typed tree: what [`crate::check`] makes of a policy, and what [`crate::lower`] turns into the core program.
//!
//! Every expression has a type and knows whether it may be absent; names are positions. Nothing here can be wrong any
//! more: a policy that has a [`Checked`] tree without errors compiles.

mod expr;
mod limit;
mod operands;
mod route;
mod test;

use limitrate_core::{
    facts::{FactDecl, FactId},
    path::Pattern,
    schedule::Schedule,
};
use limitrate_grammar::{ast, span::Span};

pub use expr::{Arithmetic, Comparison, Expr, ExprKind, LetId, Place, Row, Table, TableId, Type};
pub use limit::{Counted, Exceed, KeyPart, KeySource, Limit, Settle, Shape, Share};
pub use route::{Route, RouteTable};
pub use test::{Expected, Reply, Send, Step, StepKind, Test, UsedCounter};

/// The position of a schedule in [`Checked::schedules`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ScheduleId(pub usize);

/// The position of a rule in [`Checked::rules`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RuleId(pub usize);

/// A policy whose types are right.
#[derive(Debug, Default)]
pub struct Checked {
    /// The facts a request has; [`FactId`] is the position.
    pub facts: Vec<Fact>,
    /// The fact whose type is `plan`.
    pub plan_fact: Option<FactId>,
    /// `method` and `path` of `std.http`.
    pub http: Option<HttpFacts>,
    /// The levels of the hierarchy, outermost first.
    pub levels: Vec<FactId>,
    /// Names of the plans.
    pub plans: Vec<String>,
    /// Schedules by position.
    pub schedules: Vec<Schedule>,
    /// Tables by position.
    pub tables: Vec<Table>,
    /// Values of `let`s, of arguments and of what functions give. Those of one that is a parameter mean nothing.
    pub lets: Vec<Expr>,
    /// Rules in the order of the text.
    pub rules: Vec<Rule>,
    /// Limits of plans.
    pub plan_limits: Vec<PlanLimit>,
    /// Tests.
    pub tests: Vec<Test>,
    /// The most charges one request can make.
    pub worst_case_charges: usize,
    /// What requests meet, by their route.
    pub routes: RouteTable,
    /// What is declared and never referred to, in the order of the text.
    pub unused: Vec<Unused>,
}

/// A declaration that nothing refers to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unused {
    /// What it is: `input`, `set`.
    pub noun: &'static str,
    /// Its name.
    pub name: String,
    /// Where the name stands.
    pub span: Span,
    /// What to delete to be rid of it, where nothing else names it.
    pub whole: Option<Span>,
}

/// A fact with what the policy does with it.
#[derive(Debug, Clone)]
pub struct Fact {
    /// Its declaration, as the runtime needs it.
    pub decl: FactDecl,
    /// Where it was declared.
    pub span: Span,
    /// Whether the policy looks at it. An imported fact that is never used is not asked for.
    pub used: bool,
    /// Whether it came with a module.
    pub imported: bool,
    /// The modules that declare it.
    pub modules: Vec<String>,
}

/// The facts of `std.http` that `on` looks at.
#[derive(Debug, Clone, Copy)]
pub struct HttpFacts {
    /// `method`
    pub method: FactId,
    /// `path`
    pub path: FactId,
}

/// A rule.
#[derive(Debug)]
pub struct Rule {
    /// Its name.
    pub name: String,
    /// Where the name stands.
    pub span: Span,
    /// Which requests it looks at; empty means all.
    pub on: Vec<Target>,
    /// For which of them it is enforced.
    pub enforced: Enforced,
    /// What it does.
    pub body: Vec<Stmt>,
}

/// For whom a rule is enforced; for all others it is measured and reported.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Enforced {
    /// For everybody.
    #[default]
    Always,
    /// For nobody: `shadow rule`.
    Never,
    /// `rollout 10% by user`
    For {
        /// Parts per million.
        share: i64,
        /// The fact whose values are told apart.
        by: FactId,
    },
}

/// A method with a path pattern.
#[derive(Debug, Clone)]
pub struct Target {
    /// The method.
    pub verb: ast::Verb,
    /// The pattern.
    pub pattern: Pattern,
}

/// A statement.
#[derive(Debug)]
pub enum Stmt {
    /// A charge.
    Limit(Box<Limit>),
    /// A refusal.
    Deny(Deny),
    /// A pass without charges.
    Exempt(Exempt),
    /// A choice; `match` is a chain of them.
    If(Expr, Vec<Stmt>, Vec<Stmt>),
}

/// `deny`.
#[derive(Debug, Clone)]
pub struct Deny {
    /// The HTTP status.
    pub status: u16,
    /// The text, in pieces.
    pub message: Vec<MessagePiece>,
    /// The statement.
    pub span: Span,
}

/// `exempt`.
#[derive(Debug, Clone)]
pub struct Exempt {
    /// Why.
    pub reason: String,
    /// The statement.
    pub span: Span,
}

/// A piece of a message.
#[derive(Debug, Clone)]
pub enum MessagePiece {
    /// As written.
    Text(String),
    /// A value to be printed.
    Value(Expr),
}

/// A limit of plans.
#[derive(Debug)]
pub struct PlanLimit {
    /// The plan it is written in.
    pub written_in: usize,
    /// The plans that have it.
    pub plans: Vec<usize>,
    /// Where it applies; empty means everywhere.
    pub on: Vec<Target>,
    /// The limit.
    pub limit: Limit,
}

//! The syntax tree, visited part by part. Every type is taken apart in full, so that a new one cannot be forgotten.

use std::any::Any;

use ipnet::IpNet;
use limitrate_core::{
    facts::Source,
    time::{Nanos, Timestamp},
    unit::{PriceUnit, Unit, UnitName},
    window::Period,
};
use limitrate_grammar::{
    ast::{
        Attribute, BinaryOp, Bind, BlockFor, Bound, Calendar, Clause, ClauseKind, Column, Comparison, Day,
        Exceed, ExceedAction, Expected, Expr, ExprKind, FailMode, File, Function, Item, ItemKind, Key,
        KeyAtom, Keys, Level, Limit, Literal, MatchArm, Measure, Note, NoteKind, On, Param, Pattern,
        PatternKind, Plan, PlanEntry, RateWindow, Reply, Rollout, Rule, Schedule, Send, SetDecl, Step,
        StepKind, Stmt, StmtKind, Table, TableRow, Target, Test, TypeExpr, TypeExprKind, UnitDecl, Use, Used,
        Verb, WeekSpan,
    },
    span::{Span, Spanned},
};

/// Is shown every part of a tree: variants by name, `ast::ExprKind::Not`, and structures, `ast::Expr`.
pub trait Visitor {
    /// One part, before the parts in it.
    fn visit(&mut self, name: &'static str, node: &dyn Any);
}

/// Part of a tree.
pub trait Walk {
    /// Shows it and all in it.
    fn walk(&self, to: &mut dyn Visitor);
}

impl<T: Walk> Walk for Spanned<T> {
    fn walk(&self, to: &mut dyn Visitor) {
        self.node.walk(to);
    }
}

impl<T: Walk> Walk for Vec<T> {
    fn walk(&self, to: &mut dyn Visitor) {
        self.iter().for_each(|part| part.walk(to));
    }
}

impl<T: Walk> Walk for Option<T> {
    fn walk(&self, to: &mut dyn Visitor) {
        self.iter().for_each(|part| part.walk(to));
    }
}

impl<T: Walk> Walk for Box<T> {
    fn walk(&self, to: &mut dyn Visitor) {
        (**self).walk(to);
    }
}

impl<A: Walk, B: Walk> Walk for (A, B) {
    fn walk(&self, to: &mut dyn Visitor) {
        self.0.walk(to);
        self.1.walk(to);
    }
}

/// Types that have no variants in them.
macro_rules! plain {
    ($($type:ty),* $(,)?) => {
        $(impl Walk for $type {
            fn walk(&self, _: &mut dyn Visitor) {}
        })*
    };
}

plain! {
    bool, u8, i64, String, Box<str>, Nanos, Timestamp, Day, Span, UnitName, IpNet, i32,
}

/// Structures, by their fields.
macro_rules! fields {
    ($($type:ident { $($field:ident),* })*) => {
        $(impl Walk for $type {
            fn walk(&self, to: &mut dyn Visitor) {
                let Self { $($field),* } = self;
                to.visit(concat!("ast::", stringify!($type)), self);
                $($field.walk(to);)*
            }
        })*
    };
}

fields! {
    File { items }
    Item { kind, unit_words, span }
    Level { name, optional }
    Use { module, names }
    UnitDecl { words }
    Table { name, keys, columns, rows }
    Column { name, ty }
    TableRow { patterns, cells, span }
    Function { name, params, result, body }
    Param { name, ty }
    Attribute { name, ty, source, untrusted, trusted, after_response, default, otherwise, span }
    TypeExpr { kind, optional, span }
    Plan { name, extends, entries }
    SetDecl { name, members }
    Schedule { name, spans, zone, except }
    WeekSpan { first_day, last_day, from, until, span }
    Calendar { name, days, zone }
    Pattern { kind, span }
    Expr { kind, span }
    Limit { name, ceiling, clauses, span }
    Clause { kind, span }
    Keys { parts, span }
    Key { alternatives, span }
    Exceed { action, block }
    BlockFor { first, up_to, forget, span }
    Rollout { share, by, span }
    Rule { name, shadow, rollout, per, on, body }
    On { targets, span }
    Target { verb, pattern }
    Stmt { kind, span }
    Test { title, steps }
    Step { kind, span }
    Used { limit, keys }
    Bind { name, value }
    Send { count, verb, path, with, reply, expect, notes }
    Reply { status, with, span }
    Note { wanted, kind, span }
    PriceUnit { money, of, scale }
    Bound { measure, most, span }
}

impl<T: Walk + 'static> Walk for MatchArm<T> {
    fn walk(&self, to: &mut dyn Visitor) {
        let Self { patterns, body, span } = self;
        to.visit("ast::MatchArm", self);
        patterns.walk(to);
        body.walk(to);
        span.walk(to);
    }
}

/// Choices, by their variants.
macro_rules! variants {
    ($($type:ident { $($variant:ident $(($($part:ident),*))? $({ $($field:ident),* })?,)* })*) => {
        /// Every variant.
        pub(super) const NAMES: &[&str] =
            &[$($(concat!("ast::", stringify!($type), "::", stringify!($variant)),)*)*];
        $(impl Walk for $type {
            fn walk(&self, to: &mut dyn Visitor) {
                match self {
                    $(Self::$variant $(($($part),*))? $({ $($field),* })? => {
                        to.visit(concat!("ast::", stringify!($type), "::", stringify!($variant)), self);
                        $($($part.walk(to);)*)?
                        $($($field.walk(to);)*)?
                    })*
                }
            }
        })*
    };
}

variants! {
    ItemKind {
        Edition(a), Module(a), Use(a), Hierarchy(a), Input(a), Plan(a), Set(a), Schedule(a), Calendar(a), Rule(a),
        Unit(a), Table(a), Function(a), Test(a), Budget(a),
    }
    Measure { Charges, RoundTrips, Steps, }
    TypeExprKind { OneOf(a), IntRange(a, b), Price(a), Rate(a), Named(a), }
    KeyAtom { Fact(a), Call(a, b), Literal(a), }
    PlanEntry { Limit(a), NoLimit(a), Constant(a, b), }
    ExprKind {
        Literal(a), Path(a), Call(a, b), Set(a), Not(a), Binary(a, b, c), Is(a, b), If(a, b, c), Match(a, b),
        Lookup(a, b, c),
    }
    BinaryOp {
        Or, And, Eq, Ne, Lt, Le, Gt, Ge, In, NotIn, Like, Matches, Coalesce, Add, Sub, Mul, Div,
    }
    Literal {
        Int(a), Bool(a), Percent(a), Amount(a, b), Price(a, b), Duration(a), Rate(a, b, c), InFlight(a), String(a),
        Net(a), Date(a), Clock(a), Instant(a), Unlimited,
    }
    RateWindow { Span(a), Calendar(a), }
    Period { Day, Week, Month, Year, }
    Unit { Requests, Calls, Points, Tokens, Bytes, Usd, Eur, Declared(a), }
    PatternKind { Else, Literal(a), Name(a), }
    ClauseKind {
        Per(a), Globally, Burst(a), Starting(a), Using(a), Aligned, ForAtMost(a), Costing(a), Reserve(a, b), Settle(a),
        Refund(a), Warn(a), Exceed(a), Was(a), Share(a, b), ResetsIn(a), Fail(a), On(a),
        Overshoot(a),
    }
    FailMode { Open, Closed, Local(a), }
    StmtKind {
        Limit(a), Deny { status, message }, Exempt(a), If { condition, then, otherwise }, Match { subject, arms },
        Let(a, b),
    }
    StepKind { Given(a), At(a), Wait(a), SetUsed(a, b), Send(a), Reply(a), ExpectUsed(a, b, c), }
    Comparison { Lt, Le, Eq, Ge, Gt, }
    ExceedAction { Deny { status, message }, Allow, Reject, Downgrade(a, b), }
    Expected { Allow, Exempt, Deny(a), Reject { by, retry_after }, Downgrade(a), }
    NoteKind { Warn(a, b), Shadow(a), }
    Verb { Get, Head, Post, Put, Patch, Delete, Options, Any, }
    Source { Header(a), Query(a), Cookie(a), Descriptor(a), }
}

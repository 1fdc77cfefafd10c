//! Visits every span of a tree, so that what was read in one place can stand in another.
//!
//! Every type is taken apart field by field: one that gains a field does not compile until its spans are visited too.

use limitrate_core::{
    facts::Source,
    time::{Nanos, Timestamp},
    unit::{PriceUnit, Unit},
    window::Period,
};

use super::{
    Attribute, BinaryOp, Bind, BlockFor, Bound, Calendar, Clause, ClauseKind, Column, Comparison, Day,
    Exceed, ExceedAction, Expected, Expr, ExprKind, FailMode, File, Function, Item, ItemKind, Key, KeyAtom,
    Keys, Level, Limit, Literal, MatchArm, Measure, Note, NoteKind, On, Param, Pattern, PatternKind, Plan,
    PlanEntry, RateWindow, Reply, Rollout, Rule, Schedule, Send, SetDecl, Step, StepKind, Stmt, StmtKind,
    Table, TableRow, Target, Test, TypeExpr, TypeExprKind, UnitDecl, Use, Used, Verb, WeekSpan,
};
use crate::span::{Span, Spanned};

/// Part of a tree.
pub(crate) trait Spans {
    /// Calls `visit` with every span in it.
    fn spans(&mut self, visit: &mut dyn FnMut(&mut Span));
}

impl File {
    /// Calls `visit` with every span of the tree, to be changed in place.
    pub fn visit_spans(&mut self, visit: &mut dyn FnMut(&mut Span)) {
        self.items.spans(visit);
    }
}

impl Spans for Span {
    fn spans(&mut self, visit: &mut dyn FnMut(&mut Span)) {
        visit(self);
    }
}

impl<T: Spans> Spans for Spanned<T> {
    fn spans(&mut self, visit: &mut dyn FnMut(&mut Span)) {
        let Self { node, span } = self;
        node.spans(visit);
        visit(span);
    }
}

impl<T: Spans> Spans for Vec<T> {
    fn spans(&mut self, visit: &mut dyn FnMut(&mut Span)) {
        self.iter_mut().for_each(|part| part.spans(visit));
    }
}

impl<T: Spans> Spans for Option<T> {
    fn spans(&mut self, visit: &mut dyn FnMut(&mut Span)) {
        self.iter_mut().for_each(|part| part.spans(visit));
    }
}

impl<T: Spans> Spans for Box<T> {
    fn spans(&mut self, visit: &mut dyn FnMut(&mut Span)) {
        (**self).spans(visit);
    }
}

impl<A: Spans, B: Spans> Spans for (A, B) {
    fn spans(&mut self, visit: &mut dyn FnMut(&mut Span)) {
        self.0.spans(visit);
        self.1.spans(visit);
    }
}

/// Types without a span in them.
macro_rules! plain {
    ($($type:ty),* $(,)?) => {
        $(impl Spans for $type {
            fn spans(&mut self, _: &mut dyn FnMut(&mut Span)) {}
        })*
    };
}

plain! {
    bool, u8, i64, String, Nanos, Timestamp, Unit, Period, Day, Verb, Comparison, BinaryOp, FailMode, RateWindow, Literal,
    PatternKind, PriceUnit, Source, Measure,
}

/// Structures, by their fields.
macro_rules! fields {
    ($($type:ident { $($field:ident),* })*) => {
        $(impl Spans for $type {
            fn spans(&mut self, visit: &mut dyn FnMut(&mut Span)) {
                let Self { $($field),* } = self;
                $($field.spans(visit);)*
            }
        })*
    };
}

fields! {
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
    Bound { measure, most, span }
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
}

impl<T: Spans> Spans for MatchArm<T> {
    fn spans(&mut self, visit: &mut dyn FnMut(&mut Span)) {
        let Self { patterns, body, span } = self;
        patterns.spans(visit);
        body.spans(visit);
        visit(span);
    }
}

/// Choices, by their variants.
macro_rules! variants {
    ($($type:ident { $($variant:ident $(($($part:ident),*))? $({ $($field:ident),* })?,)* })*) => {
        $(impl Spans for $type {
            fn spans(&mut self, visit: &mut dyn FnMut(&mut Span)) {
                match self {
                    $(Self::$variant $(($($part),*))? $({ $($field),* })? => {
                        $($($part.spans(visit);)*)?
                        $($($field.spans(visit);)*)?
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
    TypeExprKind { OneOf(a), IntRange(a, b), Price(a), Rate(a), Named(a), }
    KeyAtom { Fact(a), Call(a, b), Literal(a), }
    PlanEntry { Limit(a), NoLimit(a), Constant(a, b), }
    ExprKind {
        Literal(a), Path(a), Call(a, b), Set(a), Not(a), Binary(a, b, c), Is(a, b), If(a, b, c), Match(a, b),
        Lookup(a, b, c),
    }
    ClauseKind {
        Per(a), Globally, Burst(a), Starting(a), Using(a), Aligned, ForAtMost(a), Costing(a), Reserve(a, b), Settle(a),
        Refund(a), Warn(a), Exceed(a), Was(a), Share(a, b), ResetsIn(a), Fail(a), On(a),
        Overshoot(a),
    }
    StmtKind {
        Limit(a), Deny { status, message }, Exempt(a), If { condition, then, otherwise }, Match { subject, arms },
        Let(a, b),
    }
    StepKind { Given(a), At(a), Wait(a), SetUsed(a, b), Send(a), Reply(a), ExpectUsed(a, b, c), }
    ExceedAction { Deny { status, message }, Allow, Reject, Downgrade(a, b), }
    Expected { Allow, Exempt, Deny(a), Reject { by, retry_after }, Downgrade(a), }
    NoteKind { Warn(a, b), Shadow(a), }
}

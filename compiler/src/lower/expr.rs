//! Expressions: values, presence, and tests that become slots.

use ipnet::IpNet;
use limitrate_core::{
    facts::{FactDecl, FactId, Phase},
    glob::Glob,
    net::NetSet,
};

use super::{Lowering, lets::Reading};
use crate::{
    checked::{Comparison, Expr, ExprKind, TableId, Type},
    ir::{
        NodeId,
        slot::{Slot, Subject},
    },
};

/// What is asked of text or an address: what it is for a fact, and for text that the policy has written.
pub(super) struct Test<'t> {
    pub(super) slot: &'t dyn Fn(Subject) -> Slot,
    pub(super) literal: &'t dyn Fn(&str) -> i64,
}

impl Lowering<'_> {
    /// The value of an expression; 0 where it is absent. Text is its id in the table of texts.
    pub(super) fn value(&mut self, expr: &Expr) -> NodeId {
        match &expr.kind {
            ExprKind::Const(value) => self.graph.constant(*value),
            ExprKind::Text(text) => {
                let id = self.tables.text(text);
                self.graph.constant(id)
            }
            ExprKind::Fact(fact) if expr.ty == Type::Text => self.graph.slot(Slot::Text((*fact).into())),
            ExprKind::Fact(fact) => self.graph.slot(Slot::Value(*fact)),
            ExprKind::Now => self.graph.slot(Slot::Now),
            ExprKind::ByPlan(values) => {
                let value = self.by_plan(values, &mut |l, value| l.value(value));
                if expr.ty == Type::Bool { self.with_plan(value) } else { value }
            }
            ExprKind::Lookup(table, column, keys) => {
                self.lookup(*table, *column, keys, &mut |l, cell| l.value(cell))
            }
            ExprKind::Let(id) => self.of_let(*id, Reading::Value, &mut |l, value| l.value(value)),
            ExprKind::Not(inner) => {
                let inner = self.value(inner);
                self.graph.not(inner)
            }
            ExprKind::And(left, right) => {
                let (left, right) = (self.value(left), self.value(right));
                self.graph.and(left, right)
            }
            ExprKind::Or(left, right) => {
                let (left, right) = (self.value(left), self.value(right));
                self.graph.or(left, right)
            }
            ExprKind::Coalesce(left, right) => {
                let present = self.present(left);
                let (left, right) = (self.value(left), self.value(right));
                self.graph.select(present, left, right)
            }
            ExprKind::Compare(comparison, left, right) => self.comparison(*comparison, left, right),
            ExprKind::Arithmetic(operation, left, right) => {
                let (left, right) = (self.value(left), self.value(right));
                self.graph.arithmetic(*operation, left, right)
            }
            ExprKind::Present(value) => self.present(value),
            ExprKind::InNets(value, nets) => self.in_nets(value, nets),
            ExprKind::Lower(inner) => self.lowered(inner),
            ExprKind::Length(text) => self.length(text),
            ExprKind::Has(text, place, part) => self.has(text, *place, part),
            ExprKind::Like(value, pattern) => self.like(value, pattern),
            ExprKind::Matches(value, pattern) => self.matches(value, pattern),
            ExprKind::Holds(schedule) => self.graph.slot(Slot::Schedule(schedule.0)),
            ExprKind::If(condition, then, otherwise) => {
                let condition = self.value(condition);
                let (then, otherwise) = (self.value(then), self.value(otherwise));
                self.graph.select(condition, then, otherwise)
            }
        }
    }

    /// Whether an expression has a value.
    pub(super) fn present(&mut self, expr: &Expr) -> NodeId {
        match &expr.kind {
            ExprKind::Fact(fact) => self.fact_present(*fact),
            ExprKind::Let(id) => self.of_let(*id, Reading::Present, &mut |l, value| l.present(value)),
            ExprKind::Lower(text) | ExprKind::Length(text) => self.present(text),
            ExprKind::Coalesce(left, right) => {
                let (left, right) = (self.present(left), self.present(right));
                self.graph.or(left, right)
            }
            ExprKind::Arithmetic(_, left, right) => {
                let (left, right) = (self.present(left), self.present(right));
                self.graph.and(left, right)
            }
            ExprKind::If(condition, then, otherwise) => {
                let condition = self.value(condition);
                let (then, otherwise) = (self.present(then), self.present(otherwise));
                self.graph.select(condition, then, otherwise)
            }
            ExprKind::ByPlan(_) => self.plan_present(),
            ExprKind::Const(_)
            | ExprKind::Text(_)
            | ExprKind::Lookup(..)
            | ExprKind::Now
            | ExprKind::Not(_)
            | ExprKind::And(..)
            | ExprKind::Or(..)
            | ExprKind::Compare(..)
            | ExprKind::Present(_)
            | ExprKind::InNets(..)
            | ExprKind::Has(..)
            | ExprKind::Like(..)
            | ExprKind::Matches(..)
            | ExprKind::Holds(_) => self.graph.truth(true),
        }
    }

    /// Whether a request has the fact: always, unless it is optional without a default, or its response may lack it.
    pub(super) fn fact_present(&mut self, fact: FactId) -> NodeId {
        let declared = self.checked.facts.get(usize::from(fact.0)).map(|f| &f.decl);
        let may_lack = |decl: &FactDecl| decl.optional || decl.phase == Phase::Response;
        if declared.is_some_and(|decl| may_lack(decl) && decl.default.is_none()) {
            self.graph.slot(Slot::Present(fact))
        } else {
            self.graph.truth(true)
        }
    }

    /// Whether a ceiling is `unlimited`.
    pub(super) fn unlimited(&mut self, expr: &Expr) -> NodeId {
        match &expr.kind {
            ExprKind::If(condition, then, otherwise) => {
                let condition = self.value(condition);
                let (then, otherwise) = (self.unlimited(then), self.unlimited(otherwise));
                self.graph.select(condition, then, otherwise)
            }
            ExprKind::ByPlan(values) => self.by_plan(values, &mut |l, value| l.unlimited(value)),
            ExprKind::Lookup(table, column, keys) => {
                self.lookup(*table, *column, keys, &mut |l, cell| l.unlimited(cell))
            }
            ExprKind::Let(id) => self.of_let(*id, Reading::Unlimited, &mut |l, value| l.unlimited(value)),
            ExprKind::Arithmetic(_, left, _) => self.unlimited(left),
            ExprKind::Coalesce(left, right) => {
                let present = self.present(left);
                let (left, right) = (self.unlimited(left), self.unlimited(right));
                self.graph.select(present, left, right)
            }
            // Of what is left, only the literal has this type.
            ExprKind::Const(_)
            | ExprKind::Text(_)
            | ExprKind::Fact(_)
            | ExprKind::Now
            | ExprKind::Not(_)
            | ExprKind::And(..)
            | ExprKind::Or(..)
            | ExprKind::Compare(..)
            | ExprKind::Present(_)
            | ExprKind::InNets(..)
            | ExprKind::Lower(_)
            | ExprKind::Length(_)
            | ExprKind::Has(..)
            | ExprKind::Like(..)
            | ExprKind::Matches(..)
            | ExprKind::Holds(_) => self.graph.truth(expr.ty == Type::Unlimited),
        }
    }

    /// The value that belongs to the request's plan.
    pub(super) fn by_plan(
        &mut self,
        values: &[Expr],
        of: &mut dyn FnMut(&mut Self, &Expr) -> NodeId,
    ) -> NodeId {
        let Some(plan_fact) = self.checked.plan_fact else { return self.graph.constant(0) };
        let mut nodes: Vec<NodeId> = values.iter().map(|value| of(self, value)).collect();
        let Some(mut chosen) = nodes.pop() else { return self.graph.constant(0) };
        for (plan, node) in nodes.into_iter().enumerate().rev() {
            let is = self.value_is(plan_fact, i64::try_from(plan).unwrap_or(i64::MAX));
            chosen = self.graph.select(is, node, chosen);
        }
        chosen
    }

    /// What `of` makes of the cell that the keys choose.
    pub(super) fn lookup(
        &mut self,
        table: TableId,
        column: usize,
        keys: &[Expr],
        of: &mut dyn FnMut(&mut Self, &Expr) -> NodeId,
    ) -> NodeId {
        let rows = self.checked.tables.get(table.0).map(|table| table.rows.as_slice()).unwrap_or_default();
        let keys: Vec<(NodeId, NodeId)> =
            keys.iter().map(|key| (self.value(key), self.present(key))).collect();
        let mut chosen: Option<NodeId> = None;
        for row in rows.iter().rev() {
            let Some(cell) = row.cells.get(column) else { continue };
            let value = of(self, cell);
            let Some(otherwise) = chosen else {
                chosen = Some(value);
                continue;
            };
            let mut fits = self.graph.truth(true);
            for ((key, present), pattern) in keys.iter().zip(&row.patterns) {
                let Some(pattern) = pattern else { continue };
                let pattern = self.value(pattern);
                let is = self.graph.compare(Comparison::Eq, *key, pattern);
                let is = self.graph.and(*present, is);
                fits = self.graph.and(fits, is);
            }
            chosen = Some(self.graph.select(fits, value, otherwise));
        }
        chosen.unwrap_or_else(|| self.graph.constant(0))
    }

    /// Whether the request has a plan.
    fn plan_present(&mut self) -> NodeId {
        match self.checked.plan_fact {
            Some(plan) => self.fact_present(plan),
            None => self.graph.truth(true),
        }
    }

    /// A truth by plan: without a plan nothing holds.
    fn with_plan(&mut self, holds: NodeId) -> NodeId {
        let present = self.plan_present();
        self.graph.and(present, holds)
    }

    /// Whether a fact has this value.
    pub(super) fn value_is(&mut self, fact: FactId, value: i64) -> NodeId {
        let slot = self.graph.slot(Slot::Value(fact));
        let value = self.graph.constant(value);
        self.graph.compare(Comparison::Eq, slot, value)
    }

    /// Whether a fact has this text.
    pub(super) fn text_is(&mut self, fact: FactId, text: &str) -> NodeId {
        let slot = self.graph.slot(Slot::Text(fact.into()));
        let id = self.tables.text(text);
        let id = self.graph.constant(id);
        self.graph.compare(Comparison::Eq, slot, id)
    }

    /// A comparison; where a side is absent, it does not hold.
    fn comparison(&mut self, comparison: Comparison, left: &Expr, right: &Expr) -> NodeId {
        let holds = match () {
            () if matches!(left.ty, Type::Text | Type::Ip) && left.reads_fact() && right.reads_fact() => {
                let same = self.same(left, right);
                if comparison == Comparison::Ne { self.graph.not(same) } else { same }
            }
            () => {
                let (a, b) = (self.value(left), self.value(right));
                self.graph.compare(comparison, a, b)
            }
        };
        let (left, right) = (self.present(left), self.present(right));
        let both = self.graph.and(left, right);
        self.graph.and(both, holds)
    }

    fn in_nets(&mut self, value: &Expr, nets: &[IpNet]) -> NodeId {
        let table = self.tables.nets(nets.iter().copied().collect::<NetSet>());
        self.test(value, &Test { slot: &|of| Slot::InNets(of.fact, table), literal: &|_| 0 })
    }

    fn like(&mut self, value: &Expr, pattern: &str) -> NodeId {
        let glob = Glob::new(pattern);
        let table = self.tables.glob(pattern, &glob);
        self.test(
            value,
            &Test { slot: &|of| Slot::Like(of, table), literal: &|text| glob.matches(text).into() },
        )
    }

    fn matches(&mut self, value: &Expr, pattern: &str) -> NodeId {
        let Some((table, regex)) = self.tables.regex(pattern) else { return self.graph.truth(false) };
        self.test(
            value,
            &Test { slot: &|of| Slot::Matches(of, table), literal: &|text| regex.is_match(text).into() },
        )
    }

    /// A test, brought down to the facts and texts that the value is chosen from.
    pub(super) fn test(&mut self, value: &Expr, test: &Test<'_>) -> NodeId {
        match &value.kind {
            ExprKind::Fact(fact) => self.graph.slot((test.slot)((*fact).into())),
            ExprKind::Text(text) => self.graph.constant((test.literal)(text)),
            ExprKind::Lower(inner) => {
                let slot = |of| (test.slot)(Subject { lower: true, ..of });
                let literal = |text: &str| (test.literal)(&text.to_ascii_lowercase());
                self.test(inner, &Test { slot: &slot, literal: &literal })
            }
            ExprKind::Let(id) => {
                let reading = Reading::Test((test.slot)(FactId(0).into()));
                self.of_let(*id, reading, &mut |l, value| l.test(value, test))
            }
            ExprKind::Coalesce(left, right) => {
                let present = self.present(left);
                let (left, right) = (self.test(left, test), self.test(right, test));
                self.graph.select(present, left, right)
            }
            ExprKind::If(condition, then, otherwise) => {
                let condition = self.value(condition);
                let (then, otherwise) = (self.test(then, test), self.test(otherwise, test));
                self.graph.select(condition, then, otherwise)
            }
            ExprKind::Lookup(table, column, keys) => {
                self.lookup(*table, *column, keys, &mut |l, cell| l.test(cell, test))
            }
            ExprKind::ByPlan(values) => {
                let holds = self.by_plan(values, &mut |l, value| l.test(value, test));
                self.with_plan(holds)
            }
            // Neither text nor an address: the checker lets nothing else come here.
            ExprKind::Const(_)
            | ExprKind::Now
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
            | ExprKind::Holds(_) => self.graph.truth(false),
        }
    }
}

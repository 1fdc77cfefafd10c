//! What the tree knows about single tokens: which are a literal together, and which parenthesis is a call's.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    ast::{
        Bind, Clause, ClauseKind, Expected, Expr, ExprKind, File, ItemKind, KeyAtom, Keys, Limit, Literal,
        Pattern, PatternKind, PlanEntry, Step, StepKind, Stmt, StmtKind, TypeExpr, TypeExprKind,
    },
    span::Span,
};

/// Marks on the text by byte.
#[derive(Debug, Default)]
pub(super) struct Marks {
    /// Where a literal begins, to where it ends, and whether its units are to be rewritten.
    pub(super) literals: BTreeMap<usize, (usize, bool)>,
    /// Where the names of calls end.
    pub(super) calls: BTreeSet<usize>,
}

impl Marks {
    /// The marks of a whole file.
    pub(super) fn of(file: &File) -> Self {
        let mut marks = Self::default();
        for item in &file.items {
            match &item.kind {
                ItemKind::Edition(_) | ItemKind::Hierarchy(_) => {}
                // A module's name is one word, whatever it has hyphens and dots between.
                ItemKind::Module(name) => marks.verbatim(name.span),
                ItemKind::Use(used) => marks.verbatim(used.module.span),
                ItemKind::Schedule(_) | ItemKind::Unit(_) | ItemKind::Budget(_) => {}
                ItemKind::Table(table) => {
                    table.columns.iter().for_each(|column| marks.type_expr(&column.ty));
                    for row in &table.rows {
                        marks.patterns(&row.patterns);
                        row.cells.iter().for_each(|cell| marks.expr(cell));
                    }
                }
                ItemKind::Function(function) => {
                    marks.calls.insert(function.name.span.end as usize);
                    function.params.iter().for_each(|param| marks.type_expr(&param.ty));
                    marks.type_expr(&function.result);
                    marks.expr(&function.body);
                }
                ItemKind::Input(attributes) => {
                    for attribute in attributes {
                        marks.type_expr(&attribute.ty);
                        attribute
                            .default
                            .iter()
                            .chain(&attribute.otherwise)
                            .for_each(|expr| marks.expr(expr));
                    }
                }
                ItemKind::Plan(plan) => plan.entries.iter().for_each(|entry| marks.plan_entry(entry)),
                ItemKind::Set(set) => set.members.iter().for_each(|member| marks.expr(member)),
                ItemKind::Calendar(calendar) => calendar.days.iter().for_each(|day| marks.verbatim(day.span)),
                ItemKind::Rule(rule) => {
                    rule.per.iter().for_each(|keys| marks.keys(keys));
                    marks.stmts(&rule.body);
                }
                ItemKind::Test(test) => test.steps.iter().for_each(|step| marks.step(step)),
            }
        }
        marks
    }

    fn verbatim(&mut self, span: Span) {
        self.literals.insert(span.start as usize, (span.end as usize, false));
    }

    fn plan_entry(&mut self, entry: &PlanEntry) {
        match entry {
            PlanEntry::Limit(limit) => self.limit(limit),
            PlanEntry::NoLimit(_) => {}
            PlanEntry::Constant(_, value) => self.expr(value),
        }
    }

    fn stmts(&mut self, stmts: &[Stmt]) {
        for stmt in stmts {
            match &stmt.kind {
                StmtKind::Limit(limit) => self.limit(limit),
                StmtKind::Deny { .. } | StmtKind::Exempt(_) => {}
                StmtKind::If { condition, then, otherwise } => {
                    self.expr(condition);
                    self.stmts(then);
                    self.stmts(otherwise);
                }
                StmtKind::Match { subject, arms } => {
                    self.expr(subject);
                    for arm in arms {
                        self.patterns(&arm.patterns);
                        self.stmts(&arm.body);
                    }
                }
                StmtKind::Let(_, value) => self.expr(value),
            }
        }
    }

    fn limit(&mut self, limit: &Limit) {
        self.expr(&limit.ceiling);
        limit.clauses.iter().for_each(|clause| self.clause(clause));
    }

    /// A price or a rate is one word.
    fn type_expr(&mut self, ty: &TypeExpr) {
        match &ty.kind {
            TypeExprKind::Price(price) => self.word(price.span),
            TypeExprKind::Rate(rate) => self.word(rate.span),
            TypeExprKind::OneOf(_) | TypeExprKind::IntRange(..) | TypeExprKind::Named(_) => {}
        }
    }

    fn word(&mut self, span: Span) {
        self.literals.insert(span.start as usize, (span.end as usize, true));
    }

    fn keys(&mut self, keys: &Keys) {
        for atom in keys.parts.iter().flat_map(|key| &key.alternatives) {
            if let KeyAtom::Call(name, arguments) = &atom.node {
                self.calls.insert(name.span.end as usize);
                arguments.iter().for_each(|argument| self.expr(argument));
            }
        }
    }

    fn binds(&mut self, binds: &[Bind]) {
        for bind in binds {
            // `header("x-client-id")` is longer than its name, `header.x-client-id`.
            let (name, span) = (&bind.name.node, bind.name.span);
            match name.find('.').filter(|_| name.len() < (span.end - span.start) as usize) {
                Some(word) => _ = self.calls.insert(span.start as usize + word),
                None => self.verbatim(span),
            }
            self.expr(&bind.value);
        }
    }

    fn clause(&mut self, clause: &Clause) {
        if let ClauseKind::Per(keys) | ClauseKind::Share(_, keys) = &clause.kind {
            self.keys(keys);
        }
        clause.kind.values().for_each(|value| self.expr(value));
    }

    fn step(&mut self, step: &Step) {
        match &step.kind {
            StepKind::Given(given) => self.binds(given),
            StepKind::At(instant) => self.verbatim(instant.span),
            StepKind::Wait(_) => {}
            StepKind::Reply(reply) => self.binds(&reply.with),
            StepKind::SetUsed(_, value) | StepKind::ExpectUsed(_, _, value) => self.expr(value),
            StepKind::Send(send) => {
                self.binds(&send.with);
                self.binds(send.reply.as_ref().map_or(&[], |reply| reply.with.as_slice()));
                if let Expected::Downgrade(to) = &send.expect.node {
                    self.binds(to);
                }
            }
        }
    }

    fn patterns(&mut self, patterns: &[Pattern]) {
        for pattern in patterns {
            if let PatternKind::Literal(literal) = &pattern.kind {
                self.literal(literal, pattern.span);
            }
        }
    }

    fn literal(&mut self, literal: &Literal, span: Span) {
        let rewrite = match literal {
            Literal::Amount(..)
            | Literal::Price(..)
            | Literal::Duration(_)
            | Literal::Rate(..)
            | Literal::InFlight(_) => true,
            Literal::Int(_)
            | Literal::Bool(_)
            | Literal::Percent(_)
            | Literal::String(_)
            | Literal::Net(_)
            | Literal::Date(_)
            | Literal::Clock(_)
            | Literal::Instant(_)
            | Literal::Unlimited => false,
        };
        self.literals.insert(span.start as usize, (span.end as usize, rewrite));
    }

    fn expr(&mut self, expr: &Expr) {
        match &expr.kind {
            ExprKind::Literal(literal) => self.literal(literal, expr.span),
            ExprKind::Path(_) => {}
            ExprKind::Call(name, arguments) => {
                self.calls.insert(name.span.end as usize);
                arguments.iter().for_each(|argument| self.expr(argument));
            }
            ExprKind::Lookup(_, keys, _) => keys.iter().for_each(|key| self.expr(key)),
            ExprKind::Set(members) => members.iter().for_each(|member| self.expr(member)),
            ExprKind::Not(inner) | ExprKind::Is(inner, _) => self.expr(inner),
            ExprKind::Binary(left, _, right) => {
                self.expr(left);
                self.expr(right);
            }
            ExprKind::If(condition, then, otherwise) => {
                self.expr(condition);
                self.expr(then);
                self.expr(otherwise);
            }
            ExprKind::Match(subject, arms) => {
                self.expr(subject);
                for arm in arms {
                    self.patterns(&arm.patterns);
                    self.expr(&arm.body);
                }
            }
        }
    }
}

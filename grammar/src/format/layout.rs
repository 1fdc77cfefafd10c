//! Where the lines of a policy break.

use crate::{
    ast::{
        Clause, ClauseKind, Expr, ExprKind, File, Item, ItemKind, Limit, MatchArm, On, PlanEntry, Stmt,
        StmtKind,
    },
    format::printer::{Gap, Printer},
    span::Span,
};

const fn start(span: Span) -> usize {
    span.start as usize
}

const fn end(span: Span) -> usize {
    span.end as usize
}

/// Items of one line that may stand without a blank line between them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Group {
    Head,
    Names,
    Alone,
}

const fn group(kind: &ItemKind) -> Group {
    match kind {
        ItemKind::Edition(_) | ItemKind::Module(_) | ItemKind::Use(_) => Group::Head,
        ItemKind::Set(_)
        | ItemKind::Schedule(_)
        | ItemKind::Calendar(_)
        | ItemKind::Unit(_)
        | ItemKind::Function(_) => Group::Names,
        ItemKind::Hierarchy(_)
        | ItemKind::Input(_)
        | ItemKind::Plan(_)
        | ItemKind::Table(_)
        | ItemKind::Budget(_)
        | ItemKind::Rule(_)
        | ItemKind::Test(_) => Group::Alone,
    }
}

impl Printer<'_> {
    /// Prints a whole file.
    pub(super) fn file(&mut self, file: &File) {
        let mut last = None;
        for item in &file.items {
            let group = group(&item.kind);
            let gap = match last {
                None => Gap::Kept,
                Some(last) if last == group && group != Group::Alone => Gap::Kept,
                Some(_) => Gap::Always,
            };
            self.line(0, gap);
            self.item(item);
            last = Some(group);
        }
        self.indent = 0;
        self.line(0, Gap::Kept);
    }

    fn item(&mut self, item: &Item) {
        self.indent = 0;
        match &item.kind {
            ItemKind::Edition(_) | ItemKind::Module(_) | ItemKind::Hierarchy(_) | ItemKind::Unit(_) => {}
            ItemKind::Use(used) => self.list(item.span, used.names.iter().map(|name| start(name.span))),
            ItemKind::Function(function) => self.whole_expr(&function.body),
            ItemKind::Table(table) => self.block(&table.rows, |printer, row| {
                row.cells.iter().for_each(|cell| printer.whole_expr(cell));
                printer.to(end(row.span));
                printer.leave_out(",");
            }),
            ItemKind::Schedule(schedule) => {
                self.list(item.span, schedule.spans.iter().map(|span| start(span.span)));
            }
            ItemKind::Calendar(calendar) => {
                self.list(item.span, calendar.days.iter().map(|day| start(day.span)))
            }
            ItemKind::Set(set) => self.list(item.span, set.members.iter().map(|member| start(member.span))),
            ItemKind::Input(attributes) => {
                self.block(attributes, |printer, attribute| printer.to(end(attribute.span)));
            }
            ItemKind::Plan(plan) => self.block(&plan.entries, Self::plan_entry),
            ItemKind::Budget(bounds) => self.block(bounds, |printer, bound| printer.to(end(bound.span))),
            ItemKind::Rule(rule) => {
                let on = rule.on.iter().map(RuleEntry::On);
                let entries: Vec<_> = on.chain(rule.body.iter().map(RuleEntry::Stmt)).collect();
                self.block(&entries, |printer, entry| match entry {
                    RuleEntry::On(on) => printer.to(end(on.span)),
                    RuleEntry::Stmt(stmt) => printer.stmt(stmt),
                });
            }
            ItemKind::Test(test) => self.block(&test.steps, |printer, step| printer.to(end(step.span))),
        }
        self.to(end(item.span));
    }

    /// A list after `=`: on one line, or each member on its own if they do not fit.
    fn list(&mut self, span: Span, members: impl Iterator<Item = usize>) {
        if self.fits(end(span)) {
            return;
        }
        for member in members {
            self.to(member);
            self.line(1, Gap::None);
        }
    }

    fn plan_entry(&mut self, entry: &PlanEntry) {
        match entry {
            PlanEntry::Limit(limit) => self.limit(limit),
            PlanEntry::Constant(_, value) => self.whole_expr(value),
            PlanEntry::NoLimit(name) => self.to(end(name.span)),
        }
    }

    /// Prints a block from its brace on, each of its entries on a line of its own.
    fn block<T>(&mut self, entries: &[T], mut entry: impl FnMut(&mut Self, &T)) {
        let indent = self.indent;
        self.through("{");
        for (at, inner) in entries.iter().enumerate() {
            self.indent = indent + 1;
            self.line(indent + 1, if at == 0 { Gap::None } else { Gap::Kept });
            entry(self, inner);
        }
        self.indent = indent;
        if !entries.is_empty() || self.at_comment() {
            self.line(indent + 1, if entries.is_empty() { Gap::None } else { Gap::Kept });
            self.comments();
            self.line(indent, Gap::None);
        }
        self.through("}");
    }

    fn stmts(&mut self, stmts: &[Stmt]) {
        self.block(stmts, Self::stmt);
    }

    fn stmt(&mut self, stmt: &Stmt) {
        match &stmt.kind {
            StmtKind::Limit(limit) => self.limit(limit),
            StmtKind::Deny { .. } | StmtKind::Exempt(_) => {}
            StmtKind::Let(_, value) => self.whole_expr(value),
            StmtKind::Match { subject, arms } => {
                self.whole_expr(subject);
                self.arms(arms, |printer, body| printer.body(body));
            }
            StmtKind::If { condition, then, .. } => self.if_stmt(stmt, condition, then),
        }
        self.to(end(stmt.span));
    }

    /// What follows `then`, `else` or `=>`.
    fn body(&mut self, body: &[Stmt]) {
        if self.peek().is_some_and(|piece| piece.text == "{") {
            self.stmts(body);
        } else {
            body.iter().for_each(|stmt| self.stmt(stmt));
        }
    }

    /// On one line if it is short and without `else`; else `then` and `else` begin lines, or follow a brace.
    fn if_stmt(&mut self, stmt: &Stmt, condition: &Expr, then: &[Stmt]) {
        let StmtKind::If { otherwise, .. } = &stmt.kind else { return };
        let indent = self.indent;
        let braced = self.opens_brace(end(condition.span));
        let plain =
            then.iter().all(|inner| !matches!(inner.kind, StmtKind::If { .. } | StmtKind::Match { .. }));
        if !braced && otherwise.is_empty() && plain && !self.has_else(then, stmt) && self.fits(end(stmt.span))
        {
            return;
        }
        self.whole_expr(condition);
        if !braced {
            self.line(indent, Gap::None);
        }
        self.through("then");
        self.body(then);
        if self.peek().is_some_and(|piece| piece.text == "else" && piece.start < end(stmt.span)) {
            if !braced {
                self.line(indent, Gap::None);
            }
            self.through("else");
            self.body(otherwise);
        }
    }

    /// Whether the body after the condition that ends at byte `at` stands in braces.
    fn opens_brace(&self, at: usize) -> bool {
        let mut piece = self.piece_from(at);
        while let Some(closer) = piece.filter(|piece| piece.text == ")") {
            piece = self.piece_from(closer.end);
        }
        piece.and_then(|then| self.piece_from(then.end)).is_some_and(|body| body.text == "{")
    }

    fn has_else(&self, then: &[Stmt], stmt: &Stmt) -> bool {
        let after = then.last().and_then(|last| self.piece_from(end(last.span)));
        after.is_some_and(|piece| piece.text == "else" && piece.start < end(stmt.span))
    }

    fn arms<T>(&mut self, arms: &[MatchArm<T>], mut body: impl FnMut(&mut Self, &T)) {
        self.block(arms, |printer, arm| {
            printer.to(arm.patterns.last().map_or(start(arm.span), |last| end(last.span)));
            printer.through("=>");
            body(printer, &arm.body);
            printer.to(end(arm.span));
            printer.leave_out(",");
        });
    }

    /// On one line if it fits; else each clause on its own, but for the key, which stays with the ceiling.
    fn limit(&mut self, limit: &Limit) {
        if !self.fits(end(limit.span)) {
            self.whole_expr(&limit.ceiling);
            if !self.fits(end(limit.span)) {
                for (at, clause) in limit.clauses.iter().enumerate() {
                    let key = matches!(clause.kind, ClauseKind::Per(_) | ClauseKind::Globally);
                    if at > 0 || !key || !self.fits(end(clause.span)) {
                        self.line(self.indent + 1, Gap::None);
                    }
                    self.clause(clause);
                }
            }
        }
        self.to(end(limit.span));
    }

    fn clause(&mut self, clause: &Clause) {
        clause.kind.values().for_each(|value| self.whole_expr(value));
        self.to(end(clause.span));
    }

    /// An expression and the parentheses that close after it.
    fn whole_expr(&mut self, expr: &Expr) {
        self.expr(expr);
        self.closers();
    }

    fn expr(&mut self, expr: &Expr) {
        match &expr.kind {
            ExprKind::Literal(_) | ExprKind::Path(_) => {}
            ExprKind::Call(_, inner) | ExprKind::Set(inner) | ExprKind::Lookup(_, inner, _) => {
                inner.iter().for_each(|inner| self.expr(inner))
            }
            ExprKind::Not(inner) | ExprKind::Is(inner, _) => self.expr(inner),
            ExprKind::Binary(left, _, right) => {
                self.expr(left);
                self.expr(right);
            }
            ExprKind::If(condition, then, otherwise) if !self.fits(end(expr.span)) => {
                self.whole_expr(condition);
                self.line(self.indent + 1, Gap::None);
                self.whole_expr(then);
                self.line(self.indent + 1, Gap::None);
                self.expr(otherwise);
            }
            ExprKind::If(..) => {}
            ExprKind::Match(subject, arms) => {
                self.whole_expr(subject);
                self.arms(arms, Self::whole_expr);
            }
        }
        self.to(end(expr.span));
    }
}

/// An entry of a rule's braces.
enum RuleEntry<'a> {
    On(&'a On),
    Stmt(&'a Stmt),
}

//! Makes a case small: steps, facts and parts of the policy are left out while it still shows what it showed.
//!
//! It works on any policy text: what may be left out, or stand for something larger, is found by the spans of its tree.

use std::any::Any;

use limitrate_compiler::source::Sources;
use limitrate_grammar::{
    ast::{
        Attribute, Clause, ClauseKind, Expr, ExprKind, Item, Limit, On, PlanEntry, Rollout, Stmt, StmtKind,
        TableRow,
    },
    span::Span,
};

use crate::{
    coverage::{Visitor, Walk as _},
    history::Act,
    run::Case,
};

/// So many smaller policies are tried.
const MOST_TRIES: usize = 3_000;

/// A smaller case that `still` shows what the case shows.
pub fn shrink(mut case: Case, still: &mut dyn FnMut(&Case) -> bool) -> Case {
    let mut tries = MOST_TRIES;
    loop {
        let before = (case.text.len(), size(&case));
        shrink_steps(&mut case, still);
        shrink_text(&mut case, still, &mut tries);
        shrink_facts(&mut case, still);
        if (case.text.len(), size(&case)) == before || tries == 0 {
            return case;
        }
    }
}

fn size(case: &Case) -> usize {
    let facts = |act: &Act| match act {
        Act::Send(facts) | Act::Reply { facts, .. } => facts.len() + 1,
        Act::Release { .. } => 1,
    };
    case.steps.iter().map(|step| facts(&step.act)).sum()
}

/// Leaves out runs of steps, long ones first.
fn shrink_steps(case: &mut Case, still: &mut dyn FnMut(&Case) -> bool) {
    let mut length = case.steps.len().div_ceil(2);
    while length > 0 {
        let mut start = 0;
        while start < case.steps.len() {
            let end = (start + length).min(case.steps.len());
            let mut smaller = case.clone();
            smaller.steps.drain(start..end);
            if still(&smaller) {
                *case = smaller;
            } else {
                start = end;
            }
        }
        length /= 2;
    }
}

/// Leaves out facts of requests and replies, one by one.
fn shrink_facts(case: &mut Case, still: &mut dyn FnMut(&Case) -> bool) {
    for position in 0..case.names.len() {
        let mut smaller = case.clone();
        for step in &mut smaller.steps {
            match &mut step.act {
                Act::Send(facts) | Act::Reply { facts, .. } => facts.retain(|(fact, _)| *fact != position),
                Act::Release { .. } => {}
            }
        }
        if size(&smaller) < size(case) && still(&smaller) {
            *case = smaller;
        }
    }
}

/// Leaves out parts of the policy, large ones first.
fn shrink_text(case: &mut Case, still: &mut dyn FnMut(&Case) -> bool, tries: &mut usize) {
    shrink_items(case, still, tries);
    let mut skipped = 0;
    loop {
        let edits = edits(&case.text);
        let Some(edit) = edits.get(skipped) else { return };
        if *tries == 0 {
            return;
        }
        *tries -= 1;
        let smaller = Case { text: edit.apply(&case.text), ..case.clone() };
        if smaller.text.len() < case.text.len() && still(&smaller) {
            *case = smaller;
        } else {
            skipped += 1;
        }
    }
}

/// Leaves out runs of items: policies of thousands of rules become short in few steps.
fn shrink_items(case: &mut Case, still: &mut dyn FnMut(&Case) -> bool, tries: &mut usize) {
    let mut length = parsed(&case.text).items.len().div_ceil(2);
    while length > 1 {
        let mut start = 0;
        loop {
            let items = parsed(&case.text).items;
            let (Some(first), true) = (items.get(start), *tries > 0) else { break };
            let last = items.get(start + length - 1).or_else(|| items.last()).unwrap_or(first);
            *tries -= 1;
            let edit = Edit { span: first.span.to(last.span), with: String::new() };
            let smaller = Case { text: edit.apply(&case.text), ..case.clone() };
            if still(&smaller) {
                *case = smaller;
            } else {
                start += length;
            }
        }
        length /= 2;
    }
}

fn parsed(text: &str) -> limitrate_grammar::ast::File {
    let source = Sources::default().add("case.rl", text.as_bytes());
    limitrate_grammar::parse(source, text.as_bytes()).file
}

/// A part of a text, and what stands there instead.
#[derive(Debug, Clone)]
struct Edit {
    span: Span,
    with: String,
}

impl Edit {
    fn apply(&self, text: &str) -> String {
        let before = text.get(..self.span.start as usize).unwrap_or_default();
        let after = text.get(self.span.end as usize..).unwrap_or_default();
        format!("{before}{}{after}", self.with)
    }
}

/// What may be made smaller, the largest gain first.
fn edits(text: &str) -> Vec<Edit> {
    let mut found = Edits { text, edits: Vec::new() };
    parsed(text).walk(&mut found);
    let gain = |edit: &Edit| (edit.span.end - edit.span.start) as usize - edit.with.len();
    found.edits.retain(|edit| edit.with.len() < (edit.span.end - edit.span.start) as usize);
    found.edits.sort_by_key(|edit| std::cmp::Reverse(gain(edit)));
    found.edits
}

struct Edits<'t> {
    text: &'t str,
    edits: Vec<Edit>,
}

impl Edits<'_> {
    fn drop(&mut self, span: Span) {
        self.edits.push(Edit { span, with: String::new() });
    }

    /// One of several parts of something stands for all of it.
    fn lift(&mut self, whole: Span, parts: impl IntoIterator<Item = Span>) {
        for part in parts {
            let with = part.text(self.text).to_owned();
            self.edits.push(Edit { span: whole, with });
        }
    }

    fn stmt(&mut self, stmt: &Stmt) {
        self.drop(stmt.span);
        let body = |stmts: &[Stmt]| Some(stmts.first()?.span.to(stmts.last()?.span));
        match &stmt.kind {
            StmtKind::If { then, otherwise, .. } => {
                let parts: Vec<Span> = [body(then), body(otherwise)].into_iter().flatten().collect();
                self.lift(stmt.span, parts);
            }
            StmtKind::Match { arms, .. } => {
                let parts: Vec<Span> = arms.iter().filter_map(|arm| body(&arm.body)).collect();
                self.lift(stmt.span, parts);
            }
            StmtKind::Limit(_) | StmtKind::Deny { .. } | StmtKind::Exempt(_) | StmtKind::Let(..) => {}
        }
    }

    fn expr(&mut self, expr: &Expr) {
        let parts: Vec<Span> = match &expr.kind {
            ExprKind::Literal(_) | ExprKind::Path(_) => Vec::new(),
            ExprKind::Call(_, parts) | ExprKind::Lookup(_, parts, _) | ExprKind::Set(parts) => {
                parts.iter().map(|part| part.span).collect()
            }
            ExprKind::Not(inner) | ExprKind::Is(inner, _) => vec![inner.span],
            ExprKind::Binary(left, _, right) => vec![left.span, right.span],
            ExprKind::If(condition, then, otherwise) => vec![condition.span, then.span, otherwise.span],
            ExprKind::Match(subject, arms) => {
                arms.iter().map(|arm| arm.body.span).chain([subject.span]).collect()
            }
        };
        self.lift(expr.span, parts);
    }
}

impl Visitor for Edits<'_> {
    fn visit(&mut self, _: &'static str, node: &dyn Any) {
        if let Some(item) = node.downcast_ref::<Item>() {
            self.drop(item.span);
        } else if let Some(stmt) = node.downcast_ref::<Stmt>() {
            self.stmt(stmt);
        } else if let Some(expr) = node.downcast_ref::<Expr>() {
            self.expr(expr);
        } else if let Some(clause) = node.downcast_ref::<Clause>() {
            self.drop(clause.span);
            if let ClauseKind::Reserve(value, _) = &clause.kind {
                let with = format!("costing {}", value.span.text(self.text));
                self.edits.push(Edit { span: clause.span, with });
            }
        } else if let Some(Limit { span, .. }) = node.downcast_ref::<Limit>() {
            self.drop(*span);
        } else if let Some(PlanEntry::Constant(name, value)) = node.downcast_ref::<PlanEntry>() {
            self.drop(name.span.to(value.span));
        } else if let Some(Attribute { span, .. }) = node.downcast_ref::<Attribute>() {
            self.drop(*span);
        } else if let Some(On { span, .. }) = node.downcast_ref::<On>() {
            self.drop(*span);
        } else if let Some(Rollout { span, .. }) = node.downcast_ref::<Rollout>() {
            self.drop(*span);
        } else if let Some(TableRow { span, .. }) = node.downcast_ref::<TableRow>() {
            self.drop(*span);
        }
    }
}

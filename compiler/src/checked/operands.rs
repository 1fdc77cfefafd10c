//! What an expression is made of, for passes that look at all of it.

use std::collections::BTreeSet;

use limitrate_core::facts::FactId;
use smallvec::{SmallVec, smallvec};

use super::{Checked, Expr, ExprKind};

impl Expr {
    /// The expressions directly inside, in their order; of a `let`, what it stands for is not one.
    pub(crate) fn children(&self) -> SmallVec<[&Self; 3]> {
        match &self.kind {
            ExprKind::Const(_)
            | ExprKind::Text(_)
            | ExprKind::Fact(_)
            | ExprKind::Now
            | ExprKind::Let(_)
            | ExprKind::Holds(_) => SmallVec::new(),
            ExprKind::ByPlan(parts) | ExprKind::Lookup(_, _, parts) => parts.iter().collect(),
            ExprKind::Not(a)
            | ExprKind::Present(a)
            | ExprKind::InNets(a, _)
            | ExprKind::Lower(a)
            | ExprKind::Length(a)
            | ExprKind::Has(a, ..)
            | ExprKind::Like(a, _)
            | ExprKind::Matches(a, _) => smallvec![&**a],
            ExprKind::And(a, b)
            | ExprKind::Or(a, b)
            | ExprKind::Coalesce(a, b)
            | ExprKind::Compare(_, a, b)
            | ExprKind::Arithmetic(_, a, b) => smallvec![&**a, &**b],
            ExprKind::If(a, b, c) => smallvec![&**a, &**b, &**c],
        }
    }

    /// The same as [`Self::children`], to be changed.
    pub(crate) fn children_mut(&mut self) -> Vec<&mut Self> {
        match &mut self.kind {
            ExprKind::Const(_)
            | ExprKind::Text(_)
            | ExprKind::Fact(_)
            | ExprKind::Now
            | ExprKind::Let(_)
            | ExprKind::Holds(_) => Vec::new(),
            ExprKind::ByPlan(parts) | ExprKind::Lookup(_, _, parts) => parts.iter_mut().collect(),
            ExprKind::Not(a)
            | ExprKind::Present(a)
            | ExprKind::InNets(a, _)
            | ExprKind::Lower(a)
            | ExprKind::Length(a)
            | ExprKind::Has(a, ..)
            | ExprKind::Like(a, _)
            | ExprKind::Matches(a, _) => vec![a],
            ExprKind::And(a, b)
            | ExprKind::Or(a, b)
            | ExprKind::Coalesce(a, b)
            | ExprKind::Compare(_, a, b)
            | ExprKind::Arithmetic(_, a, b) => vec![a, b],
            ExprKind::If(a, b, c) => vec![a, b, c],
        }
    }
}

impl Checked {
    /// Adds the facts that the value of an expression depends on, `let`s included, to `facts`.
    pub(crate) fn facts_of(&self, expr: &Expr, facts: &mut BTreeSet<FactId>) {
        let mut lets = BTreeSet::new();
        let mut open = vec![expr];
        while let Some(expr) = open.pop() {
            if let ExprKind::Fact(fact) = &expr.kind {
                facts.insert(*fact);
            } else if let ExprKind::ByPlan(_) = &expr.kind {
                facts.extend(self.plan_fact);
            } else if let ExprKind::Let(id) = &expr.kind
                && lets.insert(id.0)
            {
                open.extend(self.lets.get(id.0));
            }
            open.extend(expr.children());
        }
    }
}

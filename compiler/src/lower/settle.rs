//! Settlements: what a reservation comes to, and whether the response told all that is needed to say so.

use limitrate_core::facts::{FactId, Phase};

use super::{Lowering, lets::Reading};
use crate::{
    checked::{Expr, ExprKind},
    ir::{NodeId, Settlement, slot::Slot},
};

impl Lowering<'_> {
    /// The settlement to this actual cost, by its position; limits with the same one share it.
    pub(super) fn settlement(&mut self, actual: &Expr) -> usize {
        let known = self.known(actual);
        let actual = self.value(actual);
        let settlement = Settlement { known, actual };
        let found = self.out.settlements.iter().position(|other| *other == settlement);
        found.unwrap_or_else(|| {
            self.out.settlements.push(settlement);
            self.out.settlements.len() - 1
        })
    }

    /// Whether the response told every fact that an expression looks at, in the branches that it takes.
    fn known(&mut self, expr: &Expr) -> NodeId {
        if let ExprKind::Fact(fact) = &expr.kind {
            return self.told(*fact);
        }
        if let ExprKind::Let(id) = &expr.kind {
            return self.of_let(*id, Reading::Known, &mut |l, value| l.known(value));
        }
        if let ExprKind::If(condition, then, otherwise) = &expr.kind {
            let known = self.known(condition);
            let condition = self.value(condition);
            let (then, otherwise) = (self.known(then), self.known(otherwise));
            let branch = self.graph.select(condition, then, otherwise);
            return self.graph.and(known, branch);
        }
        let mut known = self.graph.truth(true);
        for operand in expr.children() {
            let operand = self.known(operand);
            known = self.graph.and(known, operand);
        }
        known
    }

    /// Whether a response told a fact. One that may be absent, or has a default, needs no telling.
    fn told(&mut self, fact: FactId) -> NodeId {
        let declared = self.checked.facts.get(usize::from(fact.0)).map(|fact| &fact.decl);
        let must = declared
            .is_some_and(|decl| decl.phase == Phase::Response && !decl.optional && decl.default.is_none());
        if must { self.graph.slot(Slot::Present(fact)) } else { self.graph.truth(true) }
    }
}

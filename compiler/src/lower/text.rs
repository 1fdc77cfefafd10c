//! Computed texts: lower case, lengths, parts, and whether two of them are the same.

use super::{Lowering, expr::Test, lets::Reading};
use crate::{
    checked::{Expr, ExprKind, Place},
    ir::{
        NodeId,
        slot::{Slot, Subject},
    },
};

/// Where a text or an address comes from.
enum Leaf {
    Fact(Subject),
    Text(String),
}

/// What is made of a leaf.
type OfLeaf<'f> = dyn FnMut(&mut Lowering<'_>, Leaf) -> NodeId + 'f;

impl Lowering<'_> {
    /// The id of a text in lower case.
    pub(super) fn lowered(&mut self, text: &Expr) -> NodeId {
        match &text.kind {
            ExprKind::Fact(fact) => self.graph.slot(Slot::Text(Subject { fact: *fact, lower: true })),
            ExprKind::Lower(inner) => self.lowered(inner),
            ExprKind::Text(text) => {
                let id = self.tables.text(&text.to_ascii_lowercase());
                self.graph.constant(id)
            }
            ExprKind::Let(id) => self.of_let(*id, Reading::Lowered, &mut |l, text| l.lowered(text)),
            ExprKind::Coalesce(left, right) => {
                let present = self.present(left);
                let (left, right) = (self.lowered(left), self.lowered(right));
                self.graph.select(present, left, right)
            }
            ExprKind::If(condition, then, otherwise) => {
                let condition = self.value(condition);
                let (then, otherwise) = (self.lowered(then), self.lowered(otherwise));
                self.graph.select(condition, then, otherwise)
            }
            ExprKind::ByPlan(texts) => self.by_plan(texts, &mut |l, text| l.lowered(text)),
            ExprKind::Lookup(table, column, keys) => {
                self.lookup(*table, *column, keys, &mut |l, cell| l.lowered(cell))
            }
            // No text: the checker lets nothing else come here.
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
            | ExprKind::Holds(_) => self.graph.constant(0),
        }
    }

    pub(super) fn length(&mut self, text: &Expr) -> NodeId {
        let literal = |text: &str| i64::try_from(text.len()).unwrap_or(i64::MAX);
        self.test(text, &Test { slot: &|of| Slot::Length(of.fact), literal: &literal })
    }

    pub(super) fn has(&mut self, text: &Expr, place: Place, part: &str) -> NodeId {
        let table = self.tables.part(place, part);
        let literal = |text: &str| place.holds(text, part).into();
        self.test(text, &Test { slot: &|of| Slot::Has(of, table), literal: &literal })
    }

    /// Whether two texts, or two addresses, are the same: for each pair of what they may come from.
    pub(super) fn same(&mut self, left: &Expr, right: &Expr) -> NodeId {
        self.leaves(left, false, &mut |l, left| {
            l.leaves(right, false, &mut |l, right| match (&left, right) {
                (Leaf::Fact(a), Leaf::Fact(b)) => l.same_facts(*a, b),
                (Leaf::Fact(of), Leaf::Text(text)) => l.has_text(*of, &text),
                (Leaf::Text(text), Leaf::Fact(of)) => l.has_text(of, text),
                (Leaf::Text(a), Leaf::Text(b)) => l.graph.truth(*a == b),
            })
        })
    }

    fn same_facts(&mut self, a: Subject, b: Subject) -> NodeId {
        let declared = self.checked.facts.get(usize::from(a.fact.0));
        let is_address = declared.is_some_and(|fact| fact.decl.ty == limitrate_core::facts::FactType::Ip);
        let slot = if is_address { Slot::SameAddress(a.fact, b.fact) } else { Slot::SameText(a, b) };
        self.graph.slot(slot)
    }

    fn has_text(&mut self, of: Subject, text: &str) -> NodeId {
        let id = self.tables.text(text);
        let (slot, id) = (self.graph.slot(Slot::Text(of)), self.graph.constant(id));
        self.graph.compare(crate::checked::Comparison::Eq, slot, id)
    }

    /// What `of` makes of each fact and text that an expression is chosen from. The checker bounds how many there are.
    fn leaves(&mut self, expr: &Expr, lower: bool, of: &mut OfLeaf<'_>) -> NodeId {
        match &expr.kind {
            ExprKind::Fact(fact) => of(self, Leaf::Fact(Subject { fact: *fact, lower })),
            ExprKind::Text(text) if lower => of(self, Leaf::Text(text.to_ascii_lowercase())),
            ExprKind::Text(text) => of(self, Leaf::Text(text.clone())),
            ExprKind::Lower(inner) => self.leaves(inner, true, of),
            ExprKind::Let(id) => match self.checked.lets.get(id.0) {
                Some(named) => self.leaves(named, lower, of),
                None => self.graph.truth(false),
            },
            ExprKind::Coalesce(left, right) => {
                let present = self.present(left);
                let (left, right) = (self.leaves(left, lower, of), self.leaves(right, lower, of));
                self.graph.select(present, left, right)
            }
            ExprKind::If(condition, then, otherwise) => {
                let condition = self.value(condition);
                let (then, otherwise) = (self.leaves(then, lower, of), self.leaves(otherwise, lower, of));
                self.graph.select(condition, then, otherwise)
            }
            ExprKind::ByPlan(texts) => self.by_plan(texts, &mut |l, text| l.leaves(text, lower, of)),
            ExprKind::Lookup(table, column, keys) => {
                self.lookup(*table, *column, keys, &mut |l, cell| l.leaves(cell, lower, of))
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

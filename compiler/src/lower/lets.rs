//! `let`s: each is lowered once for every way it is read, those that others use first.
//!
//! However often a `let` is used, and however long a chain of them is, lowering takes time in proportion to the text and
//! a bounded stack.

use std::collections::BTreeSet;

use super::Lowering;
use crate::{
    checked::{Expr, ExprKind, LetId},
    ir::{NodeId, slot::Slot},
};

/// What is asked of an expression.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Reading {
    /// Its value.
    Value,
    /// Whether it is there.
    Present,
    /// The text in lower case.
    Lowered,
    /// Whether it is `unlimited`.
    Unlimited,
    /// Whether the response told all that it looks at.
    Known,
    /// Whether it passes the test that has this slot for the first fact.
    Test(Slot),
}

impl<'c> Lowering<'c> {
    /// What a `let` comes to in this reading, which `read` gives of its expression.
    pub(super) fn of_let(
        &mut self,
        id: LetId,
        reading: Reading,
        read: &mut dyn FnMut(&mut Self, &'c Expr) -> NodeId,
    ) -> NodeId {
        for (id, expr) in self.unread(id, reading) {
            let node = read(self, expr);
            self.lets.insert((reading, id), node);
        }
        self.lets.get(&(reading, id)).copied().unwrap_or_else(|| self.graph.constant(0))
    }

    /// The `let` and those it is computed from, as far as they were not read so before. A `let` comes after those it
    /// uses, as their numbers do.
    fn unread(&self, id: LetId, reading: Reading) -> Vec<(LetId, &'c Expr)> {
        let is_read = |id: usize| self.lets.contains_key(&(reading, LetId(id)));
        let mut found = BTreeSet::new();
        let mut open = vec![id.0];
        while let Some(id) = open.pop() {
            if !is_read(id)
                && found.insert(id)
                && let Some(expr) = self.checked.lets.get(id)
            {
                lets_in(expr, &mut open);
            }
        }
        let checked = self.checked;
        found.into_iter().filter_map(|id| Some((LetId(id), checked.lets.get(id)?))).collect()
    }
}

/// Adds the `let`s that an expression names.
fn lets_in(expr: &Expr, found: &mut Vec<usize>) {
    if let ExprKind::Let(id) = &expr.kind {
        found.push(id.0);
    }
    expr.children().into_iter().for_each(|child| lets_in(child, found));
}

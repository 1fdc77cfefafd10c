//! Budgets: what one request may cost.

use crate::{
    ast::{Bound, ItemKind, Measure},
    code::Code,
    diagnostic::Diagnostic,
    parse::{
        reader::{Read, Reader},
        syntax::{Node, Rule},
        words::Place,
    },
};

impl<'a> Reader<'a, '_> {
    /// `budget { charges <= 8 per request }`
    pub(super) fn budget_item(&mut self) -> Read<ItemKind> {
        self.phrase(Rule::budget_head, Place::Item)?;
        self.last_entry = None;
        Ok(ItemKind::Budget(self.block(Place::Bound, |reader, bounds| {
            if !matches!(reader.peek_text(), "charges" | "round" | "steps") {
                return reader.unknown_entry(Place::Bound);
            }
            let node = reader.phrase(Rule::bound_entry, Place::Bound)?;
            bounds.push(reader.bound(&node)?);
            Ok(())
        })))
    }

    fn bound(&mut self, node: &Node<'a>) -> Read<Bound> {
        let measure = if node.child(Rule::k_charges).is_some() {
            Measure::Charges
        } else if node.child(Rule::k_trips).is_some() {
            Measure::RoundTrips
        } else {
            Measure::Steps
        };
        let number = self.need(node, Rule::number)?;
        let most = self.number(&number, 1)?;
        let most = self.spanned(&number, most);
        let sign = self.need(node, Rule::at_most)?;
        if sign.text() != "<=" {
            let span = self.span_of(&sign);
            let message = format!("a budget says how much at most, with `<=`, not `{}`", sign.text());
            self.report(Diagnostic::new(Code::RL0001, message, span, "").fix("write `<=`", span, "<="));
        }
        Ok(Bound { measure, most, span: self.span_of(node) })
    }
}

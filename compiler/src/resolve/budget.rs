//! Budgets: what one request may cost, each bound once in a file and within what can be.

use limitrate_grammar::{
    ast::{self, Measure},
    code::Code,
    diagnostic::Diagnostic,
};

use super::Resolver;
use crate::check::MAX_CHARGES;

impl Resolver<'_> {
    /// Takes the bounds of a budget.
    pub(super) fn budget(&mut self, bounds: Vec<ast::Bound>) {
        for bound in bounds {
            if !self.is_in_range(&bound) {
                continue;
            }
            let same = |first: &&ast::Bound| {
                first.measure == bound.measure && first.span.source == bound.span.source
            };
            let Some(first) = self.out.budgets.iter().find(same).map(|first| first.span) else {
                self.out.budgets.push(bound);
                continue;
            };
            let message = format!("the budget bounds `{}` twice", bound.measure.words());
            self.diagnostics.push(
                Diagnostic::new(Code::RL0506, message, bound.span, "the second one")
                    .label(first, "the first one")
                    .fix("delete the second one", bound.span, ""),
            );
        }
    }

    /// Whether a bound can be kept and says something; reports one that does not.
    fn is_in_range(&mut self, bound: &ast::Bound) -> bool {
        let (most, span) = (bound.most.node, bound.most.span);
        let words = bound.measure.words();
        if most < 1 {
            self.diagnostics.push(
                Diagnostic::new(Code::RL0203, "a budget leaves room for one at least", span, "less than 1")
                    .help(format!("write how many {words} a request may take, or delete the line")),
            );
            return false;
        }
        let bounded = match bound.measure {
            Measure::Charges | Measure::RoundTrips => i64::try_from(MAX_CHARGES).ok(),
            Measure::Steps => None,
        };
        if let Some(all) = bounded.filter(|all| most > *all) {
            let message = format!("no policy takes more than {all} {words} for one request");
            self.diagnostics.push(Diagnostic::new(Code::RL0203, message, span, "says nothing").fix(
                "what is always so",
                span,
                all.to_string(),
            ));
            return false;
        }
        true
    }
}

//! `overshoot n%`: how much of a ceiling the instances of a service may have leased at once.

use limitrate_core::lease::most_leased;
use limitrate_grammar::{ast::ExceedAction, code::Code, diagnostic::Diagnostic, span::Span};

use super::{Checker, clause::Clauses, limit::WHOLE};
use crate::checked::{Counted, Expr};

impl Checker<'_> {
    /// The share in parts per million; 0 where each request is decided where the counter is.
    pub(super) fn overshoot(&mut self, clauses: &Clauses<'_>, counted: Counted, ceiling: &Expr) -> i64 {
        let Some((most, clause)) = clauses.overshoot else { return 0 };
        if let Some(why) = never_leased(clauses, counted) {
            self.meaningless("overshoot", clause, why);
            return 0;
        }
        if most.node <= 0 || most.node > WHOLE {
            self.report(Diagnostic::new(
                Code::RL0203,
                "an overshoot is more than 0% and at most 100% of the ceiling",
                most.span,
                "outside this range",
            ));
            return 0;
        }
        self.overshoot_of_nothing(most.node, most.span, ceiling);
        most.node
    }

    /// Reports a share of a constant ceiling that is rounded down to nothing.
    fn overshoot_of_nothing(&mut self, share: i64, span: Span, ceiling: &Expr) {
        let leaves = ceiling.leaves();
        let nothing = leaves.into_iter().find(|(n, _)| *n > 0 && most_leased(*n, share) == 0);
        let Some((ceiling, of)) = nothing else { return };
        let mut diagnostic = Diagnostic::new(
            Code::RL0511,
            "this share comes to less than one, and so to nothing",
            span,
            "nothing can be leased",
        )
        .label(of, "a part of this, rounded down");
        // In whole percents.
        let least = (1..=100).find(|percent| most_leased(ceiling, percent * (WHOLE / 100)) > 0);
        if let Some(least) = least {
            diagnostic = diagnostic.fix("the least share that is one", span, format!("{least}%"));
        }
        self.report(diagnostic);
    }
}

/// Why nothing of such a limit is ever leased.
fn never_leased(clauses: &Clauses<'_>, counted: Counted) -> Option<&'static str> {
    if counted == Counted::InFlight {
        return Some("this limit counts what runs at once");
    }
    if clauses.reserves() {
        return Some("each cost of this limit is reserved by itself, to be settled");
    }
    let (exceed, _) = clauses.exceed?;
    if matches!(exceed.action, Some(ExceedAction::Allow)) {
        return Some("this limit refuses nothing, and counts all there is");
    }
    let why = "a block begins at the counter, and what is leased is not asked there";
    exceed.block.as_ref().map(|_| why)
}

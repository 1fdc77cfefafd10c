//! Which facts a condition proves to be there, and the reports of tests that an absent one would pass.

use limitrate_core::facts::FactId;
use limitrate_grammar::{code::Code, diagnostic::Diagnostic, span::Span};

use super::{Checker, fact_id, lets::Known};
use crate::checked::{Comparison, Expr, ExprKind, Type};

impl Checker<'_> {
    /// Reports a test that an absent value would pass unseen: `whole` holds where `test` does not.
    pub(super) fn negative_test(&mut self, test: Span, whole: Span) -> Expr {
        let written = self.text(whole).to_owned();
        let (name, diagnostic) = self.absent_passes(test, "an absent value would slip through this test");
        let diagnostic = diagnostic
            .fix("absent does not count", whole, format!("({name} is present and {written})"))
            .fix("absent counts too", whole, format!("({name} is missing or {written})"));
        self.wrong(diagnostic, whole)
    }

    /// The same where the test stands in a `let`, and only its negation here.
    pub(super) fn negated_let(&mut self, test: Span, here: Span) -> Expr {
        let written = self.text(test).to_owned();
        let (name, diagnostic) = self.absent_passes(test, "an absent value does not pass this test");
        let diagnostic = diagnostic
            .label(here, "and so passes its negation")
            .fix("absent does not pass", test, format!("({name} is present and {written})"))
            .fix("absent passes", test, format!("({name} is missing or {written})"));
        self.wrong(diagnostic, here)
    }

    /// The report of a positive test of an optional whose opposite counts here: in `whole`, of which `written` is the
    /// part with the test or the name of a `let` that has it.
    pub(super) fn turned_round(&mut self, test: Span, written: Span, whole: Span) -> Expr {
        let inside = written.start <= test.start && test.end <= written.end;
        if inside { self.negative_test(test, whole) } else { self.negated_let(test, whole) }
    }

    /// Whether one of two compared values is a test of an optional, and the comparison asks for its opposite; reports it.
    ///
    /// Only `== true` asks for the test itself.
    pub(super) fn compares_test(
        &mut self,
        comparison: Comparison,
        left: &Expr,
        right: &Expr,
        span: Span,
    ) -> Option<Expr> {
        let tested = if left.tests_absent.is_some() { left } else { right };
        let test = tested.tests_absent?;
        let asks_for_it = comparison == Comparison::Eq
            && [left, right].iter().any(|side| side.constant() == Some(1) && side.ty == Type::Bool);
        (!asks_for_it).then(|| self.turned_round(test, tested.span, span))
    }

    fn absent_passes(&self, test: Span, label: &str) -> (String, Diagnostic) {
        let optional = self.optional_name(test);
        let name = optional.as_ref().map_or("x", |(name, _)| name).to_owned();
        let message = format!("decide what an absent `{name}` means");
        let mut diagnostic = Diagnostic::new(Code::RL0302, message, test, label);
        if let Some((_, declared)) = optional {
            diagnostic = diagnostic.label(declared, "declared optional here");
        }
        (name, diagnostic)
    }

    /// The optional fact named in a text, with its declaration.
    fn optional_name(&self, span: Span) -> Option<(String, Span)> {
        let text = self.text(span);
        let words = text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_' || c == '.'));
        let facts = || self.out.facts.iter().enumerate();
        words
            .filter_map(|word| facts().find(|(_, fact)| &*fact.decl.name == word))
            .find(|(position, fact)| {
                let known = fact_id(*position).is_some_and(|id| self.present.contains(&id));
                fact.decl.optional && fact.decl.default.is_none() && !known
            })
            .map(|(_, fact)| (fact.decl.name.to_string(), fact.span))
    }
}

/// Collects the facts that are certainly there where `condition` came out as `holds`; `known` are those of named values.
pub(super) fn collect(condition: &Expr, holds: bool, known: &[Known], facts: &mut Vec<FactId>) {
    match (&condition.kind, holds) {
        (ExprKind::Not(inner), _) => collect(inner, !holds, known, facts),
        (ExprKind::And(left, right), true) | (ExprKind::Or(left, right), false) => {
            collect(left, holds, known, facts);
            collect(right, holds, known, facts);
        }
        // Either side may be what came out so: only what both prove is sure.
        (ExprKind::And(left, right), false) | (ExprKind::Or(left, right), true) => {
            let (mut of_left, mut of_right) = (Vec::new(), Vec::new());
            collect(left, holds, known, &mut of_left);
            collect(right, holds, known, &mut of_right);
            facts.extend(of_left.into_iter().filter(|fact| of_right.contains(fact)));
        }
        (ExprKind::Let(id), _) => {
            let [yes, no] = match known.get(id.0) {
                Some(known) => &known.present,
                None => return,
            };
            facts.extend(if holds { yes } else { no });
        }
        (ExprKind::Present(value), true) => there(value, facts),
        // A positive test that held has seen a value.
        (ExprKind::Compare(Comparison::Eq, left, right), true) => {
            there(left, facts);
            there(right, facts);
        }
        (
            ExprKind::InNets(value, _)
            | ExprKind::Has(value, ..)
            | ExprKind::Like(value, _)
            | ExprKind::Matches(value, _),
            true,
        ) => there(value, facts),
        _ => {}
    }
}

/// The facts without which a value is not there.
fn there(value: &Expr, facts: &mut Vec<FactId>) {
    match &value.kind {
        ExprKind::Fact(id) => facts.push(*id),
        ExprKind::Lower(inner) | ExprKind::Length(inner) => there(inner, facts),
        ExprKind::Arithmetic(_, left, right) => {
            there(left, facts);
            there(right, facts);
        }
        ExprKind::Const(_)
        | ExprKind::Text(_)
        | ExprKind::Now
        | ExprKind::ByPlan(_)
        | ExprKind::Lookup(..)
        | ExprKind::Let(_)
        | ExprKind::Not(_)
        | ExprKind::And(..)
        | ExprKind::Or(..)
        | ExprKind::Coalesce(..)
        | ExprKind::Compare(..)
        | ExprKind::Present(_)
        | ExprKind::InNets(..)
        | ExprKind::Has(..)
        | ExprKind::Like(..)
        | ExprKind::Matches(..)
        | ExprKind::Holds(_)
        | ExprKind::If(..) => {}
    }
}

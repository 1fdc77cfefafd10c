//! Time of knowledge: what is known only after the response cannot decide whether a request is admitted.

use limitrate_core::facts::{FactId, FactType, Phase};
use limitrate_grammar::{code::Code, diagnostic::Diagnostic, span::Span};

use super::Checker;
use crate::checked::Expr;

impl Checker<'_> {
    /// Whether a value is known when a request is decided; reports it where it is not. `what` says what it is used as:
    /// "a condition".
    pub(super) fn known_at_admission(&mut self, expr: &Expr, what: &str) -> bool {
        match self.response_fact(expr) {
            Some((fact, span)) => {
                self.known_too_late(fact, span, what);
                false
            }
            None => true,
        }
    }

    /// Reports the use of a fact of the response as `what`.
    pub(super) fn known_too_late(&mut self, fact: FactId, span: Span, what: &str) {
        let Some(declared) = self.out.facts.get(usize::from(fact.0)) else { return };
        let name = declared.decl.name.clone();
        let like = self.out.facts.iter().find(|other| {
            let measures = matches!(other.decl.ty, FactType::Quantity(_));
            measures && other.decl.phase == Phase::Request && other.decl.ty == declared.decl.ty
        });
        let declares = like.map_or_else(String::new, |fact| format!(" (`{}`)", fact.decl.name));
        let help = format!(
            "admission can use what the request declares{declares}; the truth can settle it: `reserve … settle {name}`"
        );
        let message = format!("not known yet: {what} is needed before the request is let through");
        let label = "this value exists only after the response";
        let mut diagnostic = Diagnostic::new(Code::RL0401, message, span, label);
        if self.text(span) != &*name {
            diagnostic = diagnostic.label(declared.span, format!("made of `{name}`"));
        }
        self.report(diagnostic.help(help));
    }
}

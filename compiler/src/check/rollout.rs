//! For whom a rule is enforced: everybody, nobody, or some.

use limitrate_core::facts::Phase;
use limitrate_grammar::{ast, code::Code, diagnostic::Diagnostic};

use super::{Checker, fact_id, limit::WHOLE};
use crate::{
    checked::{Enforced, Type},
    resolve::Symbol,
};

impl Checker<'_> {
    pub(super) fn enforced(&mut self, rule: &ast::Rule) -> Enforced {
        match (&rule.rollout, rule.shadow) {
            (None, false) => Enforced::Always,
            (None, true) => Enforced::Never,
            (Some(rollout), true) => {
                self.report(
                    Diagnostic::new(
                        Code::RL0503,
                        "a shadow rule is enforced for nobody, so there is nothing to roll out",
                        rollout.span,
                        "enforces it for some",
                    )
                    .label(rule.name.span, "a shadow rule")
                    .fix("only measure it", rollout.span, ""),
                );
                Enforced::Never
            }
            (Some(rollout), false) => self.rollout(rollout).unwrap_or_default(),
        }
    }

    fn rollout(&mut self, rollout: &ast::Rollout) -> Option<Enforced> {
        let share = rollout.share.node;
        if share > WHOLE {
            self.report(
                Diagnostic::new(
                    Code::RL0203,
                    "a rule is rolled out to 100% at most",
                    rollout.share.span,
                    "more than everybody",
                )
                .fix("to everybody", rollout.share.span, "100%"),
            );
            return None;
        }
        let name = &rollout.by;
        let Some(Symbol::Input(position)) = self.resolved.symbol(&name.node, name.span) else {
            self.unknown_fact(&name.node, name.span);
            return None;
        };
        let by = fact_id(position)?;
        self.mark_used(by);
        let fact = self.out.facts.get(position)?;
        let (decl, declared) = (fact.decl.clone(), fact.span);
        if self.unclear.contains(&by) {
            return None;
        }
        let ty = Type::of_fact(by, &decl.ty);
        if decl.phase == Phase::Response || !matches!(ty, Type::Text | Type::Ip) {
            let label = if decl.phase == Phase::Response {
                "known only after the response".to_owned()
            } else {
                format!("this is {}", ty.noun())
            };
            self.report(
                Diagnostic::new(
                    Code::RL0202,
                    "a rule is rolled out by what tells callers apart",
                    name.span,
                    label,
                )
                .label(declared, "declared here")
                .help("name a fact of type `key`, `string` or `ip`"),
            );
            return None;
        }
        if decl.optional && decl.default.is_none() {
            self.report(
                Diagnostic::new(
                    Code::RL0301,
                    format!("some requests have no `{}`", name.node),
                    name.span,
                    "for them, is the rule enforced or not?",
                )
                .label(declared, "declared optional here")
                .help("roll out by a fact that every request has, or give this one a default"),
            );
            return None;
        }
        Some(Enforced::For { share, by })
    }
}

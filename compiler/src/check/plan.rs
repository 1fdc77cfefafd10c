//! Plans: their constants and limits, and the input that says which one a request has.

use limitrate_grammar::{ast, code::Code, diagnostic::Diagnostic, span::Span};

use super::{Checker, identity::Home};
use crate::{
    checked::{Expr, ExprKind, PlanLimit, Type},
    resolve::EffectiveLimit,
};

impl Checker<'_> {
    /// `plan.max_upload`: a value by plan.
    pub(super) fn plan_constant(&mut self, name: &str, span: Span) -> Expr {
        let Some(plan_fact) = self.out.plan_fact else {
            self.no_plan_fact(span, "needs the request's plan");
            return Expr::unknown(span);
        };
        let absent = self.fact(usize::from(plan_fact.0), span).absent;
        self.uses.constant(name);
        let constants = &self.resolved.plans.constants;
        if constants.iter().all(|of_plan| !of_plan.contains_key(name)) {
            let known = constants.iter().flat_map(|c| c.keys().map(String::as_str));
            let mut diagnostic = self.unknown("plan constant", name, span, known);
            for fix in &mut diagnostic.fixes {
                fix.replacement.insert_str(0, "plan.");
            }
            if diagnostic.fixes.is_empty() {
                diagnostic = diagnostic.help(format!("give it a value in every plan: `{name} = …`"));
            }
            return self.lacking(name, diagnostic, span);
        }
        if self.lacks_constant(name, span) {
            return Expr::unknown(span);
        }
        let mut values: Vec<Expr> = Vec::new();
        for (_, value) in constants.iter().filter_map(|of_plan| of_plan.get(name)) {
            let value = self.constant_expr(value);
            values.push(value);
        }
        // What the others must go with: `unlimited` goes with every ceiling, so it gives way to the first of another type.
        let Some(mut measure) = values.first().cloned() else { return Expr::unknown(span) };
        for value in values.iter().skip(1) {
            if self.unify(&measure, value, "stand under one name") == Type::Unknown {
                return Expr::unknown(span); // one of them is wrong, and reported
            }
            if measure.ty == Type::Unlimited {
                measure = value.clone();
            }
        }
        Expr { absent, ..Expr::new(ExprKind::ByPlan(values), measure.ty, span) }
    }

    /// Reports that the policy has plans and no input says which one a request has.
    pub(super) fn no_plan_fact(&mut self, span: Span, label: &str) {
        let meant = |input: &crate::resolve::Input| matches!(&input.attribute.ty.kind, ast::TypeExprKind::Named(word) if word == "plan");
        if self.unread() || self.resolved.inputs.iter().any(meant) {
            return;
        }
        let diagnostic = Diagnostic::new(Code::RL0101, "no input is of type `plan`", span, label)
            .help("declare the request's plan: `input { plan : plan }`");
        self.missing("plan", diagnostic);
    }

    /// Whether a plan has no value for a constant that others have; reports it at the plans.
    fn lacks_constant(&mut self, name: &str, used: Span) -> bool {
        let ladder = &self.resolved.plans;
        let lacking = ladder.plans.iter().zip(&ladder.constants).zip(&ladder.broken);
        let lacking: Vec<_> = lacking
            .filter(|((_, constants), _)| !constants.contains_key(name))
            .map(|((plan, _), broken)| (plan, *broken))
            .collect();
        let mut sound = lacking.iter().filter(|(_, broken)| !broken).map(|(plan, _)| plan);
        if let (Some(first), false) = (sound.next(), self.unread()) {
            let mut diagnostic = Diagnostic::new(
                Code::RL0604,
                format!("the plan `{}` has no `{name}`", first.name.node),
                first.name.span,
                format!("add `{name} = …` here"),
            )
            .label(used, "needs a value in every plan");
            for plan in sound.take(2) {
                diagnostic = diagnostic.label(plan.name.span, "and here");
            }
            self.report(diagnostic);
        }
        !lacking.is_empty()
    }

    /// Checks the constants of every plan, used or not.
    pub(super) fn plans(&mut self) {
        let resolved = self.resolved;
        for of_plan in &resolved.plans.constants {
            let mut named: Vec<_> = of_plan.values().collect();
            named.sort_by_key(|(name, _)| name.span);
            for (_, value) in named {
                self.constant_expr(value);
            }
        }
        for limit in &resolved.plans.limits {
            self.plan_limit(limit);
        }
    }

    /// A limit of plans.
    pub(super) fn plan_limit(&mut self, effective: &EffectiveLimit) {
        let Some(name) = &effective.limit.name else { return };
        let Some(plan_fact) = self.out.plan_fact else {
            self.no_plan_fact(name.span, "so nobody has this limit");
            return;
        };
        if let Some(declared) = self.fact(usize::from(plan_fact.0), name.span).absent {
            self.report(
                Diagnostic::new(
                    Code::RL0301,
                    "a request may have no plan",
                    declared,
                    "declared optional here",
                )
                .label(name.span, "then this limit would not hold it")
                .help("give a default, `plan : plan = free`"),
            );
        }
        let on =
            effective
                .limit
                .clauses
                .iter()
                .find_map(|clause| {
                    if let ast::ClauseKind::On(on) = &clause.kind { Some(self.targets(on)) } else { None }
                })
                .unwrap_or_default();
        let Some(limit) = self.limit(&effective.limit, name.node.clone()) else { return };
        self.place(&effective.limit, &limit, Home::Plan);
        self.out.plan_limits.push(PlanLimit {
            written_in: effective.written_in,
            plans: effective.plans.clone(),
            on,
            limit,
        });
    }
}

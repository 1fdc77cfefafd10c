//! RL1008: a plan that a choice between plans leaves out, or that has no limit where others have some.

use limitrate_grammar::{ast, code::Code, diagnostic::Diagnostic};

use super::single::{Subject, holds};
use crate::{
    checked::{Checked, Expr, Stmt},
    resolve::{PlanLadder, Resolved},
};

/// So many names of plans stand in a message.
const MAX_NAMED: usize = 3;

pub(super) fn lint(resolved: &Resolved, checked: &Checked) -> Vec<Diagnostic> {
    let mut found = bare_plans(&resolved.plans);
    for rule in &checked.rules {
        choices(&rule.body, resolved, checked, &mut found);
    }
    found
}

/// Plans without a limit, where other plans have one. `no limit` says that it is meant.
fn bare_plans(ladder: &PlanLadder) -> Vec<Diagnostic> {
    let mut limited = vec![false; ladder.plans.len()];
    for plan in ladder.limits.iter().flat_map(|limit| &limit.plans) {
        if let Some(limited) = limited.get_mut(*plan) {
            *limited = true;
        }
    }
    let Some(example) = ladder.plans.iter().zip(&limited).find(|(_, limited)| **limited) else {
        return Vec::new();
    };
    let bare =
        ladder.plans.iter().zip(&limited).filter(|(plan, limited)| !**limited && !opts_out(ladder, plan));
    bare.map(|(plan, _)| {
        Diagnostic::new(
            Code::RL1008,
            format!("the plan `{}` has no limit", plan.name.node),
            plan.name.span,
            "nothing of a plan holds these requests",
        )
        .label(example.0.name.span, "this plan has limits")
        .help("give it limits, let it extend a plan that has some, or say `no limit` of those it is free of")
    })
    .collect()
}

/// Whether a plan, or one that it extends, removes limits by name.
fn opts_out(ladder: &PlanLadder, plan: &ast::Plan) -> bool {
    let mut rung = Some(plan);
    for _ in 0..ladder.plans.len() {
        let Some(plan) = rung else { return false };
        if plan.entries.iter().any(|entry| matches!(entry, ast::PlanEntry::NoLimit(_))) {
            return true;
        }
        rung = plan
            .extends
            .as_ref()
            .and_then(|name| ladder.position(&name.node))
            .and_then(|at| ladder.plans.get(at));
    }
    false
}

/// Chains of `if` by plan that have no last `else`.
fn choices(body: &[Stmt], resolved: &Resolved, checked: &Checked, found: &mut Vec<Diagnostic>) {
    for stmt in body {
        let Stmt::If(first, then, otherwise) = stmt else { continue };
        let mut conditions = vec![first];
        let mut bodies = vec![then.as_slice()];
        let mut rest = otherwise.as_slice();
        while let [Stmt::If(condition, then, otherwise)] = rest {
            conditions.push(condition);
            bodies.push(then);
            rest = otherwise;
        }
        bodies.push(rest);
        let limits = bodies.iter().any(|body| body.iter().any(|stmt| matches!(stmt, Stmt::Limit(_))));
        if rest.is_empty() && conditions.len() > 1 && limits {
            found.extend(left_out(&conditions, resolved, checked));
        }
        for body in bodies {
            choices(body, resolved, checked, found);
        }
    }
}

/// The report of a chain by plan that some plans fall through.
fn left_out(conditions: &[&Expr], resolved: &Resolved, checked: &Checked) -> Option<Diagnostic> {
    let plan = Subject::Fact(checked.plan_fact?);
    if conditions.iter().any(|condition| Subject::deep(condition) != plan) {
        return None;
    }
    let left: Vec<&ast::Plan> = (0..)
        .zip(&resolved.plans.plans)
        .filter(|(at, _)| !conditions.iter().any(|condition| holds(condition, Some(*at))))
        .map(|(_, plan)| plan)
        .collect();
    let (first, last) = (conditions.first()?, left.last()?);
    let mut names: Vec<String> =
        left.iter().take(MAX_NAMED).map(|plan| format!("`{}`", plan.name.node)).collect();
    if left.len() > MAX_NAMED {
        names.push(format!("{} more", left.len() - MAX_NAMED));
    }
    let message = format!("this choice between plans leaves out {}", names.join(", "));
    Some(
        Diagnostic::new(Code::RL1008, message, first.span, "no branch is for them")
            .label(last.name.span, "nothing here limits this plan")
            .help("add an `else` for the rest, or write it as `match plan { … }`, which must cover all"),
    )
}

//! The most charges one request can make.
//!
//! Branches of one choice exclude each other, and so do plans, and rules whose `on` no request meets together. The
//! figure is an upper bound: conditions are not looked into.

use limitrate_grammar::{ast::Verb, code::Code, diagnostic::Diagnostic};

use super::{Checker, MAX_CHARGES, routes::Routes};
use crate::{
    checked::{Limit, Stmt, Target},
    ir::methods,
};

/// Where the targets of two rules make more pairs than this, they are not compared: any of them may be met together.
const MAX_COMPARED: usize = 2_048;

/// So many steps are gone to find out which targets are met together; where it takes more, any of them may be.
const MAX_VISITS: usize = 1 << 22;

/// Some charges that apply together, and the requests that can meet them.
struct Part<'c> {
    /// Empty means every request.
    on: &'c [Target],
    charges: usize,
    /// The plans they belong to; `None` for a rule's.
    plans: Option<&'c [usize]>,
}

impl Checker<'_> {
    /// Computes the worst case, and reports one above the bound.
    pub(super) fn count_charges(&mut self) {
        let worst = self.worst_case();
        self.out.worst_case_charges = worst;
        if worst > MAX_CHARGES {
            let span = self.out.rules.last().map(|rule| rule.span).unwrap_or_default();
            let message = format!(
                "one request could be charged {worst} times; at most {MAX_CHARGES} are taken at once"
            );
            self.report(
                Diagnostic::new(Code::RL0509, message, span, "the last rule that adds some")
                    .help("put rules behind `on` and `if … else`, so that fewer apply together"),
            );
        }
    }

    fn worst_case(&self) -> usize {
        let rules = self.out.rules.iter().map(|rule| Part {
            on: &rule.on,
            charges: of_body(&rule.body),
            plans: None,
        });
        let plans = self.out.plan_limits.iter().map(|of_plan| Part {
            on: &of_plan.on,
            charges: of_limit(&of_plan.limit),
            plans: Some(&of_plan.plans),
        });
        let parts: Vec<Part<'_>> = rules.chain(plans).filter(|part| part.charges > 0).collect();
        let mut routes = Routes::default();
        for (at, part) in parts.iter().enumerate() {
            part.on.iter().for_each(|target| routes.insert(&target.pattern, (at, target.verb)));
        }
        let mut always = Sum { of_rules: 0, of_plans: vec![0; self.out.plans.len()] };
        parts.iter().filter(|part| part.on.is_empty()).for_each(|part| always.add(part));
        let mut most = always.most();
        let mut left = MAX_VISITS;
        // All that a request meets overlaps with any one target that it matches.
        for target in parts.iter().flat_map(|part| part.on) {
            let Some(mut met) = routes.overlapping(&target.pattern, &mut left) else {
                parts.iter().filter(|part| !part.on.is_empty()).for_each(|part| always.add(part));
                return always.most();
            };
            met.retain(|(_, verb)| share_a_method(*verb, target.verb));
            met.sort_unstable_by_key(|(at, _)| *at);
            met.dedup_by_key(|(at, _)| *at);
            let mut together = always.clone();
            met.iter().filter_map(|(at, _)| parts.get(*at)).for_each(|part| together.add(part));
            most = most.max(together.most());
        }
        most
    }
}

/// The charges of parts that are met together.
#[derive(Clone)]
struct Sum {
    of_rules: usize,
    of_plans: Vec<usize>,
}

impl Sum {
    fn add(&mut self, part: &Part<'_>) {
        let Some(plans) = part.plans else {
            self.of_rules += part.charges;
            return;
        };
        for plan in plans {
            if let Some(sum) = self.of_plans.get_mut(*plan) {
                *sum += part.charges;
            }
        }
    }

    /// With the plan that has the most: a request has one.
    fn most(&self) -> usize {
        self.of_rules + self.of_plans.iter().max().copied().unwrap_or(0)
    }
}

/// Whether one request can match a target of both; without targets, every request does.
pub(super) fn meet(a: &[Target], b: &[Target]) -> bool {
    let compared = a.len().saturating_mul(b.len()) <= MAX_COMPARED;
    !compared || a.is_empty() || b.is_empty() || a.iter().any(|a| b.iter().any(|b| overlap(a, b)))
}

/// Whether one request can match both.
fn overlap(a: &Target, b: &Target) -> bool {
    a.pattern.overlaps(&b.pattern) && share_a_method(a.verb, b.verb)
}

fn share_a_method(a: Verb, b: Verb) -> bool {
    match (methods(a), methods(b)) {
        (Some(a), Some(b)) => a.iter().any(|method| b.contains(method)),
        (None, _) | (_, None) => true,
    }
}

fn of_limit(limit: &Limit) -> usize {
    1 + usize::from(limit.share.is_some())
}

fn of_body(body: &[Stmt]) -> usize {
    body.iter()
        .map(|stmt| match stmt {
            Stmt::Limit(limit) => of_limit(limit),
            Stmt::If(_, then, otherwise) => of_body(then).max(of_body(otherwise)),
            Stmt::Deny(_) | Stmt::Exempt(_) => 0,
        })
        .sum()
}

//! The most charges one request can make.
//!
//! Branches of one choice exclude each other, and so do plans, and rules whose `on` no request meets together. The
//! figure is an upper bound: conditions are not looked into.

use limitrate_grammar::{ast::Verb, code::Code, diagnostic::Diagnostic};

use super::{Checker, MAX_CHARGES};
use crate::{
    checked::{Limit, Stmt, Target},
    ir::methods,
};

/// Where more targets than this stand after `on`, they are not compared with each other: any of them may be met together.
const MAX_COMPARED: usize = 2_048;

/// Some charges that apply together, and the requests that can meet them.
struct Part<'c> {
    /// Empty means every request.
    on: &'c [Target],
    charges: usize,
    /// The plans they belong to; `None` for a rule's.
    plans: Option<&'c [usize]>,
}

impl Part<'_> {
    /// Whether a request that matches `target` can meet this; one that matches nothing, without a target.
    fn meets(&self, target: Option<&Target>) -> bool {
        self.on.is_empty() || target.is_some_and(|target| self.on.iter().any(|own| overlap(own, target)))
    }
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
        if parts.iter().map(|part| part.on.len()).sum::<usize>() > MAX_COMPARED {
            return self.met(&parts, |_| true);
        }
        // All that a request meets overlaps with any one target that it matches.
        let targets = parts.iter().flat_map(|part| part.on).map(Some);
        let met = |target| self.met(&parts, |part| part.meets(target));
        targets.chain([None]).map(met).max().unwrap_or(0)
    }

    /// The most charges of the parts that are met.
    fn met(&self, parts: &[Part<'_>], is_met: impl Fn(&Part<'_>) -> bool) -> usize {
        let (mut of_rules, mut of_plans) = (0, vec![0; self.out.plans.len()]);
        for part in parts.iter().filter(|part| is_met(part)) {
            match part.plans {
                None => of_rules += part.charges,
                Some(plans) => {
                    for plan in plans {
                        if let Some(sum) = of_plans.get_mut(*plan) {
                            *sum += part.charges;
                        }
                    }
                }
            }
        }
        of_rules + of_plans.into_iter().max().unwrap_or(0)
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

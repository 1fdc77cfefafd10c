//! Downgrades: each must be able to change the decision, and two of one fact must never meet.

use std::collections::BTreeSet;

use limitrate_core::facts::{FactId, OwnedValue};
use limitrate_grammar::{code::Code, diagnostic::Diagnostic, span::Span};

use super::{Checker, worst_case::meet};
use crate::checked::{Checked, Enforced, Exceed, KeyPart, KeySource, Limit, Stmt, Target};

/// So many downgrades of one policy are compared with each other.
const MAX_COMPARED: usize = 1_024;

/// A downgrade, and which requests can meet it.
struct Site<'c> {
    fact: FactId,
    to: &'c OwnedValue,
    span: Span,
    on: &'c [Target],
    /// The plans that have it; `None` for a rule's.
    plans: Option<&'c [usize]>,
    /// The arms that lead to it: the statement that chooses, and which way.
    arms: Vec<(Span, bool)>,
}

impl Site<'_> {
    /// Whether one request can meet both.
    fn meets(&self, other: &Self) -> bool {
        let parted = |(choice, arm): &(Span, bool)| {
            other.arms.iter().any(|(theirs, way)| theirs == choice && way != arm)
        };
        let shares_a_plan = match (self.plans, other.plans) {
            (Some(ours), Some(theirs)) => ours.iter().any(|plan| theirs.contains(plan)),
            (None, _) | (_, None) => true,
        };
        shares_a_plan && !self.arms.iter().any(parted) && meet(self.on, other.on)
    }
}

impl Checker<'_> {
    /// Reports downgrades that change nothing, and those that contradict each other.
    pub(super) fn downgrades(&mut self) {
        let sites = sites(&self.out);
        if sites.is_empty() || self.diagnostics.has_errors() {
            return; // what is wrong elsewhere may be what would decide by the fact
        }
        let mut wrong = Vec::new();
        let read = decision_facts(&self.out);
        for site in sites.iter().filter(|site| !read.contains(&site.fact)) {
            let name = self.out.facts.get(usize::from(site.fact.0)).map_or("", |fact| &fact.decl.name);
            wrong.push(
                Diagnostic::new(
                    Code::RL0503,
                    format!("changing `{name}` changes nothing: no rule decides by it"),
                    site.span,
                    "the request would fail again",
                )
                .help(format!(
                    "let a ceiling, a cost, a key or a condition depend on `{name}`, or leave this out"
                )),
            );
        }
        for (at, site) in sites.iter().enumerate().take(MAX_COMPARED) {
            let other = sites
                .iter()
                .take(at)
                .find(|other| other.fact == site.fact && other.to != site.to && site.meets(other));
            if let Some(other) = other {
                let name = self.out.facts.get(usize::from(site.fact.0)).map_or("", |fact| &fact.decl.name);
                wrong.push(
                    Diagnostic::new(
                        Code::RL0508,
                        format!("two limits that can apply together downgrade `{name}` to different values"),
                        site.span,
                        "to this value",
                    )
                    .label(other.span, "and to this one")
                    .help("agree on one value, or put the limits into different branches of one `if` or `match`"),
                );
            }
        }
        for diagnostic in wrong {
            self.report(diagnostic);
        }
    }
}

/// Every downgrade that is enforced, in the order of the text.
fn sites(checked: &Checked) -> Vec<Site<'_>> {
    let mut sites = Vec::new();
    for rule in checked.rules.iter().filter(|rule| rule.enforced != Enforced::Never) {
        in_body(&rule.body, &rule.on, &mut Vec::new(), &mut sites);
    }
    for of_plan in &checked.plan_limits {
        let plans = Some(of_plan.plans.as_slice());
        sites.extend(site(&of_plan.limit, &of_plan.on, &[]).map(|site| Site { plans, ..site }));
    }
    sites.sort_by_key(|site| site.span);
    sites.dedup_by_key(|site| site.span);
    sites
}

fn in_body<'c>(body: &'c [Stmt], on: &'c [Target], arms: &mut Vec<(Span, bool)>, sites: &mut Vec<Site<'c>>) {
    for stmt in body {
        match stmt {
            Stmt::Limit(limit) => sites.extend(site(limit, on, arms)),
            Stmt::If(condition, then, otherwise) => {
                for (way, body) in [(true, then), (false, otherwise)] {
                    arms.push((condition.span, way));
                    in_body(body, on, arms, sites);
                    arms.pop();
                }
            }
            Stmt::Deny(_) | Stmt::Exempt(_) => {}
        }
    }
}

fn site<'c>(limit: &'c Limit, on: &'c [Target], arms: &[(Span, bool)]) -> Option<Site<'c>> {
    match &limit.exceed {
        Exceed::Downgrade { fact, to, span } => {
            Some(Site { fact: *fact, to, span: *span, on, plans: None, arms: arms.to_vec() })
        }
        Exceed::Reject | Exceed::Deny { .. } | Exceed::Allow => None,
    }
}

/// The facts that decide whether a request fits.
fn decision_facts(checked: &Checked) -> BTreeSet<FactId> {
    let mut facts = BTreeSet::new();
    for rule in &checked.rules {
        of_targets(checked, &rule.on, &mut facts);
        if let Enforced::For { by, .. } = rule.enforced {
            facts.insert(by);
        }
        of_body(checked, &rule.body, &mut facts);
    }
    for of_plan in &checked.plan_limits {
        facts.extend(checked.plan_fact);
        of_targets(checked, &of_plan.on, &mut facts);
        of_limit(checked, &of_plan.limit, &mut facts);
    }
    facts
}

fn of_targets(checked: &Checked, on: &[Target], facts: &mut BTreeSet<FactId>) {
    if let (Some(http), false) = (checked.http, on.is_empty()) {
        facts.extend([http.method, http.path]);
    }
}

fn of_body(checked: &Checked, body: &[Stmt], facts: &mut BTreeSet<FactId>) {
    for stmt in body {
        match stmt {
            Stmt::Limit(limit) => of_limit(checked, limit, facts),
            Stmt::If(condition, then, otherwise) => {
                checked.facts_of(condition, facts);
                of_body(checked, then, facts);
                of_body(checked, otherwise, facts);
            }
            Stmt::Deny(_) | Stmt::Exempt(_) => {}
        }
    }
}

fn of_limit(checked: &Checked, limit: &Limit, facts: &mut BTreeSet<FactId>) {
    checked.facts_of(&limit.ceiling, facts);
    if let Some(cost) = &limit.cost {
        checked.facts_of(cost, facts);
    }
    let keys = limit.share.as_ref().map_or(&limit.shape.keys, |share| &share.keys);
    facts.extend(keys.iter().flat_map(of_key));
}

fn of_key(part: &KeyPart) -> impl Iterator<Item = FactId> {
    part.alternatives.iter().flat_map(KeySource::facts)
}

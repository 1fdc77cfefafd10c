//! What one request can cost at most: charges, and groups of counters.
//!
//! Branches of one choice exclude each other, and so do plans, and rules whose `on` no request meets together. The
//! figures are upper bounds: conditions are not looked into.

use std::collections::HashSet;

use limitrate_grammar::{
    ast::Verb,
    code::Code,
    diagnostic::Diagnostic,
    span::{SourceId, Span},
};

use super::{
    Checker, MAX_CHARGES,
    routes::{Routes, covers},
};
use crate::{
    checked::{Checked, KeyPart, Limit, Route, RouteTable, Stmt, Target},
    ir::methods,
    placement::Groups,
};

/// Where the targets of two rules make more pairs than this, they are not compared: any of them may be met together.
const MAX_COMPARED: usize = 2_048;

/// So many steps are gone to find out which targets are met together; where it takes more, any of them may be.
const MAX_VISITS: usize = 1 << 22;

/// What is charged together.
#[derive(Clone, Default)]
pub(super) struct Worst {
    pub(super) charges: usize,
    pub(super) groups: Groups,
}

/// A rule or a limit of plans: what it costs, and the requests that can meet it.
pub(super) struct Part<'c> {
    /// Its position in [`crate::ir::Program::origins`].
    pub(super) at: usize,
    /// Where its name stands; of a limit, all of it.
    pub(super) span: Span,
    /// Empty means every request.
    on: &'c [Target],
    pub(super) cost: Worst,
    /// The plans it belongs to; `None` for a rule's.
    plans: Option<&'c [usize]>,
}

impl Checker<'_> {
    /// Computes the worst case, and reports one above the bound.
    pub(super) fn count_charges(&mut self) {
        let routes = route_table(&parts(&self.out, None), self.out.plans.len());
        let worst = routes.charges();
        self.out.worst_case_charges = worst;
        self.out.routes = routes;
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
}

/// The parts of a policy; of one module where that is given.
pub(super) fn parts(checked: &Checked, module: Option<SourceId>) -> Vec<Part<'_>> {
    let mut roots = Vec::new();
    let mut parts: Vec<Part<'_>> = Vec::new();
    for rule in &checked.rules {
        let cost = of_body(&rule.body, &mut roots);
        parts.push(Part { at: parts.len(), span: rule.span, on: &rule.on, cost, plans: None });
    }
    for of_plan in &checked.plan_limits {
        let cost = of_limit(&of_plan.limit, &mut roots);
        let (span, plans) = (of_plan.limit.span, Some(of_plan.plans.as_slice()));
        parts.push(Part { at: parts.len(), span, on: &of_plan.on, cost, plans });
    }
    parts.retain(|part| module.is_none_or(|module| part.span.source == module));
    parts
}

/// What requests meet, by their route.
pub(super) fn route_table(parts: &[Part<'_>], plans: usize) -> RouteTable {
    let (mut charging, mut free) = (Routes::default(), Routes::default());
    for (part, target) in parts.iter().flat_map(|part| part.on.iter().map(move |target| (part, target))) {
        let tree = if part.cost.charges > 0 { &mut charging } else { &mut free };
        tree.insert(&target.pattern, (part, target));
    }
    let every = || parts.iter().filter(|part| part.on.is_empty());
    let mut always = Sum::new(plans);
    every().for_each(|part| always.add(part));
    let mut table = RouteTable { every: every().map(|part| part.at).collect(), list: Vec::new() };
    table.list.push(always.route(None, Vec::new()));
    let (mut left, mut left_free) = (MAX_VISITS, MAX_VISITS);
    let mut seen = HashSet::new();
    for target in parts.iter().flat_map(|part| part.on) {
        if !seen.insert((target.verb, &target.pattern)) {
            continue;
        }
        let Some(met) = meeting(&charging, target, &mut left) else { return everything(parts, plans) };
        let mut together = always.clone();
        met.iter().for_each(|part| together.add(part));
        let of_free = if left_free > 0 { meeting(&free, target, &mut left_free) } else { None };
        let mut at: Vec<usize> = met.iter().map(|part| part.at).collect();
        match of_free {
            Some(of_free) => at.extend(of_free.iter().map(|part| part.at)),
            None if left_free > 0 => {
                left_free = 0;
                table.every = parts
                    .iter()
                    .filter(|part| part.on.is_empty() || part.cost.charges == 0)
                    .map(|part| part.at)
                    .collect();
            }
            None => {}
        }
        table.list.push(together.route(Some(target.clone()), at));
    }
    table
}

/// The table where too much would have to be compared: one route that meets all there is.
fn everything(parts: &[Part<'_>], plans: usize) -> RouteTable {
    let mut sum = Sum::new(plans);
    parts.iter().for_each(|part| sum.add(part));
    let every = parts.iter().map(|part| part.at).collect();
    RouteTable { every, list: vec![sum.route(None, Vec::new())] }
}

/// The parts that requests to `target` can meet, of those that match no narrower target: who matches one is counted
/// there.
fn meeting<'p, 'c>(
    tree: &Routes<'_, (&'p Part<'c>, &Target)>,
    target: &Target,
    left: &mut usize,
) -> Option<Vec<&'p Part<'c>>> {
    let met = tree.overlapping(&target.pattern, left)?;
    let met = met.into_iter().filter(|(_, other)| {
        share_a_method(other.verb, target.verb) && (!is_within(other, target) || is_within(target, other))
    });
    let mut met: Vec<&Part<'_>> = met.map(|(part, _)| part).collect();
    met.sort_unstable_by_key(|part| part.at);
    met.dedup_by_key(|part| part.at);
    Some(met)
}

/// What parts that are met together cost.
#[derive(Clone)]
struct Sum {
    of_rules: Worst,
    of_plans: Vec<Worst>,
}

impl Sum {
    fn new(plans: usize) -> Self {
        Self { of_rules: Worst::default(), of_plans: vec![Worst::default(); plans] }
    }

    fn add(&mut self, part: &Part<'_>) {
        let Some(plans) = part.plans else {
            self.of_rules.and(&part.cost);
            return;
        };
        for plan in plans {
            if let Some(sum) = self.of_plans.get_mut(*plan) {
                sum.and(&part.cost);
            }
        }
    }

    /// With the plan that has the most: a request has one.
    fn most(&self) -> Worst {
        let mut of_plan = Worst::default();
        self.of_plans.iter().for_each(|plan| of_plan.or(plan.clone()));
        of_plan.and(&self.of_rules);
        of_plan
    }

    fn route(&self, target: Option<Target>, parts: Vec<usize>) -> Route {
        let most = self.most();
        Route { target, charges: most.charges, round_trips: most.groups.most().len(), parts }
    }
}

impl Worst {
    fn and(&mut self, other: &Self) {
        self.charges += other.charges;
        self.groups.and(&other.groups);
    }

    fn or(&mut self, other: Self) {
        self.charges = self.charges.max(other.charges);
        self.groups.or(other.groups);
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

/// Whether every request that matches `narrow` matches `wide` too.
fn is_within(narrow: &Target, wide: &Target) -> bool {
    let verbs = match (methods(narrow.verb), methods(wide.verb)) {
        (_, None) => true,
        (None, Some(_)) => false,
        (Some(narrow), Some(wide)) => narrow.iter().all(|method| wide.contains(method)),
    };
    verbs && covers(&wide.pattern, &narrow.pattern)
}

/// What a limit and its share cost; `roots` are the groups known so far, by what keys begin with.
fn of_limit<'c>(limit: &'c Limit, roots: &mut Vec<Option<&'c KeyPart>>) -> Worst {
    // A share's key begins as its limit's does, unless the limit counts globally.
    let keys = [Some(&limit.shape.keys), limit.share.as_ref().map(|share| &share.keys)];
    let mut worst = Worst::default();
    for keys in keys.into_iter().flatten() {
        let root = keys.first();
        let known = roots.iter().position(|known| *known == root);
        let group = known.unwrap_or_else(|| {
            roots.push(root);
            roots.len() - 1
        });
        worst.and(&Worst { charges: 1, groups: Groups::one(group) });
    }
    worst
}

fn of_body<'c>(body: &'c [Stmt], roots: &mut Vec<Option<&'c KeyPart>>) -> Worst {
    let mut worst = Worst::default();
    for stmt in body {
        match stmt {
            Stmt::Limit(limit) => worst.and(&of_limit(limit, roots)),
            Stmt::If(_, then, otherwise) => {
                let mut branch = of_body(then, roots);
                branch.or(of_body(otherwise, roots));
                worst.and(&branch);
            }
            Stmt::Deny(_) | Stmt::Exempt(_) => {}
        }
    }
    worst
}

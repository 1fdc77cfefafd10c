//! `budget { … }`: charges and round trips that one request may take. Steps are known once the policy is lowered.

use std::collections::{BTreeSet, HashMap};

use limitrate_grammar::{
    ast::{self, Measure},
    code::Code,
    diagnostic::Diagnostic,
    span::{SourceId, Span},
};

use super::{
    Checker,
    worst_case::{self, Part},
};
use crate::checked::{KeyPart, Limit, Route, RouteTable, Stmt};

/// At most so many places are named as what costs most.
const MAX_NAMED: usize = 3;

impl Checker<'_> {
    /// Reports what costs more than its budget allows. A module's budget is for what the policy takes of it.
    pub(super) fn budgets(&mut self) {
        let mut tables: HashMap<SourceId, RouteTable> = HashMap::new();
        let resolved = self.resolved;
        for bound in &resolved.budgets {
            let source = bound.span.source;
            let module = (source != SourceId(0)).then_some(source);
            let parts = worst_case::parts(&self.out, module);
            let table =
                tables.entry(source).or_insert_with(|| worst_case::route_table(&parts, self.out.plans.len()));
            let diagnostic = match bound.measure {
                Measure::Charges => {
                    over(bound, table.list.iter().max_by_key(|route| route.charges), |route| route.charges)
                        .map(|(diagnostic, route)| label_charges(diagnostic, &met(&parts, table, route)))
                }
                Measure::RoundTrips => {
                    let worst = table.list.iter().max_by_key(|route| route.round_trips);
                    over(bound, worst, |route| route.round_trips).map(|(diagnostic, route)| {
                        let met: BTreeSet<usize> =
                            met(&parts, table, route).into_iter().map(|part| part.at).collect();
                        self.label_groups(diagnostic, &met)
                    })
                }
                Measure::Steps => None,
            };
            if let Some(diagnostic) = diagnostic {
                self.report(diagnostic);
            }
        }
    }

    /// Names a limit of each group of counters.
    fn label_groups(&self, mut diagnostic: Diagnostic, met: &BTreeSet<usize>) -> Diagnostic {
        let mut limits: Vec<&Limit> = Vec::new();
        for (at, rule) in self.out.rules.iter().enumerate() {
            if met.contains(&at) {
                limits_of(&rule.body, &mut limits);
            }
        }
        let plans = self.out.plan_limits.iter().zip(self.out.rules.len()..);
        limits.extend(plans.filter(|(_, at)| met.contains(at)).map(|(of_plan, _)| &of_plan.limit));
        let mut roots: Vec<Option<&KeyPart>> = Vec::new();
        for limit in limits {
            let root = limit.shape.keys.first();
            if roots.len() < MAX_NAMED && !roots.contains(&root) {
                roots.push(root);
                diagnostic = diagnostic.label(limit.span, self.root_words(root));
            }
        }
        diagnostic
    }

    /// `counted per ip`
    fn root_words(&self, root: Option<&KeyPart>) -> String {
        root.map_or_else(
            || "counted globally".to_owned(),
            |part| {
                let words = part.alternatives.iter().map(|source| source.words(&self.out.facts));
                format!("counted by `{}`", words.collect::<Vec<_>>().join(" ?? "))
            },
        )
    }
}

/// The report of a route that takes more than its budget allows.
fn over<'r>(
    bound: &ast::Bound,
    worst: Option<&'r Route>,
    taken: impl Fn(&Route) -> usize,
) -> Option<(Diagnostic, &'r Route)> {
    let worst = worst?;
    let taken = i64::try_from(taken(worst)).unwrap_or(i64::MAX);
    (taken > bound.most.node).then(|| (exceeded(bound, taken, worst), worst))
}

/// One request takes more than its budget allows.
pub(crate) fn exceeded(bound: &ast::Bound, taken: i64, route: &Route) -> Diagnostic {
    let one = match bound.measure {
        Measure::Charges => "charge",
        Measure::RoundTrips => "round trip",
        Measure::Steps => "step",
    };
    let many = |count: i64| if count == 1 { format!("1 {one}") } else { format!("{count} {one}s") };
    let place = route
        .target
        .as_ref()
        .map_or_else(String::new, |target| format!(" of `{} {}`", target.verb.word(), target.pattern));
    let message =
        format!("one request{place} may take {}, and the budget is {}", many(taken), bound.most.node);
    Diagnostic::new(Code::RL0510, message, bound.most.span, "the budget").fix(
        "allow what it takes",
        bound.most.span,
        taken.to_string(),
    )
}

/// The parts that a route meets.
fn met<'p, 'c>(parts: &'p [Part<'c>], table: &RouteTable, route: &Route) -> Vec<&'p Part<'c>> {
    let at: BTreeSet<usize> = table.every.iter().chain(&route.parts).copied().collect();
    parts.iter().filter(|part| at.contains(&part.at)).collect()
}

/// Names the rules and limits that charge most.
fn label_charges(mut diagnostic: Diagnostic, met: &[&Part<'_>]) -> Diagnostic {
    let mut costly: Vec<(usize, Span)> =
        met.iter().map(|part| (part.cost.charges, part.span)).filter(|(charges, _)| *charges > 0).collect();
    costly.sort_by_key(|(charges, span)| (std::cmp::Reverse(*charges), *span));
    for (charges, span) in costly.into_iter().take(MAX_NAMED) {
        let text = if charges == 1 { "1 of them".to_owned() } else { format!("{charges} of them") };
        diagnostic = diagnostic.label(span, text);
    }
    diagnostic
}

fn limits_of<'c>(body: &'c [Stmt], limits: &mut Vec<&'c Limit>) {
    for stmt in body {
        match stmt {
            Stmt::Limit(limit) => limits.push(limit),
            Stmt::If(_, then, otherwise) => {
                limits_of(then, limits);
                limits_of(otherwise, limits);
            }
            Stmt::Deny(_) | Stmt::Exempt(_) => {}
        }
    }
}

//! Lowering: from the typed tree to guarded charges over the expression graph.
//!
//! `let`s and plan constants are inlined, nested choices become conditions, shares become charges of their own, and
//! everything that is not an integer becomes a slot. Sites are ordered by name, so that the order of the text never matters.

mod expr;
mod lets;
mod limit;
mod message;
mod settle;
mod table;
mod text;

use hashbrown::HashMap;

use limitrate_core::facts::FactId;
use limitrate_grammar::span::Span;

use lets::Reading;
use table::TableBuilder;

use crate::{
    checked::{Checked, Comparison, Enforced, LetId, PlanLimit, Rule, Stmt, Target},
    ir::{
        DenySite, ExemptSite, LimitId, NodeId, Origin, OriginKind, Program, ReportSite, build::Graph,
        methods, slot::Slot,
    },
};

/// Turns a checked policy into a program. `checked` must be free of errors.
#[must_use]
pub fn lower(checked: Checked) -> Program {
    let mut lowering = Lowering {
        checked: &checked,
        graph: Graph::default(),
        tables: TableBuilder::default(),
        lets: HashMap::new(),
        limits: HashMap::new(),
        out: Program::default(),
    };
    for rule in &checked.rules {
        lowering.rule(rule);
    }
    for limit in &checked.plan_limits {
        lowering.plan_limit(limit);
    }
    let Lowering { graph, tables, mut out, .. } = lowering;
    let mut tables = tables.finish();
    (out.nodes, out.slots) = graph.finish();
    sort_sites(&mut out);
    out.worst_case_charges = checked.worst_case_charges;
    out.routes = checked.routes;
    out.plan_fact = checked.plan_fact;
    out.http = checked.http;
    tables.schedules = checked.schedules;
    out.tables = tables;
    out.facts = checked.facts;
    out.levels = checked.levels;
    out.plans = checked.plans;
    out
}

/// Puts sites in the order of their names: of rules for `deny` and `exempt`, of limits for charges.
fn sort_sites(out: &mut Program) {
    let Program { denies, exempts, charges, reports, origins, limits, .. } = out;
    let origin = |at: usize| origins.get(at).map(|o| o.name.as_str());
    denies.sort_by(|a, b| (origin(a.origin), a.span).cmp(&(origin(b.origin), b.span)));
    exempts.sort_by(|a, b| (origin(a.origin), a.span).cmp(&(origin(b.origin), b.span)));
    reports.sort_by(|a, b| (origin(a.origin), a.span).cmp(&(origin(b.origin), b.span)));
    let limit = |at: LimitId| limits.get(at.0 as usize).map(|l| l.name.as_str());
    charges.sort_by(|a, b| (limit(a.limit), a.span).cmp(&(limit(b.limit), b.span)));
}

/// When a statement applies: enforced, or only measured.
#[derive(Debug, Clone, Copy)]
struct Guard {
    enforced: Option<NodeId>,
    shadow: Option<NodeId>,
    /// Where the statement stands.
    origin: usize,
}

pub(crate) struct Lowering<'c> {
    checked: &'c Checked,
    graph: Graph,
    tables: TableBuilder,
    /// What `let`s have come to.
    lets: HashMap<(Reading, LetId), NodeId>,
    /// The position of each limit by its name, and by whether it is a shadow.
    limits: HashMap<(String, bool), usize>,
    out: Program,
}

impl Lowering<'_> {
    fn rule(&mut self, rule: &Rule) {
        let applies = self.targets(&rule.on);
        let origin = self.origin(OriginKind::Rule, &rule.name, rule.span, applies);
        let guard = match rule.enforced {
            Enforced::Always => Guard { enforced: Some(applies), shadow: None, origin },
            Enforced::Never => Guard { enforced: None, shadow: Some(applies), origin },
            Enforced::For { share, by } => {
                let chosen = self.chosen(&rule.name, share, by);
                let enforced = self.graph.and(applies, chosen);
                let not = self.graph.not(chosen);
                let shadow = self.graph.and(applies, not);
                Guard { enforced: Some(enforced), shadow: Some(shadow), origin }
            }
        };
        self.block(&rule.body, guard);
    }

    /// Whether a rule is rolled out to the request: whether its number for the rule lies below the share.
    fn chosen(&mut self, rule: &str, share: i64, by: FactId) -> NodeId {
        let rule = self.tables.rollout(rule);
        let number = self.graph.slot(Slot::Rollout(by, rule));
        let share = self.graph.constant(share);
        self.graph.compare(Comparison::Lt, number, share)
    }

    fn origin(&mut self, kind: OriginKind, name: &str, span: Span, applies: NodeId) -> usize {
        self.out.origins.push(Origin { kind, name: name.to_owned(), span, applies });
        self.out.origins.len() - 1
    }

    /// Whether the request is one of these; always, where there are none.
    fn targets(&mut self, targets: &[Target]) -> NodeId {
        let (Some(http), false) = (self.checked.http, targets.is_empty()) else {
            return self.graph.truth(true);
        };
        let mut any = self.graph.truth(false);
        for target in targets {
            let pattern = self.tables.pattern(&target.pattern);
            let route = self.graph.slot(Slot::Route(http.path, pattern));
            let mut verb = self.graph.truth(true);
            if let Some(words) = methods(target.verb) {
                verb = self.graph.truth(false);
                for word in words {
                    let is = self.text_is(http.method, word);
                    verb = self.graph.or(verb, is);
                }
            }
            let target = self.graph.and(verb, route);
            any = self.graph.or(any, target);
        }
        any
    }

    fn block(&mut self, body: &[Stmt], guard: Guard) {
        for stmt in body {
            match stmt {
                Stmt::Limit(limit) => self.limit(limit, guard),
                Stmt::Deny(deny) => {
                    if let Some(when) = guard.enforced {
                        let message = self.message(&deny.message);
                        let (origin, status, span) = (guard.origin, deny.status, deny.span);
                        self.out.denies.push(DenySite { when, origin, status, message, span });
                    }
                    self.report(guard, true, deny.span);
                }
                Stmt::Exempt(exempt) => {
                    if let Some(when) = guard.enforced {
                        let (origin, reason, span) = (guard.origin, exempt.reason.clone(), exempt.span);
                        self.out.exempts.push(ExemptSite { when, origin, reason, span });
                    }
                    self.report(guard, false, exempt.span);
                }
                Stmt::If(condition, then, otherwise) => {
                    let condition = self.value(condition);
                    let yes = self.guarded(guard, condition);
                    self.block(then, yes);
                    let not = self.graph.not(condition);
                    let no = self.guarded(guard, not);
                    self.block(otherwise, no);
                }
            }
        }
    }

    /// The guard where a condition holds too.
    fn guarded(&mut self, guard: Guard, condition: NodeId) -> Guard {
        let enforced = guard.enforced.map(|when| self.graph.and(when, condition));
        let shadow = guard.shadow.map(|when| self.graph.and(when, condition));
        Guard { enforced, shadow, ..guard }
    }

    /// A `deny` or `exempt` where it is only reported.
    fn report(&mut self, guard: Guard, deny: bool, span: Span) {
        if let Some(when) = guard.shadow {
            self.out.reports.push(ReportSite { when, origin: guard.origin, deny, span });
        }
    }

    fn plan_limit(&mut self, of_plan: &PlanLimit) {
        let Some(plan_fact) = self.checked.plan_fact else { return };
        let applies = self.targets(&of_plan.on);
        let mut of_plans = self.graph.truth(of_plan.plans.len() == self.checked.plans.len());
        for plan in &of_plan.plans {
            let is = self.value_is(plan_fact, i64::try_from(*plan).unwrap_or(i64::MAX));
            of_plans = self.graph.or(of_plans, is);
        }
        let when = self.graph.and(applies, of_plans);
        let name = self.checked.plans.get(of_plan.written_in).cloned().unwrap_or_default();
        let origin = self.origin(OriginKind::Plan, &name, of_plan.limit.span, when);
        self.limit(&of_plan.limit, Guard { enforced: Some(when), shadow: None, origin });
    }
}

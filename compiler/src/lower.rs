//! Lowering: from the typed tree to guarded charges over the expression graph.
//!
//! `let`s and plan constants are inlined, nested choices become conditions, shares become charges of their own, and
//! everything that is not an integer becomes a slot. Sites are ordered by name, so that the order of the text never matters.

mod expr;
mod lets;
mod message;
mod table;
mod text;

use std::collections::HashMap;

use limitrate_core::{algorithm::Algorithm, charge::Mode};
use limitrate_grammar::span::Span;

use lets::Reading;
use table::TableBuilder;

use crate::{
    check::algorithm_words,
    checked::{Arithmetic, Checked, KeyPart, LetId, Limit, PlanLimit, Rule, Stmt, Target},
    ir::{
        Burst, ChargeSite, DenySite, Exceed, ExemptSite, LimitId, LimitInfo, NodeId, Origin, OriginKind,
        Program, arithmetic, build::Graph, methods, slot::Slot,
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
    out.plan_fact = checked.plan_fact;
    out.http = checked.http;
    tables.schedules = checked.schedules;
    out.tables = tables;
    out.facts = checked.facts;
    out.plans = checked.plans;
    out
}

/// Puts sites in the order of their names: of rules for `deny` and `exempt`, of limits for charges.
fn sort_sites(out: &mut Program) {
    let Program { denies, exempts, charges, origins, limits, .. } = out;
    let origin = |at: usize| origins.get(at).map(|o| o.name.as_str());
    denies.sort_by(|a, b| (origin(a.origin), a.span).cmp(&(origin(b.origin), b.span)));
    exempts.sort_by(|a, b| (origin(a.origin), a.span).cmp(&(origin(b.origin), b.span)));
    let limit = |at: LimitId| limits.get(at.0 as usize).map(|l| l.name.as_str());
    charges.sort_by(|a, b| (limit(a.limit), a.span).cmp(&(limit(b.limit), b.span)));
}

pub(crate) struct Lowering<'c> {
    checked: &'c Checked,
    graph: Graph,
    tables: TableBuilder,
    /// What `let`s have come to.
    lets: HashMap<(Reading, LetId), NodeId>,
    /// The position of each limit by its name.
    limits: HashMap<String, usize>,
    out: Program,
}

impl Lowering<'_> {
    fn rule(&mut self, rule: &Rule) {
        let applies = self.targets(&rule.on);
        let origin = self.origin(OriginKind::Rule, &rule.name, rule.span, applies);
        self.block(&rule.body, applies, origin);
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

    fn block(&mut self, body: &[Stmt], when: NodeId, origin: usize) {
        for stmt in body {
            match stmt {
                Stmt::Limit(limit) => self.limit(limit, when, origin),
                Stmt::Deny(deny) => {
                    let message = self.message(&deny.message);
                    self.out.denies.push(DenySite {
                        when,
                        origin,
                        status: deny.status,
                        message,
                        span: deny.span,
                    });
                }
                Stmt::Exempt(exempt) => self.out.exempts.push(ExemptSite {
                    when,
                    origin,
                    reason: exempt.reason.clone(),
                    span: exempt.span,
                }),
                Stmt::If(condition, then, otherwise) => {
                    let condition = self.value(condition);
                    let yes = self.graph.and(when, condition);
                    self.block(then, yes, origin);
                    let not = self.graph.not(condition);
                    let no = self.graph.and(when, not);
                    self.block(otherwise, no, origin);
                }
            }
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
        self.limit(&of_plan.limit, when, origin);
    }

    fn limit(&mut self, limit: &Limit, when: NodeId, origin: usize) {
        let unlimited = self.unlimited(&limit.ceiling);
        let limited = self.graph.not(unlimited);
        let when = self.graph.and(when, limited);
        let ceiling = self.value(&limit.ceiling);
        let cost = match &limit.cost {
            Some(cost) => self.value(cost),
            None => self.graph.constant(1),
        };
        let site = ChargeSite {
            when: self.unless_skipped(&limit.shape.keys, when),
            limit: self.limit_info(limit, limit.name.clone(), &limit.shape.keys),
            origin,
            algorithm: limit.shape.algorithm.clone(),
            ceiling,
            cost,
            burst: burst(limit),
            starting: limit.starting,
            fail: limit.fail,
            mode: Mode::Enforce,
            settle: None,
            warn: Vec::new(),
            exceed: Exceed::Reject,
            block: None,
            span: limit.span,
        };
        if let Some(share) = &limit.share {
            let ppm = self.graph.constant(share.ppm);
            let part = |amount: i64| arithmetic::apply(Arithmetic::Scale, amount, share.ppm);
            let of_share = ChargeSite {
                when: self.unless_skipped(&share.keys, when),
                limit: self.limit_info(limit, format!("{}.share", limit.name), &share.keys),
                ceiling: self.graph.arithmetic(Arithmetic::Scale, ceiling, ppm),
                burst: match site.burst {
                    Burst::Fixed(burst) => Burst::Fixed(part(burst).max(1)),
                    Burst::Ceiling => Burst::Ceiling,
                },
                algorithm: site.algorithm.clone(),
                origin,
                cost,
                starting: limit.starting.map(|amount| part(amount).max(1)),
                fail: limit.fail,
                mode: site.mode,
                settle: site.settle,
                warn: Vec::new(),
                exceed: Exceed::Reject,
                block: site.block,
                span: limit.span,
            };
            self.out.charges.push(of_share);
        }
        self.out.charges.push(site);
    }

    /// A limit whose key has a missing optional level is skipped.
    fn unless_skipped(&mut self, keys: &[KeyPart], when: NodeId) -> NodeId {
        keys.iter().filter_map(|part| part.skip_without).fold(when, |when, fact| {
            let present = self.fact_present(fact);
            self.graph.and(when, present)
        })
    }

    fn limit_info(&mut self, limit: &Limit, name: String, keys: &[KeyPart]) -> LimitId {
        let found = self.limits.get(&name).copied();
        let position = found.unwrap_or_else(|| {
            let identity = self.identity(limit, &name, keys);
            self.limits.insert(name.clone(), self.out.limits.len());
            self.out.limits.push(LimitInfo {
                name,
                unit: limit.shape.unit,
                algorithm: limit.shape.algorithm.clone(),
                word: limit.word,
                keys: keys.to_vec(),
                shadow: false,
                was: None,
                identity,
            });
            self.out.limits.len() - 1
        });
        LimitId(u32::try_from(position).unwrap_or(u32::MAX))
    }

    /// Module, name, unit, family with window, key part names: what a counter is, by the language's definition.
    fn identity(&self, limit: &Limit, name: &str, keys: &[KeyPart]) -> String {
        let unit = limit.shape.unit.name();
        let family = algorithm_words(&limit.shape.algorithm);
        let parts: Vec<String> = keys.iter().map(|part| self.key_words(part)).collect();
        format!("{name} | {unit} | {family} | per {}", parts.join(", "))
    }

    fn key_words(&self, part: &KeyPart) -> String {
        let names: Vec<String> =
            part.alternatives.iter().map(|source| source.words(&self.checked.facts)).collect();
        names.join(" ?? ")
    }
}

/// The capacity of a limit's bucket: as written, one for `gcra`, else the ceiling.
fn burst(limit: &Limit) -> Burst {
    match (limit.burst, &limit.shape.algorithm) {
        (Some(burst), _) => Burst::Fixed(burst),
        (None, Algorithm::Bucket(_)) if limit.word == "gcra" => Burst::Fixed(1),
        _ => Burst::Ceiling,
    }
}

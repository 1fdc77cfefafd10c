//! Why a decision came out as it did: every rule and plan, and what each of their statements made of the request.

use std::collections::BTreeMap;

use limitrate_compiler::{
    checked::KeySource,
    grammar::span::Span,
    interpret::Values,
    ir::{ChargeSite, Exceed, LimitInfo, Node, NodeId, Origin, OriginKind, Program, slot::Slot},
    source::Sources,
};
use limitrate_core::{algorithm::Algorithm, charge::Mode, facts::FactId, literal};
use limitrate_runtime::{
    Decision, LimitDecision, Limiter, Outcome,
    store::{LocalStore as _, MemoryStore},
};
use limitrate_testkit::{traffic::Record, words};
use serde::Serialize;

use crate::position::Lines;

/// What is known before the request is decided.
pub(super) struct Before {
    frame: Vec<i64>,
    values: Values,
    /// What is in use of the counter of each charge that would apply, by its position.
    used: BTreeMap<usize, i64>,
}

/// The whole explanation.
#[derive(Debug, Serialize)]
pub(super) struct Trace {
    /// Rules and plans that the request matches, in the order of the text.
    pub(super) matched: Vec<Matched>,
    /// Rules and plan limits for other routes.
    pub(super) other_routes: Vec<String>,
    /// Plans that the request does not have.
    pub(super) other_plans: Vec<String>,
    /// The request with its facts changed, where that was tried.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) second_pass: Option<SecondPass>,
}

/// What limits made of a request that was downgraded.
#[derive(Debug, Serialize)]
pub(super) struct SecondPass {
    /// `model=small`
    pub(super) with: String,
    /// Its limits, by name; none where a rule denies or exempts it then.
    pub(super) limits: Vec<Statement>,
}

/// A rule or plan that the request matches.
#[derive(Debug, Serialize)]
pub(super) struct Matched {
    /// `rule uploads`, `plan free`
    pub(super) name: String,
    /// Where its name stands; of a plan, its first limit.
    pub(super) file: String,
    /// On which line.
    pub(super) line: usize,
    /// Its statements.
    pub(super) statements: Vec<Statement>,
}

/// A statement of a rule or plan.
#[derive(Debug, Serialize)]
pub(super) struct Statement {
    /// `limit daily`, `deny 413`, `exempt`
    pub(super) what: String,
    /// Where it stands.
    pub(super) file: String,
    /// On which line.
    pub(super) line: usize,
    /// Whether it applied.
    pub(super) applies: bool,
    /// Whether the charge fit; null where nothing was charged.
    pub(super) fits: Option<bool>,
    /// The key of its counter.
    pub(super) key: String,
    /// The arithmetic, or why it did not apply.
    pub(super) why: String,
}

impl Before {
    /// `None` for a request whose facts are missing or malformed: the policy does not look at it.
    pub(super) fn new(limiter: &Limiter<MemoryStore>, record: &Record<'_>) -> Option<Self> {
        let frame = limiter.frame(&record.facts, record.at).ok()?;
        let program = limiter.policy().program();
        let mut values = Values::default();
        values.evaluate(program, &frame);
        let used = program.charges.iter().enumerate().filter(|(_, site)| values.get(site.when) != 0);
        let used = used.filter_map(|(position, site)| {
            let limit = site.limit.0 as usize;
            let (counter, _) = limiter.counter(limit, &record.facts)?;
            let algorithm = &program.limits.get(limit)?.algorithm;
            Some((position, limiter.store().used(record.at, counter, algorithm)?))
        });
        let used = used.collect();
        Some(Self { frame, values, used })
    }
}

/// What a trace is made from.
struct Tracer<'t> {
    before: Before,
    limiter: &'t Limiter<MemoryStore>,
    program: &'t Program,
    decision: &'t Decision<'t>,
    record: &'t Record<'t>,
    sources: &'t Sources,
}

impl Trace {
    /// Explains a decision.
    pub(super) fn new(
        before: Before,
        limiter: &Limiter<MemoryStore>,
        decision: &Decision<'_>,
        record: &Record<'_>,
        sources: &Sources,
    ) -> Self {
        let program = limiter.policy().program();
        let tracer = Tracer { before, limiter, program, decision, record, sources };
        let mut trace = Self {
            matched: Vec::new(),
            other_routes: Vec::new(),
            other_plans: Vec::new(),
            second_pass: tracer.second_pass(),
        };
        for (position, origin) in program.origins.iter().enumerate() {
            let name = tracer.name(origin);
            let statements = tracer.statements(position);
            if tracer.holds(origin.applies) {
                // Each limit of a plan is an origin of its own.
                match trace.matched.last_mut() {
                    Some(last) if origin.kind == OriginKind::Plan && last.name == name => {
                        last.statements.extend(statements);
                    }
                    _ => {
                        let (file, line) = tracer.place(origin.span);
                        trace.matched.push(Matched { name, file, line, statements });
                    }
                }
            } else if tracer.other_plan(origin.applies) {
                trace.other_plans.push(name);
            } else {
                let limits = || statements.iter().map(|s| format!("{} of {name}", s.what)).collect();
                trace.other_routes.extend(if origin.kind == OriginKind::Rule {
                    vec![name]
                } else {
                    limits()
                });
            }
        }
        trace.other_plans.dedup();
        // A plan may be extended by the request's own, and some of its limits replaced.
        let matched = &trace.matched;
        let extended = |name: &str| matched.iter().any(|m| m.name.split(',').next() == Some(name));
        trace.other_plans.retain(|name| !extended(name));
        trace
    }
}

impl Tracer<'_> {
    fn holds(&self, node: NodeId) -> bool {
        self.before.values.get(node) != 0
    }

    fn place(&self, span: Span) -> (String, usize) {
        let Some(source) = self.sources.get(span.source) else { return (String::new(), 0) };
        (source.name.clone(), Lines::new(&source.bytes).position(span.start as usize).line)
    }

    /// Whether a condition does not hold because of the request's plan, whatever else stands against it.
    fn other_plan(&self, node: NodeId) -> bool {
        match self.program.nodes.get(node.0 as usize) {
            Some(Node::And(a, b)) => self.other_plan(*a) || self.other_plan(*b),
            _ => !self.holds(node) && self.looks_at_plan(node),
        }
    }

    fn looks_at_plan(&self, node: NodeId) -> bool {
        let Some(node) = self.program.nodes.get(node.0 as usize) else { return false };
        match *node {
            Node::Const(_) => false,
            Node::Slot(slot) => {
                let slot = self.program.slots.get(slot.0 as usize).copied();
                let facts = slot.map(Slot::facts).unwrap_or_default();
                facts.into_iter().flatten().any(|fact| Some(fact) == self.program.plan_fact)
            }
            Node::Not(a) => self.looks_at_plan(a),
            Node::And(a, b) | Node::Or(a, b) | Node::Compare(_, a, b) | Node::Arithmetic(_, a, b) => {
                self.looks_at_plan(a) || self.looks_at_plan(b)
            }
            Node::Select(a, b, c) => [a, b, c].into_iter().any(|node| self.looks_at_plan(node)),
        }
    }

    /// The name of the request's plan.
    fn plan(&self) -> Option<&str> {
        let plan = Slot::Value(self.program.plan_fact?);
        let slot = self.program.slots.iter().position(|slot| *slot == plan)?;
        let position = usize::try_from(*self.before.frame.get(slot)?).ok()?;
        self.program.plans.get(position).map(String::as_str)
    }

    /// `rule uploads`, `plan free`; of an inherited limit `plan free, which pro extends`.
    fn name(&self, origin: &Origin) -> String {
        match (origin.kind, self.plan()) {
            (OriginKind::Rule, _) => format!("rule {}", origin.name),
            (OriginKind::Plan, Some(plan)) if plan != origin.name && self.holds(origin.applies) => {
                format!("plan {}, which {plan} extends", origin.name)
            }
            (OriginKind::Plan, _) => format!("plan {}", origin.name),
        }
    }

    /// The statements of a rule or plan, in the order of the text.
    fn statements(&self, origin: usize) -> Vec<Statement> {
        let program = self.program;
        let denies = program.denies.iter().filter(|site| site.origin == origin).map(|site| {
            let statement = self.statement(site.span, format!("deny {}", site.status), self.holds(site.when));
            (site.span, statement)
        });
        let exempts = program.exempts.iter().filter(|site| site.origin == origin).map(|site| {
            let mut statement = self.statement(site.span, "exempt".to_owned(), self.holds(site.when));
            if statement.applies && self.decision.outcome() == Outcome::Deny {
                statement.why = "overruled: the request is denied".to_owned();
            }
            (site.span, statement)
        });
        let reports = program.reports.iter().filter(|site| site.origin == origin).map(|site| {
            let what = if site.deny { "deny, in shadow" } else { "exempt, in shadow" };
            let mut statement = self.statement(site.span, what.to_owned(), self.holds(site.when));
            if statement.applies {
                statement.why = "would apply".to_owned();
            }
            (site.span, statement)
        });
        let charges = program.charges.iter().enumerate().filter(|(_, site)| site.origin == origin);
        let charges = charges.map(|(position, site)| (site.span, self.charge(position, site)));
        let mut all: Vec<(Span, Statement)> = denies.chain(exempts).chain(reports).chain(charges).collect();
        all.sort_by(|a, b| (a.0, &a.1.what).cmp(&(b.0, &b.1.what)));
        all.into_iter().map(|(_, statement)| statement).collect()
    }

    fn statement(&self, span: Span, what: String, applies: bool) -> Statement {
        let (file, line) = self.place(span);
        let why = if applies { "applies" } else { "its condition does not hold" }.to_owned();
        Statement { what, file, line, applies, fits: None, key: String::new(), why }
    }

    fn charge(&self, position: usize, site: &ChargeSite) -> Statement {
        let limit = site.limit.0 as usize;
        let info = self.program.limits.get(limit);
        let name = info.map_or("", |info| info.name.as_str());
        let shadow = if site.mode == Mode::Shadow { ", in shadow" } else { "" };
        let what = format!("limit {name}{shadow}");
        let mut statement = self.statement(site.span, what, self.holds(site.when));
        let Some(info) = info else { return statement };
        if !statement.applies {
            if let Some(fact) = self.skipped(info) {
                statement.why = format!("skipped: the request has no {}", self.program.fact_name(fact));
            }
            return statement;
        }
        let key = self.limiter.counter(limit, &self.record.facts).map(|(_, key)| key);
        statement.key = words::key(&key.unwrap_or_default());
        let mut judged = self.decision.first_pass().chain(self.decision.shadow());
        let judged = judged.find(|(_, judged)| judged.site as usize == position);
        statement.why = match (judged, self.decision.outcome()) {
            (Some((_, judged)), outcome) => {
                statement.fits = Some(judged.fits());
                let used = self.before.used.get(&position).copied().unwrap_or(0);
                let taken = outcome == Outcome::Allow;
                format!("{}{}", arithmetic(info, judged, used, taken), self.instead(site, judged))
            }
            (None, Outcome::Exempt) => "not counted: the request is exempt".to_owned(),
            (None, Outcome::Deny) => "not counted: the request is denied".to_owned(),
            (None, _) => "not looked at: the request does not go through as it came".to_owned(),
        };
        statement
    }

    /// What becomes of a request that does not fit, where that is not a plain rejection.
    fn instead(&self, site: &ChargeSite, judged: &LimitDecision) -> String {
        if judged.fits() {
            return String::new();
        }
        match &site.exceed {
            _ if judged.mode == Mode::Shadow => String::new(),
            _ if judged.mode == Mode::Soft => " → taken past the ceiling".to_owned(),
            Exceed::Downgrade { fact, to } => {
                let ty = self.program.facts.get(usize::from(fact.0)).map(|fact| &fact.decl.ty);
                let to = ty.map(|ty| literal::write_fact(ty, to.borrow())).unwrap_or_default();
                format!(" → downgrade {} to {to}", self.program.fact_name(*fact))
            }
            Exceed::Deny { status, .. } => format!(" → deny {status}"),
            Exceed::Reject | Exceed::Allow => String::new(),
        }
    }

    /// What limits made of the request with its facts changed.
    fn second_pass(&self) -> Option<SecondPass> {
        let tried = self.decision.tried()?;
        let changes = tried.changes().filter_map(|(fact, to)| {
            let ty = &self.program.facts.get(usize::from(fact.0))?.decl.ty;
            Some(format!("{}={}", self.program.fact_name(fact), literal::write_fact(ty, to.borrow())))
        });
        let taken = self.decision.outcome() == Outcome::Downgrade;
        let limits = self.decision.second_pass().filter_map(|(info, judged)| {
            let site = self.program.charges.get(judged.site as usize)?;
            let used = self.limiter.store().used(self.record.at, judged.counter, &info.algorithm);
            let own = if taken { judged.cost } else { 0 };
            let mut statement = self.statement(site.span, info.name.clone(), true);
            statement.fits = Some(judged.fits());
            statement.why = arithmetic(info, judged, used.unwrap_or(0).saturating_sub(own), taken);
            Some(statement)
        });
        Some(SecondPass { with: changes.collect::<Vec<_>>().join(" "), limits: limits.collect() })
    }

    /// The optional level of the hierarchy that the request lacks, where the limit is counted by one.
    fn skipped(&self, info: &LimitInfo) -> Option<FactId> {
        let key = self
            .limiter
            .counter(self.program.limits.iter().position(|l| l.name == info.name)?, &self.record.facts);
        let shown = key.map(|(_, key)| key).unwrap_or_default();
        info.keys.iter().find_map(|part| {
            let fact = part.skip_without?;
            let named = |source: &KeySource| match source {
                KeySource::Fact(fact) | KeySource::Prefix(fact, ..) => {
                    shown.iter().any(|(name, _)| name == self.program.fact_name(*fact))
                }
                KeySource::Literal(_) | KeySource::Bucket(..) => true,
            };
            (!part.alternatives.iter().any(named)).then_some(fact)
        })
    }
}

/// `3 + 1 ≤ 10k req`; of a bucket `1 of 20 req at once`. `taken` says whether what is left was left after the charge.
fn arithmetic(info: &LimitInfo, judged: &LimitDecision, used: i64, taken: bool) -> String {
    let amount = |value| words::amount(info.unit, value);
    let cost = words::bare(info.unit, judged.cost);
    if judged.verdict.blocked {
        return "blocked".to_owned();
    }
    if matches!(info.algorithm, Algorithm::Bucket(_)) {
        let taken = if taken { judged.cost } else { 0 };
        return format!(
            "{cost} of {} at once",
            amount(judged.verdict.status.remaining.saturating_add(taken))
        );
    }
    let used = words::bare(info.unit, used);
    let sign = if judged.fits() { "≤" } else { ">" };
    format!("{used} + {cost} {sign} {}", amount(judged.ceiling))
}

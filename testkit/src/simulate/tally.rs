//! Counts what became of each request. What is counted for every request costs a few additions; words are made only
//! for those that were refused.

use std::{borrow::Cow, cmp::Reverse};

use limitrate_compiler::ir::Program;
use limitrate_core::{
    charge::Counted,
    facts::{FactId, FactType, Value},
    path,
    time::Timestamp,
};
use limitrate_runtime::{Cause, Decision, InputProblem, Outcome};

use super::{
    AnyLimiter,
    asides::Asides,
    keys::RefusedKeys,
    names::Names,
    summary::{
        Cutoffs, InputSummary, KeySummary, LimitSummary, Outcomes, PlanSummary, RouteSummary, RuleSummary,
        Summary,
    },
};
use crate::traffic::Record;

/// So many of the keys refused most are named.
const TOP_KEYS: usize = 10;

/// So many bytes of a path's first segment are shown.
const MAX_SEGMENT_BYTES: usize = 60;

/// The counts of one replay.
#[derive(Debug)]
pub(super) struct Tally {
    requests: u64,
    outcomes: Outcomes,
    span: Option<(Timestamp, Timestamp)>,
    /// By the position of the limit.
    limits: Vec<LimitCounts>,
    /// What limits said beside.
    pub(super) asides: Asides,
    rules: Vec<(Vec<u32>, RuleSummary)>,
    inputs: Vec<(InputProblem, u64, u64)>,
    /// Requests and refused, by plan; the last is for requests without one.
    plans: Vec<(u64, u64)>,
    routes: Names,
    keys: RefusedKeys,
    uncounted: u64,
    path: Option<FactId>,
}

/// What a limit did.
#[derive(Debug, Clone, Copy, Default)]
struct LimitCounts {
    judged: u64,
    refused: u64,
    downgraded: u64,
}

impl Tally {
    pub(super) fn new(program: &Program) -> Self {
        let plans = if program.plan_fact.is_some() { program.plans.len() + 1 } else { 0 };
        Self {
            requests: 0,
            outcomes: Outcomes::default(),
            span: None,
            limits: vec![LimitCounts::default(); program.limits.len()],
            asides: Asides::default(),
            rules: Vec::new(),
            inputs: Vec::new(),
            plans: vec![(0, 0); plans],
            routes: Names::default(),
            keys: RefusedKeys::default(),
            uncounted: 0,
            path: path_fact(program),
        }
    }

    pub(super) const fn requests(&self) -> u64 {
        self.requests
    }

    /// Counts a request and what became of it.
    pub(super) fn note(&mut self, limiter: &AnyLimiter, decision: &Decision<'_>, record: &Record<'_>) {
        let program = limiter.policy().program();
        self.requests += 1;
        let first = self.span.map_or(record.at, |(first, _)| first);
        self.span = Some((first, record.at));
        let refused = !decision.outcome().passes();
        match decision.outcome() {
            Outcome::Allow => self.outcomes.allow += 1,
            Outcome::Reject => self.outcomes.reject += 1,
            Outcome::Deny => self.outcomes.deny += 1,
            Outcome::Exempt => self.outcomes.exempt += 1,
            Outcome::Downgrade => self.outcomes.downgrade += 1,
            // An outcome that this version does not know would be none of these.
            _ => {}
        }
        if let Some(fact) = program.plan_fact
            && let Some(counts) = self.plans.get_mut(plan(program, fact, record))
        {
            counts.0 += 1;
            counts.1 += u64::from(refused);
        }
        self.limits(limiter, decision, record);
        self.asides.note(limiter, decision, &record.facts);
        if let Cause::Rules(sites) = decision.cause() {
            self.rule(decision, sites);
        } else if let Cause::Input(problem) = decision.cause() {
            self.input(*problem, record.line);
        }
        if refused && let Some(fact) = self.path {
            self.route(program, record, fact);
        }
    }

    fn limits(&mut self, limiter: &AnyLimiter, decision: &Decision<'_>, record: &Record<'_>) {
        let program = limiter.policy().program();
        for (_, limit) in decision.limits() {
            let Some(site) = program.charges.get(limit.site as usize) else { continue };
            let position = site.limit.0 as usize;
            if let Some(counts) = self.limits.get_mut(position) {
                counts.judged += 1;
                counts.refused += u64::from(limit.refuses());
            }
            self.uncounted += u64::from(limit.counted() != Counted::Own);
            if limit.refuses() {
                self.keys.note(limit.counter, record.at, || {
                    let key = limiter.counter(position, &record.facts).map(|(_, key)| key);
                    (position, key.unwrap_or_default())
                });
            }
        }
        if decision.outcome() == Outcome::Downgrade {
            for (_, limit) in decision.first_pass().filter(|(_, limit)| limit.refuses()) {
                let site = program.charges.get(limit.site as usize);
                if let Some(counts) = site.and_then(|site| self.limits.get_mut(site.limit.0 as usize)) {
                    counts.downgraded += 1;
                }
            }
        }
    }

    fn rule(&mut self, decision: &Decision<'_>, sites: &[u32]) {
        let outcome = decision.outcome().word();
        let known =
            self.rules.iter_mut().find(|(known, rule)| known.as_slice() == sites && rule.outcome == outcome);
        if let Some((_, rule)) = known {
            rule.requests += 1;
        } else {
            let rule = decision.rules().next().unwrap_or_default().to_owned();
            let summary = RuleSummary { rule, outcome, status: decision.status(), requests: 1 };
            self.rules.push((sites.to_vec(), summary));
        }
    }

    fn input(&mut self, problem: InputProblem, line: u64) {
        match self.inputs.iter_mut().find(|(known, ..)| *known == problem) {
            Some((_, requests, _)) => *requests += 1,
            None => self.inputs.push((problem, 1, line)),
        }
    }

    /// Counts a refused request by its route.
    fn route(&mut self, program: &Program, record: &Record<'_>, fact: FactId) {
        let Some(sent) = text(record, fact) else {
            self.routes.note("-");
            return;
        };
        let normal = path::normalize(sent);
        let matching = program.tables.patterns.iter().filter(|pattern| pattern.matches(&normal));
        let patterns = matching.map(ToString::to_string);
        // The most particular one: without a rest, then the longest.
        let best = patterns
            .max_by_key(|pattern| (!pattern.ends_with("/**"), pattern.len(), Reverse(pattern.clone())));
        let name = best.map_or_else(|| first_segment(&normal), Cow::Owned);
        self.routes.note(&name);
    }

    /// The summary of what was counted; what the reader knows is left for others to fill in.
    pub(super) fn summary(self, program: &Program) -> Summary {
        let cut_off = Cutoffs {
            keys: self.keys.dropped(),
            routes: self.routes.others(),
            charges: self.uncounted,
            ..Cutoffs::default()
        };
        let limit_name = |position: usize| program.limits.get(position).map(|limit| limit.name.clone());
        let keys_refused = self.keys.distinct();
        let top = self.keys.top(TOP_KEYS).into_iter().map(|key| KeySummary {
            limit: limit_name(key.limit).unwrap_or_default(),
            key: key.key,
            refused: key.refused,
            first: key.first,
        });
        let asides = self.asides.summary(program, TOP_KEYS);
        Summary {
            warnings: asides.warnings,
            shadow: asides.shadow,
            settled: asides.settled,
            requests: self.requests,
            outcomes: self.outcomes,
            first: self.span.map(|(first, _)| first),
            last: self.span.map(|(_, last)| last),
            limits: limit_summaries(program, &self.limits),
            rules: rule_summaries(self.rules),
            inputs: input_summaries(program, self.inputs),
            plans: plan_summaries(program, &self.plans),
            routes: self
                .routes
                .by_count()
                .into_iter()
                .map(|(route, refused)| RouteSummary { route, refused })
                .collect(),
            keys_refused,
            top_keys: top.collect(),
            cut_off,
            ..Summary::default()
        }
    }
}

/// Every limit but those in shadow.
fn limit_summaries(program: &Program, counts: &[LimitCounts]) -> Vec<LimitSummary> {
    let counted = program.limits.iter().zip(counts).filter(|(limit, _)| !limit.shadow);
    let summaries = counted.map(|(limit, counts)| LimitSummary {
        limit: limit.name.clone(),
        requests: counts.judged,
        refused: counts.refused,
        downgraded: counts.downgraded,
    });
    let mut limits: Vec<LimitSummary> = summaries.collect();
    limits.sort_by(|a, b| (b.refused, b.requests, &a.limit).cmp(&(a.refused, a.requests, &b.limit)));
    limits
}

/// Several statements of one rule with one status count together.
fn rule_summaries(counted: Vec<(Vec<u32>, RuleSummary)>) -> Vec<RuleSummary> {
    let mut rules: Vec<RuleSummary> = Vec::new();
    for (_, rule) in counted {
        let same = |known: &&mut RuleSummary| {
            (&known.rule, known.outcome, known.status) == (&rule.rule, rule.outcome, rule.status)
        };
        match rules.iter_mut().find(same) {
            Some(known) => known.requests += rule.requests,
            None => rules.push(rule),
        }
    }
    rules.sort_by(|a, b| (b.requests, &a.rule, a.status).cmp(&(a.requests, &b.rule, b.status)));
    rules
}

fn input_summaries(program: &Program, counted: Vec<(InputProblem, u64, u64)>) -> Vec<InputSummary> {
    let inputs = counted.into_iter().map(|(problem, requests, first_line)| InputSummary {
        fact: program.fact_name(problem.fact).to_owned(),
        problem: problem.problem.to_string(),
        requests,
        first_line,
    });
    let mut inputs: Vec<InputSummary> = inputs.collect();
    inputs.sort_by_key(|input| (Reverse(input.requests), input.first_line));
    inputs
}

/// Declared plans in their order, with requests; those without a plan last.
fn plan_summaries(program: &Program, counts: &[(u64, u64)]) -> Vec<PlanSummary> {
    let names = program.plans.iter().map(String::as_str).chain(["-"]);
    let plans = names.zip(counts).filter(|(_, (requests, _))| *requests > 0);
    let plan = |(plan, &(requests, refused)): (&str, &(u64, u64))| PlanSummary {
        plan: plan.to_owned(),
        requests,
        refused,
    };
    plans.map(plan).collect()
}

/// The fact that is the request's path: of `std.http`, or of this name.
fn path_fact(program: &Program) -> Option<FactId> {
    let named = || {
        let position = program
            .facts
            .iter()
            .position(|fact| &*fact.decl.name == "path" && fact.decl.ty == FactType::String)?;
        u16::try_from(position).ok().map(FactId)
    };
    program.http.map(|http| http.path).or_else(named)
}

fn text<'a>(record: &Record<'a>, fact: FactId) -> Option<&'a str> {
    record.facts.iter().rev().find(|(id, _)| *id == fact).and_then(|(_, value)| match value {
        Value::Str(text) => Some(*text),
        Value::Absent | Value::Bool(_) | Value::Int(_) | Value::Ip(_) => None,
    })
}

/// The position of the request's plan; past the last where it has none of them.
pub(super) fn plan(program: &Program, fact: FactId, record: &Record<'_>) -> usize {
    let default = || match program.facts.get(usize::from(fact.0))?.decl.default.as_ref()?.borrow() {
        Value::Str(text) => Some(text),
        Value::Absent | Value::Bool(_) | Value::Int(_) | Value::Ip(_) => None,
    };
    let name = text(record, fact).or_else(default);
    let position = name.and_then(|name| program.plans.iter().position(|plan| plan == name));
    position.unwrap_or(program.plans.len())
}

/// `/v1/**` for what lies below a segment, the path itself where there is nothing below.
fn first_segment(normal: &str) -> Cow<'_, str> {
    let Some(rest) = normal.strip_prefix('/') else { return Cow::Borrowed("*") };
    let segment = rest.split('/').next().unwrap_or_default();
    let is_all = segment.len() == rest.len();
    let mut end = segment.len().min(MAX_SEGMENT_BYTES);
    while !segment.is_char_boundary(end) {
        end -= 1;
    }
    let shown = segment.get(..end).unwrap_or_default();
    match (is_all, end < segment.len()) {
        (true, false) => Cow::Borrowed(normal),
        (true, true) => Cow::Owned(format!("/{shown}…")),
        (false, _) => Cow::Owned(format!("/{shown}{}/**", if end < segment.len() { "…" } else { "" })),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_counted_by_its_first_segment() {
        assert_eq!(first_segment("/"), "/");
        assert_eq!(first_segment("/index.html"), "/index.html");
        assert_eq!(first_segment("/v1/items/7"), "/v1/**");
        assert_eq!(first_segment("*"), "*");
        let long = format!("/{}/x", "ä".repeat(100));
        assert_eq!(first_segment(&long), format!("/{}…/**", "ä".repeat(30)));
    }
}

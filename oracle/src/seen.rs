//! What a caller sees of a decision and of a reply, in a form that compares.

use std::borrow::Cow;

use limitrate_compiler::ir::LimitInfo;
use limitrate_core::{
    charge::{Mode, Verdict},
    facts::{FactId, OwnedValue},
    key::CounterKey,
    time::Nanos,
};
use limitrate_runtime::{Cause, Decision, Downgrade, Fate, InputProblem, LimitDecision, Outcome, Replied};

/// Everything of a decision that a caller can see.
#[derive(Debug, Clone, PartialEq)]
#[expect(missing_docs, reason = "each is what `Decision` calls so")]
pub struct Seen<'p> {
    pub outcome: Outcome,
    pub status: u16,
    pub message: String,
    pub problem: Option<InputProblem>,
    pub rules: Vec<Cow<'p, str>>,
    pub limits: Vec<Limit<'p>>,
    pub shadow: Vec<Limit<'p>>,
    pub first_pass: Vec<Limit<'p>>,
    pub second_pass: Vec<Limit<'p>>,
    pub warnings: Vec<(Cow<'p, str>, Option<i64>, bool)>,
    pub reports: Vec<(Cow<'p, str>, bool)>,
    pub changes: Vec<(FactId, OwnedValue)>,
    pub retry_after: Option<Nanos>,
    pub binding: Option<Cow<'p, str>>,
    pub holds: bool,
}

/// What is seen of one limit.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "each is what `LimitDecision` calls so")]
pub struct Limit<'p> {
    pub name: Cow<'p, str>,
    pub counter: CounterKey,
    pub ceiling: i64,
    pub cost: i64,
    pub mode: Mode,
    pub verdict: Verdict,
}

fn limit<'p>((info, limit): (&'p LimitInfo, &LimitDecision)) -> Limit<'p> {
    let LimitDecision { counter, ceiling, cost, mode, verdict, .. } = *limit;
    Limit { name: Cow::Borrowed(&info.name), counter, ceiling, cost, mode, verdict }
}

impl<'p> Seen<'p> {
    /// What is seen of a decision.
    #[must_use]
    pub fn of(decision: &Decision<'p>) -> Self {
        let problem = if let Cause::Input(problem) = decision.cause() { Some(*problem) } else { None };
        let changes = decision.tried().into_iter().flat_map(Downgrade::changes);
        Self {
            outcome: decision.outcome(),
            status: decision.status(),
            message: decision.message().to_owned(),
            problem,
            rules: decision.rules().map(Cow::Borrowed).collect(),
            limits: decision.limits().map(limit).collect(),
            shadow: decision.shadow().map(limit).collect(),
            first_pass: decision.first_pass().map(limit).collect(),
            second_pass: decision.second_pass().map(limit).collect(),
            warnings: decision
                .warnings()
                .map(|warning| (Cow::Borrowed(warning.limit.name.as_str()), warning.mark, warning.exceeded))
                .collect(),
            reports: decision.reports().map(|report| (Cow::Borrowed(report.rule), report.deny)).collect(),
            changes: changes.map(|(fact, value)| (fact, value.clone())).collect(),
            retry_after: decision.retry_after(),
            binding: decision.binding().map(|(info, _)| Cow::Borrowed(info.name.as_str())),
            holds: decision.ticket().is_some(),
        }
    }

    /// The same with other names of rules and limits, and without what a name decides: which counter it is, and what
    /// comes first.
    #[must_use]
    pub fn renamed(&self, rename: &dyn Fn(&str) -> String) -> Seen<'static> {
        let name = |name: &Cow<'_, str>| Cow::Owned::<str>(rename(name));
        let limits = |limits: &[Limit<'_>]| {
            let renamed = limits.iter().map(|limit| Limit {
                name: name(&limit.name),
                counter: CounterKey(0),
                ceiling: limit.ceiling,
                cost: limit.cost,
                mode: limit.mode,
                verdict: limit.verdict,
            });
            let mut renamed: Vec<Limit<'static>> = renamed.collect();
            renamed.sort_by(|a, b| (&a.name, a.mode == Mode::Shadow).cmp(&(&b.name, b.mode == Mode::Shadow)));
            renamed
        };
        let mut rules: Vec<Cow<'static, str>> = self.rules.iter().map(name).collect();
        let mut reports: Vec<(Cow<'static, str>, bool)> =
            self.reports.iter().map(|(rule, deny)| (name(rule), *deny)).collect();
        rules.sort();
        reports.sort();
        Seen {
            outcome: self.outcome,
            status: self.status,
            message: self.message.clone(),
            problem: self.problem,
            rules,
            limits: limits(&self.limits),
            shadow: limits(&self.shadow),
            first_pass: limits(&self.first_pass),
            second_pass: limits(&self.second_pass),
            warnings: self.warnings.iter().map(|(limit, mark, over)| (name(limit), *mark, *over)).collect(),
            reports,
            changes: self.changes.clone(),
            retry_after: self.retry_after,
            binding: self.binding.as_ref().map(name),
            holds: self.holds,
        }
    }
}

/// What is seen of a reply.
#[derive(Debug, Clone, PartialEq)]
#[expect(missing_docs, reason = "each is what `Replied` calls so")]
pub struct SeenReply {
    pub settled: Vec<(String, bool, i64, Fate)>,
    pub released: usize,
    pub problems: Vec<InputProblem>,
}

impl SeenReply {
    /// What is seen of a reply.
    #[must_use]
    pub fn of(replied: &Replied<'_>) -> Self {
        let settled = replied.settled.iter();
        Self {
            settled: settled
                .map(|limit| (limit.limit.name.clone(), limit.shadow, limit.reserved, limit.fate.clone()))
                .collect(),
            released: replied.released,
            problems: replied.problems.to_vec(),
        }
    }
}

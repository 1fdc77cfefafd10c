//! An expectation that did not hold, with the figures that explain why.

use limitrate_compiler::{
    checked::{Expected, Send},
    grammar::{
        code::Code,
        diagnostic::{Diagnostic, Label},
        span::Span,
    },
    ir::{LimitInfo, Program},
};
use limitrate_core::{
    algorithm::Refusal,
    facts::{FactId, Value},
    literal,
    time::Timestamp,
};
use limitrate_runtime::{
    Cause, Decision, LimitDecision, Limiter, Outcome,
    store::{LocalStore as _, MemoryStore},
};

use crate::words;

/// At most so many places of the policy are pointed at.
const MAX_RELATED: usize = 4;

/// An expectation that did not hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// The expectation.
    pub span: Span,
    /// The instant at which it was looked at.
    pub at: Timestamp,
    /// What happened, as a sentence: which request, when, by which limit or rule, with which key and figures.
    pub message: String,
    /// What was expected instead.
    pub expected: String,
    /// The limits and rules of the policy that decided.
    pub related: Vec<Label>,
}

impl Failure {
    pub(super) fn new(span: Span, at: Timestamp, message: String, expected: impl Into<String>) -> Box<Self> {
        Box::new(Self { span, at, message, expected: expected.into(), related: Vec::new() })
    }

    /// The failure as a diagnostic.
    #[must_use]
    pub fn diagnostic(&self) -> Diagnostic {
        let diagnostic = Diagnostic::new(Code::RL0701, &self.message, self.span, &self.expected);
        self.related.iter().fold(diagnostic, |all, label| all.label(label.span, &label.text))
    }
}

/// The failure of the `number`th request of a `send`.
pub(super) fn of_request(
    limiter: &Limiter<MemoryStore>,
    decision: &Decision<'_>,
    facts: &[(FactId, Value<'_>)],
    send: &Send,
    number: u64,
) -> Box<Failure> {
    let which = words::which_request(send.count, number);
    let happened = happened(limiter, decision, facts, &send.expect);
    let message = format!("{which} at {} {happened}", words::instant(decision.now()));
    let failure = Failure::new(send.expect_span, decision.now(), message, expected(&send.expect, decision));
    Box::new(Failure { related: related(decision), ..*failure })
}

/// What became of the request.
fn happened(
    limiter: &Limiter<MemoryStore>,
    decision: &Decision<'_>,
    facts: &[(FactId, Value<'_>)],
    expected: &Expected,
) -> String {
    let quoted =
        |names: Vec<&str>| names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
    let said = |message: &str| if message.is_empty() { String::new() } else { format!(": {message}") };
    match (decision.outcome(), decision.cause()) {
        (Outcome::Reject, _) => {
            let refusing = decision.limits().filter(|(_, limit)| limit.refuses());
            let by = all_figures(limiter, decision, refusing, facts);
            format!("was rejected by {by}{}{}", said(decision.message()), downgraded_too(decision))
        }
        (Outcome::Downgrade, _) => {
            let refusing = decision.first_pass().filter(|(_, limit)| limit.refuses());
            let by = all_figures(limiter, decision, refusing, facts);
            format!("was downgraded to {} by {by}", changes(decision))
        }
        (Outcome::Deny, Cause::Input(_)) => {
            format!("was denied with status {}: {}", decision.status(), decision.message())
        }
        (Outcome::Deny, _) => format!(
            "was denied with status {} by rule {}{}",
            decision.status(),
            quoted(decision.rules().collect()),
            said(decision.message())
        ),
        (Outcome::Exempt, _) => {
            format!("was exempt by rule {}{}", quoted(decision.rules().collect()), said(decision.message()))
        }
        _ if decision.limits().next().is_none() => "was allowed: no limit applies to it".to_owned(),
        _ => allowed(limiter, decision, facts, expected),
    }
}

/// The figures of the limit that the test expected to refuse, else of the one that is nearest to it.
fn allowed(
    limiter: &Limiter<MemoryStore>,
    decision: &Decision<'_>,
    facts: &[(FactId, Value<'_>)],
    expected: &Expected,
) -> String {
    let by = match expected {
        Expected::Reject { by, .. } => by.as_ref().map(|by| by.node.as_str()),
        Expected::Allow | Expected::Exempt | Expected::Deny(_) | Expected::Downgrade(_) => None,
    };
    let named = decision.limits().find(|(info, _)| Some(info.name.as_str()) == by);
    match (named.or_else(|| decision.binding()), by) {
        (Some(limit), Some(by)) if limit.0.name != by => {
            let figures = figures(limiter, decision, limit, facts);
            format!("was allowed: `{by}` does not apply to it; {figures}")
        }
        (Some(limit), _) => format!("was allowed by {}", figures(limiter, decision, limit, facts)),
        (None, _) => "was allowed".to_owned(),
    }
}

/// `model = small`
fn changes(decision: &Decision<'_>) -> String {
    let changed = decision.changed();
    let changed: Vec<String> = changed.iter().map(|(fact, value)| format!("{fact} = {value}")).collect();
    changed.join(", ")
}

/// Says of a rejected request what refused it when it was downgraded.
fn downgraded_too(decision: &Decision<'_>) -> String {
    if decision.tried().is_none() {
        return String::new();
    }
    let refusing = decision.second_pass().filter(|(_, limit)| limit.refuses());
    let names: Vec<String> = refusing.map(|(info, _)| format!("`{}`", info.name)).collect();
    if names.is_empty() {
        "; a rule denies it when downgraded".to_owned()
    } else {
        format!("; when downgraded too by {}", names.join(", "))
    }
}

fn all_figures<'d>(
    limiter: &Limiter<MemoryStore>,
    decision: &Decision<'_>,
    limits: impl Iterator<Item = (&'d LimitInfo, &'d LimitDecision)>,
    facts: &[(FactId, Value<'_>)],
) -> String {
    let figures: Vec<String> = limits.map(|limit| figures(limiter, decision, limit, facts)).collect();
    figures.join("; and by ")
}

/// What one limit made of the request: "`api`: 500 of 500 req used for user=ada; retry after 5.1 s".
fn figures(
    limiter: &Limiter<MemoryStore>,
    decision: &Decision<'_>,
    (info, limit): (&LimitInfo, &LimitDecision),
    facts: &[(FactId, Value<'_>)],
) -> String {
    let program = decision.policy().program();
    let position = program.charges.get(limit.site as usize).map(|site| site.limit.0 as usize);
    let key = position.and_then(|position| limiter.counter(position, facts)).map(|(_, key)| key);
    let key = words::for_key(&key.unwrap_or_default());
    let used = limiter.store().used(decision.now(), limit.counter, &info.algorithm);
    let state = match used {
        _ if limit.verdict.blocked => "blocked".to_owned(),
        Some(used) => {
            format!("{} of {} used", words::bare(info.unit, used), words::amount(info.unit, limit.ceiling))
        }
        None => format!("{} left at once", words::amount(info.unit, limit.verdict.status.remaining)),
    };
    let cost = if limit.cost == 1 {
        String::new()
    } else {
        format!(", cost {}", words::amount(info.unit, limit.cost))
    };
    let wait = match limit.verdict.judged {
        Ok(()) => String::new(),
        Err(Refusal::Wait(wait)) => format!("; retry after {}", literal::write_duration(wait)),
        Err(Refusal::Never) => "; it can never fit".to_owned(),
    };
    format!("`{}`: {state}{key}{cost}{wait}", info.name)
}

/// What the test wanted.
fn expected(expected: &Expected, decision: &Decision<'_>) -> String {
    match expected {
        Expected::Allow => "expected `allow`".to_owned(),
        Expected::Exempt => "expected `exempt`".to_owned(),
        Expected::Downgrade(facts) => {
            let facts = facts.iter().map(|(fact, value)| {
                let program = decision.policy().program();
                let ty = program.facts.get(usize::from(fact.0)).map(|fact| &fact.decl.ty);
                let value = ty.map(|ty| literal::write_fact(ty, value.borrow())).unwrap_or_default();
                format!("{} = {value}", program.fact_name(*fact))
            });
            format!("expected `downgrade {}`", facts.collect::<Vec<_>>().join(", "))
        }
        Expected::Deny(None) => "expected `deny`".to_owned(),
        Expected::Deny(Some(status)) => format!("expected `deny {status}`"),
        Expected::Reject { by, retry_after } => {
            let by = by.as_ref().map(|by| format!(" by {}", by.node)).unwrap_or_default();
            let Some((comparison, wanted)) = retry_after else { return format!("expected `reject{by}`") };
            let wanted = format!("retry after {} {}", comparison.sign(), literal::write_duration(*wanted));
            let never = decision.outcome() == Outcome::Reject && decision.retry_after().is_none();
            let why = if never { "; a request that never fits has no time to retry after" } else { "" };
            format!("expected `reject{by}, {wanted}`{why}")
        }
    }
}

/// The statements that refused the request, or let it pass uncounted.
fn related(decision: &Decision<'_>) -> Vec<Label> {
    let program: &Program = decision.policy().program();
    let label = |span: Span, text: String| Label { span, text };
    let limits = decision.first_pass().filter(|(_, limit)| limit.refuses()).filter_map(|(info, limit)| {
        let site = program.charges.get(limit.site as usize)?;
        Some(label(site.span, format!("`{}` refused it", info.name)))
    });
    let sites: &[u32] = if let Cause::Rules(sites) = decision.cause() { sites } else { &[] };
    let denied = decision.outcome() == Outcome::Deny;
    let rules = sites.iter().filter_map(|site| {
        let site = *site as usize;
        if denied {
            program.denies.get(site).map(|deny| label(deny.span, "denied here".to_owned()))
        } else {
            program.exempts.get(site).map(|exempt| label(exempt.span, "exempt here".to_owned()))
        }
    });
    let mut related: Vec<Label> = limits.chain(rules).collect();
    // A share stands in the span of its limit.
    related.dedup_by_key(|label| label.span);
    related.truncate(MAX_RELATED);
    related
}

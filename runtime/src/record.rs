//! Decision records: one decision as JSON, with names, keys and milliseconds.

use limitrate_compiler::ir::LimitInfo;
use limitrate_core::{
    charge::{Counted, Mode},
    facts::{FactId, Value},
    literal,
    time::Nanos,
};
use serde::{Serialize, Serializer, ser::SerializeMap as _};

use crate::{
    Decision, LimitDecision, Limiter, Outcome,
    store::{Store, Ticket},
};

/// One decision, as it is written to files and answered to tools.
#[derive(Debug, Clone, Serialize)]
pub struct DecisionRecord {
    /// The number of the request.
    pub n: u64,
    /// The instant, in milliseconds since the epoch.
    #[serde(serialize_with = "millis")]
    pub t: Nanos,
    /// `allow`, `reject`, `deny`, `exempt` or `downgrade`.
    pub outcome: &'static str,
    /// The facts that a downgrade changes, with their new values.
    #[serde(skip_serializing_if = "Vec::is_empty", serialize_with = "key_as_object")]
    pub downgrade: Vec<(String, String)>,
    /// Whether the store did not answer, and each limit's `fail` clause decided.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub degraded: bool,
    /// The limits that refuse the request, by name.
    pub limited_by: Vec<String>,
    /// The longest wait among them; null where there is none, or where waiting never helps.
    #[serde(serialize_with = "maybe_millis")]
    pub retry_after_ms: Option<Nanos>,
    /// The HTTP status, of refusals.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// What to tell the caller.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub message: String,
    /// The rules that denied or exempted.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub rules: Vec<String>,
    /// Every enforced charge, by name.
    pub limits: Vec<LimitRecord>,
    /// What limits in shadow made of a request that passes.
    pub shadow: Vec<LimitRecord>,
    /// Denies and exempts of shadow rules that would apply.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub shadow_rules: Vec<ShadowRuleRecord>,
    /// Limits that are nearly used up, or were passed softly.
    pub warn: Vec<WarningRecord>,
    /// Names what the request holds until it is answered, in hexadecimal digits.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "ticket")]
    pub ticket: Option<Ticket>,
}

/// A deny or exempt of a shadow rule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ShadowRuleRecord {
    /// The rule.
    pub rule: String,
    /// `deny` or `exempt`.
    pub outcome: &'static str,
}

/// A limit that wants to be looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct WarningRecord {
    /// The limit.
    pub limit: String,
    /// The mark of `warn at` that was reached, as `80%`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at: Option<String>,
    /// Whether the ceiling was passed, by `on exceed allow`.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub exceeded: bool,
}

/// One charge of a decision.
#[derive(Debug, Clone, Serialize)]
pub struct LimitRecord {
    /// The limit.
    pub limit: String,
    /// The values of its key.
    #[serde(serialize_with = "key_as_object")]
    pub key: Vec<(String, String)>,
    /// What is counted.
    pub unit: String,
    /// The ceiling, in base units.
    pub ceiling: i64,
    /// What the request takes, in base units.
    pub cost: i64,
    /// Whether it fit.
    pub fits: bool,
    /// What is left, in base units.
    pub remaining: i64,
    /// Until the window ends or the bucket is full.
    #[serde(serialize_with = "millis")]
    pub reset_after_ms: Nanos,
    /// Until it would fit; null if it fits, or never will.
    #[serde(serialize_with = "maybe_millis")]
    pub retry_after_ms: Option<Nanos>,
    /// `shared` or `nowhere`, where it was not counted on its own counter.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub counted: Option<&'static str>,
    /// Whether it is counted past its ceiling, by `on exceed allow`, and refuses nothing.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub soft: bool,
    /// Whether the key is refused for a while, by `block for`.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub blocked: bool,
}

impl LimitRecord {
    fn new<S: Store>(
        limiter: &Limiter<S>,
        (info, limit): (&LimitInfo, &LimitDecision),
        facts: &[(FactId, Value<'_>)],
    ) -> Self {
        let program = limiter.policy().program();
        let position = program.charges.get(limit.site as usize).map(|site| site.limit.0 as usize);
        let key = position.and_then(|position| limiter.counter(position, facts)).map(|(_, key)| key);
        Self {
            limit: info.name.clone(),
            key: key.unwrap_or_default(),
            unit: info.unit.name().to_owned(),
            ceiling: limit.ceiling,
            cost: limit.cost,
            fits: limit.fits(),
            remaining: limit.verdict.status.remaining,
            reset_after_ms: limit.verdict.status.reset_after,
            retry_after_ms: limit.retry_after(),
            counted: match limit.counted() {
                Counted::Own => None,
                Counted::Shared => Some("shared"),
                Counted::Nowhere => Some("nowhere"),
            },
            soft: limit.mode == Mode::Soft,
            blocked: limit.verdict.blocked,
        }
    }
}

impl DecisionRecord {
    /// The record of the `n`th request, whose facts were `facts`.
    #[must_use]
    pub fn new<S: Store>(
        n: u64,
        limiter: &Limiter<S>,
        decision: &Decision<'_>,
        facts: &[(FactId, Value<'_>)],
    ) -> Self {
        let changed = decision.with_changes(facts);
        let record = |limit| LimitRecord::new(limiter, limit, &changed);
        let refused = matches!(decision.outcome(), Outcome::Reject | Outcome::Deny);
        let rules = decision.reports().map(|report| ShadowRuleRecord {
            rule: report.rule.to_owned(),
            outcome: if report.deny { "deny" } else { "exempt" },
        });
        let warnings = decision.warnings().map(|warning| WarningRecord {
            limit: warning.limit.name.clone(),
            at: warning.mark.map(|mark| literal::write_percent(mark).to_string()),
            exceeded: warning.exceeded,
        });
        Self {
            n,
            t: Nanos(decision.now().0),
            outcome: decision.outcome().word(),
            downgrade: decision.changed(),
            degraded: decision.is_degraded(),
            limited_by: decision.limited_by().map(str::to_owned).collect(),
            retry_after_ms: decision.retry_after(),
            status: refused.then(|| decision.status()),
            message: decision.message().to_owned(),
            rules: decision.rules().map(str::to_owned).collect(),
            limits: decision.limits().map(record).collect(),
            shadow: decision.shadow().map(record).collect(),
            shadow_rules: rules.collect(),
            warn: warnings.collect(),
            ticket: decision.ticket(),
        }
    }
}

fn ticket<S: Serializer>(ticket: &Option<Ticket>, serializer: S) -> Result<S::Ok, S::Error> {
    match ticket {
        Some(Ticket(number)) => serializer.collect_str(&format_args!("{number:016x}")),
        None => serializer.serialize_none(),
    }
}

/// Nanoseconds as milliseconds: whole where they are, else with the fraction that JSON numbers can hold.
#[expect(clippy::cast_precision_loss, reason = "a printed figure; nothing is decided by it")]
fn millis<S: Serializer>(nanos: &Nanos, serializer: S) -> Result<S::Ok, S::Error> {
    const PER_MILLI: i64 = 1_000_000;
    if nanos.0 % PER_MILLI == 0 {
        serializer.serialize_i64(nanos.0 / PER_MILLI)
    } else {
        serializer.serialize_f64(nanos.0 as f64 / PER_MILLI as f64)
    }
}

fn maybe_millis<S: Serializer>(nanos: &Option<Nanos>, serializer: S) -> Result<S::Ok, S::Error> {
    match nanos {
        Some(nanos) => millis(nanos, serializer),
        None => serializer.serialize_none(),
    }
}

/// Writes the names and values of a key as a JSON object, in the order of the key.
///
/// # Errors
///
/// Those of the serializer.
pub fn key_as_object<S: Serializer>(pairs: &[(String, String)], serializer: S) -> Result<S::Ok, S::Error> {
    let mut map = serializer.serialize_map(Some(pairs.len()))?;
    for (name, value) in pairs {
        map.serialize_entry(name, value)?;
    }
    map.end()
}

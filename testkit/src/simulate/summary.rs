//! The summary of a simulation, as it is printed and written to JSON.

use limitrate_compiler::checked::Counted;
use limitrate_core::{literal, time::Timestamp};
use serde::{Serialize, Serializer};

/// What became of the traffic. Lists are sorted by count, the greatest first.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Summary {
    /// Requests decided.
    pub requests: u64,
    /// What became of them.
    pub outcomes: Outcomes,
    /// The instant of the first request, in RFC 3339.
    #[serde(serialize_with = "maybe_instant")]
    pub first: Option<Timestamp>,
    /// The instant of the last.
    #[serde(serialize_with = "maybe_instant")]
    pub last: Option<Timestamp>,
    /// Every limit of the policy.
    pub limits: Vec<LimitSummary>,
    /// Rules that denied or exempted.
    pub rules: Vec<RuleSummary>,
    /// Facts for which requests were denied.
    pub inputs: Vec<InputSummary>,
    /// Requests by plan, where the policy has plans.
    pub plans: Vec<PlanSummary>,
    /// Refused requests by route, where the policy knows paths.
    pub routes: Vec<RouteSummary>,
    /// How many distinct keys limits refused.
    pub keys_refused: u64,
    /// The keys refused most.
    pub top_keys: Vec<KeySummary>,
    /// Limits that warned, by limit and mark.
    pub warnings: Vec<WarningSummary>,
    /// What shadow rules would have done.
    pub shadow: ShadowSummary,
    /// What reservations came to, by limit.
    pub settled: Vec<SettledSummary>,
    /// How many counters are kept in memory at the end; nothing of a store that others may use too.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub counters: Option<usize>,
    /// Lines left out.
    pub skipped: u64,
    /// Why.
    pub skips: Vec<SkipSummary>,
    /// Members of records that no fact is declared for.
    pub unknown_members: Vec<UnknownSummary>,
    /// Whether the records had to be sorted by time.
    pub was_sorted: bool,
    /// What bounds on memory cut off.
    pub cut_off: Cutoffs,
}

/// Requests by outcome.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[expect(missing_docs, reason = "each is named for its outcome")]
pub struct Outcomes {
    pub allow: u64,
    pub reject: u64,
    pub deny: u64,
    pub exempt: u64,
    pub downgrade: u64,
}

impl Outcomes {
    /// All requests.
    #[must_use]
    pub const fn total(&self) -> u64 {
        self.allow + self.reject + self.deny + self.exempt + self.downgrade
    }
}

/// What a limit did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LimitSummary {
    /// Its name.
    pub limit: String,
    /// Requests that it judged.
    pub requests: u64,
    /// Those that it refused.
    pub refused: u64,
    /// Those that it had downgraded instead.
    pub downgraded: u64,
}

/// How often a limit warned.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct WarningSummary {
    /// The limit.
    pub limit: String,
    /// The mark of `warn at` that its use reached, in parts per million of the ceiling; null where it has none.
    pub mark: Option<i64>,
    /// Whether requests went past the ceiling, by `on exceed allow`.
    pub exceeded: bool,
    /// How many requests.
    pub requests: u64,
}

/// What shadow rules would have done.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct ShadowSummary {
    /// Limits in shadow that judged a request.
    pub limits: Vec<LimitSummary>,
    /// Rules that would have denied or exempted.
    pub rules: Vec<ShadowRuleSummary>,
    /// How many distinct keys limits would have refused.
    pub keys_refused: u64,
    /// The keys that they would have refused most.
    pub top_keys: Vec<KeySummary>,
}

/// What a shadow rule would have done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ShadowRuleSummary {
    /// Its name.
    pub rule: String,
    /// `deny` or `exempt`.
    pub outcome: &'static str,
    /// How often.
    pub requests: u64,
}

/// What the reservations of a limit came to, in base units.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SettledSummary {
    /// The limit.
    pub limit: String,
    /// Whether it is in shadow.
    pub shadow: bool,
    /// What it counts.
    #[serde(serialize_with = "unit")]
    pub unit: Counted,
    /// Reservations that were replaced by what the request really cost.
    pub settled: u64,
    /// Those that stand, because their reply lacks a fact, or there was none.
    pub stood: u64,
    /// Those that expired before their reply, and stand too.
    pub expired: u64,
    /// What was reserved in all.
    pub reserved: i64,
    /// What that came to.
    pub actual: i64,
}

impl SettledSummary {
    pub(super) const fn new(limit: String, unit: Counted, shadow: bool) -> Self {
        Self { limit, shadow, unit, settled: 0, stood: 0, expired: 0, reserved: 0, actual: 0 }
    }
}

/// What a rule did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RuleSummary {
    /// Its name.
    pub rule: String,
    /// `deny` or `exempt`.
    pub outcome: &'static str,
    /// The status of a denial; 200 for an exemption.
    pub status: u16,
    /// How often.
    pub requests: u64,
}

/// A fact that was missing or malformed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct InputSummary {
    /// The fact.
    pub fact: String,
    /// What is wrong with it.
    pub problem: String,
    /// How often.
    pub requests: u64,
    /// The line of the first such record.
    pub first_line: u64,
}

/// Requests of a plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PlanSummary {
    /// The plan; `-` where the request has none that the policy declares.
    pub plan: String,
    /// Its requests.
    pub requests: u64,
    /// Those that were rejected or denied.
    pub refused: u64,
}

/// Refused requests of a route.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RouteSummary {
    /// The pattern in the policy, else the first segment of the path.
    pub route: String,
    /// Requests that were rejected or denied.
    pub refused: u64,
}

/// A key that a limit refused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct KeySummary {
    /// The limit.
    pub limit: String,
    /// The values of its key.
    #[serde(serialize_with = "limitrate_runtime::key_as_object")]
    pub key: Vec<(String, String)>,
    /// How often it refused.
    pub refused: u64,
    /// When it refused first, in RFC 3339.
    #[serde(serialize_with = "instant")]
    pub first: Timestamp,
}

/// Lines left out for one reason.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SkipSummary {
    /// The reason, in general.
    pub reason: &'static str,
    /// How many lines.
    pub count: u64,
    /// The first of them.
    pub lines: Vec<u64>,
    /// What was wrong with the very first.
    pub example: String,
}

/// A member of records that no fact is declared for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct UnknownSummary {
    /// Its name.
    pub member: String,
    /// How often it occurred.
    pub count: u64,
}

/// What bounds on memory cut off; all zero unless the traffic is extreme.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Cutoffs {
    /// Refused keys no longer counted one by one: counts of the others are lower bounds then.
    pub keys: u64,
    /// Refused requests of routes past the number of routes that are listed.
    pub routes: u64,
    /// Unknown members past the number of names that are listed.
    pub unknown_members: u64,
    /// Charges that were not counted on a counter of their own, because the store was full.
    pub charges: u64,
    /// Requests that ended before their reply, because too many were running.
    pub ended_early: u64,
}

impl Summary {
    /// Requests that were rejected or denied.
    #[must_use]
    pub const fn refused(&self) -> u64 {
        self.outcomes.reject + self.outcomes.deny
    }

    /// Requests that were denied because a fact was missing or malformed.
    #[must_use]
    pub fn denied_by_input(&self) -> u64 {
        self.inputs.iter().map(|input| input.requests).sum()
    }
}

fn unit<S: Serializer>(unit: &Counted, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(unit.name())
}

fn instant<S: Serializer>(at: &Timestamp, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&literal::write_instant(*at))
}

fn maybe_instant<S: Serializer>(at: &Option<Timestamp>, serializer: S) -> Result<S::Ok, S::Error> {
    match at {
        Some(at) => instant(at, serializer),
        None => serializer.serialize_none(),
    }
}

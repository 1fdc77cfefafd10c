//! Counts what limits said beside letting requests through and refusing them: warnings, shadows, settlements.

use std::collections::BTreeMap;

use limitrate_compiler::ir::Program;
use limitrate_core::facts::{FactId, Value};
use limitrate_runtime::{Decision, Fate, Replied};

use super::{
    AnyLimiter,
    keys::RefusedKeys,
    summary::{KeySummary, LimitSummary, SettledSummary, ShadowRuleSummary, ShadowSummary, WarningSummary},
};

/// The counts of one replay.
#[derive(Debug, Default)]
pub(super) struct Asides {
    /// By limit, mark and whether the ceiling was passed.
    warnings: BTreeMap<(String, Option<i64>, bool), u64>,
    /// Judged and not fitting, by the position of the limit.
    shadow: BTreeMap<usize, (u64, u64)>,
    /// By the position of the report.
    shadow_rules: BTreeMap<u32, u64>,
    shadow_keys: RefusedKeys,
    /// By the name of the limit, and whether it is of a shadow.
    settled: BTreeMap<(String, bool), SettledSummary>,
}

impl Asides {
    /// Counts what a decision says.
    pub(super) fn note(
        &mut self,
        limiter: &AnyLimiter,
        decision: &Decision<'_>,
        facts: &[(FactId, Value<'_>)],
    ) {
        for warning in decision.warnings() {
            let limit = warning.limit.name.clone();
            *self.warnings.entry((limit, warning.mark, warning.exceeded)).or_default() += 1;
        }
        for report in decision.reports() {
            *self.shadow_rules.entry(report.site).or_default() += 1;
        }
        let program = limiter.policy().program();
        for (_, limit) in decision.shadow() {
            let Some(site) = program.charges.get(limit.site as usize) else { continue };
            let position = site.limit.0 as usize;
            let counts = self.shadow.entry(position).or_default();
            counts.0 += 1;
            counts.1 += u64::from(!limit.fits());
            if !limit.fits() {
                self.shadow_keys.note(limit.counter, decision.now(), || {
                    let key = limiter.counter(position, &decision.with_changes(facts)).map(|(_, key)| key);
                    (position, key.unwrap_or_default())
                });
            }
        }
    }

    /// Counts what became of what a request held.
    pub(super) fn replied(&mut self, replied: &Replied<'_>) {
        for settled in &replied.settled {
            let name = &settled.limit.name;
            let total = self
                .settled
                .entry((name.clone(), settled.shadow))
                .or_insert_with(|| SettledSummary::new(name.clone(), settled.limit.unit, settled.shadow));
            let actual = match &settled.fate {
                Fate::Settled { actual } => {
                    total.settled += 1;
                    *actual
                }
                Fate::Stands { .. } => {
                    total.stood += 1;
                    settled.reserved
                }
                Fate::Gone => {
                    total.expired += 1;
                    settled.reserved
                }
            };
            total.reserved = total.reserved.saturating_add(settled.reserved);
            total.actual = total.actual.saturating_add(actual);
        }
    }

    /// What was counted, in its places of a summary.
    pub(super) fn summary(self, program: &Program, top_keys: usize) -> AsideSummaries {
        let limit_name = |position: usize| {
            program.limits.get(position).map(|limit| limit.name.clone()).unwrap_or_default()
        };
        let warnings = self.warnings.into_iter().map(|((limit, mark, exceeded), requests)| WarningSummary {
            limit,
            mark,
            exceeded,
            requests,
        });
        let mut limits: Vec<LimitSummary> = self
            .shadow
            .into_iter()
            .map(|(position, (requests, refused))| LimitSummary {
                limit: limit_name(position),
                requests,
                refused,
                downgraded: 0,
            })
            .collect();
        limits.sort_by(|a, b| (b.refused, b.requests, &a.limit).cmp(&(a.refused, a.requests, &b.limit)));
        let rules = self.shadow_rules.into_iter().filter_map(|(site, requests)| {
            let site = program.reports.get(site as usize)?;
            let rule = program.origins.get(site.origin)?.name.clone();
            Some(ShadowRuleSummary { rule, outcome: if site.deny { "deny" } else { "exempt" }, requests })
        });
        let keys_refused = self.shadow_keys.distinct();
        let keys = self.shadow_keys.top(top_keys).into_iter().map(|key| KeySummary {
            limit: limit_name(key.limit),
            key: key.key,
            refused: key.refused,
            first: key.first,
        });
        AsideSummaries {
            warnings: warnings.collect(),
            shadow: ShadowSummary { limits, rules: rules.collect(), keys_refused, top_keys: keys.collect() },
            settled: self.settled.into_values().collect(),
        }
    }
}

/// The parts of a summary that this module fills in.
pub(super) struct AsideSummaries {
    pub(super) warnings: Vec<WarningSummary>,
    pub(super) shadow: ShadowSummary,
    pub(super) settled: Vec<SettledSummary>,
}

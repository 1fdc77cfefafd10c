//! RL1303: an edge of a schedule at a time that a change of the clock skips or shows twice.

use limitrate_core::{
    schedule::MovedEdge,
    time::{Nanos, Timestamp},
};
use limitrate_grammar::{code::Code, diagnostic::Diagnostic};

use crate::{check::TEST_START, checked::Checked, resolve::Resolved};

/// Changes of the clock are known for so long ahead: five years, from the day that tests begin on.
const AHEAD: Nanos = Nanos::from_secs(5 * 365 * 24 * 60 * 60);

/// So many dates stand in a sentence.
const MAX_DATES: usize = 3;

pub(super) fn lint(resolved: &Resolved, checked: &Checked) -> Vec<Diagnostic> {
    let until: Timestamp = TEST_START.after(AHEAD);
    let mut found = Vec::new();
    for (declared, schedule) in resolved.schedules.iter().zip(&checked.schedules) {
        for (written, span) in declared.spans.iter().zip(&schedule.spans) {
            let moved = schedule.moved_edges(*span, TEST_START, until);
            let (twice, skipped): (Vec<_>, Vec<_>) = moved.iter().partition(|edge| edge.twice);
            let parts = [told(&skipped, "skipped"), told(&twice, "twice")];
            let parts: Vec<String> = parts.into_iter().flatten().collect();
            if parts.is_empty() {
                continue;
            }
            let zone = schedule.zone.name();
            let message =
                format!("an edge of `{}` falls where the clock of {zone} changes", declared.name.node);
            found.push(
                Diagnostic::new(Code::RL1303, message, written.span, parts.join("; ")).help(
                    "a skipped edge moves to the end of the gap, of two the first counts; choose an hour that the clock never changes, or UTC",
                ),
            );
        }
    }
    found
}

/// `skipped on 2026-03-29 02:30, 2027-03-28 02:30 and 3 more days`
fn told(edges: &[&MovedEdge], what: &str) -> Option<String> {
    let days: Vec<String> = edges.iter().take(MAX_DATES).map(ToString::to_string).collect();
    let more = edges.len().saturating_sub(MAX_DATES);
    let rest = if more > 0 { format!(" and {more} more") } else { String::new() };
    (!days.is_empty()).then(|| format!("{what} on {}{rest}", days.join(", ")))
}

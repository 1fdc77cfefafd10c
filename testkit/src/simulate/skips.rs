//! Lines that were left out, by reason.

use super::summary::SkipSummary;
use crate::traffic::SkipReason;

/// So many line numbers are kept for each reason.
const SHOWN_LINES: usize = 5;

/// Skipped lines by the kind of their reason, of which there are few.
#[derive(Debug, Default)]
pub(super) struct Skips(Vec<SkipSummary>);

impl Skips {
    pub(super) fn note(&mut self, line: u64, reason: &SkipReason) {
        let kind = reason.kind();
        let known = self.0.iter_mut().find(|skips| skips.reason == kind);
        if let Some(skips) = known {
            skips.count += 1;
            if skips.lines.len() < SHOWN_LINES {
                skips.lines.push(line);
            }
        } else {
            let example = reason.to_string();
            self.0.push(SkipSummary { reason: kind, count: 1, lines: vec![line], example });
        }
    }

    pub(super) fn total(&self) -> u64 {
        self.0.iter().map(|skips| skips.count).sum()
    }

    /// The most frequent reasons first.
    pub(super) fn summary(mut self) -> Vec<SkipSummary> {
        self.0.sort_by_key(|skips| (std::cmp::Reverse(skips.count), skips.reason));
        self.0
    }
}

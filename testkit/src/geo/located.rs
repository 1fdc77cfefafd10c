//! Replaying traffic with facts about where its addresses are.

use std::ops::ControlFlow;

use limitrate_runtime::enrich::geo::{GeoError, GeoFacts};

use crate::traffic::{Progress, Record, Replay, SkipReason};

/// Tells each record's facts before it is taken in.
#[derive(Debug)]
pub struct Located<'r, R> {
    geo: &'r GeoFacts,
    inner: &'r mut R,
    failed: Option<GeoError>,
}

impl<'r, R: Replay> Located<'r, R> {
    /// Takes in for `inner`.
    pub const fn new(geo: &'r GeoFacts, inner: &'r mut R) -> Self {
        Self { geo, inner, failed: None }
    }

    /// Why the replay ended before its time: a database that is not what it should be.
    pub fn failed(self) -> Option<GeoError> {
        self.failed
    }
}

impl<R: Replay> Replay for Located<'_, R> {
    fn record(&mut self, record: &Record<'_>) -> ControlFlow<()> {
        let mut located = record.clone();
        if let Err(error) = self.geo.tell(&mut located.facts) {
            self.failed.get_or_insert(error);
            return ControlFlow::Break(());
        }
        self.inner.record(&located)
    }

    fn restart(&mut self) {
        self.inner.restart();
    }

    fn skipped(&mut self, line: u64, reason: SkipReason) {
        self.inner.skipped(line, reason);
    }

    fn progress(&mut self, progress: Progress) {
        self.inner.progress(progress);
    }
}

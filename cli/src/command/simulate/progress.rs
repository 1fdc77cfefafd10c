//! How long a replay takes: a bar on a terminal, once it is worth one, and the speed at the end.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use limitrate_testkit::traffic::{Pass, Progress};

/// A replay shorter than this shows no bar.
const PATIENCE: Duration = Duration::from_secs(1);

/// Measures a replay.
#[derive(Clone)]
pub(super) struct Bar {
    bar: ProgressBar,
    terminal: bool,
}

impl Bar {
    /// Begins to measure. A bar appears only where there is a terminal.
    pub(super) fn new(terminal: bool) -> Self {
        let bar = ProgressBar::hidden();
        let style = ProgressStyle::with_template("{msg:9} [{bar:40}] {percent:>3} %  {eta} left");
        if let Ok(style) = style {
            bar.set_style(style.progress_chars("━━╌"));
        }
        Self { bar, terminal }
    }

    /// Shows how far the reader has come.
    pub(super) fn tell(&self, progress: Progress) {
        if !self.terminal || self.bar.elapsed() < PATIENCE {
            return;
        }
        if self.bar.is_hidden() {
            self.bar.set_draw_target(ProgressDrawTarget::stderr());
        }
        self.bar.set_message(match progress.pass {
            Pass::InOrder | Pass::Sorted => "replaying",
            Pass::Sorting => "sorting",
        });
        self.bar.set_length(progress.total);
        self.bar.set_position(progress.done);
    }

    /// Takes the bar away. The time taken in milliseconds, and how many of `requests` went through in a second.
    pub(super) fn finish(&self, requests: u64) -> (u64, u64) {
        let elapsed = self.bar.elapsed();
        self.bar.finish_and_clear();
        let nanos = elapsed.as_nanos().max(1);
        let per_second = u128::from(requests) * 1_000_000_000 / nanos;
        let saturated = |value: u128| u64::try_from(value).unwrap_or(u64::MAX);
        (saturated(elapsed.as_millis()), saturated(per_second))
    }
}

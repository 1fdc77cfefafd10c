//! What is counted on this thread while something happens.

use std::{cell::RefCell, collections::BTreeMap};

use metrics::LocalRecorderGuard;
use metrics_util::debugging::{DebugValue, DebuggingRecorder};

/// Hears what is counted on the thread that listens; what other threads count meanwhile is not heard.
#[derive(Default)]
pub(crate) struct Measured {
    recorder: DebuggingRecorder,
    seen: RefCell<BTreeMap<String, f64>>,
}

impl Measured {
    /// Begins to listen, until this is dropped.
    pub(crate) fn listen(&self) -> LocalRecorderGuard<'_> {
        metrics::set_default_local_recorder(&self.recorder)
    }

    /// What a metric came to, by its name and labels: `name{label=value}`; of a distribution, how many values it has.
    pub(crate) fn of(&self, metric: &str) -> f64 {
        let mut seen = self.seen.borrow_mut();
        for (key, _, _, value) in self.recorder.snapshotter().snapshot().into_vec() {
            let labels: Vec<_> =
                key.key().labels().map(|label| format!("{}={}", label.key(), label.value())).collect();
            let labels = if labels.is_empty() { String::new() } else { format!("{{{}}}", labels.join(",")) };
            // Each snapshot tells what came since the one before.
            *seen.entry(format!("{}{labels}", key.key().name())).or_default() += match value {
                DebugValue::Counter(count) => f64::from(u32::try_from(count).unwrap()),
                DebugValue::Gauge(difference) => difference.into_inner(),
                DebugValue::Histogram(values) => f64::from(u32::try_from(values.len()).unwrap()),
            };
        }
        seen.get(metric).copied().unwrap_or(0.0)
    }
}

//! Real clocks.
//!
//! [`SystemClock`] is exact to the nanosecond. [`TickedClock`] is up to [`TickedClock::RESOLUTION`] late and costs next to
//! nothing to read: reading exact time makes a processor wait for the cache misses that it could otherwise overlap with
//! those of the next decision.

mod ticked;

use std::time::{SystemTime, UNIX_EPOCH};

use limitrate_core::{
    clock::Clock,
    time::{NANOS_PER_SECOND, Timestamp},
};

pub use ticked::TickedClock;

/// The system's clock: the one place where real time is read.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[inline]
    #[expect(clippy::disallowed_methods, reason = "this is the clock that everything else is handed")]
    fn now(&self) -> Timestamp {
        let nanos = |span: std::time::Duration| {
            let seconds = i64::try_from(span.as_secs()).unwrap_or(i64::MAX);
            seconds.saturating_mul(NANOS_PER_SECOND).saturating_add(i64::from(span.subsec_nanos()))
        };
        match SystemTime::now().duration_since(UNIX_EPOCH) {
            Ok(since) => Timestamp(nanos(since)),
            Err(before) => Timestamp(-nanos(before.duration())),
        }
    }
}

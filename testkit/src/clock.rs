//! A clock that stands still until it is told otherwise.

use std::sync::atomic::{AtomicI64, Ordering};

use limitrate_core::{
    clock::Clock,
    time::{Nanos, Timestamp},
};

/// A clock that moves only by [`set`](Self::set) and [`advance`](Self::advance). Shared between threads.
#[derive(Debug, Default)]
pub struct ManualClock(AtomicI64);

impl ManualClock {
    /// A clock that stands at this instant.
    #[must_use]
    pub const fn new(at: Timestamp) -> Self {
        Self(AtomicI64::new(at.0))
    }

    /// Moves it to this instant, which may be an earlier one.
    pub fn set(&self, at: Timestamp) {
        self.0.store(at.0, Ordering::SeqCst);
    }

    /// Moves it on by `span`. It stops at the end of time instead of wrapping.
    pub fn advance(&self, span: Nanos) {
        let moved = |at| Some(Timestamp(at).after(span).0);
        // The function never declines, so there is no failure to look at.
        let _ = self.0.fetch_update(Ordering::SeqCst, Ordering::SeqCst, moved);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        Timestamp(self.0.load(Ordering::SeqCst))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_moves_only_when_told_and_never_wraps() {
        let clock = ManualClock::new(Timestamp(5));
        assert_eq!(clock.now(), Timestamp(5));
        clock.advance(Nanos(2));
        assert_eq!(clock.now(), Timestamp(7));
        clock.set(Timestamp(1));
        assert_eq!(clock.now(), Timestamp(1));
        clock.advance(Nanos(i64::MAX));
        assert_eq!(clock.now(), Timestamp::MAX);
    }
}

//! Where the instant of a decision comes from.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
};

use crate::time::{Nanos, Timestamp};

/// A source of instants. Real time, or a test's or a replay's own.
pub trait Clock: fmt::Debug + Send + Sync {
    /// The instant now. It may step back; no limit mints anything from that.
    fn now(&self) -> Timestamp;

    /// How far the real instant may be after what the clock says, by [`now`](Self::now) or by its [`ticks`](Self::ticks).
    ///
    /// Waits are told to callers that much longer, so that they still suffice. Zero for an exact clock.
    fn resolution(&self) -> Nanos {
        Nanos::ZERO
    }

    /// Ticks to read in place of [`now`](Self::now), where the clock has them: reading them costs next to nothing.
    ///
    /// They say what `now` said at most [`resolution`](Self::resolution) ago, for as long as somebody holds them.
    fn ticks(&self) -> Option<Arc<Ticks>> {
        None
    }
}

/// An instant that its clock keeps up to date, for many readers.
///
/// It has its cache lines for itself, in pairs since processors fetch them so: no reader waits for what others write.
#[repr(align(128))]
pub struct Ticks(AtomicI64);

impl Ticks {
    /// Ticks that stand at this instant.
    #[must_use]
    pub const fn new(at: Timestamp) -> Self {
        Self(AtomicI64::new(at.0))
    }

    /// The instant.
    #[inline]
    #[must_use]
    pub fn now(&self) -> Timestamp {
        // Nothing else is published with it.
        Timestamp(self.0.load(Ordering::Relaxed))
    }

    /// Moves it to this instant, which may be an earlier one.
    #[inline]
    pub fn set(&self, at: Timestamp) {
        self.0.store(at.0, Ordering::Relaxed);
    }
}

impl fmt::Debug for Ticks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Ticks").field(&self.now()).finish()
    }
}

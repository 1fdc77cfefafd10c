//! Instants and durations as the integers that every limit is computed with.
//!
//! Both are 64-bit nanoseconds, so that a decision needs no floating point and every store can keep them.
//! Reading and printing them for people is left to [`crate::literal`].

/// Nanoseconds in a second.
pub const NANOS_PER_SECOND: i64 = 1_000_000_000;

/// An instant: nanoseconds since the Unix epoch, negative before it. Covers the years 1677 to 2262.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Timestamp(pub i64);

/// A length of time in nanoseconds. Never negative where it describes a wait or a window.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Nanos(pub i64);

impl Timestamp {
    /// The earliest instant.
    pub const MIN: Self = Self(i64::MIN);

    /// The last instant. As an end or an expiry it stands for any later one.
    pub const MAX: Self = Self(i64::MAX);

    /// The instant `span` after this one; stays at the end of the range instead of wrapping.
    #[must_use]
    pub const fn after(self, span: Nanos) -> Self {
        Self(self.0.saturating_add(span.0))
    }

    /// How long after `earlier` this instant is; zero if it is not after it.
    #[must_use]
    pub const fn since(self, earlier: Self) -> Nanos {
        let span = self.0.saturating_sub(earlier.0);
        Nanos(if span < 0 { 0 } else { span })
    }

    /// The instant so many milliseconds after the epoch; saturates.
    #[must_use]
    pub const fn from_millis(millis: i64) -> Self {
        Self(millis.saturating_mul(1_000_000))
    }
}

impl Nanos {
    /// No time at all.
    pub const ZERO: Self = Self(0);

    /// So many whole seconds; saturates.
    #[must_use]
    pub const fn from_secs(seconds: i64) -> Self {
        Self(seconds.saturating_mul(NANOS_PER_SECOND))
    }

    /// Whole seconds, rounded up: what `Retry-After` and the RateLimit fields carry.
    #[must_use]
    pub const fn as_secs_ceil(self) -> i64 {
        self.0 / NANOS_PER_SECOND + (self.0 % NANOS_PER_SECOND > 0) as i64
    }
}

/// The nearest 64-bit number.
pub(crate) fn saturate(wide: i128) -> i64 {
    i64::try_from(wide).unwrap_or(if wide < 0 { i64::MIN } else { i64::MAX })
}

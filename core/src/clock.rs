//! Where the instant of a decision comes from.

use crate::time::Timestamp;

/// A source of instants. Real time, or a test's or a replay's own.
pub trait Clock: std::fmt::Debug + Send + Sync {
    /// The instant now. It may step back; no limit mints anything from that.
    fn now(&self) -> Timestamp;
}

//! What the counters of a limit take in memory.
//!
//! The figures are those of the memory store, rounded up to what it allots: every counter has an entry of one cache
//! line in a table; logs and leases keep a list of their own beside it. A table that grows has up to as many empty
//! entries as full ones, which is not counted here.

use limitrate_core::algorithm::{Algorithm, in_flight::MAX_LEASES, sliding_log::MAX_ENTRIES};

use crate::ir::ChargeSite;

/// An entry of the memory store: the key's hash of 16 bytes, the instant from which it may be dropped, and the state.
pub const ENTRY_BYTES: u64 = 64;

/// What begins a list of charges or leases: where it lies, how long it is, and what is known of all of it.
const LIST_BYTES: u64 = 64;

/// A charge in a sliding log: its instant and the running total.
const CHARGE_BYTES: u64 = 16;

/// A lease: its name, its end and its weight.
const LEASE_BYTES: u64 = 24;

/// What one key of a limit takes, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StateBytes {
    /// With one charge.
    pub least: u64,
    /// At its ceiling, where each charge takes one unit.
    pub most: u64,
    /// What each reservation takes on top while it is open; 0 without `reserve`.
    pub reservation: u64,
}

impl StateBytes {
    /// What a key takes under a ceiling of at most `ceiling`.
    pub(super) fn of(site: &ChargeSite, ceiling: Option<i64>) -> Self {
        let list = |each: u64, bound: usize| {
            let ceiling = ceiling.and_then(|ceiling| u64::try_from(ceiling.max(1)).ok()).unwrap_or(u64::MAX);
            let held = ceiling.min(u64::try_from(bound).unwrap_or(u64::MAX));
            // A list that is full doubles; it begins with room for four.
            (LIST_BYTES + 4 * each, LIST_BYTES + each * held.max(4).next_power_of_two())
        };
        let (least, most) = match site.algorithm {
            Algorithm::FixedWindow(_) | Algorithm::SlidingWindow(_) | Algorithm::Bucket(_) => (0, 0),
            Algorithm::SlidingLog(_) => list(CHARGE_BYTES, MAX_ENTRIES),
            Algorithm::InFlight(_) => list(LEASE_BYTES, MAX_LEASES),
        };
        // A running block and the last warning are entries of their own beside the counter.
        let beside = ENTRY_BYTES * (u64::from(site.block.is_some()) + u64::from(!site.warn.is_empty()));
        Self {
            least: ENTRY_BYTES + least,
            most: ENTRY_BYTES + most + beside,
            reservation: if site.settle.is_some() { ENTRY_BYTES } else { 0 },
        }
    }

    /// The larger of two charges of one limit.
    pub(super) fn or(self, other: Self) -> Self {
        Self {
            least: self.least.max(other.least),
            most: self.most.max(other.most),
            reservation: self.reservation.max(other.reservation),
        }
    }
}

#[cfg(test)]
mod tests {
    use limitrate_core::algorithm::State;

    use super::ENTRY_BYTES;

    #[test]
    fn a_state_fits_its_entry_beside_its_key_and_its_instant() {
        assert!(u64::try_from(size_of::<State>()).unwrap() <= ENTRY_BYTES - 24);
    }
}

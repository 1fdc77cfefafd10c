//! What the counters of a limit take in memory.
//!
//! The figures are those of the memory store once it has many keys, and `runtime/tests/bytes_per_key.rs` compares them
//! with it: a counter has a slot of its own, or an entry in a table if it is a list, and its part of those that are empty.
//! Tables grow with their keys, so that they are sometimes nearly full and sometimes half empty; the figures are the mean.

use limitrate_core::algorithm::{Algorithm, in_flight::MAX_LEASES, sliding_log::MAX_ENTRIES};

use crate::ir::ChargeSite;

/// A counter of one word: a slot of 32 bytes, of which some 60 % are used.
const WORD_BYTES: u64 = 54;

/// A counter of several words: a slot of 64 bytes, of which as many are used.
const WORDS_BYTES: u64 = 2 * WORD_BYTES;

/// A counter that is a list, and what is kept beside any: an entry of 64 bytes, and how full such a table is.
const ENTRY_BYTES: u64 = 104;

/// What begins a log: where it lies, how long it is, and its total.
const LOG_BYTES: u64 = 40;

/// A charge in a log: its instant and the running total.
const CHARGE_BYTES: u64 = 16;

/// What begins a list of leases: the same, and the newest one's instant.
const LEASES_BYTES: u64 = 64;

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
        let list = |head: u64, each: u64, bound: usize| {
            let ceiling = ceiling.and_then(|ceiling| u64::try_from(ceiling.max(1)).ok()).unwrap_or(u64::MAX);
            let held = ceiling.min(u64::try_from(bound).unwrap_or(u64::MAX));
            // A list that is full doubles; it begins with room for four.
            let of = |held: u64| ENTRY_BYTES + head + each * held.max(4).next_power_of_two();
            (of(1), of(held))
        };
        let (least, most) = match site.algorithm {
            // What settles may be given back, which one word does not tell.
            Algorithm::Bucket(_) if site.starting.is_none() && site.settle.is_none() => {
                (WORD_BYTES, WORD_BYTES)
            }
            Algorithm::Bucket(_) | Algorithm::FixedWindow(_) | Algorithm::SlidingWindow(_) => {
                (WORDS_BYTES, WORDS_BYTES)
            }
            Algorithm::SlidingLog(_) => list(LOG_BYTES, CHARGE_BYTES, MAX_ENTRIES),
            Algorithm::InFlight(_) => list(LEASES_BYTES, LEASE_BYTES, MAX_LEASES),
        };
        // A running block and the last warning are entries of their own beside the counter.
        let beside = ENTRY_BYTES * (u64::from(site.block.is_some()) + u64::from(!site.warn.is_empty()));
        Self { least, most: most + beside, reservation: if site.settle.is_some() { ENTRY_BYTES } else { 0 } }
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

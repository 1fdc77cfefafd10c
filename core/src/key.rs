//! What is counted apart: 128-bit keyed hashes of a limit's identity and the values of its key.
//!
//! Values are never stored, only their hash under a secret of the engine, so that a client who chooses a key cannot aim
//! for somebody else's counter. Every part is hashed under its own tag: `per account ?? ip` never collides between the two.

use xxhash_rust::xxh3::{xxh3_64_with_seed, xxh3_128_with_seed};

/// The hash that names one counter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CounterKey(pub u128);

/// Folds 128 bits into the seed of the next part.
#[expect(clippy::cast_possible_truncation, reason = "both halves are wanted")]
const fn fold(hash: u128) -> u64 {
    (hash as u64) ^ ((hash >> 64) as u64).rotate_left(32)
}

/// The bucket, below `buckets`, that a value falls into: the same for every process and release.
///
/// `tag` says which of a part's alternatives the value is of.
#[must_use]
pub fn bucket_of(tag: u64, value: &[u8], buckets: u32) -> u32 {
    let hash = xxh3_64_with_seed(value, tag);
    // The high half of the product is evenly spread over 0..buckets.
    let scaled = (u128::from(hash) * u128::from(buckets)) >> 64;
    u32::try_from(scaled).unwrap_or(0)
}

/// The group of counters whose keys begin with this value, the same for all limits: `tag` says which of a part's alternatives
/// it is of.
#[must_use]
pub fn group_of(tag: u64, value: &[u8], secret: u64) -> u16 {
    let seed = secret ^ tag.wrapping_mul(0x9E37_79B9_7F4A_7C15);
    let [low, high, ..] = xxh3_64_with_seed(value, seed).to_le_bytes();
    u16::from_le_bytes([low, high])
}

impl CounterKey {
    /// The key of a limit before any value is added: its identity, hashed under the engine's secret.
    #[must_use]
    pub fn of_limit(identity: &[u8], secret: u64) -> Self {
        Self(xxh3_128_with_seed(identity, secret))
    }

    /// The key with one more part: `tag` says which of the part's alternatives the value is of.
    #[must_use]
    #[inline]
    pub fn with_part(self, tag: u64, value: &[u8]) -> Self {
        let hash =
            xxh3_128_with_seed(value, fold(self.0).wrapping_add(tag.wrapping_mul(0x9E37_79B9_7F4A_7C15)));
        // An odd multiplier keeps every bit of what was hashed before; parts in another order give another key.
        Self(self.0.rotate_left(47).wrapping_mul(0x9E37_79B9_7F4A_7C15_F39C_C060_5CED_C835) ^ hash)
    }

    /// The same counter in a group: its uppermost 16 bits say which. Groups are for stores that can charge in one step only what
    /// they keep together; what is [beside](Self::beside) a counter is in its group.
    #[must_use]
    pub const fn in_group(self, group: u16) -> Self {
        Self((self.0 & (u128::MAX >> 16)) | ((group as u128) << 112))
    }

    /// The group of a key that was put into one.
    #[must_use]
    pub const fn group(self) -> u16 {
        (self.0 >> 112) as u16
    }

    /// A key of something kept beside this counter, such as a reservation: `tag` says what, `number` which one.
    ///
    /// Its upper half is the counter's, so a store that shards by that half keeps both in one place.
    #[must_use]
    pub fn beside(self, tag: u64, number: u64) -> Self {
        let seed = fold(self.0).wrapping_add(tag.wrapping_mul(0x9E37_79B9_7F4A_7C15));
        let lower = xxh3_64_with_seed(&number.to_le_bytes(), seed);
        Self((self.0 >> 64 << 64) | lower as u128)
    }
}

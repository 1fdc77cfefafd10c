//! An entry as the column of a row: the instant from which on it is idle, little-endian, and its bytes.
//!
//! The table has that instant once more, in a column with an index, but rounded up: an index that changed with each charge
//! would cost more than all else.

use limitrate_core::{
    key::CounterKey,
    time::{Nanos, Timestamp},
};

use super::dialect::Row;
use crate::store::{Entry, StoreError};

/// The index knows instants to 2^36 ns, some 69 seconds.
const STEP_BITS: u32 = 36;

/// How long rows are kept at least that go by their callers' clocks.
const BY_CALLERS: Nanos = Nanos::from_secs(3_600);

/// What [`Row::idle_at`] of nothing is.
pub(super) const NOTHING: i64 = i64::MIN;

/// A key, and what stands there until when.
pub(super) type Read = (CounterKey, Option<(Entry, Timestamp)>);

/// The row of a key.
pub(super) fn row(key: CounterKey, kept: Option<(&Entry, Timestamp)>) -> Row {
    let Some((entry, idle_at)) = kept else {
        return Row { key, entry: Vec::new(), idle_at: NOTHING, place: None };
    };
    let mut bytes = idle_at.0.to_le_bytes().to_vec();
    entry.encode(&mut bytes);
    Row { key, entry: bytes, idle_at: rounded(idle_at.0), place: None }
}

impl Row {
    /// Keeps it for an hour by the server's clock, which is this, whatever its callers' is: what they count in a replay of last year
    /// is idle by any other.
    pub(super) fn keep_from(&mut self, clock: Timestamp) {
        if self.idle_at != NOTHING {
            self.idle_at = self.idle_at.max(rounded(clock.after(BY_CALLERS).0));
        }
    }
}

/// The end of the step that an instant is in.
pub(super) fn rounded(instant: i64) -> i64 {
    let step = 1_i64 << STEP_BITS;
    instant.checked_add(step - 1).map_or(i64::MAX, |end| end & !(step - 1))
}

/// A key of a row; `None` if it is none.
pub(super) fn key(bytes: &[u8]) -> Option<CounterKey> {
    Some(CounterKey(u128::from_be_bytes(bytes.try_into().ok()?)))
}

/// The key and the entry of a row.
///
/// # Errors
///
/// The key with [`StoreError::Corrupt`] if the entry is none; no key if that is none either.
pub(super) fn read(key: &[u8], entry: &[u8]) -> Result<Read, (Option<CounterKey>, StoreError)> {
    let Some(key) = self::key(key) else {
        let what = format!("a key of {} bytes among the counters", key.len());
        return Err((None, StoreError::Corrupt { what }));
    };
    if entry.is_empty() {
        return Ok((key, None));
    }
    let damaged = |what: String| {
        let what = format!("under the key {:032x}, {what}", key.0);
        (Some(key), StoreError::Corrupt { what })
    };
    let Some((idle_at, entry)) = entry.split_first_chunk::<8>() else {
        return Err(damaged(format!("{} bytes are no entry of a counter", entry.len())));
    };
    let entry = Entry::decode(entry).map_err(|error| damaged(error.to_string()))?;
    Ok((key, Some((entry, Timestamp(i64::from_le_bytes(*idle_at))))))
}

#[cfg(test)]
mod tests {
    use limitrate_core::block;

    use super::*;

    #[test]
    fn a_row_is_read_as_it_was_written() {
        let key = CounterKey(0x0102_0304 << 96);
        let entry = Entry::Block(block::State { level: 2, until: Timestamp(77) });
        let written = row(key, Some((&entry, Timestamp(78))));
        assert_eq!(read(&key.0.to_be_bytes(), &written.entry).unwrap(), (key, Some((entry, Timestamp(78)))));
        assert_eq!(written.idle_at, 1 << STEP_BITS);
        let nothing = row(key, None);
        assert_eq!(read(&key.0.to_be_bytes(), &nothing.entry).unwrap(), (key, None));
    }

    #[test]
    fn the_index_never_calls_an_entry_idle_too_early() {
        for instant in [i64::MIN, -1, 0, 1, 1 << STEP_BITS, i64::MAX - 1, i64::MAX] {
            let step = Nanos(1 << STEP_BITS);
            let end = rounded(instant);
            assert!(end >= instant && end.saturating_sub(step.0) < instant.max(i64::MIN + 1), "{instant}");
        }
    }

    #[test]
    fn a_row_by_its_callers_clock_is_kept_for_an_hour_by_the_servers() {
        let entry = Entry::Block(block::State { level: 2, until: Timestamp(77) });
        let (key, now) = (CounterKey(1), Timestamp(1_800_000_000_000_000_000));
        let mut old = row(key, Some((&entry, Timestamp(78))));
        old.keep_from(now);
        assert!(old.idle_at >= now.after(BY_CALLERS).0);
        assert_eq!(read(&key.0.to_be_bytes(), &old.entry).unwrap().1.unwrap().1, Timestamp(78));
        let mut young = row(key, Some((&entry, Timestamp::MAX)));
        young.keep_from(now);
        assert_eq!(young.idle_at, i64::MAX);
        let mut nothing = row(key, None);
        nothing.keep_from(now);
        assert_eq!(nothing.idle_at, NOTHING);
    }

    #[test]
    fn what_is_no_row_is_said_to_be_damaged() {
        assert!(matches!(read(&[1, 2], &[]), Err((None, StoreError::Corrupt { .. }))));
        let key = [7; 16];
        for entry in [&[1_u8][..], &[0; 8], &[0xFF; 9]] {
            let (found, _) = read(&key, entry).unwrap_err();
            assert_eq!(found, Some(CounterKey(u128::from_be_bytes(key))));
        }
    }
}

//! What stands under a name: the instant from which on it is idle, then the entry. All scripts and this side read the same bytes.

use limitrate_core::{
    key::CounterKey,
    time::{NANOS_PER_SECOND, Timestamp},
};

use crate::store::{ClockOf, Entry, KEPT_IDLE, StoreError};

/// Nanoseconds in a millisecond.
const NANOS_PER_MILLI: i64 = 1_000_000;

/// How long what is kept by a caller's own clock lives at least, in milliseconds: its hours are not the server's.
const LEAST_BY_CALLER_MS: i64 = 3_600_000;

/// As bytes.
pub(super) fn encode(entry: &Entry, idle_at: Timestamp) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(40);
    bytes.extend_from_slice(&idle_at.0.to_le_bytes());
    entry.encode(&mut bytes);
    bytes
}

/// From bytes.
///
/// # Errors
///
/// [`StoreError::Corrupt`] if these are no value of a store.
pub(super) fn decode(key: CounterKey, bytes: &[u8]) -> Result<(Entry, Timestamp), StoreError> {
    let damaged = |what: String| StoreError::Corrupt { what: format!("under key {:032x}: {what}", key.0) };
    let (idle_at, entry) =
        bytes.split_first_chunk().ok_or_else(|| damaged(format!("{} bytes are no value", bytes.len())))?;
    let entry = Entry::decode(entry).map_err(|error| damaged(error.to_string()))?;
    Ok((entry, Timestamp(i64::from_le_bytes(*idle_at))))
}

/// From when on a value is idle; `None` if these bytes are none.
pub(super) fn idle_at(bytes: &[u8]) -> Option<Timestamp> {
    bytes.first_chunk().map(|idle_at| Timestamp(i64::from_le_bytes(*idle_at)))
}

/// How long a server is to keep it, in milliseconds.
pub(super) fn time_to_live(idle_at: Timestamp, now: Timestamp, clock: ClockOf) -> i64 {
    let idle = idle_at.after(KEPT_IDLE).since(now).0;
    // The millisecond that is begun, and one more for an instant that was rounded down.
    let millis = idle / NANOS_PER_MILLI + 2;
    match clock {
        ClockOf::Store => millis,
        ClockOf::Caller => millis.max(LEAST_BY_CALLER_MS),
    }
}

/// The server's time, as it tells it: seconds and microseconds.
pub(super) fn instant(seconds: i64, micros: i64) -> Timestamp {
    Timestamp(seconds.saturating_mul(NANOS_PER_SECOND).saturating_add(micros.saturating_mul(1_000)))
}

#[cfg(test)]
mod tests {
    use limitrate_core::{
        algorithm::{State, fixed_window},
        time::Nanos,
    };

    use super::*;

    #[test]
    fn a_value_is_read_back() {
        let (start, end) = (Timestamp(-5), Timestamp(i64::MAX));
        let entry = Entry::Counter(State::FixedWindow(fixed_window::State { start, end, used: 3 }));
        let bytes = encode(&entry, end);
        assert_eq!(decode(CounterKey(1), &bytes).unwrap(), (entry, end));
        for bytes in [&bytes[..7], &bytes[..8], &bytes[..20], b"", b"a text that somebody put there"] {
            let error = decode(CounterKey(0xAB), bytes).unwrap_err();
            assert!(matches!(&error, StoreError::Corrupt { what } if what.contains("0000ab: ")), "{error}");
        }
    }

    #[test]
    fn a_value_lives_a_second_longer_than_it_matters() {
        let now = Timestamp::from_millis(1_000);
        let live = |idle_at| time_to_live(idle_at, now, ClockOf::Store);
        assert_eq!(live(now.after(Nanos(1))), 1_002);
        assert_eq!(live(now.after(Nanos::from_secs(60))), 61_002);
        assert_eq!(live(Timestamp::MIN), 2);
        assert_eq!(live(Timestamp::MAX), (i64::MAX - now.0) / NANOS_PER_MILLI + 2);
        assert_eq!(time_to_live(now, now, ClockOf::Caller), LEAST_BY_CALLER_MS);
    }
}

//! Which rows are there for certain, as far as this process knows.
//!
//! A row that is there is locked and read at once; one that may not be must be made first. Rows are dropped when they are idle, and
//! until when they are not stands in them, so what was seen lately can be known to be there still. It is a hint: who finds a row
//! missing all the same makes it.

use std::{
    collections::HashMap,
    sync::atomic::{AtomicI64, Ordering::Relaxed},
};

use limitrate_core::{key::CounterKey, time::Timestamp};
use parking_lot::Mutex;

/// How many rows are remembered at most. Beyond them, those that may be gone are forgotten, and then all.
const MAX_KNOWN: usize = 65_536;

/// Rows that were seen, and until when nobody drops them.
#[derive(Debug)]
pub(super) struct Known {
    kept_until: Mutex<HashMap<CounterKey, i64>>,
    /// The server's clock when it was last seen.
    clock: AtomicI64,
}

impl Default for Known {
    fn default() -> Self {
        Self { kept_until: Mutex::default(), clock: AtomicI64::new(i64::MIN) }
    }
}

impl Known {
    /// Those of some keys whose rows may not be there.
    pub(super) fn unknown(&self, keys: &[CounterKey]) -> Vec<CounterKey> {
        let clock = self.clock.load(Relaxed);
        let known = self.kept_until.lock();
        let is_there = |key: &&CounterKey| known.get(key).is_some_and(|until| clock < *until);
        keys.iter().filter(|key| !is_there(key)).copied().collect()
    }

    /// Remembers rows that are there and until when they are kept, by the server's clock.
    pub(super) fn note(&self, clock: Timestamp, rows: impl Iterator<Item = (CounterKey, i64)>) {
        self.clock.fetch_max(clock.0, Relaxed);
        let mut known = self.kept_until.lock();
        for (key, until) in rows {
            known.insert(key, until);
        }
        if known.len() > MAX_KNOWN {
            known.retain(|_, until| clock.0 < *until);
        }
        if known.len() > MAX_KNOWN {
            known.clear();
        }
    }

    /// Forgets rows that were not there.
    pub(super) fn forget(&self, keys: &[CounterKey]) {
        let mut known = self.kept_until.lock();
        for key in keys {
            known.remove(key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEYS: [CounterKey; 3] = [CounterKey(1), CounterKey(2), CounterKey(3)];

    #[test]
    fn a_row_is_known_until_it_may_be_dropped() {
        let known = Known::default();
        assert_eq!(known.unknown(&KEYS), KEYS);
        known.note(Timestamp(10), [(KEYS[0], 20), (KEYS[1], 10)].into_iter());
        assert_eq!(known.unknown(&KEYS), KEYS[1..]);
        known.note(Timestamp(5), [(KEYS[1], 15)].into_iter());
        assert_eq!(known.unknown(&KEYS), KEYS[2..], "the clock does not run back");
        known.note(Timestamp(15), [].into_iter());
        assert_eq!(known.unknown(&KEYS), KEYS[1..]);
        known.forget(&KEYS[..1]);
        assert_eq!(known.unknown(&KEYS), KEYS);
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let known = Known::default();
        let rows = |from: u128, until| (0..MAX_KNOWN as u128).map(move |key| (CounterKey(from + key), until));
        known.note(Timestamp(1), rows(0, 5));
        known.note(Timestamp(5), rows(1 << 64, 9));
        assert_eq!(known.kept_until.lock().len(), MAX_KNOWN, "the idle ones went");
        known.note(Timestamp(5), rows(1 << 65, 9));
        assert!(known.kept_until.lock().is_empty());
    }
}

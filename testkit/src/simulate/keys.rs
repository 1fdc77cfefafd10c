//! The keys that were refused most, with a bound on how many are kept.
//!
//! At the bound the less frequent half is dropped, as in lossy counting: a key that is refused again and again stays,
//! and what is said of it is then a lower bound.

use std::collections::HashMap;

use limitrate_core::{key::CounterKey, time::Timestamp};

/// The most keys that are counted one by one.
pub(super) const MAX_REFUSED_KEYS: usize = 100_000;

/// Refusals by counter.
#[derive(Debug)]
pub(super) struct RefusedKeys {
    keys: HashMap<CounterKey, RefusedKey>,
    max: usize,
    dropped: u64,
}

/// A counter that refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct RefusedKey {
    /// The position of its limit.
    pub(super) limit: usize,
    /// Its key in words.
    pub(super) key: Vec<(String, String)>,
    /// How often it refused.
    pub(super) refused: u64,
    /// When it refused first.
    pub(super) first: Timestamp,
}

impl Default for RefusedKeys {
    fn default() -> Self {
        Self { keys: HashMap::new(), max: MAX_REFUSED_KEYS, dropped: 0 }
    }
}

impl RefusedKeys {
    /// Counts a refusal; `describe` is asked for limit and key when the counter is new.
    pub(super) fn note(
        &mut self,
        counter: CounterKey,
        now: Timestamp,
        describe: impl FnOnce() -> (usize, Vec<(String, String)>),
    ) {
        if let Some(key) = self.keys.get_mut(&counter) {
            key.refused += 1;
            return;
        }
        if self.keys.len() >= self.max {
            self.drop_half();
        }
        let (limit, key) = describe();
        self.keys.insert(counter, RefusedKey { limit, key, refused: 1, first: now });
    }

    /// How many distinct keys were refused; those dropped and refused again count again.
    pub(super) fn distinct(&self) -> u64 {
        self.dropped + self.keys.len() as u64
    }

    /// How many keys were dropped at the bound.
    pub(super) const fn dropped(&self) -> u64 {
        self.dropped
    }

    /// The most refused keys, at most `count`; equal ones in the order of their first refusal.
    pub(super) fn top(self, count: usize) -> Vec<RefusedKey> {
        let mut keys: Vec<RefusedKey> = self.keys.into_values().collect();
        keys.sort_by(|a, b| {
            (b.refused, a.first, a.limit, &a.key).cmp(&(a.refused, b.first, b.limit, &b.key))
        });
        keys.truncate(count);
        keys
    }

    fn drop_half(&mut self) {
        let mut keys: Vec<_> = self.keys.drain().collect();
        keys.sort_by_key(|(counter, key)| (std::cmp::Reverse(key.refused), *counter));
        let kept = keys.len() / 2;
        self.dropped += (keys.len() - kept) as u64;
        keys.truncate(kept);
        self.keys.extend(keys);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_that_is_refused_often_stays_when_the_bound_is_reached() {
        let mut keys = RefusedKeys { max: 100, ..RefusedKeys::default() };
        for number in 0..10_000_u64 {
            let text = number.to_string();
            let rare = CounterKey::of_limit(text.as_bytes(), 1);
            keys.note(rare, Timestamp(0), || (0, vec![("ip".into(), text)]));
            keys.note(CounterKey(1), Timestamp(0), || (0, vec![("ip".into(), "often".into())]));
            assert!(keys.keys.len() <= 100);
        }
        assert!(keys.dropped() > 9_000);
        assert_eq!(keys.distinct(), 10_001);
        let top = keys.top(3);
        assert_eq!((top.len(), top[0].refused, top[0].key[0].1.as_str()), (3, 10_000, "often"));
    }
}

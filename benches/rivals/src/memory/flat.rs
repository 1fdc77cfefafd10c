//! A counter table written by hand for one algorithm, without a policy, expiry or growth: the bound.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering::Relaxed};

use super::{Keyed, Rate, clock::Ticked, keys::USERS};

pub struct Flat {
    /// A hash of the key, and the theoretical arrival time.
    slots: Box<[(AtomicU64, AtomicI64)]>,
    hasher: ahash::RandomState,
    interval: i64,
    tolerance: i64,
    clock: Ticked,
}

impl Flat {
    pub fn new(rate: Rate, clock: Ticked) -> Self {
        let interval = rate.interval();
        let size = (USERS * 2).next_power_of_two();
        Self {
            slots: (0..size).map(|_| <(AtomicU64, AtomicI64)>::default()).collect(),
            hasher: ahash::RandomState::with_seeds(1, 2, 3, 4),
            interval,
            tolerance: interval * rate.burst(),
            clock,
        }
    }

    fn charge(&self, hash: u64) -> bool {
        let now = self.clock.read();
        let Some(word) = self.find(hash) else { return false };
        let mut tat = word.load(Relaxed);
        loop {
            let next = tat.max(now) + self.interval;
            if next > now + self.tolerance {
                return false;
            }
            match word.compare_exchange_weak(tat, next, Relaxed, Relaxed) {
                Ok(_) => return true,
                Err(other) => tat = other,
            }
        }
    }

    fn find(&self, hash: u64) -> Option<&AtomicI64> {
        let mask = self.slots.len() - 1;
        for step in 0..self.slots.len() {
            let (key, word) = &self.slots[(hash as usize + step) & mask];
            let mut found = key.load(Relaxed);
            if found == 0 {
                found = key.compare_exchange(0, hash, Relaxed, Relaxed).map_or_else(|other| other, |_| hash);
            }
            if found == hash {
                return Some(word);
            }
        }
        None
    }

    fn hash(&self, key: &str) -> u64 {
        self.hasher.hash_one(key) | 1
    }

    /// Checks so many keys, whose slots are touched before the first is charged.
    pub fn allows_batch<const N: usize>(&self, keys: [&str; N]) -> usize {
        let hashes = keys.map(|key| self.hash(key));
        let mask = self.slots.len() - 1;
        let touched: u64 =
            hashes.iter().map(|hash| self.slots[*hash as usize & mask].0.load(Relaxed) & 1).sum();
        std::hint::black_box(touched);
        hashes.into_iter().filter(|hash| self.charge(*hash)).count()
    }
}

impl Keyed for Flat {
    fn allows(&self, key: &String) -> bool {
        self.charge(self.hash(key))
    }
}

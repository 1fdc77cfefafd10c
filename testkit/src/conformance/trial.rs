//! The counters that one test has to itself.

use std::hash::{BuildHasher, RandomState};

use limitrate_core::{
    algorithm::{Algorithm, Terms},
    charge::Charge,
    key::CounterKey,
};
use limitrate_runtime::store::LocalStore;

/// How many decisions a thread makes where each takes well under a microsecond.
const MANY: u64 = 10_000;

/// How many it makes where each may take a millisecond.
const FEW: u64 = 80;

/// One run of a test on a store: the names of its counters, and how hard it tries.
#[derive(Debug, Clone, Copy)]
pub struct Trial {
    secret: u64,
    group: Option<u16>,
    is_alone: bool,
    decisions: u64,
}

impl Trial {
    /// For a fast store of the test's own, which is empty and has room for a thousand counters.
    #[must_use]
    pub fn alone() -> Self {
        Self { secret: any(), group: None, is_alone: true, decisions: MANY }
    }

    /// For a store that other tests may use at the same time: all counters are in one group, and have names that no other
    /// test has.
    #[must_use]
    pub fn shared() -> Self {
        Self::named(any())
    }

    /// What [`Self::shared`] makes, for the process that is told its [name](Self::name).
    pub(super) fn named(secret: u64) -> Self {
        let [low, high, ..] = secret.to_le_bytes();
        Self { secret, group: Some(u16::from_le_bytes([low, high])), is_alone: false, decisions: FEW }
    }

    /// Says which counters these are.
    pub(super) const fn name(self) -> u64 {
        self.secret
    }

    /// The same with other counters.
    #[must_use]
    pub fn renewed(self) -> Self {
        let Self { group, is_alone, decisions, .. } = self;
        let fresh = Self::named(any());
        Self { group: group.and(fresh.group), is_alone, decisions, ..fresh }
    }

    /// Whether a key can be of these counters: surely not, if it is of another group.
    #[must_use]
    pub fn may_have(self, key: CounterKey) -> bool {
        self.group.is_none_or(|group| group == key.group())
    }

    /// With every counter in a group of its own, as far as there are groups.
    #[must_use]
    pub const fn scattered(self) -> Self {
        Self { group: None, ..self }
    }

    /// With so many decisions of each thread, where threads compete.
    #[must_use]
    pub const fn with_decisions(self, decisions: u64) -> Self {
        Self { decisions, ..self }
    }

    /// How many decisions each thread makes.
    #[must_use]
    pub const fn decisions(self) -> u64 {
        self.decisions
    }

    /// How many random histories are played.
    #[must_use]
    pub(super) fn cases(self) -> u32 {
        u32::try_from(self.decisions / 40).unwrap_or(u32::MAX).clamp(8, 256)
    }

    /// The name of a counter.
    #[must_use]
    pub fn key(self, number: u64) -> CounterKey {
        let key = CounterKey::of_limit(&number.to_le_bytes(), self.secret);
        self.group.map_or(key, |group| key.in_group(group))
    }

    /// A charge of one on a counter of its own, with that ceiling and burst, which refuses when it cannot be counted.
    #[must_use]
    pub fn charge(self, counter: u64, algorithm: &Algorithm, ceiling: i64) -> Charge<'_> {
        let terms = Terms { ceiling, burst: ceiling, starting: None };
        Charge::new(self.key(counter), self.key(!counter), algorithm, terms, 1)
    }

    /// How many keys are kept, where the store is the test's own.
    #[must_use]
    pub fn len(self, store: &dyn LocalStore) -> Option<usize> {
        self.is_alone.then(|| store.len())
    }

    /// Asserts how many keys are kept, where the store is the test's own.
    pub fn assert_len(self, store: &dyn LocalStore, expected: usize) {
        assert!(self.len(store).is_none_or(|len| len == expected));
    }
}

/// A number that nobody has drawn before.
fn any() -> u64 {
    RandomState::new().hash_one(())
}

//! Seeded choices. The same seed gives the same choices on every machine and with every version of every library.

/// A sequence of choices: splitmix64.
///
/// Source: Steele, Lea and Flood, Fast Splittable Pseudorandom Number Generators, OOPSLA 2014.
#[derive(Debug, Clone)]
pub struct Random(u64);

impl Random {
    /// The sequence of a seed.
    #[must_use]
    pub const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The sequence of the part `number` of what a seed makes: parts do not depend on each other.
    #[must_use]
    pub fn part(seed: u64, number: u64) -> Self {
        let mut random = Self(seed ^ number.wrapping_mul(0xD134_2543_DE82_EF95));
        Self(random.bits())
    }

    /// 64 random bits.
    pub const fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut bits = self.0;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        bits ^ (bits >> 31)
    }

    /// A position below `length`; 0 where there is none.
    pub fn below(&mut self, length: usize) -> usize {
        let length = u64::try_from(length).unwrap_or(u64::MAX).max(1);
        usize::try_from(self.bits() % length).unwrap_or(0)
    }

    /// A number from `low` to `high`, both included.
    pub fn between(&mut self, low: i64, high: i64) -> i64 {
        let span = i128::from(high) - i128::from(low) + 1;
        if span <= 0 {
            return low;
        }
        let offset = i128::from(self.bits()).rem_euclid(span);
        i64::try_from(i128::from(low) + offset).unwrap_or(low)
    }

    /// True so many times in a hundred.
    pub fn chance(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }

    /// One of some; `None` where there is none.
    pub fn of<'a, T>(&mut self, choices: &'a [T]) -> Option<&'a T> {
        choices.get(self.below(choices.len()))
    }

    /// One of some texts; empty where there is none.
    pub fn pick<'a>(&mut self, choices: &[&'a str]) -> &'a str {
        self.of(choices).copied().unwrap_or_default()
    }

    /// Some in another order.
    pub fn shuffle<T>(&mut self, values: &mut [T]) {
        for end in (1..values.len()).rev() {
            let other = self.below(end + 1);
            values.swap(end, other);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_gives_the_same_choices_and_stays_in_range() {
        let choices = |seed| {
            let mut random = Random::part(seed, 7);
            (0..100).map(|_| random.between(-3, 5)).collect::<Vec<_>>()
        };
        assert_eq!(choices(1), choices(1));
        assert_ne!(choices(1), choices(2));
        assert!(choices(1).iter().all(|n| (-3..=5).contains(n)));
        assert!((-3..=5).all(|n| choices(1).contains(&n)));
        assert_eq!(Random::new(1).between(i64::MIN, i64::MIN), i64::MIN);
    }
}

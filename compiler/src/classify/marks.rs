//! Remembers which of many things were found, without being cleared as a whole.

/// A set of small numbers.
#[derive(Debug, Default)]
pub(super) struct Marks {
    bits: Vec<u64>,
    /// The words that are not 0.
    touched: Vec<usize>,
    count: usize,
}

impl Marks {
    /// Makes the set empty, with room for the numbers below `bound`.
    pub(super) fn begin(&mut self, bound: usize) {
        for word in self.touched.drain(..) {
            if let Some(word) = self.bits.get_mut(word) {
                *word = 0;
            }
        }
        self.count = 0;
        let words = bound.div_ceil(64);
        if self.bits.len() < words {
            self.bits.resize(words, 0);
        }
    }

    /// Adds a number; false if it was there, or is out of bounds.
    #[inline]
    pub(super) fn add(&mut self, number: usize) -> bool {
        let (at, bit) = (number / 64, 1_u64 << (number % 64));
        let Some(word) = self.bits.get_mut(at) else { return false };
        if *word & bit != 0 {
            return false;
        }
        if *word == 0 {
            self.touched.push(at);
        }
        *word |= bit;
        self.count += 1;
        true
    }

    /// Whether a number is in the set.
    pub(super) fn has(&self, number: usize) -> bool {
        self.bits.get(number / 64).is_some_and(|word| word & (1 << (number % 64)) != 0)
    }

    /// How many numbers are in the set.
    pub(super) const fn count(&self) -> usize {
        self.count
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_new_once() {
        let mut marks = Marks::default();
        marks.begin(130);
        assert!(marks.add(129) && marks.add(128) && !marks.add(129) && !marks.add(1_000));
        assert!(marks.has(128) && !marks.has(0) && !marks.has(1_000));
        assert_eq!(marks.count(), 2);
        marks.begin(10);
        assert!(!marks.has(129) && marks.add(129) && marks.count() == 1);
    }
}

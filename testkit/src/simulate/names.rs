//! Counts by a name that clients may choose, with a bound on how many names are kept.

use std::collections::HashMap;

/// The most names that are counted one by one.
pub(super) const MAX_NAMES: usize = 10_000;

/// How often each name occurred.
#[derive(Debug, Default)]
pub(super) struct Names {
    counts: HashMap<Box<str>, u64>,
    others: u64,
}

impl Names {
    pub(super) fn note(&mut self, name: &str) {
        if let Some(count) = self.counts.get_mut(name) {
            *count += 1;
        } else if self.counts.len() < MAX_NAMES {
            self.counts.insert(name.into(), 1);
        } else {
            self.others += 1;
        }
    }

    /// How often names occurred that were no longer kept.
    pub(super) const fn others(&self) -> u64 {
        self.others
    }

    /// The most frequent first; equal ones by name.
    pub(super) fn by_count(self) -> Vec<(String, u64)> {
        let mut counts: Vec<(String, u64)> =
            self.counts.into_iter().map(|(name, count)| (name.into(), count)).collect();
        counts.sort_by(|a, b| (b.1, &a.0).cmp(&(a.1, &b.0)));
        counts
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_past_the_bound_are_counted_together() {
        let mut names = Names::default();
        for number in 0..MAX_NAMES + 7 {
            names.note(&format!("/{number}"));
        }
        names.note("/3");
        assert_eq!(names.others(), 7);
        let counts = names.by_count();
        assert_eq!(counts.len(), MAX_NAMES);
        assert_eq!(counts[0], ("/3".to_owned(), 2));
        assert_eq!(counts[1], ("/0".to_owned(), 1));
    }
}

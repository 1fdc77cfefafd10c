//! Which groups of counters one request may ask for, where branches exclude each other.

use std::collections::BTreeSet;

/// So many ways through branches are told apart; where there are more, they are taken as one that asks for all.
const MAX_WAYS: usize = 16;

/// The groups that one request asks for, for each way through the branches. Of two ways of which one asks for all that
/// the other does, only that one is kept.
// INVARIANT: there is at least one way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Groups(Vec<BTreeSet<usize>>);

impl Default for Groups {
    fn default() -> Self {
        Self(vec![BTreeSet::new()])
    }
}

impl Groups {
    /// One group.
    pub(crate) fn one(group: usize) -> Self {
        Self(vec![BTreeSet::from([group])])
    }

    /// Adds what is asked for as well.
    pub(crate) fn and(&mut self, other: &Self) {
        let all = other.0.iter().flat_map(|theirs| self.0.iter().map(move |ours| ours | theirs));
        self.0 = all.collect();
        self.simplify();
    }

    /// Adds what may be asked for instead.
    pub(crate) fn or(&mut self, other: Self) {
        self.0.extend(other.0);
        self.simplify();
    }

    /// The way that asks for most.
    pub(crate) fn most(&self) -> BTreeSet<usize> {
        self.0.iter().max_by_key(|groups| groups.len()).cloned().unwrap_or_default()
    }

    fn simplify(&mut self) {
        self.0.sort_by_key(|groups| std::cmp::Reverse(groups.len()));
        let mut kept: Vec<BTreeSet<usize>> = Vec::new();
        for groups in self.0.drain(..) {
            if !kept.iter().any(|more| groups.is_subset(more)) {
                kept.push(groups);
            }
        }
        if kept.len() > MAX_WAYS {
            kept = vec![kept.into_iter().flatten().collect()];
        }
        self.0 = kept;
    }
}

#[cfg(test)]
mod tests {
    use super::Groups;

    #[test]
    fn of_branches_the_one_that_asks_for_more_counts() {
        let mut either = Groups::one(0);
        either.or(Groups::one(1));
        let mut both = either.clone();
        both.and(&Groups::one(1));
        assert_eq!((either.most().len(), both.most().len()), (1, 2));
        both.and(&either);
        assert_eq!(both.most().len(), 2);
    }

    #[test]
    fn more_ways_than_are_told_apart_ask_for_all() {
        let mut ways = Groups::default();
        (0..17).for_each(|group| ways.or(Groups::one(group)));
        assert_eq!(ways.most().len(), 17);
    }
}

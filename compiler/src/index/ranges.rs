//! Sets of 64-bit numbers as sorted ranges.

use crate::checked::Comparison;

/// A set of numbers: ranges with both ends included, ascending, with a gap between neighbours.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Ranges(Vec<(i64, i64)>);

impl Ranges {
    /// One number.
    pub(super) fn one(value: i64) -> Self {
        Self(vec![(value, value)])
    }

    /// The numbers `x` for which `x comparison constant` holds.
    pub(super) fn of(comparison: Comparison, constant: i64) -> Self {
        match comparison {
            Comparison::Eq => Self::one(constant),
            Comparison::Ne => Self::one(constant).complement(),
            Comparison::Lt => Self(constant.checked_sub(1).map(|end| (i64::MIN, end)).into_iter().collect()),
            Comparison::Le => Self(vec![(i64::MIN, constant)]),
            Comparison::Gt => {
                Self(constant.checked_add(1).map(|start| (start, i64::MAX)).into_iter().collect())
            }
            Comparison::Ge => Self(vec![(constant, i64::MAX)]),
        }
    }

    /// The ranges.
    pub(super) fn parts(&self) -> &[(i64, i64)] {
        &self.0
    }

    /// How many ranges there are.
    pub(super) const fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether it has no number.
    pub(super) const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether it has every number.
    pub(super) fn is_all(&self) -> bool {
        self.0 == [(i64::MIN, i64::MAX)]
    }

    /// The numbers that are not in it.
    pub(super) fn complement(&self) -> Self {
        let mut parts = Vec::with_capacity(self.0.len() + 1);
        let mut next = Some(i64::MIN);
        for (start, end) in &self.0 {
            if let (Some(from), Some(to)) = (next, start.checked_sub(1))
                && from <= to
            {
                parts.push((from, to));
            }
            next = end.checked_add(1);
        }
        parts.extend(next.map(|from| (from, i64::MAX)));
        Self(parts)
    }

    /// The numbers that are in any of the sets.
    pub(super) fn union<'s>(sets: impl Iterator<Item = &'s Self>) -> Self {
        let mut parts: Vec<(i64, i64)> = sets.flat_map(|set| set.0.iter().copied()).collect();
        parts.sort_unstable();
        let mut joined: Vec<(i64, i64)> = Vec::with_capacity(parts.len());
        for (start, end) in parts {
            match joined.last_mut() {
                Some(last) if start <= last.1.saturating_add(1) => last.1 = last.1.max(end),
                _ => joined.push((start, end)),
            }
        }
        Self(joined)
    }

    /// The numbers that are in all of the sets.
    pub(super) fn intersection<'s>(sets: impl Iterator<Item = &'s Self>) -> Self {
        let outside: Vec<Self> = sets.map(Self::complement).collect();
        Self::union(outside.iter()).complement()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ir::arithmetic;
    use proptest::prelude::*;

    impl Ranges {
        fn has(&self, value: i64) -> bool {
            self.0.iter().any(|(start, end)| (*start..=*end).contains(&value))
        }
    }

    fn edge() -> impl Strategy<Value = i64> {
        prop_oneof![Just(i64::MIN), Just(i64::MIN + 1), -4_i64..5, Just(i64::MAX - 1), Just(i64::MAX)]
    }

    fn comparison() -> impl Strategy<Value = Comparison> {
        prop::sample::select(vec![
            Comparison::Eq,
            Comparison::Ne,
            Comparison::Lt,
            Comparison::Le,
            Comparison::Gt,
            Comparison::Ge,
        ])
    }

    proptest! {
        #[test]
        fn sets_have_the_numbers_that_their_comparisons_hold_for(
            written in prop::collection::vec((comparison(), edge()), 1..6),
            value in edge(),
        ) {
            let sets: Vec<Ranges> = written.iter().map(|(c, of)| Ranges::of(*c, *of)).collect();
            let holds: Vec<bool> = written.iter().map(|(c, of)| arithmetic::compare(*c, value, *of) != 0).collect();
            for (set, holds) in sets.iter().zip(&holds) {
                prop_assert_eq!(set.has(value), *holds);
                prop_assert_eq!(set.complement().has(value), !*holds);
            }
            prop_assert_eq!(Ranges::union(sets.iter()).has(value), holds.iter().any(|holds| *holds));
            prop_assert_eq!(Ranges::intersection(sets.iter()).has(value), holds.iter().all(|holds| *holds));
        }
    }
}

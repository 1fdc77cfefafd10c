//! Rows: sets of sites as bits, with a summary bit for each word that is not 0, and their intersection.

use smallvec::SmallVec;

/// The position of a row in [`Rows`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct RowId(pub(super) u32);

/// All rows of an index. Their size is linear in the sites that are in them.
#[derive(Debug, Default)]
pub(super) struct Rows {
    chunks: Vec<Chunk>,
    words: Vec<u64>,
    /// Where the chunks of a row end; they begin where those of the row before end.
    ends: Vec<u32>,
}

/// The sites of a row among 4096.
#[derive(Debug, Clone, Copy)]
struct Chunk {
    /// Its sites begin with this number times 4096.
    index: u32,
    /// Its first word; with [`DENSE`], words that are 0 are stored too.
    first: u32,
    /// A bit for each word of 64 sites that is not 0.
    summary: u64,
}

/// Marks a chunk that stores every word up to the last that is not 0.
const DENSE: u32 = 1 << 31;

/// A chunk stores the words between too where they are at most this many times those that are not 0.
const DENSE_FACTOR: u32 = 4;

impl Chunk {
    /// One of its words.
    #[inline]
    fn word(self, words: &[u64], bit: u32) -> u64 {
        let mark = 1_u64 << bit;
        if self.summary & mark == 0 {
            return 0;
        }
        let first = self.first & !DENSE;
        let rank = if self.first & DENSE != 0 { bit } else { (self.summary & (mark - 1)).count_ones() };
        words.get((first + rank) as usize).copied().unwrap_or(0)
    }
}

impl Rows {
    /// Adds the row of these sites, in ascending order.
    pub(super) fn add(&mut self, sites: &[u32]) -> RowId {
        for group in sites.chunk_by(|a, b| a / 4096 == b / 4096) {
            let mut words = [0_u64; 64];
            for site in group {
                if let Some(word) = words.get_mut((site / 64 % 64) as usize) {
                    *word |= 1 << (site % 64);
                }
            }
            let summary = words
                .iter()
                .zip(0..)
                .fold(0_u64, |summary, (word, bit)| summary | u64::from(*word != 0) << bit);
            let (span, stored) = (64 - summary.leading_zeros(), summary.count_ones());
            let dense = span <= stored * DENSE_FACTOR;
            let first = count(self.words.len()) | if dense { DENSE } else { 0 };
            let kept = words.iter().take(span as usize).filter(|word| dense || **word != 0);
            self.words.extend(kept);
            let index = group.first().map_or(0, |site| site / 4096);
            self.chunks.push(Chunk { index, first, summary });
        }
        self.ends.push(count(self.chunks.len()));
        RowId(count(self.ends.len() - 1))
    }

    /// How many bytes they take.
    pub(super) fn bytes(&self) -> usize {
        size_of_val(&*self.chunks) + size_of_val(&*self.words) + size_of_val(&*self.ends)
    }

    fn cursor(&self, row: RowId) -> Option<Cursor> {
        let row = row.0 as usize;
        let end = *self.ends.get(row)?;
        let at = row.checked_sub(1).map_or(Some(0), |before| self.ends.get(before).copied())?;
        (at < end).then_some(Cursor { at, end })
    }
}

fn count(length: usize) -> u32 {
    u32::try_from(length).unwrap_or(u32::MAX)
}

/// Where the intersection is in a row.
#[derive(Debug, Clone, Copy)]
struct Cursor {
    at: u32,
    end: u32,
}

/// The rows that a request selects: any of each dimension, all dimensions. Memory that is used again.
#[derive(Debug, Default)]
pub(super) struct Selected {
    cursors: Vec<Cursor>,
    /// Where the rows of each dimension end.
    ends: Vec<u32>,
    /// What the dimensions have in common of the chunk at hand, by word; what is 0 need not be written.
    words: Vec<u64>,
}

impl Selected {
    /// Begins with another request.
    pub(super) fn clear(&mut self) {
        self.cursors.clear();
        self.ends.clear();
    }

    /// Intersects the dimensions in the words of a chunk that a summary names; gives the summary of what is left. Dimension
    /// by dimension: the first ones leave few words to the others.
    fn intersect(&mut self, rows: &Rows, index: u32, summary: u64) -> u64 {
        self.words.resize(64, 0);
        let (mut all, mut start, mut is_first) = (summary, 0, true);
        for end in &self.ends {
            let cursors = self.cursors.get(start as usize..*end as usize).unwrap_or_default();
            let at = cursors.iter().filter(|cursor| cursor.at < cursor.end);
            let chunks = at.filter_map(|cursor| rows.chunks.get(cursor.at as usize));
            let chunks: SmallVec<[Chunk; 4]> = chunks.filter(|chunk| chunk.index == index).copied().collect();
            let (mut open, mut left) = (all, 0);
            while open != 0 {
                let bit = open.trailing_zeros();
                open &= open - 1;
                let Some(word) = self.words.get_mut(bit as usize) else { break };
                let any = chunks.iter().fold(0, |any, chunk| any | chunk.word(&rows.words, bit));
                *word = if is_first { any } else { *word & any };
                left |= u64::from(*word != 0) << bit;
            }
            all = left;
            if all == 0 {
                break;
            }
            start = *end;
            is_first = false;
        }
        all
    }

    /// A word of the chunk at hand, one that its summary names.
    #[inline]
    fn word(&self, bit: u32) -> u64 {
        self.words.get(bit as usize).copied().unwrap_or(0)
    }

    /// Adds a row to the dimension at hand.
    #[inline]
    pub(super) fn row(&mut self, rows: &Rows, row: RowId) {
        self.cursors.extend(rows.cursor(row));
    }

    /// Ends the dimension at hand; false where it has no site.
    #[inline]
    pub(super) fn end_dimension(&mut self) -> bool {
        let end = count(self.cursors.len());
        let some = self.ends.last().copied().unwrap_or(0) < end;
        self.ends.push(end);
        some
    }

    /// Begins to walk over the sites from `from` to before `until` that every dimension has.
    pub(super) fn walk(&self, from: u32, until: u32) -> Walk {
        Walk { index: from / 4096, from, until, summary: 0, base: 0, sites: 0 }
    }
}

/// Walks over the sites that are selected, in ascending order.
#[derive(Debug, Clone, Copy)]
pub(super) struct Walk {
    /// The next chunk.
    index: u32,
    from: u32,
    until: u32,
    /// The words of the chunk before `index` that are still to be looked at.
    summary: u64,
    /// The first site of the word at hand.
    base: u32,
    /// Its sites that are still to come.
    sites: u64,
}

impl Walk {
    /// The next site.
    #[inline]
    pub(super) fn next(&mut self, rows: &Rows, selected: &mut Selected) -> Option<u32> {
        loop {
            if self.sites != 0 {
                let bit = self.sites.trailing_zeros();
                self.sites &= self.sites - 1;
                let site = self.base + bit;
                if site >= self.until {
                    return None;
                }
                if site >= self.from {
                    return Some(site);
                }
                continue;
            }
            if self.summary == 0 {
                if self.index.checked_mul(4096)? >= self.until {
                    return None;
                }
                self.summary = self.chunk(rows, selected)?;
                continue;
            }
            let bit = self.summary.trailing_zeros();
            self.summary &= self.summary - 1;
            self.base = (self.index - 1) * 4096 + bit * 64;
            if self.base + 63 >= self.from {
                self.sites = selected.word(bit);
            }
        }
    }

    /// The summary of the next chunk that every dimension has something of; none where there is no more.
    fn chunk(&mut self, rows: &Rows, selected: &mut Selected) -> Option<u64> {
        let (mut all, mut start) = (u64::MAX, 0);
        let index = self.index;
        for end in &selected.ends {
            let (mut any, mut next) = (0, u32::MAX);
            for cursor in selected.cursors.get_mut(start as usize..*end as usize)? {
                while cursor.at < cursor.end {
                    let Some(chunk) = rows.chunks.get(cursor.at as usize) else { break };
                    if chunk.index >= index {
                        next = next.min(chunk.index);
                        any |= if chunk.index == index { chunk.summary } else { 0 };
                        break;
                    }
                    cursor.at += 1;
                }
            }
            if next > index {
                // Nothing of this chunk: go on with the next that this dimension has, if any.
                self.index = next;
                return (next != u32::MAX).then_some(0);
            }
            all &= any;
            start = *end;
        }
        self.index = index + 1;
        Some(selected.intersect(rows, index, all))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    fn set() -> impl Strategy<Value = BTreeSet<u32>> {
        prop_oneof![
            prop::collection::btree_set(0_u32..200, 0..60),
            prop::collection::btree_set(0_u32..30_000, 0..200),
            (0_u32..9_000, 0_u32..9_000).prop_map(|(from, length)| (from..from + length).collect()),
        ]
    }

    proptest! {
        #[test]
        fn the_walk_visits_what_each_dimension_has_in_any_row(
            dimensions in prop::collection::vec(prop::collection::vec(set(), 1..4), 1..4),
            (from, length) in (0_u32..10_000, 0_u32..40_000),
        ) {
            let (mut rows, mut selected) = (Rows::default(), Selected::default());
            let ids: Vec<Vec<RowId>> = dimensions
                .iter()
                .map(|sets| sets.iter().map(|set| rows.add(&set.iter().copied().collect::<Vec<_>>())).collect())
                .collect();
            let unions: Vec<BTreeSet<u32>> = dimensions.iter().map(|sets| sets.iter().flatten().copied().collect()).collect();
            for (ids, union) in ids.iter().zip(&unions) {
                for id in ids {
                    selected.row(&rows, *id);
                }
                prop_assert_eq!(selected.end_dimension(), !union.is_empty());
            }
            let until = from + length;
            let expected: Vec<u32> = (from..until.min(30_001)).filter(|site| unions.iter().all(|union| union.contains(site))).collect();
            let mut walk = selected.walk(from, until);
            let found: Vec<u32> = std::iter::from_fn(|| walk.next(&rows, &mut selected)).collect();
            prop_assert_eq!(found, expected);
        }
    }

    #[test]
    fn rows_take_memory_for_the_sites_they_have() {
        let mut rows = Rows::default();
        let all: Vec<u32> = (0..100_000).collect();
        rows.add(&all);
        assert!(rows.bytes() < 100_000 / 8 + 1_000);
        let mut rows = Rows::default();
        all.iter().for_each(|site| {
            rows.add(&[*site]);
        });
        assert!(rows.bytes() <= 100_000 * 64, "{}", rows.bytes());
    }
}

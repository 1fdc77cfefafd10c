//! From the value of a slot to the row of the sites that it is right for.

use std::rc::Rc;

use hashbrown::HashMap;

use super::{
    ranges::Ranges,
    rows::{RowId, Rows},
};

/// Sites that ask the same of a dimension.
#[derive(Debug)]
pub(super) struct Class {
    /// Where the request must lie.
    pub(super) set: Rc<Ranges>,
    /// The sites, in ascending order.
    pub(super) sites: Vec<u32>,
}

/// What all sites ask of one dimension, over the intervals between the ends of their ranges.
#[derive(Debug)]
pub(super) struct Draft {
    /// The classes that the rows tell apart.
    pub(super) classes: Vec<Class>,
    /// Where the intervals start.
    starts: Vec<i64>,
    cover: Cover,
}

/// The classes of each interval, equal lists once.
#[derive(Debug, Default)]
struct Cover {
    /// By interval: the position of its list.
    of_interval: Vec<u32>,
    /// Positions of classes, ascending.
    lists: Vec<Vec<u32>>,
}

/// The least that a dimension may hold of entries of sites in rows.
const MIN_ENTRIES: usize = 1 << 19;

/// How many entries each site may have in the rows of a dimension.
const ENTRIES_PER_SITE: usize = 64;

impl Draft {
    /// Cuts the numbers into intervals, and drops the widest classes until the rows stay linear in the sites: those of
    /// them are not constrained by this dimension.
    pub(super) fn new(classes: Vec<Class>, sites: usize) -> Self {
        let ends = classes.iter().flat_map(|class| class.set.parts());
        let mut starts: Vec<i64> = ends
            .flat_map(|(start, end)| [Some(*start), end.checked_add(1)])
            .flatten()
            .chain([i64::MIN])
            .collect();
        starts.sort_unstable();
        starts.dedup();
        let mut draft = Self { classes, starts, cover: Cover::default() };
        let ranges: usize = draft.classes.iter().map(|class| class.set.len()).sum();
        let bound = MIN_ENTRIES.max(ENTRIES_PER_SITE * sites);
        draft.drop_widest(bound.max(ranges), |_| 1);
        draft.cover = draft.covered_by();
        if draft.entries() > bound {
            draft.drop_widest(bound, |class| class.sites.len());
            draft.cover = draft.covered_by();
        }
        draft
    }

    /// Drops the widest classes until the sum of all widths, weighted, is within a bound.
    fn drop_widest(&mut self, bound: usize, weight: impl Fn(&Class) -> usize) {
        let classes = std::mem::take(&mut self.classes);
        let mut measured: Vec<(usize, Class)> =
            classes.into_iter().map(|class| (self.width(&class.set), class)).collect();
        let mut sum: usize = measured.iter().map(|(width, class)| width * weight(class)).sum();
        if sum > bound {
            measured.sort_by_key(|(width, _)| *width);
        }
        while sum > bound
            && let Some((width, class)) = measured.pop()
        {
            sum -= width * weight(&class);
        }
        self.classes = measured.into_iter().map(|(_, class)| class).collect();
    }

    /// How many intervals there are.
    pub(super) const fn intervals(&self) -> usize {
        self.starts.len()
    }

    /// The intervals that a set covers, as one range of positions after the other.
    fn covered<'s>(&'s self, set: &'s Ranges) -> impl Iterator<Item = std::ops::Range<usize>> + 's {
        set.parts().iter().map(|(start, end)| {
            let from = self.starts.partition_point(|other| other < start);
            from..self.starts.partition_point(|other| other <= end)
        })
    }

    /// How many intervals a set covers.
    pub(super) fn width(&self, set: &Ranges) -> usize {
        self.covered(set).map(|positions| positions.len()).sum()
    }

    /// The classes of each interval.
    fn covered_by(&self) -> Cover {
        let mut covering: Vec<Vec<u32>> = vec![Vec::new(); self.starts.len()];
        for (class, number) in self.classes.iter().zip(0..) {
            for positions in self.covered(&class.set) {
                covering.get_mut(positions).into_iter().flatten().for_each(|classes| classes.push(number));
            }
        }
        let (mut cover, mut known) = (Cover::default(), HashMap::new());
        for classes in covering {
            let next = u32::try_from(cover.lists.len()).unwrap_or(u32::MAX);
            let list = *known.entry(classes.clone()).or_insert(next);
            if list == next {
                cover.lists.push(classes);
            }
            cover.of_interval.push(list);
        }
        cover
    }

    /// How many entries the rows have.
    fn entries(&self) -> usize {
        let classes = self.cover.lists.iter().flatten().filter_map(|class| self.classes.get(*class as usize));
        classes.map(|class| class.sites.len()).sum()
    }

    /// Whether the rows stay small where each has these many sites more.
    pub(super) const fn may_add(&self, sites: usize) -> bool {
        sites.saturating_mul(self.cover.lists.len()) <= MIN_ENTRIES
    }

    /// Makes the rows. Each has the sites of `also`, too.
    pub(super) fn table(&self, rows: &mut Rows, also: &[u32]) -> Table {
        let lists: Vec<RowId> =
            self.cover.lists.iter().map(|classes| rows.add(&self.sites(classes, also))).collect();
        let mut table: (Vec<i64>, Vec<RowId>) = (Vec::new(), Vec::new());
        for (start, list) in self.starts.iter().zip(&self.cover.of_interval) {
            let row = lists.get(*list as usize).copied();
            if row.is_some() && table.1.last().copied() != row {
                table.0.push(*start);
                table.1.extend(row);
            }
        }
        Table::new(table.0, table.1)
    }

    /// The sites of some classes and those of `also`, in ascending order.
    fn sites(&self, classes: &[u32], also: &[u32]) -> Vec<u32> {
        let of = classes.iter().filter_map(|class| self.classes.get(*class as usize));
        let mut sites: Vec<u32> = of.flat_map(|class| &class.sites).chain(also).copied().collect();
        sites.sort_unstable();
        sites
    }
}

/// The rows of one dimension by the value that a request brings.
#[derive(Debug)]
pub(super) enum Table {
    /// Values close together: one entry each.
    Direct {
        /// The value of the first entry.
        first: i64,
        /// The last entry is for every greater value, too.
        rows: Box<[RowId]>,
        /// For lesser values.
        below: RowId,
    },
    /// The starts of intervals, and their rows.
    Sorted { starts: Box<[i64]>, rows: Box<[RowId]> },
}

/// A direct table has at most this many entries for an interval.
const DIRECT_FACTOR: usize = 4;

/// A direct table of up to this many entries is always made.
const SMALL_TABLE: usize = 256;

impl Table {
    fn new(starts: Vec<i64>, rows: Vec<RowId>) -> Self {
        // The first start is the least number of all, so that the second is the first that is written.
        let (first, last) = (starts.get(1).copied().unwrap_or(0), starts.last().copied().unwrap_or(0));
        let span = last.checked_sub(first).and_then(|span| usize::try_from(span).ok());
        match (span, rows.first(), starts.len()) {
            (Some(span), Some(below), 2..) if span < SMALL_TABLE + DIRECT_FACTOR * starts.len() => {
                let mut direct = Vec::with_capacity(span + 1);
                for (end, row) in starts.iter().skip(2).zip(rows.iter().skip(1)) {
                    let length = usize::try_from(end.saturating_sub(first)).unwrap_or(0);
                    direct.resize(length, *row);
                }
                direct.extend(rows.last());
                Self::Direct { first, rows: direct.into(), below: *below }
            }
            _ => Self::Sorted { starts: starts.into(), rows: rows.into() },
        }
    }

    /// The row for a value.
    #[inline]
    pub(super) fn row(&self, value: i64) -> Option<RowId> {
        match self {
            Self::Direct { first, below, .. } if value < *first => Some(*below),
            Self::Direct { first, rows, .. } => {
                let entry = usize::try_from(value.wrapping_sub(*first).cast_unsigned()).unwrap_or(usize::MAX);
                rows.get(entry).or(rows.last()).copied()
            }
            Self::Sorted { starts, rows } => {
                let after = starts.partition_point(|start| *start <= value);
                rows.get(after.saturating_sub(1)).copied()
            }
        }
    }

    /// How many bytes it takes.
    pub(super) fn bytes(&self) -> usize {
        match self {
            Self::Direct { rows, .. } => size_of_val(&**rows),
            Self::Sorted { starts, rows } => size_of_val(&**starts) + size_of_val(&**rows),
        }
    }
}

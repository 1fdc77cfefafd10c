//! Many short lists, kept one after another.

/// Lists that are asked for by position.
#[derive(Debug)]
pub(super) struct Lists<T> {
    items: Box<[T]>,
    /// Where each list ends.
    ends: Box<[usize]>,
}

impl<T: Copy> Lists<T> {
    pub(super) fn new<L: IntoIterator<Item = T>>(lists: impl IntoIterator<Item = L>) -> Self {
        let (mut items, mut ends) = (Vec::new(), Vec::new());
        for list in lists {
            items.extend(list);
            ends.push(items.len());
        }
        Self { items: items.into(), ends: ends.into() }
    }

    /// The list at a position; empty where there is none.
    #[inline]
    pub(super) fn get(&self, position: usize) -> &[T] {
        let start = position.checked_sub(1).and_then(|before| self.ends.get(before)).copied().unwrap_or(0);
        let end = self.ends.get(position).copied().unwrap_or(start);
        self.items.get(start..end).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_list_keeps_its_items() {
        let lists = Lists::new([vec![], vec![1, 2], vec![], vec![3]]);
        assert_eq!([lists.get(0), lists.get(1), lists.get(2), lists.get(3)], [&[][..], &[1, 2], &[], &[3]]);
        assert!(lists.get(4).is_empty());
    }
}

//! Finds the parts that a text starts with, or ends with, in one search.
//!
//! Sorted, the beginnings of a text stand before it, the longest last: nothing but longer parts that begin with it
//! comes between. So one binary search finds it, and the shorter ones are those that it begins with itself.

use std::cmp::Ordering;

use super::{lists::Lists, parts::Test};

/// Parts at the beginning of texts, or at their end.
#[derive(Debug)]
pub(super) struct Affixes {
    /// Whether texts and parts are read from their end.
    reversed: bool,
    /// Of each part, its first bytes as a number: mostly enough to compare.
    heads: Box<[u64]>,
    /// The parts in ascending order, as they are read.
    parts: Box<[Part]>,
    tests: Lists<Test>,
}

#[derive(Debug)]
struct Part {
    bytes: Box<[u8]>,
    /// The longest other part that this one begins with.
    outer: Option<usize>,
}

impl Affixes {
    pub(super) fn new<'p>(reversed: bool, parts: impl IntoIterator<Item = (&'p str, Test)>) -> Self {
        let read = |part: &str| -> Box<[u8]> {
            if reversed { part.bytes().rev().collect() } else { part.as_bytes().into() }
        };
        let mut parts: Vec<(Box<[u8]>, Test)> =
            parts.into_iter().map(|(part, test)| (read(part), test)).collect();
        parts.sort_by(|(a, _), (b, _)| a.cmp(b));
        let tests =
            Lists::new(parts.chunk_by(|a, b| a.0 == b.0).map(|same| same.iter().map(|(_, test)| *test)));
        parts.dedup_by(|next, part| next.0 == part.0);
        let mut around: Vec<(usize, &[u8])> = Vec::new();
        let mut outer = Vec::with_capacity(parts.len());
        for (at, (bytes, _)) in parts.iter().enumerate() {
            while around.pop_if(|(_, outer)| !bytes.starts_with(outer)).is_some() {}
            outer.push(around.last().map(|(outer, _)| *outer));
            around.push((at, bytes));
        }
        Self {
            reversed,
            heads: parts.iter().map(|(bytes, _)| head(bytes.iter())).collect(),
            parts: parts.into_iter().zip(outer).map(|((bytes, _), outer)| Part { bytes, outer }).collect(),
            tests,
        }
    }

    /// Tells `found` of the tests of every part that is at its place in `text`.
    pub(super) fn find(&self, text: &str, mut found: impl FnMut(Test)) {
        let bytes = text.as_bytes();
        let first = if self.reversed { head(bytes.iter().rev()) } else { head(bytes.iter()) };
        let mut after = self.heads.partition_point(|head| *head < first);
        let equal = self.heads.get(after..).unwrap_or_default().partition_point(|head| *head == first);
        let candidates = self.parts.get(after..after.saturating_add(equal)).unwrap_or_default();
        after += candidates.partition_point(|part| self.compare(&part.bytes, bytes).0 != Ordering::Greater);
        let Some(mut at) = after.checked_sub(1) else { return };
        let Some(longest) = self.parts.get(at) else { return };
        let (_, common) = self.compare(&longest.bytes, bytes);
        while let Some(part) = self.parts.get(at) {
            if part.bytes.len() <= common {
                self.tests.get(at).iter().copied().for_each(&mut found);
            }
            let Some(outer) = part.outer else { return };
            at = outer;
        }
    }

    /// How a part compares with a text, and with how many bytes they begin alike.
    fn compare(&self, part: &[u8], text: &[u8]) -> (Ordering, usize) {
        if self.reversed { compare(part, text.iter().rev()) } else { compare(part, text.iter()) }
    }
}

fn compare<'t>(part: &[u8], text: impl ExactSizeIterator<Item = &'t u8>) -> (Ordering, usize) {
    let length = text.len();
    for (common, (ours, theirs)) in part.iter().zip(text).enumerate() {
        if ours != theirs {
            return (ours.cmp(theirs), common);
        }
    }
    (part.len().cmp(&length), part.len().min(length))
}

/// The first eight bytes as a number that compares as they do; zeros stand for what is not there.
fn head<'b>(bytes: impl Iterator<Item = &'b u8>) -> u64 {
    let mut head = [0; 8];
    for (to, from) in head.iter_mut().zip(bytes) {
        *to = *from;
    }
    u64::from_be_bytes(head)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{checked::Place, ir::SlotId};

    fn found(place: Place, parts: &[String], text: &str) -> Vec<usize> {
        let test = |n: u32| Test { slot: SlotId(n), glob: None };
        let affixes =
            Affixes::new(place == Place::End, parts.iter().map(String::as_str).zip((0..).map(test)));
        let mut found = Vec::new();
        affixes.find(text, |test| found.push(test.slot.0 as usize));
        found.sort_unstable();
        found
    }

    fn agrees(parts: &[String], text: &str) {
        for place in [Place::Start, Place::End] {
            let expected: Vec<usize> = (0..parts.len()).filter(|at| place.holds(text, &parts[*at])).collect();
            assert_eq!(found(place, parts, text), expected, "{place:?} of {text:?} in {parts:?}");
        }
    }

    #[test]
    fn parts_that_begin_with_each_other_are_all_found() {
        let nested: Vec<String> = (0..2_000).map(|n| "a".repeat(n % 1_000)).collect();
        agrees(&nested, &"a".repeat(1_500));
        agrees(&nested, "aaab");
        agrees(&nested, "b");
        agrees(&nested, "");
    }

    #[test]
    fn zeros_are_bytes_like_any_other() {
        let parts = ["", "ab", "ab\0", "ab\0\0\0\0\0\0\0", "\0", "abcdefgh", "abcdefghi"].map(str::to_owned);
        for text in ["ab", "ab\0", "ab\0\0", "ab\0\0\0\0\0\0\0\0", "\0", "abcdefgh", "abcdefghij", "\u{ff}"] {
            agrees(&parts, text);
        }
        agrees(&[], "a");
    }

    proptest! {
        #[test]
        fn a_search_finds_what_each_part_is_at_its_place_for(
            parts in prop::collection::vec("[ab]{0,3}|[aé\0]{0,10}|[a-c]{8,11}", 0..30),
            text in "[ab]{0,6}|[aé\0]{0,12}|[a-c]{8,14}",
        ) {
            agrees(&parts, &text);
        }
    }
}

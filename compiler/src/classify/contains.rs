//! Finds the parts that a text has anywhere, in one pass.

use std::collections::BTreeMap;

use aho_corasick::{AhoCorasick, AhoCorasickKind, Input, automaton::OverlappingState};

use super::{frame::Filling, lists::Lists, marks::Marks, parts::Test};
use crate::ir::Tables;

/// Up to this many parts are looked for one by one, which is faster.
const FEW: usize = 3;

/// Parts of up to so many bytes in all are found by the fastest automaton, whose size is a multiple of theirs: up to
/// 1 KiB a byte.
const MAX_DENSE_BYTES: usize = 1 << 10;

/// How often parts may be found per byte of a text, before each is looked for alone: it is found once then.
const MAX_FINDS_PER_BYTE: usize = 4;

/// The parts that are looked for in one subject.
#[derive(Debug)]
pub(super) struct Contains {
    parts: Box<[(Box<str>, Test)]>,
    /// What finds many parts at once, and the tests of each that it finds.
    finder: Option<(Finder, Lists<Test>)>,
    /// Tests of the empty part, which every text has.
    always: Box<[Test]>,
}

impl Contains {
    pub(super) fn new<'p>(parts: impl IntoIterator<Item = (&'p str, Test)>) -> Self {
        let (always, parts): (Vec<_>, Vec<_>) = parts.into_iter().partition(|(part, _)| part.is_empty());
        let mut tests: BTreeMap<&str, Vec<Test>> = BTreeMap::new();
        for (part, test) in &parts {
            tests.entry(part).or_default().push(*test);
        }
        let finder = (tests.len() > FEW).then(|| Finder::new(tests.keys().map(|part| part.as_bytes())));
        Self {
            finder: finder.flatten().map(|finder| (finder, Lists::new(tests.into_values()))),
            parts: parts.into_iter().map(|(part, test)| (part.into(), test)).collect(),
            always: always.into_iter().map(|(_, test)| test).collect(),
        }
    }

    /// Says which tests of a text hold.
    pub(super) fn read(&self, tables: &Tables, text: &str, filling: &mut Filling<'_>) {
        for test in &self.always {
            test.settle(tables, text, filling);
        }
        if let Some((finder, tests)) = &self.finder {
            let mut marks = std::mem::take(filling.marks);
            let settle = |part| tests.get(part).iter().for_each(|test| test.settle(tables, text, filling));
            let complete = finder.find(text, &mut marks, settle);
            *filling.marks = marks;
            if complete {
                return;
            }
        }
        for (part, test) in &self.parts {
            if text.contains(&**part) {
                test.settle(tables, text, filling);
            }
        }
    }
}

/// An automaton that finds many parts at once.
#[derive(Debug)]
pub(super) struct Finder {
    automaton: AhoCorasick,
}

impl Finder {
    /// The automaton of these parts, none of them empty; `None` where they are too many for one.
    pub(super) fn new<'p>(parts: impl Iterator<Item = &'p [u8]> + Clone) -> Option<Self> {
        let dense = parts.clone().map(<[u8]>::len).sum::<usize>() <= MAX_DENSE_BYTES;
        let kind = if dense { AhoCorasickKind::DFA } else { AhoCorasickKind::ContiguousNFA };
        let automaton = AhoCorasick::builder().kind(Some(kind)).build(parts).ok()?;
        Some(Self { automaton })
    }

    /// Tells `found` of every part that `text` has, each once. False where the parts were found so often that looking
    /// for each alone is faster: then not all were told.
    pub(super) fn find(&self, text: &str, marks: &mut Marks, mut found: impl FnMut(usize)) -> bool {
        let parts = self.automaton.patterns_len();
        marks.begin(parts);
        let mut left = text.len().saturating_mul(MAX_FINDS_PER_BYTE).saturating_add(parts);
        let mut state = OverlappingState::start();
        while self.automaton.try_find_overlapping(Input::new(text), &mut state).is_ok() {
            let Some(next) = state.get_match() else { return true };
            let part = next.pattern().as_usize();
            if marks.add(part) {
                found(part);
                if marks.count() == parts {
                    return true;
                }
            }
            left -= 1;
            if left == 0 {
                return false;
            }
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn finds(parts: &[&str], text: &str) -> (bool, Vec<usize>) {
        let finder = Finder::new(parts.iter().map(|part| part.as_bytes())).expect("few parts");
        let (mut marks, mut found) = (Marks::default(), Vec::new());
        let complete = finder.find(text, &mut marks, |part| found.push(part));
        found.sort_unstable();
        (complete, found)
    }

    #[test]
    fn each_part_is_found_once_wherever_it_is() {
        assert_eq!(finds(&["ab", "b", "abc", "x"], "zabab abc"), (true, vec![0, 1, 2]));
        assert_eq!(finds(&["ab"], ""), (true, vec![]));
        assert_eq!(finds(&["a", "aa", "b"], &"a".repeat(1_000)), (true, vec![0, 1]));
    }

    #[test]
    fn parts_in_parts_do_not_multiply_with_the_length_of_a_text() {
        let nested: Vec<String> = (1..100).map(|n| "a".repeat(n)).chain(["b".to_owned()]).collect();
        let nested: Vec<&str> = nested.iter().map(String::as_str).collect();
        assert!(!finds(&nested, &"a".repeat(100_000)).0, "it gives up");
    }

    #[test]
    fn large_parts_make_no_dense_automaton() {
        let parts: Vec<String> = (0..50).map(|n| format!("{n}{}", "x".repeat(10_000))).collect();
        let finder = Finder::new(parts.iter().map(|part| part.as_bytes())).expect("an automaton");
        assert!(finder.automaton.memory_usage() < 32 * 500_000, "{}", finder.automaton.memory_usage());
    }
}

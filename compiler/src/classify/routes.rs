//! Finds the patterns of routes that a path matches, in one walk over its segments.
//!
//! One tree serves all methods: the method is another fact, whose tests the index combines with those found here.

use std::collections::HashMap;

use hashbrown::HashTable;
use limitrate_core::path::Pattern;
use smallvec::{SmallVec, smallvec};
use xxhash_rust::xxh3::xxh3_64_with_seed;

use super::lists::Lists;
use crate::ir::SlotId;

/// So many branches of a walk wait without allocating.
const BRANCHES: usize = 16;

/// The patterns of one fact as a tree of segments.
#[derive(Debug)]
pub(super) struct Routes {
    nodes: Box<[Node]>,
    /// The literal segments that lead away from nodes with several.
    edges: HashTable<Edge>,
    /// Of each node, the patterns that match a path which ends there.
    ends: Lists<SlotId>,
    /// Of each node, the patterns that match a path whatever follows.
    rests: Lists<SlotId>,
    /// The bytes of the longest literal segment.
    longest: usize,
}

/// Where a walk may be: after the same segments.
#[derive(Debug, Default)]
struct Node {
    literals: Literals,
    /// Where any segment leads to.
    any: Option<usize>,
}

#[derive(Debug, Default)]
enum Literals {
    #[default]
    None,
    /// The only one is compared at once.
    One(Box<str>, usize),
    Many,
}

#[derive(Debug)]
struct Edge {
    from: usize,
    segment: Box<str>,
    to: usize,
}

/// The tree while it grows: nodes by the segments that lead away from them.
#[derive(Default)]
struct Growing<'p> {
    nodes: Vec<HashMap<Option<&'p str>, usize>>,
    ends: Vec<Vec<SlotId>>,
    rests: Vec<Vec<SlotId>>,
}

impl<'p> Growing<'p> {
    fn node(&mut self) -> usize {
        self.nodes.push(HashMap::new());
        self.ends.push(Vec::new());
        self.rests.push(Vec::new());
        self.nodes.len() - 1
    }

    fn add(&mut self, slot: SlotId, pattern: &'p Pattern) {
        let mut at = 0;
        for segment in pattern.segments() {
            let known = self.nodes.get(at).and_then(|node| node.get(&segment)).copied();
            at = known.unwrap_or_else(|| {
                let next = self.node();
                if let Some(node) = self.nodes.get_mut(at) {
                    node.insert(segment, next);
                }
                next
            });
        }
        let lists = if pattern.any_rest() { &mut self.rests } else { &mut self.ends };
        if let Some(list) = lists.get_mut(at) {
            list.push(slot);
        }
    }
}

impl Routes {
    pub(super) fn new<'p>(patterns: impl IntoIterator<Item = (SlotId, &'p Pattern)>) -> Self {
        let mut growing = Growing::default();
        growing.node();
        for (slot, pattern) in patterns {
            growing.add(slot, pattern);
        }
        let (mut nodes, mut edges, mut longest) = (Vec::new(), HashTable::new(), 0);
        for (from, children) in growing.nodes.iter().enumerate() {
            let any = children.get(&None).copied();
            let literal = |(segment, to): (&Option<&'p str>, &usize)| segment.map(|segment| (segment, *to));
            let literals: Vec<(&str, usize)> = children.iter().filter_map(literal).collect();
            longest = literals.iter().map(|(segment, _)| segment.len()).fold(longest, usize::max);
            let literals = match *literals.as_slice() {
                [] => Literals::None,
                [(segment, to)] => Literals::One(segment.into(), to),
                _ => {
                    for (segment, to) in literals {
                        let edge = Edge { from, segment: segment.into(), to };
                        edges.insert_unique(hash(from, segment), edge, |edge| hash(edge.from, &edge.segment));
                    }
                    Literals::Many
                }
            };
            nodes.push(Node { literals, any });
        }
        Self {
            nodes: nodes.into(),
            edges,
            ends: Lists::new(growing.ends),
            rests: Lists::new(growing.rests),
            longest,
        }
    }

    /// Tells `found` of every pattern that a normalised path matches, each once.
    pub(super) fn find(&self, path: &str, mut found: impl FnMut(SlotId)) {
        let Some(path) = path.strip_prefix('/') else {
            return self.rests.get(0).iter().copied().for_each(found); // `*` is no path: only any rest matches
        };
        let mut waiting: SmallVec<[(usize, &str); BRANCHES]> = smallvec![(0, path)];
        while let Some((mut at, mut path)) = waiting.pop() {
            while let Some(node) = self.nodes.get(at) {
                self.rests.get(at).iter().copied().for_each(&mut found);
                let Some((segment, after)) = next_segment(path) else {
                    self.ends.get(at).iter().copied().for_each(&mut found);
                    break;
                };
                let literal = self.literal(node, at, segment);
                match (literal, node.any) {
                    (Some(literal), any) => {
                        waiting.extend(any.map(|any| (any, after)));
                        at = literal;
                    }
                    (None, Some(any)) => at = any,
                    (None, None) => break,
                }
                path = after;
            }
        }
    }

    /// Where a segment as written leads to.
    fn literal(&self, node: &Node, at: usize, segment: &str) -> Option<usize> {
        match &node.literals {
            Literals::None => None,
            Literals::One(known, to) => (**known == *segment).then_some(*to),
            Literals::Many if segment.len() > self.longest => None,
            Literals::Many => {
                let same = |edge: &Edge| edge.from == at && *edge.segment == *segment;
                self.edges.find(hash(at, segment), same).map(|edge| edge.to)
            }
        }
    }
}

/// The first segment that is not empty, and what follows it.
fn next_segment(path: &str) -> Option<(&str, &str)> {
    // Segments are short: looking at byte after byte is faster than what is made for long texts.
    let start = path.bytes().position(|byte| byte != b'/')?;
    let path = path.get(start..)?;
    match path.bytes().position(|byte| byte == b'/') {
        Some(end) => Some((path.get(..end)?, path.get(end + 1..)?)),
        None => Some((path, "")),
    }
}

fn hash(from: usize, segment: &str) -> u64 {
    xxh3_64_with_seed(segment.as_bytes(), from as u64)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn found(patterns: &[Pattern], path: &str) -> Vec<usize> {
        let routes = Routes::new((0..).map(SlotId).zip(patterns));
        let mut found = Vec::new();
        routes.find(path, |slot| found.push(slot.0 as usize));
        found.sort_unstable();
        found
    }

    fn matching(patterns: &[Pattern], path: &str) -> Vec<usize> {
        (0..patterns.len()).filter(|at| patterns[*at].matches(path)).collect()
    }

    #[test]
    fn no_pattern_matches_where_there_is_none() {
        assert!(found(&[], "/a").is_empty() && found(&[], "*").is_empty());
    }

    #[test]
    fn ten_thousand_routes_cost_a_walk_along_the_path() {
        let patterns: Vec<Pattern> = (0..10_000)
            .map(|n| {
                Pattern::parse(&format!("/v1/r{n}/:id{}", if n % 2 == 0 { "" } else { "/**" }))
                    .expect("a pattern")
            })
            .collect();
        for path in ["/v1/r77/x", "/v1/r76/x", "/v1/r77/x/y", "/v1/nothing/x", "/v2", "/", "*"] {
            assert_eq!(found(&patterns, path), matching(&patterns, path), "{path}");
        }
    }

    #[test]
    fn the_longest_pattern_and_a_longer_path_are_walked_without_recursion() {
        let deep = "/a".repeat(1_000);
        let patterns =
            [Pattern::parse(&deep), Pattern::parse(&"/*".repeat(1_000))].map(|p| p.expect("a pattern"));
        assert_eq!(found(&patterns, &deep), [0, 1]);
        assert!(found(&patterns, &"/a".repeat(100_000)).is_empty());
    }

    proptest! {
        #[test]
        fn a_walk_finds_what_each_pattern_matches(
            patterns in prop::collection::vec("(/(a|b|é|aa|\\*|:x)){0,4}(/\\*\\*)?", 0..20),
            path in "(/{1,2}(a|b|é|aa|c)){0,5}/?|\\*|a/b|",
        ) {
            let parse = |text: &String| Pattern::parse(if text.is_empty() { "/" } else { text }).expect("a pattern");
            let patterns: Vec<Pattern> = patterns.iter().map(parse).collect();
            prop_assert_eq!(found(&patterns, &path), matching(&patterns, &path));
        }
    }
}

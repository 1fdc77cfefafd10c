//! Which of many path patterns some path matches together with another: a tree of segments, so that not every pair is
//! compared.

use std::collections::HashMap;

use limitrate_core::path::Pattern;

/// Patterns, each with what it is of.
#[derive(Debug)]
pub(super) struct Routes<'p, T> {
    nodes: Vec<Node<'p, T>>,
}

/// The patterns that begin with the same segments.
#[derive(Debug)]
struct Node<'p, T> {
    /// What is next, by a literal segment and by any.
    literals: HashMap<&'p str, usize>,
    any: Option<usize>,
    /// Those that end here, and those that any rest may follow.
    exact: Vec<T>,
    rest: Vec<T>,
}

impl<T> Default for Node<'_, T> {
    fn default() -> Self {
        Self { literals: HashMap::new(), any: None, exact: Vec::new(), rest: Vec::new() }
    }
}

impl<T> Default for Routes<'_, T> {
    fn default() -> Self {
        Self { nodes: vec![Node::default()] }
    }
}

impl<'p, T: Copy> Routes<'p, T> {
    /// Adds a pattern that is of `of`.
    pub(super) fn insert(&mut self, pattern: &'p Pattern, of: T) {
        let mut at = 0;
        for segment in pattern.segments() {
            let fresh = self.nodes.len();
            let Some(node) = self.nodes.get_mut(at) else { return };
            at = match segment {
                Some(literal) => *node.literals.entry(literal).or_insert(fresh),
                None => *node.any.get_or_insert(fresh),
            };
            if at == fresh {
                self.nodes.push(Node::default());
            }
        }
        let Some(node) = self.nodes.get_mut(at) else { return };
        if pattern.any_rest() { node.rest.push(of) } else { node.exact.push(of) }
    }

    /// What the patterns are of that some path matches together with this one; nothing if it takes more than `left`
    /// steps to tell.
    pub(super) fn overlapping(&self, pattern: &Pattern, left: &mut usize) -> Option<Vec<T>> {
        let mut found = Vec::new();
        let mut here = vec![0];
        for segment in pattern.segments() {
            let mut next = Vec::new();
            for node in here.into_iter().filter_map(|at| self.nodes.get(at)) {
                found.extend(&node.rest);
                next.extend(node.any);
                match segment {
                    Some(literal) => next.extend(node.literals.get(literal)),
                    None => next.extend(node.literals.values()),
                }
            }
            *left = left.checked_sub(next.len())?;
            here = next;
        }
        while let Some(node) = here.pop().and_then(|at| self.nodes.get(at)) {
            found.extend(node.exact.iter().chain(&node.rest));
            if pattern.any_rest() {
                *left = left.checked_sub(node.literals.len() + 1)?;
                here.extend(node.literals.values().copied().chain(node.any));
            }
        }
        *left = left.checked_sub(found.len())?;
        Some(found)
    }
}

/// Whether every path that `narrow` matches is matched by `wide` too.
pub(super) fn covers(wide: &Pattern, narrow: &Pattern) -> bool {
    let length = |pattern: &Pattern| pattern.segments().count();
    let agree = wide.segments().zip(narrow.segments()).all(|(wide, narrow)| wide.is_none() || wide == narrow);
    let rest = wide.any_rest() || !narrow.any_rest() && length(wide) == length(narrow);
    agree && rest && length(wide) <= length(narrow)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SEGMENTS: [&str; 4] = ["a", "b", ":id", "**"];

    /// Every pattern of up to three of the segments.
    fn all() -> Vec<Pattern> {
        let mut texts = vec![String::new()];
        let mut open = texts.clone();
        for _ in 0..3 {
            open = open.iter().flat_map(|text| SEGMENTS.map(|segment| format!("{text}/{segment}"))).collect();
            texts.extend(open.clone());
        }
        texts.iter().filter_map(|text| Pattern::parse(text).ok()).chain(Pattern::parse("/")).collect()
    }

    #[test]
    fn the_patterns_found_are_those_that_overlap() {
        let patterns = all();
        let mut routes = Routes::default();
        for (at, pattern) in patterns.iter().enumerate() {
            routes.insert(pattern, at);
        }
        for pattern in &patterns {
            let mut left = usize::MAX;
            let mut found = routes.overlapping(pattern, &mut left).unwrap();
            found.sort_unstable();
            let wanted: Vec<usize> =
                (0..patterns.len()).filter(|at| patterns[*at].overlaps(pattern)).collect();
            assert_eq!(found, wanted, "{pattern}");
        }
    }

    #[test]
    fn what_covers_a_pattern_matches_all_that_it_matches() {
        let paths = ["/", "/a", "/b", "/a/b", "/a/a", "/b/b", "/x/y", "/a/b/x", "/a/a/a/a"];
        for (wide, narrow) in
            all().iter().flat_map(|wide| all().into_iter().map(move |narrow| (wide.clone(), narrow)))
        {
            let more = |path: &&str| narrow.matches(path) && !wide.matches(path);
            assert!(!covers(&wide, &narrow) || !paths.iter().any(more), "{wide} {narrow}");
            assert!(!covers(&wide, &narrow) || wide.overlaps(&narrow), "{wide} {narrow}");
        }
    }

    #[test]
    fn what_takes_too_long_is_not_told() {
        let patterns = all();
        let mut routes = Routes::default();
        patterns.iter().for_each(|pattern| routes.insert(pattern, ()));
        assert!(routes.overlapping(&Pattern::parse("/**").unwrap(), &mut 10).is_none());
    }
}

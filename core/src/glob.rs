//! Globs, the patterns of `like`: `*` stands for any run of characters, and the whole value must match.

use std::fmt;

/// A pattern in which each `*` stands for any run of characters, the empty one included.
///
/// Comparison is byte-exact, and there is no escape: a literal `*` cannot be asked for. Matching takes time linear
/// in the value, whatever the pattern, and allocates nothing.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Glob {
    text: Box<str>,
    shape: Shape,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Shape {
    /// Without a `*`.
    Exact,
    /// What the value starts with, what then occurs in this order, and what it ends with.
    Pieces { first: Box<str>, middle: Box<[Box<str>]>, last: Box<str> },
}

impl Glob {
    /// The glob of this pattern. Every text is one.
    #[must_use]
    pub fn new(pattern: &str) -> Self {
        let shape = match (pattern.split_once('*'), pattern.rsplit_once('*')) {
            (Some((first, _)), Some((_, last))) => {
                let middle = pattern.get(first.len()..pattern.len() - last.len()).unwrap_or_default();
                let middle = middle.split('*').filter(|piece| !piece.is_empty()).map(Box::from).collect();
                Shape::Pieces { first: first.into(), middle, last: last.into() }
            }
            _ => Shape::Exact,
        };
        Self { text: pattern.into(), shape }
    }

    /// Whether all of `value` matches.
    #[must_use]
    pub fn matches(&self, value: &str) -> bool {
        match &self.shape {
            Shape::Exact => *self.text == *value,
            Shape::Pieces { first, middle, last } => {
                let Some(rest) = value.strip_prefix(&**first) else { return false };
                let Some(mut rest) = rest.strip_suffix(&**last) else { return false };
                // The leftmost occurrence of each piece leaves the most for the pieces after it.
                for piece in middle {
                    let Some((_, after)) = rest.split_once(&**piece) else { return false };
                    rest = after;
                }
                true
            }
        }
    }

    /// The pattern as written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

impl fmt::Display for Glob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_glob_covers_the_whole_value() {
        for (pattern, matching, other) in [
            ("", vec![""], vec!["a"]),
            ("abc", vec!["abc"], vec!["abcd", "ABC", "ab"]),
            ("*", vec!["", "a", "a*b"], vec![]),
            ("v1*", vec!["v1", "v1.2"], vec!["v", "xv1"]),
            ("*.rs", vec![".rs", "a.rs"], vec!["a.rsx"]),
            ("a*a", vec!["aa", "aba"], vec!["a", "ab"]),
            ("a*b*c", vec!["abc", "a-b-c", "abbc"], vec!["acb", "ac"]),
            ("*é*", vec!["é", "caf\u{e9}s"], vec!["e"]),
        ] {
            let glob = Glob::new(pattern);
            for value in matching {
                assert!(glob.matches(value), "{pattern} and {value}");
            }
            for value in other {
                assert!(!glob.matches(value), "{pattern} and {value}");
            }
        }
    }

    #[test]
    fn many_stars_do_not_make_matching_slow() {
        let glob = Glob::new(&"a*".repeat(1_000));
        assert!(!glob.matches(&"a".repeat(999)));
        let value = format!("{}b", "a".repeat(if cfg!(miri) { 10_000 } else { 1_000_000 }));
        assert!(glob.matches(&value));
        assert!(!Glob::new(&format!("{}c", "*a".repeat(1_000))).matches(&value));
    }

    /// Matching by its definition: a star takes nothing, or one character and goes on.
    fn matches(pattern: &[char], value: &[char]) -> bool {
        match (pattern.split_first(), value.split_first()) {
            (None, value) => value.is_none(),
            (Some(('*', rest)), None) => matches(rest, value),
            (Some(('*', rest)), Some((_, after))) => matches(rest, value) || matches(pattern, after),
            (Some((wanted, rest)), Some((found, after))) => wanted == found && matches(rest, after),
            (Some(_), None) => false,
        }
    }

    proptest! {
        #[test]
        fn a_glob_matches_what_its_definition_matches(pattern in "[ab*]{0,8}", value in "[ab]{0,10}") {
            let expected = matches(&pattern.chars().collect::<Vec<_>>(), &value.chars().collect::<Vec<_>>());
            prop_assert_eq!(Glob::new(&pattern).matches(&value), expected);
        }
    }
}

//! Texts of requests: their ids among those that a policy mentions, in lower case where that is asked for.

use arrayvec::ArrayString;
use hashbrown::HashTable;
use limitrate_core::facts::{FactId, Value};
use xxhash_rust::xxh3::xxh3_64;

use crate::{ir::slot::Subject, request::Request};

/// Up to this many texts are compared one by one, which is faster than hashing.
const FEW: usize = 4;

/// Texts of up to this many bytes are put into lower case without allocating.
const SHORT: usize = 256;

/// The texts of a policy.
#[derive(Debug)]
pub(super) struct TextTable {
    texts: Box<[Box<str>]>,
    /// Positions in the texts; empty where they are few.
    by_hash: HashTable<usize>,
    /// The bytes of the longest: what is longer needs no look.
    longest: usize,
}

impl TextTable {
    /// The table of these texts. Of equal ones the first counts.
    pub(super) fn new<T: AsRef<str>>(texts: &[T]) -> Self {
        let texts: Box<[Box<str>]> = texts.iter().map(|text| text.as_ref().into()).collect();
        let hash_of = |at: usize| texts.get(at).map_or(0, |text| xxh3_64(text.as_bytes()));
        let mut by_hash = HashTable::new();
        if texts.len() > FEW {
            for (at, text) in texts.iter().enumerate() {
                let hash = xxh3_64(text.as_bytes());
                let known = by_hash.find(hash, |other: &usize| texts.get(*other) == Some(text)).is_some();
                if !known {
                    by_hash.insert_unique(hash, at, |at| hash_of(*at));
                }
            }
        }
        let longest = texts.iter().map(|text| text.len()).max().unwrap_or(0);
        Self { texts, by_hash, longest }
    }

    /// The position of a text plus one; 0 for a text that is not in the table.
    #[inline]
    pub(super) fn id(&self, text: &str) -> i64 {
        if text.len() > self.longest {
            return 0;
        }
        let position = if self.texts.len() <= FEW {
            self.texts.iter().position(|known| **known == *text)
        } else {
            let same = |at: &usize| self.texts.get(*at).is_some_and(|known| **known == *text);
            self.by_hash.find(xxh3_64(text.as_bytes()), same).copied()
        };
        position.map_or(0, |position| i64::try_from(position).unwrap_or(i64::MAX).saturating_add(1))
    }

    /// The same for the text of a subject.
    #[inline]
    pub(super) fn id_of(&self, text: &str, lower: bool) -> i64 {
        if lower && text.len() <= self.longest {
            in_case(text, true, |text| self.id(text))
        } else {
            self.id(text)
        }
    }
}

/// The text of a fact; `None` where it is absent.
#[inline]
pub(super) fn text(request: &impl Request, fact: FactId) -> Option<&str> {
    match request.value(fact) {
        Value::Str(text) => Some(text),
        Value::Absent | Value::Bool(_) | Value::Int(_) | Value::Ip(_) => None,
    }
}

/// Looks at a text, with its ASCII letters in lower case if `lower`.
#[inline]
pub(super) fn in_case<R>(text: &str, lower: bool, look: impl FnOnce(&str) -> R) -> R {
    if !lower || !text.bytes().any(|byte| byte.is_ascii_uppercase()) {
        return look(text);
    }
    match ArrayString::<SHORT>::from(text) {
        Ok(mut short) => {
            short.make_ascii_lowercase();
            look(&short)
        }
        Err(_) => look(&text.to_ascii_lowercase()),
    }
}

/// Whether two subjects are there and have the same text.
pub(super) fn same(request: &impl Request, a: Subject, b: Subject) -> bool {
    let read = |byte: u8, lower: bool| if lower { byte.to_ascii_lowercase() } else { byte };
    match (text(request, a.fact), text(request, b.fact)) {
        (Some(left), Some(right)) if !a.lower && !b.lower => left == right,
        (Some(left), Some(right)) => {
            left.len() == right.len()
                && left.bytes().zip(right.bytes()).all(|(l, r)| read(l, a.lower) == read(r, b.lower))
        }
        (None, _) | (_, None) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_and_many_texts_have_the_same_ids() {
        let texts: Vec<String> = (0..40).map(|n| format!("t{n}")).collect();
        let many = TextTable::new(&texts);
        let few = TextTable::new(&texts[..4]);
        assert_eq!(few.id("t3"), 4);
        assert_eq!(many.id("t3"), 4);
        assert_eq!(few.id("t30"), 0);
        assert_eq!(many.id("t30"), 31);
        assert_eq!(many.id(""), 0);
        assert_eq!(TextTable::new::<&str>(&[]).id(""), 0);
    }

    #[test]
    fn of_equal_texts_the_first_counts() {
        let texts = ["a", "b", "a", "c", "d", "a"];
        assert_eq!((TextTable::new(&texts).id("a"), TextTable::new(&texts[..3]).id("a")), (1, 1));
    }

    #[test]
    fn short_and_long_texts_are_put_into_lower_case() {
        for length in [0, 1, SHORT, SHORT + 1, 10_000] {
            let text = "É".chars().chain("Ab".chars().cycle()).take(length).collect::<String>();
            let lower = in_case(&text, true, str::to_owned);
            assert_eq!(lower, text.to_ascii_lowercase());
            assert_eq!(in_case(&text, false, str::to_owned), text);
        }
    }
}

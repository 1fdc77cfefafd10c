//! Finds the id of a text among those that a policy mentions.

use std::collections::HashMap;

/// Up to this many texts are compared one by one, which is faster than hashing.
const FEW: usize = 12;

/// The texts of a policy.
#[derive(Debug)]
pub(super) enum TextTable {
    Few(Box<[Box<str>]>),
    Many(HashMap<Box<str>, i64>),
}

impl TextTable {
    pub(super) fn new(texts: &[String]) -> Self {
        if texts.len() <= FEW {
            return Self::Few(texts.iter().map(|text| text.as_str().into()).collect());
        }
        Self::Many(texts.iter().zip(1..).map(|(text, id)| (text.as_str().into(), id)).collect())
    }

    /// The position of a text plus one; 0 for a text that the policy does not mention.
    pub(super) fn id(&self, text: &str) -> i64 {
        match self {
            Self::Few(texts) => {
                texts.iter().zip(1..).find(|(known, _)| ***known == *text).map_or(0, |(_, id)| id)
            }
            Self::Many(texts) => texts.get(text).copied().unwrap_or(0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_and_many_texts_have_the_same_ids() {
        let texts: Vec<String> = (0..40).map(|n| format!("t{n}")).collect();
        let many = TextTable::new(&texts);
        let few = TextTable::new(&texts[..10]);
        assert_eq!(few.id("t3"), 4);
        assert_eq!(many.id("t3"), 4);
        assert_eq!(few.id("t30"), 0);
        assert_eq!(many.id("t30"), 31);
        assert_eq!(many.id(""), 0);
    }
}

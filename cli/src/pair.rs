//! `NAME=VALUE` on the command line.

use std::str::FromStr;

/// A name with what stands after its `=`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Pair {
    name: String,
    value: String,
}

/// Why an argument is no pair.
#[derive(Debug, thiserror::Error)]
#[error("write NAME=VALUE")]
pub(crate) struct NoPair;

impl FromStr for Pair {
    type Err = NoPair;

    fn from_str(text: &str) -> Result<Self, NoPair> {
        match text.split_once('=') {
            Some((name, value)) if !name.trim().is_empty() => {
                Ok(Self { name: name.trim().to_owned(), value: value.to_owned() })
            }
            Some(_) | None => Err(NoPair),
        }
    }
}

/// The pairs as a schema takes them.
pub(crate) fn borrowed(pairs: &[Pair]) -> Vec<(&str, &str)> {
    pairs.iter().map(|pair| (pair.name.as_str(), pair.value.as_str())).collect()
}

#[cfg(test)]
mod tests {
    use super::Pair;

    #[test]
    fn a_value_may_have_signs_of_equality() {
        let pair: Pair = "path=/a?b=c".parse().unwrap();
        assert_eq!((pair.name.as_str(), pair.value.as_str()), ("path", "/a?b=c"));
        assert!("path".parse::<Pair>().is_err());
        assert!("=x".parse::<Pair>().is_err());
    }
}

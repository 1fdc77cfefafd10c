//! `--keys user=1M`: how many different values a fact has.

use std::str::FromStr;

use limitrate_core::literal::parse_number;

/// A fact with how many values it has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Values {
    pub(super) fact: String,
    pub(super) number: u64,
}

/// Why an argument says no number of values.
#[derive(Debug, thiserror::Error)]
#[error("write FACT=N with a whole number, as in user=1M")]
pub(crate) struct NoValues;

impl FromStr for Values {
    type Err = NoValues;

    fn from_str(text: &str) -> Result<Self, NoValues> {
        let (fact, number) = text.split_once('=').ok_or(NoValues)?;
        let number = parse_number(number.trim(), 1).map_err(|_| NoValues)?;
        let number = u64::try_from(number).map_err(|_| NoValues)?;
        if fact.trim().is_empty() {
            return Err(NoValues);
        }
        Ok(Self { fact: fact.trim().to_owned(), number })
    }
}

#[cfg(test)]
mod tests {
    use super::Values;

    #[test]
    fn numbers_are_written_as_in_policies() {
        let read = |text: &str| text.parse::<Values>().ok().map(|values| values.number);
        assert_eq!(
            [read("user=1M"), read(" user = 10k"), read("user=1_000")],
            [Some(1_000_000), Some(10_000), Some(1_000)]
        );
        assert_eq!(
            [read("user"), read("user=many"), read("=5"), read("user=1.5"), read("user=-1")],
            [None; 5]
        );
    }
}

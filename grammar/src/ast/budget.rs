//! Budgets: what one decision may cost at most.

use crate::span::{Span, Spanned};

/// One line of a budget: `round trips <= 3 per request`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bound {
    /// What is bounded.
    pub measure: Measure,
    /// How much one request may take.
    pub most: Spanned<i64>,
    /// The whole line.
    pub span: Span,
}

/// What a budget can bound, of one request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Measure {
    /// How many limits are charged.
    Charges,
    /// How many groups of counters are asked for: each is a round trip to a store that is shared.
    RoundTrips,
    /// How many conditions, values and statements are looked at.
    Steps,
}

impl Measure {
    /// Every measure, in the order in which the formatter's examples have them.
    pub const ALL: [Self; 3] = [Self::Charges, Self::RoundTrips, Self::Steps];

    /// The words of the language.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::Charges => "charges",
            Self::RoundTrips => "round trips",
            Self::Steps => "steps",
        }
    }
}

//! What a quantity measures. Units are types: quantities of different units neither add nor compare.

use std::fmt;

pub use name::UnitName;
pub use price::{PICOS_PER_MONEY, PriceUnit};

mod name;
mod price;

/// A unit of measure. Quantities are integers in the *base unit*: one request, one byte, one nano-dollar.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Unit {
    /// Requests, `req`.
    Requests,
    /// Calls to something else, `calls`.
    Calls,
    /// Points of a cost table, `points`.
    Points,
    /// Tokens of a language model, `tokens`.
    Tokens,
    /// Bytes, `bytes`, `KiB`, `MiB`, `GiB`.
    Bytes,
    /// US dollars, in nano-dollars: `$1` is 1 000 000 000.
    Usd,
    /// Euros, in nano-euros.
    Eur,
    /// A unit that the policy declares, `images`: counted in whole ones.
    Declared(UnitName),
}

/// Base units in one dollar or euro.
pub const NANOS_PER_MONEY: i64 = 1_000_000_000;

impl Unit {
    /// Every unit of the language, in the order of declaration.
    pub const ALL: [Self; 7] =
        [Self::Requests, Self::Calls, Self::Points, Self::Tokens, Self::Bytes, Self::Usd, Self::Eur];

    /// The name the formatter writes and decision records carry.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::Requests => "req",
            Self::Calls => "calls",
            Self::Points => "points",
            Self::Tokens => "tokens",
            Self::Bytes => "bytes",
            Self::Usd => "usd",
            Self::Eur => "eur",
            Self::Declared(name) => name.as_str(),
        }
    }

    /// Whether this is a currency.
    #[must_use]
    pub const fn is_money(self) -> bool {
        matches!(self, Self::Usd | Self::Eur)
    }

    /// Whether a charge whose cost is left out costs one: true for what is counted by the request.
    #[must_use]
    pub const fn costs_one_by_default(self) -> bool {
        matches!(self, Self::Requests | Self::Calls)
    }

    /// The unit that a word of the language names, with the number of base units in one of it.
    #[must_use]
    pub fn from_word(word: &str) -> Option<(Self, i64)> {
        Some(match word {
            "req" | "request" | "requests" => (Self::Requests, 1),
            "call" | "calls" => (Self::Calls, 1),
            "point" | "points" => (Self::Points, 1),
            "token" | "tokens" => (Self::Tokens, 1),
            "ktok" => (Self::Tokens, 1_000),
            "Mtok" => (Self::Tokens, 1_000_000),
            "B" | "byte" | "bytes" => (Self::Bytes, 1),
            "KiB" => (Self::Bytes, 1 << 10),
            "MiB" => (Self::Bytes, 1 << 20),
            "GiB" => (Self::Bytes, 1 << 30),
            "usd" => (Self::Usd, NANOS_PER_MONEY),
            "eur" => (Self::Eur, NANOS_PER_MONEY),
            _ => return None,
        })
    }
}

impl fmt::Display for Unit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

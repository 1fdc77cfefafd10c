//! Prices: money per so much of a unit.
//!
//! A price is an integer of pico-units of money per written unit, so that the smallest prices in use are exact; its
//! product with a quantity is money, rounded up once to a nano-unit.

use std::fmt;

use super::{NANOS_PER_MONEY, Unit};

/// Pico-units in one dollar or euro.
pub const PICOS_PER_MONEY: i64 = 1_000_000_000_000;

/// Pico-units in one nano-unit.
const PICOS_PER_NANO: i64 = PICOS_PER_MONEY / NANOS_PER_MONEY;

/// What a price is of: `usd/Mtok`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PriceUnit {
    /// The currency.
    pub money: Unit,
    /// What it buys.
    pub of: Unit,
    /// How many base units of that it buys: a million for `Mtok`.
    pub scale: i64,
}

impl PriceUnit {
    /// What the product of a price and a quantity, both in base units, is divided by to be money in nano-units.
    #[must_use]
    pub const fn divisor(self) -> i64 {
        self.scale.saturating_mul(PICOS_PER_NANO)
    }

    /// The word for what a price buys: `Mtok`, `GiB`, `images`.
    #[must_use]
    pub fn word(&self) -> &str {
        match (&self.of, self.scale) {
            (Unit::Tokens, 1_000) => "ktok",
            (Unit::Tokens, 1_000_000) => "Mtok",
            (Unit::Bytes, 1_024) => "KiB",
            (Unit::Bytes, 1_048_576) => "MiB",
            (Unit::Bytes, 1_073_741_824) => "GiB",
            (of, _) => of.name(),
        }
    }
}

impl fmt::Display for PriceUnit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.money, self.word())
    }
}

//! Reading and printing values as people write them: `5 MiB`, `$0.25`, `10k req`, `80%`, `5.1 s`, instants and days.
//!
//! Exact in both directions, on integers only. Rates and whole policies are left to the grammar.

mod fact;
mod moment;
mod print;

pub use fact::write_fact;
pub use moment::{parse_clock, parse_date, parse_instant, write_clock, write_date, write_instant};
pub use print::{write_amount, write_count, write_duration, write_percent, write_price};

use crate::{
    time::Nanos,
    unit::{NANOS_PER_MONEY, PICOS_PER_MONEY, PriceUnit, Unit, UnitName},
    window::Period,
};

/// Parts per million in one percent: percentages are kept in parts per million.
pub const PPM_PER_PERCENT: i64 = 10_000;

/// A value read from text, in base units.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Quantity {
    /// `1_000`, `10k`
    Int(i64),
    /// `80%`, in parts per million.
    Percent(i64),
    /// `5 MiB`, `$0.25`
    Amount(i64, Unit),
    /// `5.1 s`
    Duration(Nanos),
}

/// Why a text is no value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LiteralError {
    /// Not of the form number, then unit.
    #[error("`{0}` is not a number with a unit")]
    Malformed(String),
    /// The word after the number names no unit.
    #[error("there is no unit `{0}`")]
    UnknownUnit(String),
    /// The unit has no fixed size, as a month, or could mean two things, as `m`.
    #[error("the unit `{0}` is ambiguous")]
    AmbiguousUnit(String),
    /// Beyond 64 bits in the base unit.
    #[error("`{0}` is too large")]
    TooLarge(String),
    /// More decimals than the base unit can hold.
    #[error("`{0}` has more decimals than its unit")]
    TooPrecise(String),
    /// No such day, time of day or instant.
    #[error("`{0}` is no {1}")]
    NoSuchMoment(String, &'static str),
}

/// Reads a value with an optional unit: `5 MiB`, `$0.25`, `15 eur`, `80%`, `5.1 s`, `1_000`.
///
/// # Errors
///
/// [`LiteralError`] if the text has another form, an unknown unit, or does not fit the base unit exactly.
pub fn parse_quantity(text: &str) -> Result<Quantity, LiteralError> {
    let text = text.trim();
    if let Some(money) = text.strip_prefix('$') {
        return Ok(Quantity::Amount(parse_number(money.trim_start(), NANOS_PER_MONEY)?, Unit::Usd));
    }
    if let Some(number) = text.strip_suffix('%') {
        return Ok(Quantity::Percent(parse_number(number.trim_end(), PPM_PER_PERCENT)?));
    }
    let (number, word) = split_unit(text);
    if word.is_empty() {
        return Ok(Quantity::Int(parse_number(number, 1)?));
    }
    if let Some((unit, scale)) = Unit::from_word(word) {
        return Ok(Quantity::Amount(parse_number(number, scale)?, unit));
    }
    if let Some(scale) = time_unit(word) {
        return Ok(Quantity::Duration(Nanos(parse_number(number, scale)?)));
    }
    Err(if calendar_unit(word).is_some() || matches!(word, "m" | "M") {
        LiteralError::AmbiguousUnit(word.to_owned())
    } else {
        LiteralError::UnknownUnit(word.to_owned())
    })
}

/// Reads a quantity of one unit, which may be a declared one: `5 MiB`, `3 images`.
///
/// # Errors
///
/// [`LiteralError`] as of [`parse_quantity`]; an amount of another unit is an unknown unit here.
pub fn parse_amount(text: &str, unit: Unit) -> Result<i64, LiteralError> {
    let (number, word) = split_unit(text.trim());
    match (parse_quantity(text), unit) {
        (Ok(Quantity::Amount(value, read)), _) if read == unit => Ok(value),
        (Ok(_), _) => Err(LiteralError::UnknownUnit(word.to_owned())),
        (Err(LiteralError::UnknownUnit(_)), Unit::Declared(name)) if UnitName::new(word) == Some(name) => {
            parse_number(number, 1)
        }
        (Err(error), _) => Err(error),
    }
}

/// Reads a price: `$2.50/Mtok`, `0.5 eur/ktok`, in pico-units of money per written unit.
///
/// # Errors
///
/// [`LiteralError`] if the text has another form, another unit, or does not fit exactly.
pub fn parse_price(text: &str, unit: PriceUnit) -> Result<i64, LiteralError> {
    let malformed = || LiteralError::Malformed(text.to_owned());
    let (money, of) = text.trim().split_once('/').ok_or_else(malformed)?;
    let of = of.trim();
    let scale = match Unit::from_word(of) {
        Some((read, scale)) if read == unit.of => scale,
        None if of == unit.of.name() => 1,
        _ => return Err(LiteralError::UnknownUnit(of.to_owned())),
    };
    if scale != unit.scale {
        return Err(LiteralError::UnknownUnit(of.to_owned()));
    }
    let (number, currency) = match money.trim().strip_prefix('$') {
        Some(number) => (number.trim_start(), Unit::Usd.name()),
        None => split_unit(money.trim()),
    };
    if currency != unit.money.name() {
        return Err(LiteralError::UnknownUnit(currency.to_owned()));
    }
    parse_number(number, PICOS_PER_MONEY)
}

/// Splits `10k req` into `10k` and `req`; a suffix `k`, `M` or `G` stays with the number.
fn split_unit(text: &str) -> (&str, &str) {
    let number = |c: char| c.is_ascii_digit() || c == '_' || c == '.';
    let digits = text.find(|c| !number(c)).unwrap_or(text.len());
    let (head, rest) = text.split_at_checked(digits).unwrap_or((text, ""));
    let suffixed = rest.strip_prefix(['k', 'M', 'G']);
    match suffixed {
        Some(after) if !after.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_') => {
            let (head, rest) = text.split_at_checked(digits + 1).unwrap_or((text, ""));
            (head, rest.trim_start())
        }
        _ => (head, rest.trim_start()),
    }
}

/// Reads a number such as `1_000`, `2.5` or `10k`, times `scale`, exactly.
///
/// # Errors
///
/// [`LiteralError`] if it is not a number, does not fit 64 bits, or is not whole once scaled.
pub fn parse_number(text: &str, scale: i64) -> Result<i64, LiteralError> {
    let malformed = || LiteralError::Malformed(text.to_owned());
    let too_large = || LiteralError::TooLarge(text.to_owned());
    let (mantissa, suffix) = match text.as_bytes().last() {
        Some(b'k') => (text.trim_end_matches('k'), 1_000),
        Some(b'M') => (text.trim_end_matches('M'), 1_000_000),
        Some(b'G') => (text.trim_end_matches('G'), 1_000_000_000),
        _ => (text, 1),
    };
    let (whole, decimals) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let is_digits = |part: &str| part.bytes().all(|b| b.is_ascii_digit() || b == b'_');
    if !whole.starts_with(|c: char| c.is_ascii_digit()) || !is_digits(whole) || !is_digits(decimals) {
        return Err(malformed());
    }
    if mantissa.len() + 1 < text.len() || (decimals.is_empty() && mantissa.contains('.')) {
        return Err(malformed());
    }
    let decimals = decimals.trim_end_matches(['0', '_']);
    let mut value: i128 = 0;
    let mut divisor: i128 = 1;
    for digit in whole.bytes().filter(u8::is_ascii_digit) {
        value = push_digit(value, digit).ok_or_else(too_large)?;
    }
    for digit in decimals.bytes().filter(u8::is_ascii_digit) {
        value = push_digit(value, digit).ok_or_else(|| LiteralError::TooPrecise(text.to_owned()))?;
        divisor = divisor.checked_mul(10).ok_or_else(|| LiteralError::TooPrecise(text.to_owned()))?;
    }
    let in_base = |value: i128| value.checked_mul(i128::from(scale))?.checked_mul(suffix);
    let fits = |value: i128| in_base(value).is_some_and(|value| i64::try_from(value).is_ok());
    let scaled = match in_base(value) {
        Some(scaled) => scaled,
        // Without its decimals it would fit: there are too many of them.
        None if fits(value / divisor) => return Err(LiteralError::TooPrecise(text.to_owned())),
        None => return Err(too_large()),
    };
    if scaled % divisor != 0 {
        return Err(LiteralError::TooPrecise(text.to_owned()));
    }
    i64::try_from(scaled / divisor).map_err(|_| too_large())
}

fn push_digit(value: i128, digit: u8) -> Option<i128> {
    value.checked_mul(10)?.checked_add(i128::from(digit.wrapping_sub(b'0')))
}

/// The nanoseconds of a unit of time that has a fixed length: a day is 24 hours, a week 7 days.
#[must_use]
pub fn time_unit(word: &str) -> Option<i64> {
    const SECOND: i64 = crate::time::NANOS_PER_SECOND;
    Some(match word {
        "ms" | "millisecond" | "milliseconds" => SECOND / 1_000,
        "s" | "sec" | "second" | "seconds" => SECOND,
        "min" | "minute" | "minutes" => 60 * SECOND,
        "h" | "hour" | "hours" => 3_600 * SECOND,
        "day" | "days" => 86_400 * SECOND,
        "week" | "weeks" => 7 * 86_400 * SECOND,
        _ => return None,
    })
}

/// The calendar period that a word names when it stands alone after a rate's slash.
#[must_use]
pub fn calendar_unit(word: &str) -> Option<Period> {
    Some(match word {
        "day" | "days" => Period::Day,
        "week" | "weeks" => Period::Week,
        "month" | "months" => Period::Month,
        "year" | "years" => Period::Year,
        _ => return None,
    })
}

#[cfg(test)]
mod tests;

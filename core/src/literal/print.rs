//! Prints values in the shortest form that reads back as the same value.

use std::fmt;

use crate::{
    literal::PPM_PER_PERCENT,
    time::{NANOS_PER_SECOND, Nanos},
    unit::{NANOS_PER_MONEY, PICOS_PER_MONEY, PriceUnit, Unit},
};

/// Text that is made when it is displayed.
struct Text<F>(F);

impl<F: Fn(&mut fmt::Formatter<'_>) -> fmt::Result> fmt::Display for Text<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (self.0)(f)
    }
}

/// A whole number: `9999`, `10k`, `1M`, `99_999`.
#[must_use]
pub fn write_count(value: i64) -> impl fmt::Display {
    Text(move |f: &mut fmt::Formatter<'_>| {
        sign(f, value)?;
        count(f, value.unsigned_abs())
    })
}

/// A quantity of `unit`, given in base units: `5 MiB`, `$0.98027`, `15 eur`, `10k req`.
#[must_use]
pub fn write_amount(value: i64, unit: Unit) -> impl fmt::Display {
    Text(move |f: &mut fmt::Formatter<'_>| {
        sign(f, value)?;
        let value = value.unsigned_abs();
        match unit {
            Unit::Usd => {
                f.write_str("$")?;
                decimal(f, value, NANOS_PER_MONEY.unsigned_abs())
            }
            Unit::Eur => {
                decimal(f, value, NANOS_PER_MONEY.unsigned_abs())?;
                f.write_str(" eur")
            }
            Unit::Bytes => {
                let (scale, word) = byte_unit(value);
                count(f, value / scale)?;
                write!(f, " {word}")
            }
            Unit::Requests | Unit::Calls | Unit::Points | Unit::Tokens | Unit::Declared(_) => {
                count(f, value)?;
                write!(f, " {}", unit.name())
            }
        }
    })
}

/// A price in pico-units per written unit: `$2.50/Mtok`, `0.5 eur/ktok`.
#[must_use]
pub fn write_price(value: i64, unit: PriceUnit) -> impl fmt::Display {
    Text(move |f: &mut fmt::Formatter<'_>| {
        sign(f, value)?;
        let dollars = unit.money == Unit::Usd;
        if dollars {
            f.write_str("$")?;
        }
        decimal(f, value.unsigned_abs(), PICOS_PER_MONEY.unsigned_abs())?;
        if !dollars {
            write!(f, " {}", unit.money)?;
        }
        write!(f, "/{}", unit.word())
    })
}

/// A share in parts per million: `30%`, `0.5%`.
#[must_use]
pub fn write_percent(ppm: i64) -> impl fmt::Display {
    Text(move |f: &mut fmt::Formatter<'_>| {
        sign(f, ppm)?;
        decimal(f, ppm.unsigned_abs(), PPM_PER_PERCENT.unsigned_abs())?;
        f.write_str("%")
    })
}

/// A length of time in the largest of `h`, `min`, `s`, `ms` that holds it: `24 h`, `90 s`, `5.1 s`, `250 ms`.
#[must_use]
pub fn write_duration(span: Nanos) -> impl fmt::Display {
    Text(move |f: &mut fmt::Formatter<'_>| {
        let second = NANOS_PER_SECOND.unsigned_abs();
        let nanos = span.0.unsigned_abs();
        let (scale, word) = if nanos == 0 {
            (second, "s")
        } else if nanos.is_multiple_of(3_600 * second) {
            (3_600 * second, "h")
        } else if nanos.is_multiple_of(60 * second) {
            (60 * second, "min")
        } else if nanos >= second {
            (second, "s")
        } else {
            (second / 1_000, "ms")
        };
        sign(f, span.0)?;
        decimal(f, nanos, scale)?;
        write!(f, " {word}")
    })
}

fn byte_unit(value: u64) -> (u64, &'static str) {
    let units = [(1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB")];
    units.into_iter().find(|(scale, _)| value > 0 && value.is_multiple_of(*scale)).unwrap_or((1, "bytes"))
}

fn sign(f: &mut fmt::Formatter<'_>, value: i64) -> fmt::Result {
    if value < 0 { f.write_str("-") } else { Ok(()) }
}

fn count(f: &mut fmt::Formatter<'_>, value: u64) -> fmt::Result {
    let scales = [(1_000_000_000, "G"), (1_000_000, "M"), (1_000, "k")];
    let short = scales.into_iter().find(|(scale, _)| value >= 10_000 && value.is_multiple_of(*scale));
    let (value, suffix) = short.map_or((value, ""), |(scale, suffix)| (value / scale, suffix));
    if value < 10_000 {
        return write!(f, "{value}{suffix}");
    }
    let digits = value.to_string();
    for (index, digit) in digits.char_indices() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            f.write_str("_")?;
        }
        write!(f, "{digit}")?;
    }
    f.write_str(suffix)
}

/// Prints `value / scale`; every scale here divides a power of ten, or a count of whole units.
fn decimal(f: &mut fmt::Formatter<'_>, value: u64, scale: u64) -> fmt::Result {
    let rest = value % scale;
    if rest == 0 {
        return count(f, value / scale);
    }
    let width = usize::try_from(scale.ilog10()).unwrap_or_default();
    let decimals = format!("{rest:0width$}");
    write!(f, "{}.{}", value / scale, decimals.trim_end_matches('0'))
}

//! Prints the value of a fact by the fact's type.

use super::{
    write_amount, write_clock, write_date, write_duration, write_instant, write_percent, write_price,
};
use crate::{
    facts::{FactType, Value},
    time::{Nanos, Timestamp},
};

/// A fact's value as the language writes it, texts without quotes; `-` for one that is absent.
#[must_use]
pub fn write_fact(ty: &FactType, value: Value<'_>) -> String {
    let number = match value {
        Value::Absent => return "-".to_owned(),
        Value::Bool(value) => return value.to_string(),
        Value::Str(text) => return text.to_owned(),
        Value::Ip(ip) => return ip.to_string(),
        Value::Int(number) => number,
    };
    match ty {
        FactType::Percent => write_percent(number).to_string(),
        FactType::Quantity(unit) => write_amount(number, *unit).to_string(),
        FactType::Price(unit) => write_price(number, *unit).to_string(),
        FactType::Duration => write_duration(Nanos(number)).to_string(),
        FactType::Instant => write_instant(Timestamp(number)).to_string(),
        FactType::Date => write_date(i32::try_from(number).unwrap_or_default()).to_string(),
        FactType::Clock => write_clock(Nanos(number)),
        FactType::Bool
        | FactType::Int { .. }
        | FactType::String
        | FactType::Key
        | FactType::Ip
        | FactType::OneOf(_)
        | FactType::Plan(_) => number.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::unit::Unit;

    #[test]
    fn a_value_is_written_as_its_type_has_it() {
        let written = |ty: FactType, value| write_fact(&ty, value);
        assert_eq!(written(FactType::Quantity(Unit::Usd), Value::Int(980_270_000)), "$0.98027");
        assert_eq!(written(FactType::Int { min: 0, max: 9 }, Value::Int(7)), "7");
        assert_eq!(written(FactType::String, Value::Str("small")), "small");
        assert_eq!(written(FactType::Percent, Value::Int(300_000)), "30%");
        assert_eq!(written(FactType::Key, Value::Absent), "-");
    }
}

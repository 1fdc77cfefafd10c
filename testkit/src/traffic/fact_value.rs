//! Raw values of a record, and facts of a declared type made from them.

use std::ops::Range;

use limitrate_core::facts::{FactType, Value};
use limitrate_core::literal::{self, LiteralError, Quantity};
use limitrate_core::net;
use limitrate_core::unit::Unit;

use super::skip::{SkipReason, quoted};

/// A value as it stands in a record.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Raw<'line> {
    Null,
    Bool(bool),
    Int(i64),
    /// Above what an `i64` holds.
    Wide(u64),
    Float(f64),
    Text(Text<'line>),
    Array,
    Object,
}

/// A text of the line, or one whose escapes had to be undone into an arena.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Text<'line> {
    Borrowed(&'line str),
    Unescaped(Range<usize>),
}

impl Text<'_> {
    pub(super) fn get<'a>(&'a self, arena: &'a str) -> &'a str {
        match self {
            Self::Borrowed(text) => text,
            Self::Unescaped(range) => arena.get(range.clone()).unwrap_or_default(),
        }
    }

    /// A part of it, by bytes.
    pub(super) fn slice(&self, part: Range<usize>) -> Self {
        match self {
            Self::Borrowed(text) => Self::Borrowed(text.get(part).unwrap_or_default()),
            Self::Unescaped(range) => Self::Unescaped(range.start + part.start..range.start + part.end),
        }
    }
}

/// Why a value is none of a type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mismatch {
    WrongType,
    OutOfRange,
}

/// The value that `text` spells in the language, as a `ty`.
pub(super) fn from_text<'a>(ty: &FactType, text: &'a str) -> Result<Value<'a>, Mismatch> {
    match ty {
        FactType::String | FactType::Key | FactType::OneOf(_) | FactType::Plan(_) => Ok(Value::Str(text)),
        FactType::Bool => text.parse().map(Value::Bool).map_err(|_| Mismatch::WrongType),
        FactType::Ip => text.parse().map(|ip| Value::Ip(net::canonical(ip))).map_err(|_| Mismatch::WrongType),
        FactType::Instant => literal::parse_instant(text).map(|at| Value::Int(at.0)).map_err(mismatch),
        FactType::Date => literal::parse_date(text).map(|days| Value::Int(days.into())).map_err(mismatch),
        FactType::Clock => literal::parse_clock(text).map(|clock| Value::Int(clock.0)).map_err(mismatch),
        FactType::Int { .. } => match text.parse() {
            Ok(value) => Ok(Value::Int(value)),
            Err(_) => quantity(ty, text),
        },
        FactType::Quantity(unit) => literal::parse_amount(text, *unit).map(Value::Int).map_err(mismatch),
        FactType::Price(unit) => literal::parse_price(text, *unit).map(Value::Int).map_err(mismatch),
        FactType::Percent | FactType::Duration => quantity(ty, text),
    }
}

/// A literal with the unit that the type wants.
fn quantity<'a>(ty: &FactType, text: &str) -> Result<Value<'a>, Mismatch> {
    match (ty, literal::parse_quantity(text).map_err(mismatch)?) {
        (FactType::Int { .. }, Quantity::Int(value)) | (FactType::Percent, Quantity::Percent(value)) => {
            Ok(Value::Int(value))
        }
        (FactType::Duration, Quantity::Duration(span)) => Ok(Value::Int(span.0)),
        _ => Err(Mismatch::WrongType),
    }
}

fn mismatch(error: LiteralError) -> Mismatch {
    if matches!(error, LiteralError::TooLarge(_)) { Mismatch::OutOfRange } else { Mismatch::WrongType }
}

/// The value of a JSON integer, in the base unit of a `ty`.
pub(super) fn from_int<'a>(ty: &FactType, value: i64) -> Result<Value<'a>, Mismatch> {
    if is_number(ty) { Ok(Value::Int(value)) } else { Err(Mismatch::WrongType) }
}

/// Whether values of the type are numbers.
pub(super) fn is_number(ty: &FactType) -> bool {
    match ty {
        FactType::Int { .. }
        | FactType::Percent
        | FactType::Quantity(_)
        | FactType::Price(_)
        | FactType::Duration
        | FactType::Instant
        | FactType::Date
        | FactType::Clock => true,
        FactType::Bool
        | FactType::String
        | FactType::Key
        | FactType::Ip
        | FactType::OneOf(_)
        | FactType::Plan(_) => false,
    }
}

/// The word for a type in messages.
pub(super) fn type_name(ty: &FactType) -> &'static str {
    const UNITS: &[Unit] = &Unit::ALL;
    match ty {
        FactType::Bool => "bool",
        FactType::Int { .. } => "int",
        FactType::Percent => "percent",
        FactType::Quantity(unit) => UNITS.iter().find(|known| *known == unit).map_or("amount", Unit::name),
        FactType::Price(_) => "price",
        FactType::Duration => "duration",
        FactType::Instant => "instant",
        FactType::Date => "date",
        FactType::Clock => "clock",
        FactType::String | FactType::OneOf(_) => "string",
        FactType::Key => "key",
        FactType::Ip => "ip",
        FactType::Plan(_) => "plan",
    }
}

/// The reason to skip a line whose `member` is not of type `ty`. A fact `mapped` to the member is to blame itself.
#[cold]
pub(super) fn refusal(
    (prefix, member): (&str, &str),
    mapped: Option<&str>,
    (ty, why): (&FactType, Mismatch),
    raw: &Raw<'_>,
    arena: &str,
) -> SkipReason {
    let (member, found) = (format!("{prefix}{member}").into_boxed_str(), describe(raw, arena));
    let (member, found) = match mapped {
        Some(fact) => (fact.into(), format!("{found} in `{member}`").into()),
        None => (member, found),
    };
    match why {
        Mismatch::OutOfRange => SkipReason::OutOfRange { member, found },
        Mismatch::WrongType => SkipReason::WrongType { member, expected: type_name(ty), found },
    }
}

/// A raw value, in words.
#[cold]
pub(super) fn describe(raw: &Raw<'_>, arena: &str) -> Box<str> {
    match raw {
        Raw::Null => "null".into(),
        Raw::Bool(value) => value.to_string().into(),
        Raw::Int(value) => format!("number {value}").into(),
        Raw::Wide(value) => format!("number {value}").into(),
        // Integers past 64 bits are floats here: as long as that is readable, they are shown as they were written.
        Raw::Float(value) if value.fract() == 0.0 && value.abs() < 1e24 && value.abs() >= 1e15 => {
            format!("number {value:.0}").into()
        }
        Raw::Float(value) => format!("number {value:?}").into(),
        Raw::Text(text) => format!("string {}", quoted(text.get(arena))).into(),
        Raw::Array => "array".into(),
        Raw::Object => "object".into(),
    }
}

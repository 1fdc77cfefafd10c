use proptest::prelude::*;

use super::*;
use crate::time::NANOS_PER_SECOND;

fn amount(value: i64, unit: Unit) -> Result<Quantity, LiteralError> {
    Ok(Quantity::Amount(value, unit))
}

#[test]
fn every_unit_reads_into_its_base() {
    assert_eq!(parse_quantity("5 MiB"), amount(5 << 20, Unit::Bytes));
    assert_eq!(parse_quantity("5MiB"), amount(5 << 20, Unit::Bytes));
    assert_eq!(parse_quantity("0.5 KiB"), amount(512, Unit::Bytes));
    assert_eq!(parse_quantity("$0.25"), amount(250_000_000, Unit::Usd));
    assert_eq!(parse_quantity("$20k"), amount(20_000_000_000_000, Unit::Usd));
    assert_eq!(parse_quantity("15 eur"), amount(15_000_000_000, Unit::Eur));
    assert_eq!(parse_quantity("10k req"), amount(10_000, Unit::Requests));
    assert_eq!(parse_quantity("1.5k tokens"), amount(1_500, Unit::Tokens));
    assert_eq!(parse_quantity("2 Mtok"), amount(2_000_000, Unit::Tokens));
    assert_eq!(parse_quantity("80%"), Ok(Quantity::Percent(800_000)));
    assert_eq!(parse_quantity("0.0001%"), Ok(Quantity::Percent(1)));
    assert_eq!(parse_quantity("5.1 s"), Ok(Quantity::Duration(Nanos(5_100_000_000))));
    assert_eq!(parse_quantity("1 day"), Ok(Quantity::Duration(Nanos(86_400 * NANOS_PER_SECOND))));
    assert_eq!(parse_quantity("1_000"), Ok(Quantity::Int(1_000)));
    assert_eq!(parse_quantity("3M"), Ok(Quantity::Int(3_000_000)));
}

#[test]
fn what_does_not_fit_the_base_unit_is_refused() {
    let text = |text: &str| text.to_owned();
    assert_eq!(parse_quantity("9223372036854775807"), Ok(Quantity::Int(i64::MAX)));
    assert_eq!(
        parse_quantity("9223372036854775808"),
        Err(LiteralError::TooLarge(text("9223372036854775808")))
    );
    assert_eq!(parse_quantity("10G usd"), Err(LiteralError::TooLarge(text("10G"))));
    assert_eq!(parse_quantity("$0.0000000001"), Err(LiteralError::TooPrecise(text("0.0000000001"))));
    assert_eq!(parse_quantity("0.1 KiB"), Err(LiteralError::TooPrecise(text("0.1"))));
    assert_eq!(parse_quantity("1.5"), Err(LiteralError::TooPrecise(text("1.5"))));
    assert_eq!(parse_quantity(&"9".repeat(1_000)), Err(LiteralError::TooLarge("9".repeat(1_000))));
}

#[test]
fn what_is_no_number_with_a_known_unit_is_refused() {
    assert_eq!(parse_quantity("10 m"), Err(LiteralError::AmbiguousUnit("m".into())));
    assert_eq!(parse_quantity("1 month"), Err(LiteralError::AmbiguousUnit("month".into())));
    assert_eq!(parse_quantity("10 parsecs"), Err(LiteralError::UnknownUnit("parsecs".into())));
    for text in ["", "-5", "1.", ".5", "1.2.3", "kk", "1kk", "$", "%", "_1", "1 é"] {
        assert!(parse_quantity(text).is_err(), "{text}");
    }
}

#[test]
fn values_print_in_the_shortest_exact_form() {
    let amounts = [
        (5 << 20, Unit::Bytes, "5 MiB"),
        (1_500, Unit::Bytes, "1500 bytes"),
        (0, Unit::Bytes, "0 bytes"),
        (980_270_000, Unit::Usd, "$0.98027"),
        (1_000 * NANOS_PER_MONEY, Unit::Usd, "$1000"),
        (500_000_000, Unit::Eur, "0.5 eur"),
        (10_000, Unit::Requests, "10k req"),
        (1_000_000, Unit::Requests, "1M req"),
        (9_999, Unit::Requests, "9999 req"),
        (99_999, Unit::Requests, "99_999 req"),
        (-5, Unit::Points, "-5 points"),
    ];
    for (value, unit, text) in amounts {
        assert_eq!(write_amount(value, unit).to_string(), text);
    }
    assert_eq!(write_percent(300_000).to_string(), "30%");
    assert_eq!(write_percent(1).to_string(), "0.0001%");
    assert_eq!(write_count(i64::MIN).to_string(), "-9_223_372_036_854_775_808");
    let seconds = [(90, "90 s"), (120, "2 min"), (86_400, "24 h"), (0, "0 s")];
    for (value, text) in seconds {
        assert_eq!(write_duration(Nanos::from_secs(value)).to_string(), text);
    }
    assert_eq!(write_duration(Nanos(5_100_000_000)).to_string(), "5.1 s");
    assert_eq!(write_duration(Nanos(250_000_000)).to_string(), "250 ms");
    assert_eq!(write_duration(Nanos(1)).to_string(), "0.000001 ms");
}

#[test]
fn moments_read_and_print() {
    let at = parse_instant("2026-03-02T16:59:30-05:00").unwrap();
    assert_eq!(write_instant(at).to_string(), "2026-03-02T21:59:30Z");
    assert_eq!(parse_date("1970-01-02"), Ok(1));
    assert_eq!(parse_date("1969-12-31"), Ok(-1));
    assert_eq!(write_date(parse_date("2026-12-25").unwrap()).to_string(), "2026-12-25");
    assert_eq!(parse_clock("09:00"), Ok(Nanos::from_secs(9 * 3_600)));
    assert_eq!(write_clock(parse_clock("23:59:59").unwrap()), "23:59:59");
    for text in [
        "2026-03-02T16:59:30",
        "2026-02-30T00:00:00Z",
        "2026-03-02",
        "2026-03-02 16:59:30Z",
        "9999-01-01T00:00:00Z",
    ] {
        assert!(parse_instant(text).is_err(), "{text}");
    }
    for text in ["2026-02-29", "2026-13-01", "26-01-01", "2026-1-1", "+026-01-01", ""] {
        assert!(parse_date(text).is_err(), "{text}");
    }
    for text in ["24:00", "9:00", "09:60", "09:00:60", "0900", "+9:00", ""] {
        assert!(parse_clock(text).is_err(), "{text}");
    }
}

proptest! {
    #[test]
    fn what_is_printed_reads_back_as_the_same_value(value in 0..=i64::MAX, unit in 0..Unit::ALL.len()) {
        let unit = Unit::ALL[unit];
        prop_assert_eq!(parse_quantity(&write_amount(value, unit).to_string()), amount(value, unit));
        prop_assert_eq!(parse_quantity(&write_percent(value).to_string()), Ok(Quantity::Percent(value)));
        prop_assert_eq!(parse_quantity(&write_count(value).to_string()), Ok(Quantity::Int(value)));
        prop_assert_eq!(parse_quantity(&write_duration(Nanos(value)).to_string()), Ok(Quantity::Duration(Nanos(value))));
    }

    #[test]
    fn no_text_makes_the_readers_panic(text in "\\PC*") {
        let _ = (parse_quantity(&text), parse_instant(&text), parse_date(&text), parse_clock(&text));
    }
}

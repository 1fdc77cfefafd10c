//! Numbers as people read them in tables.

use limitrate_core::time::Nanos;

/// A whole number with its thousands set off: `10,000`.
pub(crate) fn count(value: u64) -> String {
    let digits = value.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.char_indices() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A number of things: `1 request`, `10,000 requests`.
pub(crate) fn many(value: u64, one: &str, more: &str) -> String {
    format!("{} {}", count(value), if value == 1 { one } else { more })
}

/// A part of a whole to a tenth of a percent: `3.9 %`. What is not nothing is never shown as 0.0, nor less than all
/// as 100.0.
pub(crate) fn percent(part: u64, whole: u64) -> String {
    if whole == 0 {
        return String::new();
    }
    let (part, whole) = (u128::from(part), u128::from(whole));
    let tenths = (part * 2_000 + whole) / (whole * 2);
    match tenths {
        0 if part > 0 => "<0.1 %".to_owned(),
        1_000 if part < whole => ">99.9 %".to_owned(),
        _ => format!("{}.{} %", tenths / 10, tenths % 10),
    }
}

/// A size in the largest of its units, rounded: `64 bytes`, `1.5 KiB`, `61.0 MiB`.
pub(crate) fn bytes(size: u64) -> String {
    const UNITS: [(u64, &str); 4] = [(1 << 40, "TiB"), (1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB")];
    let Some((scale, unit)) = UNITS.into_iter().find(|(scale, _)| size >= *scale) else {
        return many(size, "byte", "bytes");
    };
    let tenths = (u128::from(size) * 20 + u128::from(scale)) / (u128::from(scale) * 2);
    let whole = count(u64::try_from(tenths / 10).unwrap_or(u64::MAX));
    format!("{whole}.{} {unit}", tenths % 10)
}

/// A length of time in its two greatest units, rounded down: `3 d 11 h`, `1 min 5 s`, `5.1 s`, `250 ms`.
pub(crate) fn span(span: Nanos) -> String {
    const SECOND: i64 = 1_000_000_000;
    let units = [(86_400, "d"), (3_600, "h"), (60, "min"), (1, "s")];
    let seconds = span.0 / SECOND;
    if seconds < 60 {
        let millis = span.0 / 1_000_000;
        return match (seconds, millis % 1_000) {
            (0, millis) => format!("{millis} ms"),
            (_, 0) => format!("{seconds} s"),
            (_, millis) => format!("{seconds}.{} s", format!("{millis:03}").trim_end_matches('0')),
        };
    }
    let mut parts = Vec::new();
    let mut rest = seconds;
    for (scale, unit) in units {
        let value = rest / scale;
        rest %= scale;
        if value > 0 {
            parts.push(format!("{value} {unit}"));
        } else if !parts.is_empty() {
            break;
        }
        if parts.len() == 2 {
            break;
        }
    }
    parts.join(" ")
}

#[cfg(test)]
mod tests {
    use super::{Nanos, bytes, count, percent, span};

    #[test]
    fn numbers_are_set_off_by_thousands() {
        assert_eq!(
            [count(0), count(999), count(1_000), count(12_345_678)],
            ["0", "999", "1,000", "12,345,678"]
        );
    }

    #[test]
    fn a_percentage_never_hides_what_is_there() {
        assert_eq!([percent(0, 5), percent(5, 5), percent(1, 3)], ["0.0 %", "100.0 %", "33.3 %"]);
        assert_eq!([percent(1, 1_000_000), percent(999_999, 1_000_000)], ["<0.1 %", ">99.9 %"]);
        assert_eq!(percent(0, 0), "");
        assert_eq!(percent(u64::MAX, u64::MAX), "100.0 %");
    }

    #[test]
    fn a_size_is_rounded_to_a_tenth_of_its_unit() {
        assert_eq!([bytes(0), bytes(1), bytes(1_023)], ["0 bytes", "1 byte", "1,023 bytes"]);
        assert_eq!([bytes(1_536), bytes(64_000_000), bytes(5 << 40)], ["1.5 KiB", "61.0 MiB", "5.0 TiB"]);
    }

    #[test]
    fn a_span_has_two_units_at_most() {
        let seconds = |seconds: i64| span(Nanos::from_secs(seconds));
        assert_eq!(span(Nanos(5_100_000_000)), "5.1 s");
        assert_eq!(span(Nanos(250_000_000)), "250 ms");
        assert_eq!(seconds(65), "1 min 5 s");
        assert_eq!(seconds(86_400 * 3 + 3_600 * 11 + 7), "3 d 11 h");
        assert_eq!(seconds(86_400 + 7), "1 d");
        assert_eq!(seconds(0), "0 ms");
    }
}

//! The one spelling of a literal: the digits as they were written, the unit in its short form.

/// A literal of the grammar, written with blanks and units as the formatter wants them.
pub(super) fn canonical(text: &str) -> String {
    let words: Vec<&str> = text.split_ascii_whitespace().collect();
    let plain = words.join(" ");
    if let Some((amount, window)) = plain.split_once('/').or_else(|| plain.split_once(" per ")) {
        return format!("{}/{}", per_window(amount.trim()), window_text(window.trim()));
    }
    quantity(&plain)
}

/// The amount of a rate; a bare number counts requests.
fn per_window(amount: &str) -> String {
    let (number, unit) = split(amount);
    if unit.is_empty() && !number.starts_with('$') { format!("{number} req") } else { quantity(amount) }
}

/// A window: `min`, `10 s`, `24 h`, `day`.
fn window_text(window: &str) -> String {
    let (number, unit) = split(window);
    match (number, unit) {
        ("", "h" | "hours") => "hour".to_owned(),
        ("", unit) => unit_name(unit, "1").to_owned(),
        (number, unit) => format!("{number} {}", unit_name(unit, number)),
    }
}

/// A number with its unit: `5 MiB`, `30 s`, `2 days`.
pub(super) fn quantity(text: &str) -> String {
    match split(text) {
        (number, "") => number.to_owned(),
        ("", unit) => unit_name(unit, "").to_owned(), // of a type: `usd/Mtok`
        (number, unit) => format!("{number} {}", unit_name(unit, number)),
    }
}

/// Splits `10k requests` into `10k` and `requests`.
fn split(text: &str) -> (&str, &str) {
    let is_number = |c: char| c.is_ascii_digit() || matches!(c, '_' | '.' | '$' | '%');
    let digits = text.find(|c| !is_number(c)).unwrap_or(text.len());
    let (number, rest) = text.split_at_checked(digits).unwrap_or((text, ""));
    let is_suffix = |rest: &str| {
        let after = rest.strip_prefix(['k', 'M', 'G']);
        after.is_some_and(|after| !after.starts_with(|c: char| c.is_ascii_alphanumeric()))
    };
    if !number.is_empty() && is_suffix(rest) {
        let (number, rest) = text.split_at_checked(digits + 1).unwrap_or((text, ""));
        return (number, rest.trim_start());
    }
    (number, rest.trim_start())
}

/// The short form of a unit, after the number `count`.
pub(super) fn unit_name<'a>(unit: &'a str, count: &str) -> &'a str {
    let one = count == "1";
    match unit {
        "requests" | "request" => "req",
        "call" => "calls",
        "point" => "points",
        "token" => "tokens",
        "B" | "byte" => "bytes",
        "milliseconds" | "millisecond" => "ms",
        "seconds" | "second" | "sec" => "s",
        "minutes" | "minute" => "min",
        "hours" | "hour" if !one || unit == "hours" => "h",
        "days" | "day" => {
            if one {
                "day"
            } else {
                "days"
            }
        }
        "weeks" | "week" => {
            if one {
                "week"
            } else {
                "weeks"
            }
        }
        "months" => "month",
        "years" => "year",
        _ => unit,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_get_their_short_form_and_digits_stay() {
        let spellings = [
            ("60 requests per minute", "60 req/min"),
            ("1000 per minute", "1000 req/min"),
            ("100/min", "100 req/min"),
            ("1 req / 10 seconds", "1 req/10 s"),
            ("10k req/day", "10k req/day"),
            ("10k requests/24 hours", "10k req/24 h"),
            ("5MiB/s", "5 MiB/s"),
            ("2 GiB/h", "2 GiB/hour"),
            ("1000 req/7 day", "1000 req/7 days"),
            ("$500/month", "$500/month"),
            ("$20k", "$20k"),
            ("99_999 request", "99_999 req"),
            ("5B", "5 bytes"),
            ("5.1 sec", "5.1 s"),
            ("1 days", "1 day"),
            ("1 hour", "1 hour"),
            ("4  in  flight", "4 in flight"),
            ("80%", "80%"),
            ("usd / Mtok", "usd/Mtok"),
            ("requests/minute", "req/min"),
        ];
        for (written, canonical_text) in spellings {
            assert_eq!(canonical(written), canonical_text);
            assert_eq!(canonical(canonical_text), canonical_text);
        }
    }
}

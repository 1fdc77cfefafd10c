//! The unit algebra: what adds up, multiplies and compares, and nothing else.

use limitrate_compiler::grammar::code::Code;

use crate::mismatch;

/// A kind of value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Int,
    Percent,
    Bytes,
    Tokens,
    Usd,
    Eur,
    Duration,
    Rate,
    Flight,
    Text,
    Truth,
    Date,
}

use Kind::{Bytes, Date, Duration, Eur, Flight, Int, Percent, Rate, Text, Tokens, Truth, Usd};

const KINDS: [(Kind, &str); 12] = [
    (Int, "n"),
    (Percent, "p"),
    (Bytes, "b"),
    (Tokens, "t"),
    (Usd, "u"),
    (Eur, "e"),
    (Duration, "d"),
    (Rate, "plan.r"),
    (Flight, "plan.f"),
    (Text, "s"),
    (Truth, "w"),
    (Date, "y"),
];

impl Kind {
    /// Amounts and numbers, of which two different ones are a matter of units.
    const fn is_measure(self) -> bool {
        matches!(self, Int | Percent | Bytes | Tokens | Usd | Eur | Duration | Rate)
    }

    const fn adds_up(self) -> bool {
        matches!(self, Int | Percent | Bytes | Tokens | Usd | Eur | Duration)
    }

    const fn has_order(self) -> bool {
        self.adds_up() || matches!(self, Date)
    }

    /// Whether values are amounts that a whole number multiplies.
    const fn is_amount(self) -> bool {
        matches!(self, Int | Bytes | Tokens | Usd | Eur | Duration)
    }

    const fn is_money(self) -> bool {
        matches!(self, Usd | Eur)
    }
}

fn policy(expression: &str) -> String {
    format!(
        "input {{ n : int  p : percent  b : bytes  t : tokens  u : usd  e : eur  d : duration  s : string  w : bool  \
         y : date  plan : plan }}\nplan free {{ r = 10 req/min  f = 4 in flight }}\n\
         rule units {{ let result = {expression} }}\n"
    )
}

/// The code of two kinds that differ and should not.
fn differing(a: Kind, b: Kind) -> Code {
    match (a, b) {
        (a, b) if a.is_money() && b.is_money() => Code::RL0209,
        (a, b) if a.is_measure() && b.is_measure() => Code::RL0201,
        _ => Code::RL0202,
    }
}

fn every_pair(sign: &str, wanted: impl Fn(Kind, Kind) -> Option<Code>) {
    let mut wrong = String::new();
    for (a, left) in KINDS {
        for (b, right) in KINDS {
            let expression = format!("{left} {sign} {right}");
            let wanted: Vec<Code> = wanted(a, b).into_iter().collect();
            wrong.extend(mismatch(&expression, &wanted, &policy(&expression)));
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

#[test]
fn only_amounts_of_one_unit_add_up_and_subtract() {
    for sign in ["+", "-"] {
        every_pair(sign, |a, b| match (a == b, a.adds_up()) {
            (true, true) => None,
            (true, false) => Some(Code::RL0202),
            (false, _) => Some(differing(a, b)),
        });
    }
}

#[test]
fn amounts_multiply_with_numbers_and_percentages_and_ceilings_with_percentages() {
    every_pair("*", |a, b| {
        let fits = |value: Kind, factor: Kind| {
            let scales = factor == Percent && (value.is_amount() || matches!(value, Rate | Flight));
            scales || (factor == Int && value.is_amount())
        };
        (!fits(a, b) && !fits(b, a)).then_some(Code::RL0201)
    });
}

#[test]
fn amounts_divide_by_their_unit_by_numbers_and_by_time_and_nothing_divides_by_what_may_be_zero() {
    every_pair("/", |a, b| match (a, b) {
        (Bytes | Tokens | Usd | Eur, Duration) => Some(Code::RL0403),
        (a, b) if a.is_amount() && (a == b || b == Int) => Some(Code::RL0206),
        (a, b) => Some(differing(a, b)),
    });
}

#[test]
fn only_values_of_one_unit_compare_and_only_some_have_an_order() {
    for sign in ["<", "<=", ">", ">="] {
        every_pair(sign, |a, b| match (a == b, a.has_order()) {
            (true, true) => None,
            (true, false) => Some(Code::RL0202),
            (false, _) => Some(differing(a, b)),
        });
    }
    for sign in ["==", "!="] {
        every_pair(sign, |a, b| match (a == b, matches!(a, Rate | Flight)) {
            (true, false) => None,
            (true, true) => Some(Code::RL0202),
            (false, _) => Some(differing(a, b)),
        });
    }
}

#[test]
fn a_fallback_has_the_type_of_what_it_stands_in_for() {
    every_pair("??", |a, b| (a != b).then(|| differing(a, b)));
}

#[test]
fn constants_that_leave_64_bits_are_reported_and_not_wrapped() {
    for (expression, wanted) in [
        ("9_223_372_036_854_775_807 + 1", vec![Code::RL0013]),
        ("9_223_372_036_854_775_807 - 1", vec![]),
        ("9_223_372_036_854_775_807 * 2", vec![Code::RL0013]),
        ("$9 * 1_000_000_000", vec![]),
        ("$9 * 2_000_000_000", vec![Code::RL0013]),
        ("50% * 9_223_372_036_854_775_807", vec![]),
        ("200% * 9_223_372_036_854_775_807", vec![Code::RL0013]),
    ] {
        assert_eq!(mismatch(expression, &wanted, &policy(expression)), None);
    }
}

#[test]
fn bounds_have_the_type_and_the_order_of_what_they_bound() {
    for (expression, wanted) in [
        ("at_least(n, 1)", vec![]),
        ("at_most(b, 5 MiB)", vec![]),
        ("clamp(u, $1, $5)", vec![]),
        ("clamp(d, 1 s, 1 min)", vec![]),
        ("at_least(n, 1 req)", vec![Code::RL0201]),
        ("at_most(u, 5 eur)", vec![Code::RL0209]),
        ("at_least(s, \"a\")", vec![Code::RL0202]),
        ("at_least(n)", vec![Code::RL0202]),
        ("clamp(n, 1)", vec![Code::RL0202]),
    ] {
        assert_eq!(mismatch(expression, &wanted, &policy(expression)), None);
    }
}

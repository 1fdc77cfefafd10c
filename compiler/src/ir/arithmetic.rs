//! What the operations of the core program compute. The interpreter and the folding of constants use these functions;
//! generated code is tested against them.

use crate::checked::{Arithmetic, Comparison};

/// Parts in a whole of [`Arithmetic::Scale`].
pub const PARTS: i64 = 1_000_000;

/// The greatest factor that [`Arithmetic::Scale`] knows, in parts per million; greater ones count as this one.
///
/// With it, a remainder below [`PARTS`] times the factor stays within 64 bits.
pub const MAX_FACTOR: i64 = 9_000_000_000_000;

/// The greatest divisor of [`Arithmetic::Price`]: a price of a GiB in pico-units, per nano-unit.
pub const MAX_DIVISOR: i64 = 1_000 << 30;

/// Applies an operation; the result saturates at the ends of 64 bits.
#[must_use]
pub fn apply(operation: Arithmetic, a: i64, b: i64) -> i64 {
    match operation {
        Arithmetic::Add => a.saturating_add(b),
        Arithmetic::Sub => a.saturating_sub(b),
        Arithmetic::Mul => a.saturating_mul(b),
        Arithmetic::Scale => scale(a, b),
        Arithmetic::Min => a.min(b),
        Arithmetic::Max => a.max(b),
        Arithmetic::Divide => match b {
            0 => 0,
            _ => clamped(floor(i128::from(a), i128::from(b))),
        },
        Arithmetic::Ratio => match b {
            0 => 0,
            _ => clamped(floor(i128::from(a) * i128::from(PARTS), i128::from(b))),
        },
        Arithmetic::Price(divisor) => clamped(price(a, b, divisor)),
    }
}

/// ⌊a / b⌋, `b` not 0.
const fn floor(a: i128, b: i128) -> i128 {
    let (quotient, rest) = (a / b, a % b);
    if rest != 0 && (rest < 0) != (b < 0) { quotient - 1 } else { quotient }
}

/// ⌈a · b / divisor⌉, for a divisor of at least one.
fn price(a: i64, b: i64, divisor: i64) -> i128 {
    -floor(-(i128::from(a) * i128::from(b)), i128::from(divisor.max(1)))
}

fn clamped(value: i128) -> i64 {
    i64::try_from(value).unwrap_or(if value < 0 { i64::MIN } else { i64::MAX })
}

/// ⌊a · factor / 10⁶⌋, with the factor held between plus and minus [`MAX_FACTOR`].
fn scale(a: i64, factor: i64) -> i64 {
    let factor = factor.clamp(-MAX_FACTOR, MAX_FACTOR);
    // Quotient and remainder have the sign of `a`, so both products have one sign: what saturates stays saturated.
    let whole = (a / PARTS).saturating_mul(factor);
    whole.saturating_add((a % PARTS * factor).div_euclid(PARTS))
}

/// Whether the exact result lies outside 64 bits.
#[must_use]
pub fn saturates(operation: Arithmetic, a: i64, b: i64) -> bool {
    match operation {
        Arithmetic::Add => a.checked_add(b).is_none(),
        Arithmetic::Sub => a.checked_sub(b).is_none(),
        Arithmetic::Mul => a.checked_mul(b).is_none(),
        Arithmetic::Scale => {
            i64::try_from((i128::from(a) * i128::from(b)).div_euclid(i128::from(PARTS))).is_err()
        }
        Arithmetic::Divide => a == i64::MIN && b == -1,
        Arithmetic::Ratio => {
            b != 0 && i64::try_from(floor(i128::from(a) * i128::from(PARTS), i128::from(b))).is_err()
        }
        Arithmetic::Price(divisor) => i64::try_from(price(a, b, divisor)).is_err(),
        Arithmetic::Min | Arithmetic::Max => false,
    }
}

/// Whether a comparison holds, as 1 or 0.
#[must_use]
pub fn compare(comparison: Comparison, a: i64, b: i64) -> i64 {
    i64::from(match comparison {
        Comparison::Eq => a == b,
        Comparison::Ne => a != b,
        Comparison::Lt => a < b,
        Comparison::Le => a <= b,
        Comparison::Gt => a > b,
        Comparison::Ge => a >= b,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scaling_rounds_down_on_both_sides_of_zero() {
        assert_eq!(apply(Arithmetic::Scale, 10, 333_333), 3);
        assert_eq!(apply(Arithmetic::Scale, -10, 333_333), -4);
        assert_eq!(apply(Arithmetic::Scale, 1_000_000_007, 500_000), 500_000_003);
    }

    #[test]
    fn a_price_is_rounded_up_once_and_saturates() {
        let per_mtok = Arithmetic::Price(1_000_000_000);
        // $0.15 for a million tokens, and one token of it: 150 nano-dollars exactly.
        assert_eq!(apply(per_mtok, 150_000_000_000, 1), 150);
        assert_eq!(apply(per_mtok, 150_000_000_001, 1), 151);
        assert_eq!(apply(per_mtok, 1, 1), 1);
        assert_eq!(apply(per_mtok, -1, 1), 0);
        assert_eq!(apply(per_mtok, 0, i64::MAX), 0);
        assert_eq!(apply(per_mtok, i64::MAX, i64::MAX), i64::MAX);
        assert_eq!(apply(per_mtok, i64::MAX, i64::MIN), i64::MIN);
    }

    #[test]
    fn dividing_rounds_down_and_is_total() {
        assert_eq!(apply(Arithmetic::Divide, 7, 2), 3);
        assert_eq!(apply(Arithmetic::Divide, -7, 2), -4);
        assert_eq!(apply(Arithmetic::Divide, 7, 0), 0);
        assert_eq!(apply(Arithmetic::Divide, i64::MIN, -1), i64::MAX);
        assert_eq!(apply(Arithmetic::Ratio, 1, 3), 333_333);
        assert_eq!(apply(Arithmetic::Ratio, -1, 3), -333_334);
        assert_eq!(apply(Arithmetic::Ratio, i64::MAX, 1), i64::MAX);
        assert_eq!(apply(Arithmetic::Ratio, 5, 0), 0);
    }

    #[test]
    fn scaling_is_the_exact_product_rounded_down_up_to_the_ends_of_the_range() {
        let extremes = [
            i64::MIN,
            i64::MIN + 1,
            -1_000_001,
            -999_999,
            -1,
            0,
            1,
            999_999,
            1_000_000,
            i64::MAX - 1,
            i64::MAX,
        ];
        let factors =
            [-MAX_FACTOR, -1_000_001, -1_000_000, -1, 0, 1, 333_333, 1_000_000, 1_500_000, MAX_FACTOR];
        for a in extremes {
            for factor in factors {
                let exact = (i128::from(a) * i128::from(factor)).div_euclid(i128::from(PARTS));
                let clamped = exact.clamp(i128::from(i64::MIN), i128::from(i64::MAX));
                assert_eq!(i128::from(apply(Arithmetic::Scale, a, factor)), clamped, "{a} * {factor}");
            }
        }
    }
}

//! A whole charge on a bucket in 64-bit numbers: three divisions instead of nine.

use super::{
    super::small::{Charged, Small},
    Nanos, Refusal, State, Status, Terms, Timestamp,
};

/// Judges a cost, takes it if it fits, and reads what is left. `None` where a number does not fit in 64 bits, for terms
/// that say what a key never seen begins with, and for costs that never fit.
#[inline(always)]
pub(in super::super) fn charge(
    span: Nanos,
    state: State,
    terms: &Terms,
    now: Timestamp,
    cost: i64,
) -> Option<Charged> {
    let &Terms { ceiling, burst, starting } = terms;
    let is_usual = starting.is_none() && state.linger == Nanos::ZERO;
    if !is_usual || ceiling <= 0 || cost < 0 || burst < cost || burst < 1 {
        return None;
    }
    let span = span.0.max(1);
    let tolerance = divided(burst.checked_mul(span)?, ceiling).max(1);
    // No more than the product before.
    let moved = if cost == 0 { 0 } else { divided(cost.wrapping_mul(span), ceiling).max(1) };
    let start = state.tat.max(now).0;
    let available = now.0.checked_add(tolerance)?.checked_sub(start)?;
    // Without the cost of nothing, which fits however far the bucket was charged.
    let fits = moved <= available || cost == 0;
    let (tat, left) =
        if fits { (start.checked_add(moved)?, available.checked_sub(moved)?) } else { (start, available) };
    let judged = if fits {
        Ok(())
    } else {
        // No bucket is charged past the last instant.
        start.checked_add(moved)?;
        Err(Refusal::Wait(Nanos(moved.checked_sub(available)?)))
    };
    let status = Status {
        remaining: if left < 1 {
            0
        } else {
            divided(left.checked_add(1)?.checked_mul(ceiling)? - 1, span).min(burst)
        },
        reset_after: Nanos(tat.checked_sub(now.0)?),
    };
    let tat = Timestamp(tat);
    let fresh = (fits && cost > 0).then_some((Small::Bucket(State { tat, linger: Nanos::ZERO }), tat));
    Some(Charged { judged, fresh, status })
}

/// A quotient of numbers that are not negative, of a divisor above 0: without a sign there is less to divide.
#[inline]
const fn divided(dividend: i64, divisor: i64) -> i64 {
    match dividend.cast_unsigned().checked_div(divisor.cast_unsigned()) {
        Some(quotient) => quotient.cast_signed(),
        None => 0,
    }
}

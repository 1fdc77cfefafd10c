//! A whole charge on a sliding window in 64-bit numbers.

use super::{
    super::small::{Charged, Small},
    Nanos, State, Status, Timestamp, View, wait_until,
};

/// Judges a cost, takes it if it fits, and reads what is left. `None` where a number does not fit in 64 bits, and for
/// costs that never fit.
#[inline(always)]
pub(in super::super) fn charge(
    span: Nanos,
    state: State,
    ceiling: i64,
    now: Timestamp,
    cost: i64,
) -> Option<Charged> {
    if cost < 0 || ceiling <= 0 || cost > ceiling {
        return None;
    }
    let length = span.0.max(1);
    let state = state.seen_from(now.0.div_euclid(length));
    let start = state.index.checked_mul(length)?;
    let left = length - now.0.saturating_sub(start).clamp(0, length);
    if state.current < 0 || state.previous < 0 {
        return None;
    }
    let weighted = if state.previous == 0 {
        0
    } else {
        state.previous.checked_mul(left)?.cast_unsigned().div_ceil(length.cast_unsigned()).cast_signed()
    };
    let used = state.current.checked_add(weighted)?;
    let after = used.checked_add(cost)?;
    let fits = after <= ceiling || cost == 0;
    let status = |used| {
        let end = start.checked_add(length)?.checked_sub(now.0)?;
        Some(Status { remaining: ceiling.saturating_sub(used).max(0), reset_after: Nanos(end) })
    };
    if fits {
        let fresh = if cost > 0 {
            let idle_at = state.index.checked_add(2)?.checked_mul(length)?;
            let taken = State { current: state.current.saturating_add(cost), ..state };
            Some((Small::SlidingWindow(taken), Timestamp(idle_at)))
        } else {
            None
        };
        return Some(Charged { judged: Ok(()), fresh, status: status(after)? });
    }
    let view = View { state, start: i128::from(start), length: i128::from(length), left: i128::from(left) };
    let judged = Err(wait_until(view.fits_at(ceiling, cost), now));
    Some(Charged { judged, fresh: None, status: status(used)? })
}

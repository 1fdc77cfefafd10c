//! How much of a ceiling may be leased: taken by instances of a service in advance, and not used yet.
//!
//! What is leased is charged before it is used. So in any stretch of time no more is used than was charged in it and was
//! leased when it began: the worst case of the algorithm, and [`most_leased`].

/// Parts per million in a whole.
const WHOLE: i64 = 1_000_000;

/// The most that all instances together may have leased at once of a ceiling, rounded down; `overshoot` is in parts per
/// million.
#[must_use]
pub fn most_leased(ceiling: i64, overshoot: i64) -> i64 {
    let share = i128::from(overshoot.clamp(0, WHOLE));
    let most = i128::from(ceiling.max(0)) * share / i128::from(WHOLE);
    // No more than the ceiling, which is an `i64`.
    i64::try_from(most).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_share_is_rounded_down_and_never_more_than_the_ceiling() {
        assert_eq!(most_leased(105, 50_000), 5);
        assert_eq!(most_leased(19, 50_000), 0);
        assert_eq!(most_leased(i64::MAX, WHOLE), i64::MAX);
        assert_eq!(most_leased(i64::MAX, i64::MAX), i64::MAX);
        assert_eq!(most_leased(100, 0), 0);
        assert_eq!(most_leased(-5, WHOLE), 0);
        assert_eq!(most_leased(100, -1), 0);
    }
}

//! The worst case that each algorithm states: how much passes in any stretch as long as its window.

use limitrate_core::{
    algorithm::{Algorithm, LeaseId, Terms},
    time::{Nanos, Timestamp},
    window::Window,
};
use num_rational::Ratio;
use proptest::prelude::*;

/// Takes what fits of a random history; returns the charges.
fn admitted(algorithm: &Algorithm, terms: Terms, history: &[(i64, i64)]) -> Vec<(i64, i64)> {
    let (mut state, mut now, mut taken) = (None, Timestamp(0), Vec::new());
    for &(advance, cost) in history {
        now = now.after(Nanos(advance));
        if algorithm.judge(state.as_ref(), terms, now, cost).is_ok() {
            algorithm.take(&mut state, terms, now, cost, LeaseId(0));
            taken.push((now.0, cost));
        }
    }
    taken
}

/// The charges, and the sum of their costs, of the stretch of `span` with the most.
fn most_within(span: i64, taken: &[(i64, i64)]) -> (usize, i64) {
    let within = |first: usize, start: i64| {
        let stretch = taken.iter().skip(first).take_while(move |(at, _)| *at < start + span);
        stretch.fold((0, 0), |(count, sum), (_, cost)| (count + 1, sum + cost))
    };
    let stretches = taken.iter().enumerate().map(|(first, (start, _))| within(first, *start));
    stretches.max_by_key(|(_, sum)| *sum).unwrap_or_default()
}

fn histories(span: i64) -> impl Strategy<Value = Vec<(i64, i64)>> {
    let advance = prop_oneof![4 => Just(0), 6 => 0..=(span / 20).max(1), 1 => 0..=span];
    prop::collection::vec((advance, 1..=4_i64), 1..300)
}

fn case() -> impl Strategy<Value = (i64, Vec<(i64, i64)>)> {
    prop_oneof![2..=60_i64, Just(60_000_000_000)].prop_flat_map(|span| (Just(span), histories(span)))
}

proptest! {
    #[test]
    fn fixed_windows_pass_at_most_twice_the_ceiling((span, history) in case(), ceiling in 1..=20_i64) {
        let terms = Terms { ceiling, burst: 0, starting: None };
        for window in [Window::Rolling(Nanos(span)), Window::Aligned(Nanos(span))] {
            let taken = admitted(&Algorithm::FixedWindow(window), terms, &history);
            prop_assert!(most_within(span, &taken).1 <= 2 * ceiling);
        }
    }

    #[test]
    fn a_sliding_log_passes_at_most_the_ceiling((span, history) in case(), ceiling in 1..=20_i64) {
        let terms = Terms { ceiling, burst: 0, starting: None };
        let taken = admitted(&Algorithm::SlidingLog(Nanos(span)), terms, &history);
        prop_assert!(most_within(span, &taken).1 <= ceiling);
    }

    #[test]
    fn a_sliding_window_passes_at_most_twice_the_ceiling((span, history) in case(), ceiling in 1..=20_i64) {
        let terms = Terms { ceiling, burst: 0, starting: None };
        let taken = admitted(&Algorithm::SlidingWindow(Nanos(span)), terms, &history);
        prop_assert!(most_within(span, &taken).1 <= 2 * ceiling);
    }

    #[test]
    fn a_bucket_passes_at_most_ceiling_and_burst(
        (span, history) in case(),
        ceiling in 1..=20_i64,
        burst in 1..=20_i64,
    ) {
        let ceiling = ceiling.min(span);
        let terms = Terms { ceiling, burst, starting: None };
        let taken = admitted(&Algorithm::Bucket(Nanos(span)), terms, &history);
        let (charges, sum) = most_within(span, &taken);
        // Rounding Δ down favours the caller by less than a nanosecond for each charge: nothing, at real spans.
        let rounding = Ratio::new(i64::try_from(charges).unwrap_or(i64::MAX) * ceiling, span);
        prop_assert!(Ratio::from_integer(sum) < Ratio::from_integer(ceiling + burst + 1) + rounding);
        prop_assert!(span < 1_000_000_000 || sum <= ceiling + burst);
    }
}

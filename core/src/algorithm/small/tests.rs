//! A charge in one pass against the three steps that define it.

use proptest::prelude::*;

use super::*;
use crate::{
    time::Nanos,
    window::{Period, Window, Zone},
};

/// Numbers of every size, and those at the ends more often than by chance.
fn number() -> impl Strategy<Value = i64> {
    prop_oneof![
        4 => 0i64..200,
        4 => (0u32..63, any::<i64>()).prop_map(|(bits, number)| number >> bits),
        1 => prop::sample::select(vec![i64::MIN, -1, 0, 1, i64::MAX - 1, i64::MAX]),
    ]
}

fn span() -> impl Strategy<Value = Nanos> {
    prop_oneof![
        Just(Nanos::from_secs(1)),
        Just(Nanos::from_secs(60)),
        Just(Nanos::from_secs(31_536_000)),
        number().prop_map(Nanos),
    ]
}

fn algorithm() -> impl Strategy<Value = Algorithm> {
    prop_oneof![
        4 => span().prop_map(Algorithm::Bucket),
        4 => span().prop_map(Algorithm::SlidingWindow),
        1 => span().prop_map(|span| Algorithm::FixedWindow(Window::Rolling(span))),
        1 => span().prop_map(|span| Algorithm::FixedWindow(Window::Aligned(span))),
        1 => Just(Algorithm::FixedWindow(Window::Calendar(Period::Day, Zone::UTC))),
        1 => span().prop_map(Algorithm::SlidingLog),
        1 => span().prop_map(Algorithm::InFlight),
    ]
}

/// States as charges leave them, and any other.
fn state() -> impl Strategy<Value = Option<Small>> {
    let instant = || number().prop_map(Timestamp);
    prop_oneof![
        1 => Just(None),
        3 => (instant(), prop_oneof![3 => Just(Nanos::ZERO), 1 => number().prop_map(Nanos)])
            .prop_map(|(tat, linger)| Some(Small::Bucket(bucket::State { tat, linger }))),
        3 => (number(), number(), number()).prop_map(|(index, current, previous)| {
            let (current, previous) = (current.max(0), previous.max(0));
            Some(Small::SlidingWindow(sliding_window::State { index, current, previous }))
        }),
        1 => (instant(), instant(), number()).prop_map(|(start, end, used)| {
            Some(Small::FixedWindow(fixed_window::State { start, end, used: used.max(0) }))
        }),
    ]
}

fn terms() -> impl Strategy<Value = Terms> {
    let starting = prop_oneof![3 => Just(None), 1 => number().prop_map(Some)];
    (number(), number(), starting).prop_map(|(ceiling, burst, starting)| Terms { ceiling, burst, starting })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 20_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn one_pass_comes_to_what_three_steps_come_to(
        algorithm in algorithm(),
        state in state(),
        terms in terms(),
        now in number().prop_map(Timestamp),
        cost in number(),
    ) {
        let expected = algorithm.charge_in_steps(state, &terms, now, cost);
        prop_assert_eq!(algorithm.charge(state, &terms, now, cost), expected);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_000, failure_persistence: None, ..ProptestConfig::default() })]

    /// A counter charged again and again, as most are: near its ceiling, and with clocks that step back.
    #[test]
    fn a_history_in_passes_is_the_history_in_steps(
        algorithm in prop::sample::select(vec![
            Algorithm::Bucket(Nanos(60)),
            Algorithm::SlidingWindow(Nanos(60)),
            Algorithm::FixedWindow(Window::Rolling(Nanos(60))),
            Algorithm::FixedWindow(Window::Aligned(Nanos(60))),
        ]),
        acts in prop::collection::vec((1i64..20, 1i64..20, -20i64..40, 0i64..12), 1..60),
        from in -200i64..200,
    ) {
        let (mut state, mut now) = (None, Timestamp(from));
        for (ceiling, burst, later, cost) in acts {
            now = Timestamp(now.0 + later);
            let terms = Terms { ceiling, burst, starting: None };
            let charged = algorithm.charge(state, &terms, now, cost);
            prop_assert_eq!(charged, algorithm.charge_in_steps(state, &terms, now, cost));
            state = charged.fresh.map(|(state, _)| state).or(state);
        }
    }
}

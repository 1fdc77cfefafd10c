//! Costs, ceilings, spans and instants at the ends of their range: nothing overflows, and nothing is minted.

use limitrate_core::{
    algorithm::{Algorithm, Hold, LeaseId, Refusal, Terms},
    time::{Nanos, Timestamp},
    window::{Period, Window, Zone},
};
use proptest::prelude::*;

fn number() -> impl Strategy<Value = i64> {
    let ends = prop::sample::select(vec![i64::MIN, i64::MIN + 1, -1, 0, 1, 2, i64::MAX - 1, i64::MAX]);
    prop_oneof![3 => ends, 1 => any::<i64>(), 1 => -1_000..=1_000_i64]
}

fn algorithms() -> impl Strategy<Value = Algorithm> {
    let span = || number().prop_map(Nanos);
    let periods = prop::sample::select(vec![Period::Day, Period::Week, Period::Month, Period::Year]);
    prop_oneof![
        span().prop_map(|span| Algorithm::FixedWindow(Window::Rolling(span))),
        span().prop_map(|span| Algorithm::FixedWindow(Window::Aligned(span))),
        periods.prop_map(|period| Algorithm::FixedWindow(Window::Calendar(period, Zone::UTC))),
        span().prop_map(Algorithm::SlidingLog),
        span().prop_map(Algorithm::SlidingWindow),
        span().prop_map(Algorithm::Bucket),
        span().prop_map(Algorithm::InFlight),
    ]
}

type Step = (i64, (i64, i64, Option<i64>), i64, Option<i64>);

fn history() -> impl Strategy<Value = Vec<Step>> {
    let terms = (number(), number(), prop::option::of(number()));
    prop::collection::vec((number(), terms, number(), prop::option::weighted(0.1, number())), 1..12)
}

proptest! {
    #[test]
    fn no_number_overflows_or_passes_a_ceiling(algorithm in algorithms(), history in history()) {
        let mut state = None;
        for (now, (ceiling, burst, starting), cost, set) in history {
            let (now, terms) = (Timestamp(now), Terms { ceiling, burst, starting });
            let highest = if matches!(algorithm, Algorithm::Bucket(_)) { burst } else { ceiling };
            if let Some(used) = set {
                algorithm.set_used(&mut state, now, used);
            }
            let before = algorithm.used(state.as_ref(), now);
            let status = algorithm.status(state.as_ref(), terms, now);
            prop_assert!(status.remaining >= 0 && status.remaining <= highest.max(0));
            prop_assert!(status.reset_after >= Nanos::ZERO);
            prop_assert_eq!(algorithm.judge(state.as_ref(), terms, now, status.remaining), Ok(()));
            if status.remaining < i64::MAX {
                prop_assert!(algorithm.judge(state.as_ref(), terms, now, status.remaining + 1).is_err());
            }
            match algorithm.judge(state.as_ref(), terms, now, cost) {
                Ok(()) => {
                    prop_assert!(cost == 0 || (0 < cost && cost <= highest && ceiling > 0));
                    prop_assert!(before.is_none_or(|before| cost == 0 || before <= ceiling - cost));
                }
                Err(Refusal::Wait(wait)) => prop_assert!(wait > Nanos::ZERO && cost <= highest && ceiling > 0),
                Err(Refusal::Never) => prop_assert!(cost != 0),
            }
            let place = algorithm.reserve(&mut state, terms, now, cost, LeaseId(1));
            if let Some(actual) = set {
                let before = algorithm.used(state.as_ref(), now);
                algorithm.settle(&mut state, &Hold { reserved: cost, place }, now, actual);
                let after = algorithm.used(state.as_ref(), now);
                prop_assert!(after.is_none_or(|after| after >= 0));
                prop_assert!(actual < cost || after >= before);
                prop_assert!(actual > cost || after <= before);
            }
            if let Some(state) = &state {
                let _ = algorithm.idle_at(state);
            }
        }
    }

    #[test]
    fn what_is_taken_regardless_is_all_counted(algorithm in algorithms(), costs in prop::collection::vec(1..=i64::MAX, 1..6)) {
        let terms = Terms { ceiling: i64::MAX, burst: i64::MAX, starting: None };
        let (mut state, now) = (None, Timestamp(1_000));
        for cost in &costs {
            algorithm.take(&mut state, terms, now, *cost, LeaseId(1));
        }
        if let Some(used) = algorithm.used(state.as_ref(), now) {
            prop_assert_eq!(used, costs.iter().fold(0, |sum: i64, cost| sum.saturating_add(*cost)));
        }
    }
}

//! Random histories, and what has to hold at every step of one.

use limitrate_core::{
    algorithm::{Algorithm, Hold, LeaseId, Refusal, State, Status, Terms},
    time::{Nanos, Timestamp},
};
use proptest::{prelude::*, sample::Index};

use crate::model::Model;

/// One request of a history.
#[derive(Debug, Clone)]
pub(crate) struct Step {
    /// How far the clock moves first; back, if negative.
    advance: i64,
    terms: Terms,
    cost: i64,
    /// Whether the cost is taken even if it does not fit.
    regardless: bool,
    /// A lease to release first, of those begun so far.
    release: Option<Index>,
    /// Whether the cost is only reserved.
    reserves: bool,
    /// A reservation to settle first, of those open, and what it came to.
    settle: Option<(Index, i64)>,
}

fn advances(span: i64) -> impl Strategy<Value = i64> {
    let small = (span / 8).max(1);
    prop_oneof![
        3 => Just(0_i64),
        6 => 0..=small,
        4 => 0..=span,
        1 => 0..=span.saturating_mul(3),
        1 => -small..=0,
        1 => Just(span),
        1 => Just(-1_i64),
    ]
}

fn terms(scale: i64) -> impl Strategy<Value = Terms> {
    let amount = move || prop_oneof![6 => 1..=12_i64, 1 => 0..=300_i64, 1 => Just(100_000_i64)];
    (amount(), amount(), prop::option::weighted(0.3, 0..=14_i64)).prop_map(
        move |(ceiling, burst, starting)| {
            let starting = starting.map(|amount| amount * scale);
            Terms { ceiling: ceiling * scale, burst: burst * scale, starting }
        },
    )
}

/// Histories under ceilings that stay, or change now and then, in requests or in nano-dollars.
pub(crate) fn steps(span: i64) -> impl Strategy<Value = Vec<Step>> {
    let step = move |scale: i64, usual: Terms| {
        let terms = prop_oneof![6 => Just(usual), 1 => terms(scale)];
        let cost = prop_oneof![8 => 0..=4_i64, 2 => 0..=13_i64, 1 => 0..=310_i64];
        let odd = if scale > 1 { 0..=scale } else { 0..=0 };
        let cost = (cost, odd).prop_map(move |(cost, odd)| cost * scale + odd);
        let release = prop::option::weighted(0.2, any::<Index>());
        let actual =
            prop_oneof![3 => Just(0_i64), 6 => 0..=8_i64, 1 => 0..=400_i64].prop_map(move |n| n * scale);
        let settle = prop::option::weighted(0.3, (any::<Index>(), actual));
        let odds = (prop::bool::weighted(0.05), prop::bool::weighted(0.4));
        (advances(span), terms, cost, odds, release, settle).prop_map(
            |(advance, terms, cost, (regardless, reserves), release, settle)| Step {
                advance,
                terms,
                cost,
                regardless,
                release,
                reserves,
                settle,
            },
        )
    };
    let scales = prop_oneof![3 => Just(1_i64), 1 => Just(1_000_000_007), 1 => Just(1 << 44)];
    scales
        .prop_flat_map(|scale| (Just(scale), terms(scale)))
        .prop_flat_map(move |(scale, usual)| prop::collection::vec(step(scale, usual), 1..50))
}

/// Runs a history and compares, at every step, with the model, with itself at the instants before and after, and with
/// a store that drops states as soon as it may.
pub(crate) fn follow_model(
    algorithm: &Algorithm,
    mut model: impl Model,
    steps: &[Step],
) -> Result<(), TestCaseError> {
    let mut now = Timestamp(if steps.len().is_multiple_of(2) { -100 } else { 1_000_000_007 });
    let mut kept = None;
    let mut dropped: Option<State> = None;
    let mut dropped_at = Timestamp::MIN;
    let mut begun = Vec::new();
    let mut holds: Vec<(LeaseId, Hold)> = Vec::new();
    for (number, step) in (0..).zip(steps) {
        now = Timestamp(now.0.saturating_add(step.advance).clamp(-(1 << 61), 1 << 61));
        if let (Some(index), Some(State::InFlight(leases))) = (&step.release, &mut kept)
            && !begun.is_empty()
        {
            let lease = *index.get(&begun);
            leases.release(lease);
            model.release(lease);
            if let Some(State::InFlight(leases)) = &mut dropped {
                leases.release(lease);
            }
        }
        if now < dropped_at {
            // Before it was idle the state does matter: this store came too soon.
            (dropped, dropped_at) = (kept.clone(), Timestamp::MIN);
        }
        if dropped.as_ref().is_some_and(|state| algorithm.idle_at(state) <= now) {
            (dropped, dropped_at) = (None, now);
        }

        if let Some((index, actual)) = &step.settle
            && !holds.is_empty()
        {
            let (lease, hold) = holds.swap_remove(index.index(holds.len()));
            algorithm.settle(&mut kept, &hold, now, *actual);
            algorithm.settle(&mut dropped, &hold, now, *actual);
            model.settle(lease, now, *actual);
        }

        let verdict = algorithm.judge(kept.as_ref(), step.terms, now, step.cost);
        prop_assert_eq!(verdict, algorithm.judge(dropped.as_ref(), step.terms, now, step.cost));
        prop_assert_eq!(
            verdict.is_ok(),
            model.fits(step.terms, now, step.cost),
            "{:?} at {:?}",
            verdict,
            now
        );
        check_refusal(algorithm, &model, kept.as_ref(), step, now, verdict)?;

        if verdict.is_ok() || step.regardless {
            let lease = LeaseId(number);
            let reserves = step.reserves && (step.cost > 0 || model.reserve_nothing(step.terms, now, lease));
            let place = algorithm.reserve(&mut kept, step.terms, now, step.cost, lease);
            let same = algorithm.reserve(&mut dropped, step.terms, now, step.cost, lease);
            prop_assert_eq!(place, same);
            model.take(step.terms, now, step.cost, lease);
            begun.push(lease);
            if reserves {
                holds.push((lease, Hold { reserved: step.cost, place }));
            }
        }
        let status = algorithm.status(kept.as_ref(), step.terms, now);
        prop_assert_eq!(status, algorithm.status(dropped.as_ref(), step.terms, now));
        let reset_after = model.reset_after(step.terms, now).min(i64::MAX.into());
        prop_assert_eq!(i128::from(status.reset_after.0), reset_after);
        check_remaining(algorithm, &model, kept.as_ref(), step.terms, now, status)?;
    }
    Ok(())
}

/// A wait suffices, and nothing shorter does; what can never fit does not fit later either.
fn check_refusal(
    algorithm: &Algorithm,
    model: &impl Model,
    state: Option<&State>,
    step: &Step,
    now: Timestamp,
    verdict: Result<(), Refusal>,
) -> Result<(), TestCaseError> {
    let fits_at = |wait: i64| {
        let then = now.after(Nanos(wait));
        let fits = algorithm.judge(state, step.terms, then, step.cost).is_ok();
        prop_assert_eq!(fits, model.fits(step.terms, then, step.cost), "after {}", wait);
        Ok(fits)
    };
    match verdict {
        Ok(()) => {}
        Err(Refusal::Wait(Nanos(wait))) => {
            prop_assert!(wait > 0);
            prop_assert!(now.0 > i64::MAX - wait || fits_at(wait)?, "does not fit after {}", wait);
            prop_assert!(!fits_at(wait - 1)?, "fits a nanosecond before {}", wait);
            prop_assert!(!fits_at(wait / 2)?, "fits after half of {}", wait);
        }
        Err(Refusal::Never) => {
            for wait in [0, 1, 7, 40, 1_000, 60_000_000_000, 1 << 59, 1 << 62, i64::MAX] {
                prop_assert!(!fits_at(wait)?, "fits after {}", wait);
            }
        }
    }
    Ok(())
}

/// What remains fits, and one more does not.
fn check_remaining(
    algorithm: &Algorithm,
    model: &impl Model,
    state: Option<&State>,
    terms: Terms,
    now: Timestamp,
    status: Status,
) -> Result<(), TestCaseError> {
    let Status { remaining, .. } = status;
    prop_assert!(remaining >= 0);
    prop_assert!(model.fits(terms, now, remaining), "{} remain, but do not fit", remaining);
    prop_assert!(!model.fits(terms, now, remaining + 1), "{} remain, but one more fits", remaining);
    prop_assert_eq!(algorithm.judge(state, terms, now, remaining), Ok(()));
    prop_assert!(algorithm.judge(state, terms, now, remaining + 1).is_err());
    if let Some(used) = algorithm.used(state, now) {
        prop_assert_eq!(remaining, terms.ceiling.saturating_sub(used).max(0));
    }
    Ok(())
}

//! Each algorithm against a naive model of its definition that keeps every charge and counts exactly.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "helpers of tests fail by panicking")]

mod bounds;
mod driver;
mod extremes;
mod model;

use limitrate_core::{
    algorithm::Algorithm,
    time::Nanos,
    window::{Period, Window, Zone},
};
use proptest::prelude::*;

use driver::{follow_model, steps};

/// Spans at which every nanosecond matters, and such as are in use.
fn spans() -> impl Strategy<Value = i64> {
    prop_oneof![3 => 1..=40_i64, 1 => Just(1_000_000_000), 1 => Just(60_000_000_000), 1 => 1..=1_i64 << 60]
}

fn case() -> impl Strategy<Value = (i64, Vec<driver::Step>)> {
    spans().prop_flat_map(|span| (Just(span), steps(span)))
}

proptest! {
    #[test]
    fn a_rolling_window_follows_the_model((span, steps) in case()) {
        let algorithm = Algorithm::FixedWindow(Window::Rolling(Nanos(span)));
        follow_model(&algorithm, model::FixedWindow::rolling(span), &steps)?;
    }

    #[test]
    fn an_aligned_window_follows_the_model((span, steps) in case()) {
        let algorithm = Algorithm::FixedWindow(Window::Aligned(Nanos(span)));
        follow_model(&algorithm, model::FixedWindow::aligned(span), &steps)?;
    }

    #[test]
    fn a_calendar_day_in_utc_follows_the_model_of_an_aligned_one(steps in steps(86_400_000_000_000)) {
        let algorithm = Algorithm::FixedWindow(Window::Calendar(Period::Day, Zone::UTC));
        follow_model(&algorithm, model::FixedWindow::aligned(86_400_000_000_000), &steps)?;
    }

    #[test]
    fn a_sliding_log_follows_the_model((span, steps) in case()) {
        follow_model(&Algorithm::SlidingLog(Nanos(span)), model::SlidingLog::new(span), &steps)?;
    }

    #[test]
    fn a_sliding_window_follows_the_model((span, steps) in case()) {
        follow_model(&Algorithm::SlidingWindow(Nanos(span)), model::SlidingWindow::new(span), &steps)?;
    }

    #[test]
    fn a_bucket_follows_the_model((span, steps) in case()) {
        follow_model(&Algorithm::Bucket(Nanos(span)), model::Bucket::new(span), &steps)?;
    }

    #[test]
    fn a_limit_in_flight_follows_the_model((span, steps) in case()) {
        follow_model(&Algorithm::InFlight(Nanos(span)), model::InFlight::new(span), &steps)?;
    }
}

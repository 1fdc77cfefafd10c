//! `warn at …`.

use limitrate_core::{facts::Value, time::Nanos};
use limitrate_runtime::DecisionRecord;

use super::{HOUR, Test, user};

const BUDGET: &str = "
    input { user : key  n : tokens = 10 tokens }
    rule api { limit day: 100 tokens/day per user resets in \"UTC\" costing n warn at 50%, 80% }";

const NONE: [i64; 0] = [];

fn marks(test: &Test, tokens: i64) -> Vec<i64> {
    let decision = test.decide(&[user("ada"), ("n", Value::Int(tokens))]);
    decision.warnings().filter_map(|warning| warning.mark).collect()
}

#[test]
fn each_mark_is_told_once_in_a_window_and_the_highest_alone_where_several_are_reached() {
    let mut test = Test::new(BUDGET);
    assert_eq!(marks(&test, 49), NONE);
    assert_eq!(marks(&test, 1), [500_000]);
    assert_eq!(marks(&test, 29), NONE);
    assert_eq!(marks(&test, 1), [800_000]);
    assert_eq!(marks(&test, 10), NONE);
    test.wait(Nanos(24 * HOUR.0));
    assert_eq!(marks(&test, 90), [800_000]);
}

#[test]
fn a_refused_request_warns_of_nothing() {
    let test = Test::new(BUDGET);
    assert_eq!(marks(&test, 101), NONE);
    assert_eq!(marks(&test, 50), [500_000]);
    assert_eq!(marks(&test, 51), NONE);
}

#[test]
fn a_warning_stands_in_the_record() {
    let test = Test::new(BUDGET);
    let facts = test.facts(&[user("ada"), ("n", Value::Int(60))]);
    let decision = test.limiter.decide_at(&facts, test.now);
    let record = serde_json::to_value(DecisionRecord::new(1, &test.limiter, &decision, &facts)).unwrap();
    assert_eq!(record["warn"], serde_json::json!([{ "limit": "day", "at": "50%" }]));
}

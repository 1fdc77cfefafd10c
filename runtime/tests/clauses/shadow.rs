//! `shadow rule`.

use limitrate_core::{facts::Value, time::Nanos};
use limitrate_runtime::{DecisionRecord, Outcome};
use proptest::prelude::*;

use super::{Test, user};

const ENFORCED: &str = "
    input { user : key  n : tokens  really : tokens after response  path : string = \"/\" }
    rule api { limit rpm: 3 req/min per user  limit day: 40 tokens/day per user resets in \"UTC\" costing n }
    rule off { if path == \"/off\" then deny 403 }
    rule free { if path == \"/free\" then exempt \"free\" }
    ";

const SHADOW: &str = "
    shadow rule tighter {
      limit tight: 1 req/min per user on exceed block for 5 min
      limit tokens: 20 tokens/day per user resets in \"UTC\" reserve n settle really warn at 50%
      limit streams: 1 in flight per user for at most 5 min
    }
    shadow rule no { if path == \"/no\" then deny 451 }
    shadow rule yes { if path == \"/yes\" then exempt \"why\" }
    ";

fn with_shadow() -> Test {
    Test::new(&format!("{ENFORCED}{SHADOW}"))
}

#[test]
fn a_limit_in_shadow_is_counted_alone_and_only_for_requests_that_go_through() {
    let test = with_shadow();
    let facts = [user("ada"), ("n", Value::Int(1))];
    let fits = || {
        let decision = test.decide(&facts);
        (
            decision.outcome(),
            decision.shadow().map(|(info, l)| (info.name.clone(), l.fits())).collect::<Vec<_>>(),
        )
    };
    let all = |a, b, c| vec![("streams".to_owned(), a), ("tight".to_owned(), b), ("tokens".to_owned(), c)];
    assert_eq!(fits(), (Outcome::Allow, all(true, true, true)));
    assert_eq!(fits(), (Outcome::Allow, all(false, false, true)));
    assert_eq!(fits(), (Outcome::Allow, all(false, false, true)));
    assert_eq!(fits(), (Outcome::Reject, vec![]));
}

#[test]
fn what_a_shadow_holds_is_given_back_and_settled_with_the_rest() {
    let test = with_shadow();
    let running = test.run(&[user("ada"), ("n", Value::Int(15))]);
    let replied = test.reply(&running, &[("really", Value::Int(2))]);
    assert_eq!((replied.released, replied.settled.len()), (1, 1));
    assert!(replied.settled[0].shadow);
    let decision = test.decide(&[user("ada"), ("n", Value::Int(15))]);
    let tokens = decision.shadow().find(|(info, _)| info.name == "tokens").unwrap().1;
    assert_eq!((tokens.fits(), tokens.verdict.status.remaining), (true, 3));
}

#[test]
fn a_deny_or_exempt_in_shadow_is_reported_and_not_obeyed() {
    let test = with_shadow();
    let at = |path: &'static str| {
        let decision = test.decide(&[user("ada"), ("n", Value::Int(1)), ("path", Value::Str(path))]);
        let reports: Vec<_> =
            decision.reports().map(|report| (report.rule.to_owned(), report.deny)).collect();
        (decision.outcome(), reports)
    };
    assert_eq!(at("/"), (Outcome::Allow, vec![]));
    assert_eq!(at("/no"), (Outcome::Allow, vec![("no".to_owned(), true)]));
    assert_eq!(at("/yes"), (Outcome::Allow, vec![("yes".to_owned(), false)]));
    assert_eq!(at("/yes"), (Outcome::Reject, vec![("yes".to_owned(), false)]));
    assert_eq!(at("/off"), (Outcome::Deny, vec![]));
}

#[test]
fn a_record_keeps_shadows_apart() {
    let test = with_shadow();
    let facts = test.facts(&[user("ada"), ("n", Value::Int(1)), ("path", Value::Str("/no"))]);
    let decision = test.limiter.decide_at(&facts, test.now);
    let record = serde_json::to_value(DecisionRecord::new(1, &test.limiter, &decision, &facts)).unwrap();
    let names = |list: &str| {
        let list = record[list].as_array().unwrap().iter();
        list.map(|limit| limit["limit"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(names("limits"), ["day", "rpm"]);
    assert_eq!(names("shadow"), ["streams", "tight", "tokens"]);
    assert_eq!(record["shadow_rules"], serde_json::json!([{ "rule": "no", "outcome": "deny" }]));
    assert_eq!(record["ticket"].as_str().map(str::len), Some(16));
}

proptest! {
    #[test]
    fn shadow_rules_never_change_an_answer(
        requests in proptest::collection::vec(
            (0_i64..90, prop_oneof![Just("ada"), Just("bob")], 0_i64..30,
             prop_oneof![Just("/"), Just("/off"), Just("/free"), Just("/no"), Just("/yes")], any::<bool>()),
            1..60,
        ),
    ) {
        let (mut plain, mut shadowed) = (Test::new(ENFORCED), with_shadow());
        for (seconds, name, n, path, replies) in requests {
            plain.wait(Nanos::from_secs(seconds));
            shadowed.wait(Nanos::from_secs(seconds));
            let facts = [user(name), ("n", Value::Int(n)), ("path", Value::Str(path))];
            let (one, other) = (plain.decide(&facts), shadowed.decide(&facts));
            prop_assert_eq!(one.outcome(), other.outcome());
            prop_assert_eq!((one.status(), one.message(), one.retry_after()),
                            (other.status(), other.message(), other.retry_after()));
            let figures = |decision: &limitrate_runtime::Decision<'_>| {
                decision.limits().map(|(info, l)| (info.name.clone(), l.verdict)).collect::<Vec<_>>()
            };
            prop_assert_eq!(figures(&one), figures(&other));
            if replies {
                let running = shadowed.limiter.running(&other);
                shadowed.reply(&running, &[("really", Value::Int(n / 2))]);
            }
        }
    }
}

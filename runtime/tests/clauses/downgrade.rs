//! `on exceed downgrade`.

use limitrate_core::facts::Value;
use limitrate_runtime::{DecisionRecord, Outcome};

use super::{Test, limited_by, user};

const MODELS: &str = "
    input {
      user   : key
      model  : one of \"large\", \"small\"
      really : tokens = 0 tokens
    }
    rule chat {
      let cost = if model == \"large\" then 100 tokens else 10 tokens
      limit day: 200 tokens/day per user resets in \"UTC\" costing cost
        on exceed downgrade model to \"small\"
    }";

const fn model(name: &str) -> (&'static str, Value<'_>) {
    ("model", Value::Str(name))
}

#[test]
fn a_request_that_does_not_fit_is_decided_once_more_with_its_facts_changed() {
    let test = Test::new(MODELS);
    let large = [user("ada"), model("large")];
    test.pass(&[user("ada"), model("small")]);
    assert_eq!(test.outcome(&large), Outcome::Allow);
    let decision = test.decide(&large);
    assert_eq!((decision.outcome(), decision.status()), (Outcome::Downgrade, 200));
    assert!(decision.outcome().passes());
    assert_eq!(decision.changed(), [("model".to_owned(), "small".to_owned())]);
    let costs = |limits: Vec<i64>| limits;
    assert_eq!(costs(decision.first_pass().map(|(_, limit)| limit.cost).collect()), [100]);
    assert_eq!(costs(decision.second_pass().map(|(_, limit)| limit.cost).collect()), [10]);
    assert_eq!(costs(decision.limits().map(|(_, limit)| limit.cost).collect()), [10]);
    assert!(limited_by(&decision).is_empty());
    assert_eq!(test.used("day", &[user("ada")]), 120);
}

#[test]
fn what_does_not_fit_even_then_is_rejected_as_it_came() {
    let test = Test::new(MODELS);
    let large = [user("ada"), model("large")];
    for _ in 0..2 {
        test.pass(&large);
    }
    let decision = test.decide(&large);
    assert_eq!((decision.outcome(), decision.status()), (Outcome::Reject, 429));
    assert!(decision.downgrade().is_none() && decision.tried().is_some());
    assert_eq!(decision.limits().map(|(_, limit)| limit.cost).collect::<Vec<_>>(), [100]);
    assert_eq!(decision.second_pass().map(|(_, limit)| limit.cost).collect::<Vec<_>>(), [10]);
    assert_eq!(test.used("day", &[user("ada")]), 200);
}

#[test]
fn a_limit_that_does_not_fit_and_offers_nothing_refuses_at_once() {
    let text = MODELS.replace("limit day:", "limit calls: 1 req/day per user resets in \"UTC\"\n limit day:");
    let test = Test::new(&text.replace("200 tokens", "50 tokens"));
    let large = [user("ada"), model("large")];
    assert_eq!(test.outcome(&large), Outcome::Downgrade);
    let decision = test.decide(&large);
    assert_eq!(limited_by(&decision), ["calls", "day"]);
    assert!(decision.tried().is_none());
}

#[test]
fn all_downgrades_are_made_at_once() {
    let test = Test::new(
        "input { user : key  model : one of \"large\", \"small\"  tier : one of \"fast\", \"slow\" }
         rule chat {
           if model == \"large\" then limit big: 1 req/day per user resets in \"UTC\"
             on exceed downgrade model to \"small\"
           if tier == \"fast\" then limit quick: 1 req/day per user resets in \"UTC\"
             on exceed downgrade tier to \"slow\"
         }",
    );
    let both = [user("ada"), model("large"), ("tier", Value::Str("fast"))];
    assert_eq!(test.outcome(&both), Outcome::Allow);
    let decision = test.decide(&both);
    assert_eq!(decision.outcome(), Outcome::Downgrade);
    let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    assert_eq!(decision.changed(), [pair("model", "small"), pair("tier", "slow")]);
}

#[test]
fn a_second_downgrade_is_not_made() {
    let test = Test::new(
        "input { user : key  model : one of \"large\", \"small\", \"tiny\" }
         rule chat {
           if model == \"large\" then limit big: 1 req/day per user resets in \"UTC\"
             on exceed downgrade model to \"small\"
           else if model == \"small\" then limit mid: 1 req/day per user resets in \"UTC\"
             on exceed downgrade model to \"tiny\"
         }",
    );
    let large = [user("ada"), model("large")];
    let outcomes = [test.outcome(&large), test.outcome(&large), test.outcome(&large)];
    assert_eq!(outcomes, [Outcome::Allow, Outcome::Downgrade, Outcome::Reject]);
    assert_eq!(test.outcome(&[user("ada"), model("small")]), Outcome::Downgrade);
}

#[test]
fn a_rule_may_deny_or_exempt_the_changed_request() {
    let text = "input { user : key  model : one of \"large\", \"small\" }
         rule chat {
           if model == \"large\" then limit big: 1 req/day per user resets in \"UTC\"
             on exceed downgrade model to \"small\"
         }
         rule other { if model == \"small\" then X }";
    let large = [user("ada"), model("large")];
    let denied = Test::new(&text.replace('X', "deny 418"));
    denied.pass(&large);
    let decision = denied.decide(&large);
    assert_eq!((decision.outcome(), decision.status()), (Outcome::Reject, 429));
    assert_eq!(limited_by(&decision), ["big"]);
    let exempt = Test::new(&text.replace('X', "exempt \"small ones are free\""));
    exempt.pass(&large);
    let decision = exempt.decide(&large);
    assert_eq!((decision.outcome(), decision.message()), (Outcome::Downgrade, "small ones are free"));
    assert_eq!(decision.rules().collect::<Vec<_>>(), ["other"]);
}

#[test]
fn a_downgraded_request_is_settled_as_what_it_became() {
    let test = Test::new(
        "input {
           user : key  model : one of \"large\", \"small\"
           out  : tokens after response
         }
         rule chat {
           let most = if model == \"large\" then 100 tokens else 10 tokens
           let done = if model == \"large\" then out * 10 else out
           limit day: 150 tokens/day per user resets in \"UTC\" reserve most settle done
             on exceed downgrade model to \"small\"
         }",
    );
    let large = [user("ada"), model("large")];
    let (first, second) = (test.run(&large), test.run(&large));
    assert_eq!(test.used("day", &[user("ada")]), 110);
    test.reply(&second, &[("out", Value::Int(3))]);
    assert_eq!(test.used("day", &[user("ada")]), 103);
    test.reply(&first, &[("out", Value::Int(3))]);
    assert_eq!(test.used("day", &[user("ada")]), 33);
}

#[test]
fn a_record_names_the_changed_facts_and_the_counters_that_were_charged() {
    let test = Test::new(
        "input { user : key  model : one of \"large\", \"small\" }
         rule chat {
           limit day: 1 req/day per user, model resets in \"UTC\" on exceed downgrade model to \"small\"
         }",
    );
    let facts = test.facts(&[user("ada"), model("large")]);
    test.pass(&[user("ada"), model("large")]);
    let decision = test.limiter.decide_at(&facts, test.now);
    let record = DecisionRecord::new(1, &test.limiter, &decision, &facts);
    let json = serde_json::to_value(&record).unwrap();
    assert_eq!(
        (json["outcome"].as_str(), json["downgrade"]["model"].as_str()),
        (Some("downgrade"), Some("small"))
    );
    assert_eq!(json["limits"][0]["key"]["model"], "small");
}

//! `on exceed deny` and `on exceed allow`.

use limitrate_core::facts::Value;
use limitrate_runtime::{DecisionRecord, Outcome};

use super::{Test, limited_by, user};

#[test]
fn a_limit_may_say_status_and_text_of_its_rejection() {
    let test = Test::new(
        "input { user : key  plan : plan }
         plan free { rpm = 1 req/min }
         rule api { limit plan.rpm per user on exceed deny 503 \"{plan} allows {plan.rpm}, {user}.\" }",
    );
    let ada = [user("ada"), ("plan", Value::Str("free"))];
    test.pass(&ada);
    let decision = test.decide(&ada);
    assert_eq!((decision.outcome(), decision.status()), (Outcome::Reject, 503));
    assert!(decision.message().starts_with("free allows 1 req"), "{}", decision.message());
    assert!(decision.message().ends_with("ada."), "{}", decision.message());
    assert!(decision.retry_after().is_some());
}

#[test]
fn of_several_limits_that_say_something_the_first_by_name_is_heard() {
    let test = Test::new(
        "input { user : key }
         rule api {
           limit c: 1 req/min per user on exceed deny 420 \"c\"
           limit b: 1 req/min per user on exceed deny 503 \"b\"
           limit a: 1 req/min per user
         }",
    );
    test.pass(&[user("ada")]);
    let decision = test.decide(&[user("ada")]);
    assert_eq!((decision.status(), decision.message()), (503, "b"));
    assert_eq!(limited_by(&decision), ["a", "b", "c"]);
}

#[test]
fn a_soft_limit_is_counted_past_its_ceiling_and_refuses_nothing() {
    let test = Test::new(
        "input { user : key }
         rule api {
           limit soft: 2 req/day per user resets in \"UTC\" on exceed allow
           limit hard: 4 req/day per user resets in \"UTC\"
         }",
    );
    let ada = [user("ada")];
    let exceeded = || test.decide(&ada).warnings().map(|warning| warning.exceeded).collect::<Vec<_>>();
    assert_eq!([exceeded(), exceeded()], [const { Vec::<bool>::new() }; 2]);
    let facts = test.facts(&ada);
    let decision = test.decide(&ada);
    let warnings: Vec<_> = decision.warnings().collect();
    assert_eq!((warnings[0].limit.name.as_str(), warnings[0].exceeded), ("soft", true));
    assert_eq!(decision.binding().unwrap().0.name, "hard");
    let record = serde_json::to_value(DecisionRecord::new(1, &test.limiter, &decision, &facts)).unwrap();
    assert_eq!(record["warn"][0], serde_json::json!({ "limit": "soft", "exceeded": true }));
    assert_eq!(record["limits"][1]["soft"], true);
    test.pass(&ada);
    assert_eq!(test.used("soft", &ada), 4);
    let refused = test.decide(&ada);
    assert_eq!(limited_by(&refused), ["hard"]);
    assert_eq!(refused.warnings().count(), 0);
    assert_eq!(test.used("soft", &ada), 4, "a refused request is charged nowhere");
}

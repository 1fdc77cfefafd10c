use crate::{BAD, GOOD, Place};

const POLICY: &str = r#"edition 2026
use std.http

hierarchy org > user

input {
  org  : key
  user : key
  size : tokens = 10 tokens
}

rule api {
  on ANY "/v1/**"
  limit rpm: 60 req/min per user
  limit burst: 100 req/s per ip burst 20 req fail closed
}

rule chat {
  on POST "/v1/chat"
  limit tokens: 10k tokens/day per org resets in "Europe/Berlin" costing size warn at 80% fail open
  limit streams: 4 in flight per user for at most 2 min
}

shadow rule tighter { limit exact: 30 req/min per user using sliding_log }
"#;

#[test]
fn a_policy_is_told_by_route_and_by_limit() {
    let ran = Place::with(&[("p.rl", POLICY)]).rlc(&["cost", "p.rl", "--keys", "org=10,user=1k"]);
    insta::assert_snapshot!(ran.out);
    assert_eq!((ran.err.as_str(), ran.code), ("", 0));
}

#[test]
fn json_has_all_of_it() {
    let place = Place::with(&[("p.rl", POLICY), ("q.rl", GOOD)]);
    let ran = place.rlc(&["cost", ".", "--keys", "user=1k", "--format", "json"]);
    let json: serde_json::Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!(json["schema"], "limitrate/cost/v1");
    let policy = &json["policies"][0];
    assert_eq!((&policy["charges"], &policy["round_trips"]), (&5.into(), &2.into()));
    assert_eq!(policy["selection"], serde_json::json!({"kind": "all"}));
    assert_eq!(policy["routes"][2]["path"], "/v1/chat");
    assert_eq!(policy["memory"]["unknown"], serde_json::json!(["ip", "org"]));
    let limits = policy["limits"].as_array().unwrap();
    let limit = |name: &str| limits.iter().find(|limit| limit["name"] == name).unwrap();
    assert_eq!(limit("rpm")["admits"]["most"], 119);
    assert_eq!(limit("rpm")["keys"], 1_000);
    assert_eq!(limit("tokens")["admits"]["window_ms"], 82_800_000.0);
    assert_eq!(limit("streams")["admits"], serde_json::json!({"kind": "at_once", "most": 4}));
    assert_eq!(limit("exact")["admits"]["because"], "shadow");
    assert_eq!(json["policies"][1]["limits"][0]["admits"]["most"], 199);
}

#[test]
fn what_may_be_leased_is_part_of_what_is_admitted() {
    let policy = "input { user : key }\nrule api { limit 60 req/min per user overshoot 5% }\n";
    let place = Place::with(&[("p.rl", policy)]);
    let ran = place.rlc(&["cost", "p.rl"]);
    assert!(ran.out.contains("122 req in any 1 min") && ran.out.contains("and 5%"), "{}", ran.out);
    let json: serde_json::Value =
        serde_json::from_str(&place.rlc(&["cost", "p.rl", "--format", "json"]).out).unwrap();
    let limit = &json["policies"][0]["limits"][0];
    assert_eq!((&limit["admits"]["most"], &limit["overshoot_percent"]), (&122.into(), &5.0.into()));
}

#[test]
fn keys_are_of_facts_that_the_policy_has() {
    let place = Place::with(&[("p.rl", POLICY)]);
    let ran = place.rlc(&["cost", "p.rl", "--keys", "usr=1k"]);
    assert_eq!(ran.err, "error: --keys: there is no fact `usr`; the keys are made of ip, org, user\n");
    assert_eq!((ran.out.as_str(), ran.code), ("", 3));
    let ran = place.rlc(&["cost", "p.rl", "--keys", "user=many"]);
    assert!(ran.err.contains("write FACT=N with a whole number, as in user=1M"), "{}", ran.err);
    assert_eq!(ran.code, 3);
}

#[test]
fn what_does_not_compile_has_no_cost() {
    let place = Place::with(&[("bad.rl", BAD), ("good.rl", GOOD)]);
    let ran = place.rlc(&["cost", "bad.rl", "good.rl"]);
    assert!(ran.out.contains("any request") && ran.err.contains("RL0101"), "{}{}", ran.out, ran.err);
    assert_eq!(ran.code, 1);
    assert_eq!(place.rlc(&["cost", "missing.rl"]).code, 3);
}

#[test]
fn a_policy_over_its_budget_is_rejected() {
    let text = POLICY.replace("rule api", "budget { charges <= 4 per request }\n\nrule api");
    let ran = Place::with(&[("p.rl", &text)]).rlc(&["cost", "p.rl"]);
    assert!(ran.err.contains("RL0510") && ran.err.contains("may take 5 charges"), "{}", ran.err);
    assert_eq!((ran.out.as_str(), ran.code), ("", 1));
}

#[test]
fn it_says_by_what_the_statements_of_a_large_policy_are_found() {
    let rules = (0..40).map(|n| format!("rule r{n} {{ if region == \"r{n}\" then deny }}\n"));
    let text = format!("use std.http\ninput {{ region : string }}\n{}", rules.collect::<String>());
    let place = Place::with(&[("p.rl", &text)]);
    let ran = place.rlc(&["cost", "p.rl"]);
    assert!(ran.out.contains("\nstatements are found by region: that way alone; "), "{}", ran.out);
    let ran = place.rlc(&["cost", "p.rl", "--format", "json"]);
    let json: serde_json::Value = serde_json::from_str(&ran.out).unwrap();
    let selection = &json["policies"][0]["selection"];
    assert_eq!((&selection["kind"], &selection["settled"]), (&"looked_up".into(), &40.into()));
    assert_eq!(selection["by"][0]["facts"], serde_json::json!(["region"]));
}

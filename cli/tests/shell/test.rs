use crate::{BAD, Place};

/// A policy whose first test passes and whose second fails.
const TESTED: &str = r#"edition 2026
use std.http

input {
  user: key
}

rule api {
  limit 5 req/min per user
  if user == "eve" then deny 451
}

test "five and no more" {
  given user = "ada"
  send 5 GET "/" expect allow
  send GET "/" expect reject by api
}

test "six" {
  given user = "ada"
  send 6 GET "/" expect allow
}
"#;

fn passing() -> String {
    TESTED.replace("send 6 GET", "send 5 GET")
}

#[test]
fn tests_that_pass_are_listed_and_counted() {
    let ran = Place::with(&[("api.rl", &passing())]).rlc(&["test", "api.rl"]);
    assert_eq!(
        ran.out,
        "api.rl\n  ✓ five and no more\n  ✓ six\n2 tests passed; 11 requests in virtual time\n"
    );
    assert_eq!((ran.err.as_str(), ran.code), ("", 0));
}

#[test]
fn a_failure_says_which_request_when_and_why() {
    let ran = Place::with(&[("api.rl", TESTED)]).rlc(&["test", "api.rl"]);
    let message = "error[RL0701]: request 6 of 6 at 2026-01-05T12:00:00Z was rejected by `api`: \
                   5 of 5 req used for user=ada; retry after 72 s\n";
    for part in [
        "  ✓ five and no more\n",
        "  ✗ six\n",
        message,
        "╭─[api.rl:21:",
        "expected `allow`",
        "`api` refused it",
    ] {
        assert!(ran.out.contains(part), "{part} is not in\n{}", ran.out);
    }
    assert!(ran.out.ends_with("\n1 test failed, 1 passed; 12 requests in virtual time\n"), "{}", ran.out);
    assert_eq!(ran.code, 1);
}

#[test]
fn a_filter_picks_tests_by_title() {
    let place = Place::with(&[("api.rl", TESTED)]);
    let ran = place.rlc(&["test", "api.rl", "--filter", "five"]);
    assert_eq!(ran.out, "api.rl\n  ✓ five and no more\n1 test passed; 6 requests in virtual time\n");
    assert_eq!(ran.code, 0);
    let ran = place.rlc(&["test", "api.rl", "--filter", "seven"]);
    assert_eq!(ran.out, "no tests: none of 2 tests has a title with \"seven\"\n");
    assert_eq!(ran.code, 0);
}

#[test]
fn a_policy_without_tests_is_said_to_have_none() {
    let ran = Place::with(&[("api.rl", crate::GOOD)]).rlc(&["test", "api.rl"]);
    assert_eq!((ran.out.as_str(), ran.code), ("no tests\n", 0));
}

#[test]
fn coverage_names_what_no_test_reached() {
    let ran = Place::with(&[("api.rl", &passing())]).rlc(&["test", "api.rl", "--coverage"]);
    assert!(
        ran.out.contains("\ncoverage of api.rl: 1 of 2 limits, denials and exemptions reached\n"),
        "{}",
        ran.out
    );
    assert!(ran.out.contains("\n  api.rl:10  deny  rule api  no request reaches it\n"), "{}", ran.out);
    assert!(!ran.out.contains("RL1307"), "a part of the rule is reached: {}", ran.out);
    assert_eq!(ran.code, 0);
}

#[test]
fn a_rule_that_no_test_reaches_is_a_warning_where_coverage_is_asked_for() {
    let text = format!("{}rule admin {{\n  on ANY \"/admin/**\"\n  deny 404\n}}\n", passing());
    let place = Place::with(&[("api.rl", &text)]);
    let ran = place.rlc(&["test", "api.rl", "--coverage"]);
    assert!(ran.out.contains("\nwarning[RL1307]: no test reaches the rule `admin`\n"), "{}", ran.out);
    assert_eq!(ran.code, 0);
    let ran = place.rlc(&["test", "api.rl", "--coverage", "--format", "json"]);
    let json: serde_json::Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!(json["policies"][0]["warnings"][0]["code"], "RL1307");
    assert!(!place.rlc(&["test", "api.rl"]).out.contains("RL1307"));
}

#[test]
fn a_policy_that_does_not_compile_fails_and_the_others_are_tested() {
    let place = Place::with(&[("a.rl", BAD), ("b.rl", &passing())]);
    let ran = place.rlc(&["test", "."]);
    assert!(ran.out.contains("error[RL0101]") && ran.out.contains("✓ six"), "{}", ran.out);
    assert!(
        ran.out.ends_with("2 tests passed; 11 requests in virtual time; 1 policy does not compile\n"),
        "{}",
        ran.out
    );
    assert_eq!(ran.code, 1);
    let ran = place.rlc(&["test", "a.rl"]);
    assert!(ran.out.ends_with("\n1 policy does not compile\n"), "{}", ran.out);
}

#[test]
fn a_file_that_cannot_be_read_is_a_usage_error() {
    let ran = Place::with(&[("api.rl", TESTED)]).rlc(&["test", "apo.rl"]);
    assert_eq!(ran.err, "error: cannot read apo.rl: there is no such file; did you mean api.rl?\n");
    assert_eq!((ran.out.as_str(), ran.code), ("", 3));
}

#[test]
fn json_has_every_test_with_its_failure_and_coverage() {
    let ran = Place::with(&[("api.rl", TESTED)]).rlc(&["test", "api.rl", "--format", "json", "--coverage"]);
    let json: serde_json::Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!(json["schema"], "limitrate/test/v1");
    assert_eq!(
        (json["ok"].as_bool(), json["passed"].as_u64(), json["failed"].as_u64()),
        (Some(false), Some(1), Some(1))
    );
    let policy = &json["policies"][0];
    assert_eq!(policy["tests"][0]["failure"], serde_json::Value::Null);
    assert_eq!(policy["tests"][1]["failure"]["code"], "RL0701");
    assert_eq!(policy["tests"][1]["failure"]["line"], 21);
    assert_eq!(policy["coverage"][0]["name"], "api");
    assert_eq!(policy["coverage"][0]["refused"], 2);
    assert_eq!(ran.code, 1);
}

#[test]
fn github_and_junit_have_the_failures() {
    let place = Place::with(&[("api.rl", TESTED)]);
    let ran = place.rlc(&["test", "api.rl", "--format", "github"]);
    assert!(ran.out.starts_with("::error file=api.rl,line=21,"), "{}", ran.out);
    assert_eq!((ran.out.lines().count(), ran.code), (1, 1));
    let ran = place.rlc(&["test", "api.rl", "--format", "junit"]);
    for part in [
        "<testsuite name=\"api.rl\" tests=\"2\" failures=\"1\"",
        "name=\"five and no more\"",
        "<failure type=\"RL0701\"",
    ] {
        assert!(ran.out.contains(part), "{part} is not in\n{}", ran.out);
    }
    assert_eq!(ran.code, 1);
    let ran = place.rlc(&["test", "api.rl", "--format", "sarif"]);
    assert_eq!(ran.code, 3);
}

#[test]
fn a_policy_may_come_from_the_standard_input() {
    let ran = Place::new().rlc_with(&["test", "-"], passing());
    assert!(ran.out.starts_with("<stdin>\n  ✓ five"), "{}", ran.out);
    assert_eq!(ran.code, 0);
}

//! The runner of `test` blocks: what passes, what fails, and what a failure says.
#![expect(clippy::panic, reason = "helpers of tests fail by panicking")]

use std::sync::Arc;

use limitrate_compiler::{Engine, compile};
use limitrate_testkit::policy_test::{Coverage, Failure, SiteKind, TestReport, run, run_with};

/// Runs every test of a policy.
fn reports(text: &str) -> Vec<TestReport> {
    let accepted = compile("policy.rl", text.as_bytes(), Engine::Native)
        .unwrap_or_else(|r| panic!("{:#?}", r.diagnostics));
    let policy = Arc::new(accepted.policy);
    accepted.tests.iter().map(|test| run(&policy, test)).collect()
}

/// A policy with one test of these steps.
fn policy(rules: &str, steps: &str) -> String {
    format!(
        "use std.http\ninput {{ user : key  org : key = \"acme\"  team : key? }}\n{rules}\n\
         test \"t\" {{ given user = \"ada\"\n{steps}\n}}"
    )
}

fn outcome(rules: &str, steps: &str) -> Option<Failure> {
    reports(&policy(rules, steps)).remove(0).failure
}

fn assert_passes(rules: &str, steps: &str) {
    let failure = outcome(rules, steps);
    assert!(failure.is_none(), "{failure:#?}");
}

/// What happened, and what was expected.
fn says(rules: &str, steps: &str) -> (String, String) {
    let failure = outcome(rules, steps).unwrap_or_else(|| panic!("the test passed"));
    (failure.message, failure.expected)
}

const FIVE: &str = "rule api { limit 5 req/min per user }";
const FLIGHT: &str = "rule api { limit calls: 2 in flight per user for at most 1 min }";
const SHARED: &str = "rule api { limit daily: 10 req/day per org resets in \"UTC\" at most 30% per user }";

#[test]
fn every_request_of_a_send_must_be_answered_as_expected() {
    assert_passes(FIVE, "send 5 GET \"/\" expect allow\nsend 3 GET \"/\" expect reject by api");
    let (message, expected) = says(FIVE, "send 6 GET \"/\" expect allow");
    assert_eq!(
        message,
        "request 6 of 6 at 2026-01-05T12:00:00Z was rejected by `api`: 5 of 5 req used for user=ada; \
         retry after 72 s"
    );
    assert_eq!(expected, "expected `allow`");
}

#[test]
fn a_request_that_was_allowed_says_how_much_is_left() {
    let (message, expected) = says(FIVE, "send GET \"/\" expect reject by api");
    assert_eq!(
        message,
        "the request at 2026-01-05T12:00:00Z was allowed by `api`: 1 of 5 req used for user=ada"
    );
    assert_eq!(expected, "expected `reject by api`");
}

#[test]
fn a_bucket_says_what_is_left_at_once() {
    let rules = "rule api { limit 1 req/s per user using token_bucket burst 3 req }";
    let (message, _) = says(rules, "send 4 GET \"/\" expect allow");
    assert!(message.ends_with("by `api`: 0 req left at once for user=ada; retry after 1 s"), "{message}");
}

#[test]
fn the_wait_is_compared_to_the_nanosecond() {
    let steps = |wait| {
        format!("send 5 GET \"/\" expect allow\nsend GET \"/\" expect reject by api, retry after {wait}")
    };
    for wait in ["== 72 s", ">= 72 s", "<= 72 s", "> 71.999999999 s", "< 72.000000001 s"] {
        assert_passes(FIVE, &steps(wait));
    }
    let (_, expected) = says(FIVE, &steps("> 72 s"));
    assert_eq!(expected, "expected `reject by api, retry after > 72 s`");
}

#[test]
fn no_wait_compares_with_never() {
    let rules = "rule api { limit 5 MiB/day per user resets in \"UTC\" costing body_size }";
    for comparison in ["<", "<=", "==", ">=", ">"] {
        let steps = format!(
            "send GET \"/\" with body_size = 6 MiB expect reject by api, retry after {comparison} 1 s"
        );
        let (message, expected) = says(rules, &steps);
        assert!(
            message.ends_with("`api`: 0 of 5 MiB used for user=ada, cost 6 MiB; it can never fit"),
            "{message}"
        );
        assert!(expected.ends_with("; a request that never fits has no time to retry after"), "{expected}");
    }
}

#[test]
fn a_limit_that_did_not_refuse_is_not_the_one_that_was_named() {
    let rules = "rule api { limit a: 1 req/min per user  limit b: 9 req/min per user }";
    assert_passes(rules, "send GET \"/\" expect allow\nsend GET \"/\" expect reject by a");
    let (message, _) = says(rules, "send GET \"/\" expect allow\nsend GET \"/\" expect reject by b");
    assert!(message.contains("rejected by `a`: 1 of 1 req used for user=ada"), "{message}");
}

#[test]
fn a_limit_that_does_not_apply_is_said_not_to() {
    let rules =
        "rule api { limit a: 9 req/min per user }\nrule b { on POST \"/b\" limit b: 1 req/min per user }";
    let (message, _) = says(rules, "send GET \"/\" expect reject by b");
    assert!(message.contains("was allowed: `b` does not apply to it; `a`: 1 of 9 req used"), "{message}");
    let (message, _) =
        says("rule b { on POST \"/b\" limit 1 req/min per user }", "send GET \"/\" expect deny");
    assert!(message.ends_with("was allowed: no limit applies to it"), "{message}");
}

#[test]
fn denials_and_exemptions_name_their_rule() {
    let rules = "rule closed { if user == \"eve\" then deny 451 \"not for {user}\" }\n\
                 rule probes { on GET \"/healthz\" exempt \"probes\" }";
    assert_passes(
        rules,
        "send GET \"/\" with user = \"eve\" expect deny 451\nsend GET \"/healthz\" expect exempt",
    );
    let (message, expected) = says(rules, "send GET \"/\" with user = \"eve\" expect deny 403");
    assert!(message.ends_with("was denied with status 451 by rule `closed`: not for eve"), "{message}");
    assert_eq!(expected, "expected `deny 403`");
    let (message, _) = says(rules, "send GET \"/healthz\" expect allow");
    assert!(message.ends_with("was exempt by rule `probes`: probes"), "{message}");
}

#[test]
fn a_failure_points_at_the_expectation_and_at_the_limit() {
    let text = policy(FIVE, "send 6 GET \"/\" expect allow");
    let failure = reports(&text).remove(0).failure.unwrap();
    assert!(failure.span.text(&text).contains("allow"), "{}", failure.span.text(&text));
    assert_eq!(failure.related.len(), 1);
    assert_eq!(failure.related[0].span.text(&text), "limit 5 req/min per user");
    let diagnostic = failure.diagnostic();
    assert_eq!((diagnostic.code.as_str(), diagnostic.labels.len()), ("RL0701", 2));
}

#[test]
fn given_holds_from_there_on_and_with_for_its_send() {
    let rules = "rule api { limit 1 req/min per user }";
    assert_passes(
        rules,
        "send GET \"/\" with user = \"bob\" expect allow
         send GET \"/\" expect allow
         send GET \"/\" expect reject
         given user = \"eve\"
         send GET \"/\" expect allow
         given org = \"other\"
         send GET \"/\" expect reject",
    );
}

#[test]
fn time_moves_by_at_and_wait_only() {
    let rules = "rule api { limit 1 req/min per user using fixed_window }";
    assert_passes(
        rules,
        "send GET \"/\" expect allow
         send GET \"/\" expect reject by api, retry after == 60 s
         wait 59 s
         send GET \"/\" expect reject by api, retry after == 1 s
         at 2026-01-05T12:01:00Z
         send GET \"/\" expect allow",
    );
}

#[test]
fn a_request_holds_its_lease_until_it_is_answered() {
    assert_passes(FLIGHT, "send 2 GET \"/\" expect allow\nsend GET \"/\" expect reject by calls");
    assert_passes(FLIGHT, "send 2 GET \"/\" expect allow\nreply\nsend 2 GET \"/\" expect allow");
    assert_passes(FLIGHT, "send 9 GET \"/\" reply 200 expect allow");
    assert_passes(
        FLIGHT,
        "send GET \"/\" expect allow
         send GET \"/\" expect allow
         reply
         expect used calls == 1
         wait 59 s
         expect used calls == 1
         wait 1 s
         expect used calls == 0",
    );
}

#[test]
fn reply_answers_the_last_send_only_and_once() {
    assert_passes(
        FLIGHT,
        "send GET \"/\" expect allow
         send GET \"/\" reply 200 expect allow
         reply
         reply
         expect used calls == 1",
    );
}

#[test]
fn a_rejected_request_holds_nothing() {
    assert_passes(
        FLIGHT,
        "send 2 GET \"/\" expect allow
         send GET \"/\" expect reject
         reply
         expect used calls == 2",
    );
    let (message, _) = says(FLIGHT, "send 3 GET \"/\" expect allow");
    assert!(
        message.contains("rejected by `calls`: 2 of 2 in flight used for user=ada; retry after 1 min"),
        "{message}"
    );
}

#[test]
fn a_share_is_a_limit_of_its_own() {
    assert_passes(
        SHARED,
        "send 3 GET \"/\" expect allow
         send GET \"/\" expect reject by daily.share
         expect used daily == 3 req
         expect used daily.share == 3 req
         expect used daily.share for user \"bob\" == 0 req
         set used daily.share = 0 req
         send 3 GET \"/\" expect allow
         expect used daily for org \"acme\" == 6 req",
    );
    let (message, _) = says(SHARED, "send 4 GET \"/\" expect allow");
    assert!(
        message.contains("rejected by `daily.share`: 3 of 3 req used for org=acme, user=ada"),
        "{message}"
    );
}

#[test]
fn use_is_set_and_looked_at_by_counter() {
    assert_passes(
        SHARED,
        "set used daily for org \"acme\" = 9 req
         send GET \"/\" expect allow
         send GET \"/\" with user = \"bob\" expect reject by daily
         send GET \"/\" with org = \"other\" expect allow
         expect used daily >= 10 req
         expect used daily <= 10 req",
    );
    let (message, expected) = says(SHARED, "send GET \"/\" expect allow\nexpect used daily == 2 req");
    assert_eq!(message, "at 2026-01-05T12:00:00Z, 1 req of `daily` is used for org=acme");
    assert_eq!(expected, "expected == 2 req");
}

#[test]
fn a_counter_whose_key_is_not_given_is_not_guessed() {
    let rules = "rule api { if team is missing then deny 400  limit teams: 5 req/min per team }";
    let (message, expected) = says(rules, "expect used teams == 0 req");
    assert_eq!(message, "`teams` is counted by `team`, which is not given here");
    assert_eq!(expected, "which team? give it, or add `for team \"…\"`");
    assert_passes(rules, "expect used teams for team \"red\" == 0 req");
}

#[test]
fn a_test_stops_at_its_first_failure_and_counts_its_requests() {
    let report = reports(&policy(
        FIVE,
        "send 2 GET \"/\" expect allow\nsend GET \"/\" expect deny\nsend 9 GET \"/\" expect allow",
    ))
    .remove(0);
    assert!(!report.passed());
    assert_eq!(report.requests, 3);
    assert!(report.failure.unwrap().expected.contains("deny"));
}

#[test]
fn tests_do_not_see_each_other() {
    let text = format!(
        "use std.http\ninput {{ user : key }}\n{FIVE}\n{}",
        "test \"again\" { given user = \"ada\" send 5 GET \"/\" expect allow }\n".replace("again", "one")
            + "test \"two\" { given user = \"ada\" send 5 GET \"/\" expect allow }"
    );
    assert!(reports(&text).iter().all(TestReport::passed));
}

#[test]
fn coverage_counts_what_requests_reached() {
    let text = policy(
        "rule api { limit a: 1 req/min per user  if user == \"eve\" then deny 451 }\n\
         rule never { on POST \"/never\" limit n: 1 req/min per user  exempt \"x\" }",
        "send GET \"/\" expect allow\nsend GET \"/\" expect reject\nsend GET \"/\" with user = \"eve\" expect deny",
    );
    let accepted = compile("policy.rl", text.as_bytes(), Engine::Native).unwrap();
    let policy = Arc::new(accepted.policy);
    let mut coverage = Coverage::default();
    let report = run_with(&policy, &accepted.tests[0], &mut coverage);
    assert!(report.passed(), "{report:?}");
    let covered = coverage.of(policy.program());
    let counts: Vec<_> =
        covered.iter().map(|site| (site.kind, site.name.as_str(), site.requests, site.refused)).collect();
    assert_eq!(
        counts,
        [
            (SiteKind::Limit, "a", 2, 1),
            (SiteKind::Deny, "api", 1, 1),
            (SiteKind::Limit, "n", 0, 0),
            (SiteKind::Exempt, "never", 0, 0),
        ]
    );
}

#[test]
fn the_documented_examples_pass() {
    for name in ["business_hours.rl", "plans.rl", "website.rl"] {
        let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples").join(name);
        let text = std::fs::read_to_string(path).unwrap();
        let reports = reports(&text);
        assert!(!reports.is_empty(), "{name} has tests");
        for report in reports {
            assert!(report.passed(), "{name}: {report:#?}");
        }
    }
}

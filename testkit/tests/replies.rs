//! Test blocks with replies, downgrades, warnings, blocks and shadows: what passes, and what a failure says.
#![expect(clippy::panic, reason = "helpers of tests fail by panicking")]

use std::sync::Arc;

use limitrate_compiler::{Engine, compile};
use limitrate_testkit::policy_test::{Failure, run};

/// The failure of the one test of a policy.
fn outcome(rules: &str, steps: &str) -> Option<Failure> {
    let text = format!(
        "use std.http
         input {{
           user : key  model : one of \"large\", \"small\" = \"large\"  most : tokens = 100 tokens
           out : tokens after response
         }}
         {rules}
         test \"t\" {{ given user = \"ada\"\n{steps}\n}}"
    );
    let accepted = compile("policy.rl", text.as_bytes(), Engine::Native)
        .unwrap_or_else(|rejected| panic!("{:#?}", rejected.diagnostics));
    let test = accepted.tests.first().unwrap_or_else(|| panic!("it has a test"));
    run(&Arc::new(accepted.policy), test).failure
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

const BUDGET: &str = "rule chat {
    limit day: 1000 tokens/day per user resets in \"UTC\" reserve most settle out warn at 80%
}";

#[test]
fn a_reservation_is_held_until_the_reply_settles_it() {
    assert_passes(
        BUDGET,
        "send POST \"/\" with most = 900 tokens expect allow
         expect used day == 900 tokens
         send POST \"/\" with most = 200 tokens expect reject by day
         send POST \"/\" expect allow
         reply with out = 7 tokens
         expect used day == 907 tokens",
    );
}

#[test]
fn every_request_of_a_send_is_answered_by_its_reply() {
    assert_passes(
        BUDGET,
        "send 5 POST \"/\" expect allow
         expect used day == 500 tokens
         reply 200 with out = 10 tokens
         reply with out = 90 tokens
         expect used day == 50 tokens
         send 3 POST \"/\" reply with out = 1 tokens expect allow
         expect used day == 53 tokens",
    );
}

#[test]
fn a_reservation_without_its_reply_stands_and_so_does_one_that_expired() {
    assert_passes(
        BUDGET,
        "send POST \"/\" expect allow
         reply
         expect used day == 100 tokens
         send POST \"/\" expect allow
         wait 10 min
         reply with out = 1 tokens
         expect used day == 200 tokens",
    );
}

#[test]
fn only_failures_are_counted_where_success_is_refunded() {
    assert_passes(
        "rule login { limit logins: 2 req/15 min per user refund when response.status < 400 }",
        "send 10 POST \"/login\" reply 200 expect allow
         send 2 POST \"/login\" reply 401 expect allow
         send POST \"/login\" expect reject by logins",
    );
}

#[test]
fn what_is_used_of_money_is_compared_to_the_nano_dollar() {
    let rules = "rule chat { limit day: $1/day per user resets in \"UTC\" costing $0.000000001 fail closed }";
    assert_passes(
        rules,
        "set used day = $0.98\nsend 3 GET \"/\" expect allow\nexpect used day == $0.980000003",
    );
    let (message, expected) = says(rules, "send GET \"/\" expect allow\nexpect used day == $0.5");
    assert_eq!(message, "at 2026-01-05T12:00:00Z, $0.000000001 of `day` is used for user=ada");
    assert_eq!(expected, "expected == $0.5");
}

const MODELS: &str = "rule chat {
    let cost = if model == \"large\" then 100 tokens else 10 tokens
    limit day: 150 tokens/day per user resets in \"UTC\" costing cost
      on exceed downgrade model to \"small\"
}";

#[test]
fn a_downgrade_names_the_changed_facts_and_their_values() {
    assert_passes(
        MODELS,
        "send POST \"/\" expect allow
         send POST \"/\" expect downgrade model = \"small\"
         send 4 POST \"/\" with model = \"small\" expect allow
         send POST \"/\" expect reject by day",
    );
    let (message, expected) = says(MODELS, "send 2 POST \"/\" expect allow");
    assert_eq!(
        message,
        "request 2 of 2 at 2026-01-05T12:00:00Z was downgraded to model = small by \
         `day`: 110 of 150 tokens used for user=ada, cost 100 tokens; retry after 12 h"
    );
    assert_eq!(expected, "expected `allow`");
    let (message, expected) = says(MODELS, "send POST \"/\" expect downgrade model = \"small\"");
    assert!(message.contains("was allowed by `day`"), "{message}");
    assert_eq!(expected, "expected `downgrade model = small`");
    let (message, _) = says(MODELS, "set used day = 145 tokens\nsend POST \"/\" expect allow");
    assert!(message.ends_with("retry after 12 h; when downgraded too by `day`"), "{message}");
}

#[test]
fn a_hobbyist_is_moved_to_the_small_model_and_pays_for_that_one() {
    let rules = "rule chat {
        let estimate = if model == \"large\" then $0.04346 else $0.0026076
        let actual   = if out > 0 tokens then (if model == \"large\" then $0.0045 else $0.00027) else $0
        limit daily: $1/day per user resets in \"UTC\"
          reserve estimate settle actual
          on exceed downgrade model to \"small\"
          fail closed
        limit streams: 4 in flight per user for at most 5 min
    }";
    assert_passes(
        rules,
        "set used daily for user \"ada\" = $0.98
         send POST \"/v1/chat/completions\" expect downgrade model = \"small\"
         expect used daily for user \"ada\" == $0.9826076
         expect used streams == 1
         reply with out = 200 tokens
         expect used daily for user \"ada\" == $0.98027
         expect used streams == 0",
    );
}

#[test]
fn a_warning_is_expected_by_limit_and_mark() {
    assert_passes(
        BUDGET,
        "send POST \"/\" with most = 700 tokens expect allow, no warn day
         send POST \"/\" expect allow, warn day at 80%
         send POST \"/\" expect allow, no warn day at 80%",
    );
    let (message, expected) = says(BUDGET, "send POST \"/\" expect allow, warn day at 80%");
    assert_eq!(message, "the request at 2026-01-05T12:00:00Z came out as `allow`, and no limit warned");
    assert_eq!(expected, "expected `warn day at 80%`");
    let (message, expected) =
        says(BUDGET, "send POST \"/\" with most = 900 tokens expect allow, no warn day");
    assert!(message.ends_with("came out as `allow`, and `day` warned at 80%"), "{message}");
    assert_eq!(expected, "expected `no warn day`");
}

#[test]
fn a_soft_limit_warns_when_it_is_passed() {
    assert_passes(
        "rule api { limit soft: 1 req/day per user resets in \"UTC\" on exceed allow }",
        "send GET \"/\" expect allow, no warn soft
         send 2 GET \"/\" expect allow, warn soft
         expect used soft == 3 req",
    );
}

#[test]
fn what_a_shadow_would_have_done_is_expected_by_its_name() {
    let rules = "shadow rule tighter { limit search: 2 req/min per user }
        shadow rule off { if path == \"/off\" then deny 403 }";
    assert_passes(
        rules,
        "send 2 GET \"/\" expect allow, no shadow search
         send GET \"/\" expect allow, shadow search
         send GET \"/off\" expect allow, shadow off, shadow search",
    );
    let (message, expected) = says(rules, "send GET \"/\" expect allow, shadow search");
    assert_eq!(
        message,
        "the request at 2026-01-05T12:00:00Z came out as `allow`, and `search` would have let it pass: \
         1 req left, cost 1 req"
    );
    assert_eq!(expected, "expected `shadow search`");
    let (message, _) = says(rules, "send GET \"/off\" expect allow, no shadow off");
    assert!(message.ends_with("and rule `off` would have denied it"), "{message}");
}

#[test]
fn a_block_is_told_as_one() {
    let rules = "rule login { limit logins: 1 req/min per user on exceed block for 10 min }";
    assert_passes(
        rules,
        "send GET \"/\" expect allow
         send GET \"/\" expect reject by logins, retry after == 10 min
         wait 9 min
         send GET \"/\" expect reject by logins, retry after == 1 min
         wait 1 min
         send GET \"/\" expect allow",
    );
    let (message, _) = says(rules, "send GET \"/\" expect allow\nsend 2 GET \"/\" expect allow");
    assert!(
        message.ends_with("was rejected by `logins`: blocked for user=ada; retry after 10 min"),
        "{message}"
    );
}

#[test]
fn a_rejection_says_its_own_text() {
    let rules = "rule api { limit 1 req/min per user on exceed deny 503 \"Later.\" }";
    let (message, _) = says(rules, "send 2 GET \"/\" expect allow");
    assert!(message.ends_with(": Later."), "{message}");
}

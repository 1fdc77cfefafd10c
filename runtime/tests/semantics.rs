//! What a policy says is what it decides: absence, paths, plans and shares, from text to decision.
#![expect(clippy::panic, clippy::unwrap_used, reason = "a test stops at the first surprise")]

use std::sync::Arc;

use limitrate_compiler::{Engine, compile};
use limitrate_core::{
    facts::{FactId, Value},
    time::Timestamp,
};
use limitrate_runtime::{
    DecisionRecord, Limiter, LimiterOptions, Outcome,
    store::{MemoryOptions, MemoryStore},
};

const NOON: Timestamp = Timestamp(1_767_614_400_000_000_000);

fn limiter(text: &str) -> Limiter {
    match compile("test.rl", text.as_bytes(), Engine::Native) {
        Ok(accepted) => Limiter::with(
            Arc::new(accepted.policy),
            MemoryStore::new(MemoryOptions::default()),
            LimiterOptions { secret: 1, ..LimiterOptions::default() },
        ),
        Err(rejected) => panic!("{:#?}", rejected.diagnostics.sorted()),
    }
}

/// The codes of what is wrong with a policy.
fn codes(text: &str) -> Vec<String> {
    let diagnostics = match compile("test.rl", text.as_bytes(), Engine::Interpreter) {
        Ok(accepted) => accepted.diagnostics,
        Err(rejected) => rejected.diagnostics,
    };
    diagnostics.sorted().iter().map(|found| format!("{:?}", found.code)).collect()
}

fn facts<'a>(limiter: &Limiter, named: &[(&str, Value<'a>)]) -> Vec<(FactId, Value<'a>)> {
    named.iter().map(|(name, value)| (limiter.fact(name).unwrap(), *value)).collect()
}

fn outcome(limiter: &Limiter, named: &[(&str, Value<'_>)]) -> Outcome {
    limiter.decide_at(&facts(limiter, named), NOON).outcome()
}

#[test]
fn a_path_is_normalised_for_conditions_and_keys_without_any_on() {
    let limiter = limiter(
        "use std.http
         rule a { if path == \"/admin\" or path like \"/wp-*\" then deny 404 }
         rule b { limit 1 req/min per path }",
    );
    for path in ["/admin", "/admin/", "//admin", "/%61dmin", "/x/../admin", "/admin?x=1", "//wp-login"] {
        assert_eq!(outcome(&limiter, &[("path", Value::Str(path))]), Outcome::Deny, "{path}");
    }
    assert_eq!(outcome(&limiter, &[("path", Value::Str("/search"))]), Outcome::Allow);
    assert_eq!(outcome(&limiter, &[("path", Value::Str("/search/"))]), Outcome::Reject);
}

#[test]
fn shares_of_one_name_have_one_key() {
    let text = "input { org : key  user : key  team : key  free : bool }
         rule r {
           if free then limit day: 10 req/min per org at most 10% per user
           else limit day: 10 req/min per org at most 10% per team
         }";
    assert!(codes(text).contains(&"RL0502".to_owned()), "{:?}", codes(text));
}

#[test]
fn values_of_a_plan_constant_count_over_one_window_even_after_unlimited() {
    let text = "input { user : key  plan : plan }
         plan a { r = unlimited }
         plan b { r = 10 req/min }
         plan c { r = 100 req/h }
         rule x { limit plan.r per user }";
    assert!(codes(text).contains(&"RL0502".to_owned()), "{:?}", codes(text));
    let text = "input { user : key  plan : plan }
         plan a { r = unlimited }
         plan b { r = 10 req/min }
         plan c { r = 4 in flight }
         rule x { limit plan.r per user }";
    assert!(!codes(text).is_empty());
}

#[test]
fn a_message_shows_a_dash_for_what_is_absent() {
    let limiter = limiter(
        "input { size : bytes?  n : int?  flag : bool?  who : string?  day : date?
                 plan : plan? }
         plan free { most = 5 MiB  tier = \"one\" }
         plan pro { most = 6 MiB  tier = \"two\" }
         rule r { deny 413 \"{size} {n} {flag} {who} {day} {plan} {plan.most} {plan.tier}\" }",
    );
    let none = facts(&limiter, &[]);
    assert_eq!(limiter.decide_at(&none, NOON).message(), "- - - - - - - -");
    let some = [
        ("size", Value::Int(1024)),
        ("n", Value::Int(0)),
        ("flag", Value::Bool(false)),
        ("who", Value::Str("ada")),
        ("day", Value::Int(0)),
        ("plan", Value::Str("pro")),
    ];
    let some = facts(&limiter, &some);
    assert_eq!(limiter.decide_at(&some, NOON).message(), "1 KiB 0 false ada 1970-01-01 pro 6 MiB two");
}

#[test]
fn a_computed_address_in_a_message_is_no_number() {
    let text = "input { a : ip?  b : ip } rule r { let c = a ?? b  deny 403 \"{c}\" }";
    assert_eq!(codes(text), ["RL0009"]);
}

#[test]
fn a_test_of_an_optional_is_not_turned_round_by_comparing_it() {
    for condition in [
        "(x == \"a\") == false",
        "(x == \"a\") != true",
        "false == (x == \"a\")",
        "(x == \"a\") in {false}",
        "not ((x == \"a\") ?? true)",
        "t == false",
        "not t",
    ] {
        let text = format!(
            "input {{ user : key  x : string? }} rule r {{ let t = x == \"a\"  if {condition} then limit 1 req/min per user }}"
        );
        assert!(codes(&text).contains(&"RL0302".to_owned()), "{condition}: {:?}", codes(&text));
    }
    let text = "input { user : key  x : string? } rule r { let t = x == \"a\"  match t { true => { deny 400 } false => { exempt \"y\" } } }";
    assert!(codes(text).contains(&"RL0302".to_owned()), "{:?}", codes(text));
}

#[test]
fn constants_of_an_absent_plan_hold_in_no_condition() {
    let limiter = limiter(
        "input { user : key  plan : plan? }
         plan free { flag = true  tier = \"gold\" }
         plan pro { flag = false  tier = \"tin\" }
         rule a { if plan.flag then deny 401 }
         rule b { if plan.tier like \"g*\" then deny 402 }
         rule c { if plan.tier == \"gold\" then deny 403 }
         rule d { if plan == free then deny 404 }
         rule e { limit 9 req/min per user }",
    );
    let user = ("user", Value::Str("ada"));
    assert_eq!(outcome(&limiter, &[user]), Outcome::Allow);
    assert_eq!(outcome(&limiter, &[user, ("plan", Value::Str("free"))]), Outcome::Deny);
    let free = facts(&limiter, &[user, ("plan", Value::Str("free"))]);
    assert_eq!(limiter.decide_at(&free, NOON).rules().collect::<Vec<_>>(), ["a", "b", "c", "d"]);
}

#[test]
fn a_record_names_the_key_that_was_charged_when_a_fact_is_passed_as_absent() {
    let limiter = limiter("input { region : string = \"eu\" } rule r { limit 9 req/min per region }");
    let absent = facts(&limiter, &[("region", Value::Absent)]);
    let decision = limiter.decide_at(&absent, NOON);
    let record = DecisionRecord::new(1, &limiter, &decision, &absent);
    assert_eq!(record.limits.first().unwrap().key, [("region".to_owned(), "eu".to_owned())]);
    assert_eq!(limiter.counter(0, &absent).unwrap().0, decision.limits().next().unwrap().1.counter);
}

#[test]
fn unlimited_behind_a_fallback_limits_nothing() {
    let limiter = limiter(
        "input { user : key  vip : bool }
         rule r { limit (if vip then unlimited else 1 req/min) ?? 2 req/min per user }",
    );
    let vip = [("user", Value::Str("ada")), ("vip", Value::Bool(true))];
    assert_eq!(outcome(&limiter, &vip), Outcome::Allow);
    assert_eq!(outcome(&limiter, &vip), Outcome::Allow);
}

#[test]
fn an_imported_root_of_the_hierarchy_is_asked_for() {
    let limiter = limiter(
        "use std.http hierarchy host > user
         input { user : key }
         rule r { limit 1 req/min per user }",
    );
    assert_eq!(
        limiter.decide_at(&facts(&limiter, &[("user", Value::Str("ada"))]), NOON).message(),
        "`host` is missing"
    );
    for host in ["a.example", "b.example"] {
        assert_eq!(
            outcome(&limiter, &[("user", Value::Str("ada")), ("host", Value::Str(host))]),
            Outcome::Allow
        );
    }
}

#[test]
fn lets_that_use_each_other_twice_compile_at_once() {
    let mut number =
        "input { user : key  n : int?  s : string?  t : string } rule r {\n let a0 = n ?? 1\n".to_owned();
    number += "let b0 = s ?? t\n let c0 = 5 req/min\n";
    for i in 1..60 {
        let j = i - 1;
        number += &format!("let a{i} = a{j} + a{j} * 2\n let b{i} = if a{i} == 3 then b{j} else b{j}\n");
        number += &format!(
            "let c{i} = if a{i} == 3 then (if t == \"x\" then unlimited else 5 req/min) else 5 req/min\n"
        );
    }
    number +=
        "if a59 > 7 and b59 like \"x*\" and b59 == \"y\" then limit c59 per user\n deny 400 \"{a59}\" }";
    assert_eq!(
        outcome(&limiter(&number), &[("user", Value::Str("a")), ("t", Value::Str("b"))]),
        Outcome::Deny
    );
}

#[test]
fn a_long_chain_of_lets_does_not_exhaust_the_stack() {
    let mut text =
        "input { user : key  n : int  s : string? } rule r {\n let a0 = n\n let b0 = s\n".to_owned();
    for i in 1..4_000 {
        text += &format!("let a{i} = a{} + 1\nlet b{i} = if n == {i} then \"x\" else b{}\n", i - 1, i - 1);
    }
    text += "if a3999 > 7 then deny 400\n if b3999 like \"x*\" then deny 401\n if b3999 is present then deny 402 }";
    let limiter = limiter(&text);
    assert_eq!(outcome(&limiter, &[("user", Value::Str("a")), ("n", Value::Int(0))]), Outcome::Deny);
}

#[test]
fn a_path_is_not_compared_with_text_that_no_path_is() {
    for condition in ["path == \"/admin/\"", "path in {\"/ok\", \"/a//b\"}", "\"/a?b=1\" != path"] {
        let text = format!("use std.http rule r {{ if {condition} then deny 404 }}");
        assert_eq!(codes(&text), ["RL0203"], "{condition}");
    }
    assert_eq!(
        codes("use std.http rule r { match path { \"admin\" => { deny 404 } else => { } } }"),
        ["RL0203"]
    );
    assert!(codes("use std.http rule r { if path in {\"/\", \"/admin\", \"*\"} then deny 404 }").is_empty());
}

#[test]
fn the_order_of_the_text_changes_no_decision() {
    let items = [
        "rule b { if n > 3 then deny 402 \"b\"  limit 5 req/min per user }",
        "rule a { if n > 3 then deny 401 \"a\"  limit z: 5 req/min per org }",
        "rule d { if n == 2 then exempt \"d\" }",
        "rule c { if n == 2 then exempt \"c\"  if n == 1 then limit q: 0 req/min globally else limit q: 9 req/min globally }",
        "plan free { limit p: 5 req/min per user }",
        "plan pro extends free { limit p: 6 req/min per user }",
        "input { user : key  org : key  n : int  plan : plan }",
    ];
    let decide = |text: &str| -> Vec<String> {
        let limiter = limiter(text);
        (0..40)
            .map(|n| {
                let named = [
                    ("user", Value::Str("ada")),
                    ("org", Value::Str("acme")),
                    ("n", Value::Int(n % 7)),
                    ("plan", Value::Str(if n % 3 == 0 { "pro" } else { "free" })),
                ];
                let facts = facts(&limiter, &named);
                let decision = limiter.decide_at(&facts, NOON);
                let binding = decision.binding().map(|(info, _)| info.name.clone());
                let record = DecisionRecord::new(1, &limiter, &decision, &facts);
                format!("{} {binding:?}", serde_json::to_string(&record).unwrap())
            })
            .collect()
    };
    let expected = decide(&items.concat());
    for turn in 0..items.len() {
        let (front, back) = items.split_at(turn);
        assert_eq!(decide(&[back, front].concat().concat()), expected, "turned by {turn}");
        let reversed: Vec<&str> = [back, front].concat().into_iter().rev().collect();
        assert_eq!(decide(&reversed.concat()), expected, "turned by {turn}, backwards");
    }
}

#[test]
fn the_patterns_of_a_match_are_constants() {
    for (subject, pattern) in [("ip_a", "ip_b"), ("l", "y"), ("x", "y"), ("x", "l"), ("n", "m")] {
        let text = format!(
            "input {{ ip_a : ip  ip_b : ip  x : string?  y : string  n : int  m : int }}
             rule r {{ let l = x ?? \"none\"  match {subject} {{ {pattern} => {{ deny 401 }} else => {{ }} }} }}"
        );
        assert_eq!(codes(&text), ["RL0403"], "{subject} against {pattern}");
    }
    let constants = "input { plan : plan  n : int } plan free { } plan pro { }
         rule r { let two = 2  match plan { free => { } pro => { } }  match n { two => { } else => { } } }";
    assert!(codes(constants).is_empty(), "{:?}", codes(constants));
}

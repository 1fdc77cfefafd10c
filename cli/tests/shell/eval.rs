use crate::Place;

const PLANS: &str = r#"edition 2026
use std.http

hierarchy org > team? > user

input {
  org: key
  team: key?
  user: key
  plan: plan
}

plan free {
  limit rpm: 10 req/min per user burst 5 req
  limit daily: 10k req/day per org resets in "UTC"
}

plan pro extends free {
  limit rpm: 60 req/min per user burst 20 req
}

rule uploads {
  on POST "/files"
  if body_size > 5 MiB then deny 413 "too large for {plan}"
  limit bytes: 2 MiB/hour per team costing body_size
}

rule health {
  on GET "/healthz"
  exempt "probes"
}
"#;

const ADA: &str = r#"{"method":"GET","path":"/x","org":"acme","user":"ada","plan":"pro","body_size":0}"#;

fn eval(arguments: &[&str]) -> crate::Ran {
    let place = Place::with(&[("p.rl", PLANS), ("ada.json", ADA)]);
    place.rlc(&[&["eval", "p.rl", "--at", "2026-03-02T09:00:00Z"], arguments].concat())
}

/// The facts of Ada with these instead.
fn ada(changes: &[(&str, serde_json::Value)]) -> String {
    let mut facts: serde_json::Value = serde_json::from_str(ADA).unwrap();
    for (name, value) in changes {
        facts.as_object_mut().unwrap().insert((*name).to_owned(), value.clone());
    }
    facts.to_string()
}

#[test]
fn an_allowed_request_says_what_is_left() {
    let ran = eval(&["--facts", ADA]);
    assert_eq!(
        ran.out,
        "GET /x  org=acme  user=ada  plan=pro  body_size=0 bytes   → ALLOW\n  \
         ✓  daily  org=acme            9999 of 10k req left  costs 1 req  resets in 15 h\n  \
         ✓  rpm    org=acme, user=ada  19 of 60 req left     costs 1 req  resets in 1 s\n"
    );
    assert_eq!((ran.err.as_str(), ran.code), ("", 0));
}

#[test]
fn a_trace_names_every_rule_and_plan() {
    let ran = eval(&["--facts", ADA, "--trace"]);
    assert_eq!(
        ran.out,
        "GET /x  org=acme  user=ada  plan=pro  body_size=0 bytes   → ALLOW\n           \
         plan free, which pro extends\n  \
         p.rl:15    ✓ limit daily               org=acme            0 + 1 ≤ 10k req\n           \
         plan pro\n  \
         p.rl:19    ✓ limit rpm                 org=acme, user=ada  1 of 20 req at once\n  \
         other routes: rule uploads, rule health\n"
    );
}

#[test]
fn a_refusal_is_the_other_answer() {
    let facts = ada(&[("method", "POST".into()), ("path", "/files".into()), ("body_size", "6 MiB".into())]);
    let ran = eval(&["--facts", &facts, "--trace"]);
    assert!(ran.out.contains("→ DENY 413: too large for pro\n"), "{}", ran.out);
    assert!(ran.out.contains("● deny 413"), "{}", ran.out);
    assert!(ran.out.contains("skipped: the request has no team\n"), "{}", ran.out);
    assert!(ran.out.contains("not counted: the request is denied\n"), "{}", ran.out);
    assert_eq!(ran.code, 2);
    let facts = ada(&[
        ("method", "POST".into()),
        ("path", "/files".into()),
        ("body_size", "3 MiB".into()),
        ("team", "red".into()),
    ]);
    let ran = eval(&["--facts", &facts, "--trace"]);
    assert!(ran.out.contains("→ REJECT by bytes, can never fit\n"), "{}", ran.out);
    assert!(ran.out.contains("✗ limit bytes") && ran.out.contains("0 + 3 MiB > 2 MiB\n"), "{}", ran.out);
    assert!(ran.out.contains("its condition does not hold\n"), "{}", ran.out);
    assert_eq!(ran.code, 2);
}

#[test]
fn an_exempt_request_passes() {
    let ran = eval(&["--facts", &ada(&[("path", "/healthz".into())]), "--trace"]);
    assert!(
        ran.out.contains("→ EXEMPT: probes\n") && ran.out.contains("not counted: the request is exempt"),
        "{}",
        ran.out
    );
    assert_eq!(ran.code, 0);
}

#[test]
fn json_is_a_decision_record() {
    let ran = eval(&["--facts", ADA, "--format", "json", "--trace"]);
    let json: serde_json::Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!(json["schema"], "limitrate/eval/v1");
    assert_eq!((json["outcome"].as_str(), json["t"].as_u64()), (Some("allow"), Some(1_772_442_000_000)));
    assert_eq!(json["limits"][0]["limit"], "daily");
    assert_eq!(json["limits"][1]["key"]["user"], "ada");
    assert_eq!(json["trace"]["matched"][1]["statements"][0]["why"], "1 of 20 req at once");
    assert!(
        json["engine"].as_str().is_some_and(|engine| engine == "native" || engine.starts_with("interpreter"))
    );
}

#[test]
fn facts_come_from_a_file_the_standard_input_or_one_by_one() {
    assert_eq!(eval(&["--facts", "@ada.json"]).code, 0);
    let place = Place::with(&[("p.rl", PLANS)]);
    assert_eq!(place.rlc_with(&["eval", "p.rl", "--facts", "-"], format!("\n{ADA}\n")).code, 0);
    assert_eq!(place.rlc_with(&["eval", "p.rl", "--facts", "@-"], ADA).code, 0);
    let set = ["method=GET", "path=/x", "org=acme", "user=ada", "plan=pro", "body_size=1 KiB"];
    let arguments: Vec<&str> =
        ["eval", "p.rl"].into_iter().chain(set.iter().flat_map(|pair| ["--set", pair])).collect();
    let ran = place.rlc(&arguments);
    assert!(ran.out.contains("body_size=1 KiB"), "{}", ran.out);
    assert_eq!(ran.code, 0);
}

#[test]
fn a_fact_that_is_missing_or_malformed_is_named() {
    let ran = eval(&["--facts", &ada(&[("user", serde_json::Value::Null)])]);
    assert!(
        ran.out.contains("→ DENY 400: `user` is missing\n  give `user` in --facts, or with --set user=…\n"),
        "{}",
        ran.out
    );
    assert_eq!(ran.code, 2);
    let ran = eval(&["--facts", &ada(&[("plan", serde_json::Value::Null)])]);
    assert!(ran.out.contains("--set plan=…; it is one of free, pro\n"), "{}", ran.out);
}

#[test]
fn a_fact_outside_its_type_is_told_what_the_type_allows() {
    for (name, value, allowed) in
        [("plan", "gold".into(), "one of free, pro"), ("body_size", (-1).into(), "at least 0 bytes")]
    {
        let ran = eval(&["--facts", &ada(&[(name, value)])]);
        let said = format!("DENY 400: `{name}` has a value outside its type\n  `{name}` is {allowed}\n");
        assert!(ran.out.contains(&said), "{}", ran.out);
        assert_eq!(ran.code, 2);
    }
    let policy = "input {\n  n : int in 0..9\n}\n\nrule r {\n  if n > 5 then deny 403\n}\n";
    let ran = Place::with(&[("n.rl", policy)]).rlc(&["eval", "n.rl", "--facts", "{\"n\":-1}"]);
    assert!(ran.out.contains("\n  `n` is from 0 to 9\n"), "{}{}", ran.out, ran.err);
}

#[test]
fn an_instant_in_another_form_is_told_the_form_and_the_range() {
    let place = Place::with(&[("p.rl", PLANS)]);
    for at in ["2026-03-02", "9999-01-01T00:00:00Z"] {
        let ran = place.rlc(&["eval", "p.rl", "--at", at, "--facts", ADA]);
        assert!(ran.err.contains("as 2026-03-02T16:59:30Z or"), "{}", ran.err);
        assert!(ran.err.contains("from the year 1677 to 2262"), "{}", ran.err);
        assert_eq!(ran.code, 3);
    }
}

#[test]
fn the_trace_names_other_plans_by_their_names() {
    let ran = eval(&["--facts", &ada(&[("plan", "free".into())]), "--trace"]);
    assert!(ran.out.contains("  other plans: pro\n"), "{}", ran.out);
}

#[test]
fn facts_that_cannot_be_read_are_usage_errors() {
    for (facts, error) in [
        ("{\"user\":", "error: the facts cannot be read: not JSON at byte 8\n"),
        ("[]", "error: the facts cannot be read: not a JSON object\n"),
        ("{\"user\":\"a\",\"user\":\"b\"}", "error: the facts cannot be read: `user` stands there twice\n"),
        (
            "{\"body_size\":\"6 s\"}",
            "error: the facts cannot be read: wrong type for `body_size` (expected bytes, found string \"6 s\")\n",
        ),
        ("@nothing.json", "error: cannot read nothing.json: there is no such file\n"),
        ("{\"t\":5}", "error: the facts have a `t`, and --at gives another: leave one of them out\n"),
    ] {
        let ran = eval(&["--facts", facts]);
        assert_eq!((ran.err.as_str(), ran.out.as_str(), ran.code), (error, "", 3), "{facts}");
    }
    assert_eq!(eval(&["--set", "usr=ada"]).err, "error: the policy has no fact `usr`\n");
    assert_eq!(eval(&["--set", "ada"]).code, 3);
}

#[test]
fn a_member_without_a_fact_is_mentioned() {
    let ran = eval(&["--facts", &ada(&[("usr", "ada".into())])]);
    assert_eq!(ran.err, "note: the policy has no fact `usr`, so it was left out; did you mean `user`?\n");
    assert_eq!(ran.code, 0);
}

#[test]
fn control_characters_in_facts_do_not_reach_the_terminal() {
    let ran = eval(&["--facts", &ada(&[("user", "a\u{1b}[2Jb".into())])]);
    assert!(!ran.out.contains('\u{1b}') && ran.out.contains("user=a\\u{1b}[2Jb"), "{}", ran.out);
}

#[test]
fn a_time_of_the_facts_is_the_instant_of_the_request() {
    let place = Place::with(&[("p.rl", PLANS)]);
    let facts = ada(&[("t", "2026-03-02T23:59:59Z".into())]);
    let ran = place.rlc(&["eval", "p.rl", "--facts", &facts]);
    assert!(ran.out.contains("resets in 1 s"), "{}", ran.out);
}

const CHAT: &str = r#"use std.http

input {
  user         : key
  model        : one of "large", "small"
  max_tokens   : tokens = 1k tokens
  usage.output : tokens after response
}

rule chat {
  let most = if model == "large" then max_tokens * 10 else max_tokens
  limit daily: 8k tokens/day per user resets in "UTC"
    reserve most settle usage.output
    warn at 10%, 80%
    on exceed downgrade model to "small"
  limit streams: 4 in flight per user for at most 5 min
}

rule soft {
  limit calls: 0 req/min per user using fixed_window on exceed allow
}

shadow rule off {
  if model == "large" then deny 403
}

shadow rule tighter {
  limit tight: 500 tokens/min per user using fixed_window costing max_tokens
}
"#;

/// Evaluates a request of Ada to the large model.
fn chat(arguments: &[&str]) -> crate::Ran {
    let place = Place::with(&[("chat.rl", CHAT)]);
    let facts = r#"{"user":"ada","model":"large"}"#;
    let asked = ["eval", "chat.rl", "--at", "2026-03-02T09:00:00Z", "--facts", facts];
    place.rlc(&[&asked, arguments].concat())
}

#[test]
fn a_downgraded_request_says_what_it_became_and_what_it_holds() {
    let ran = chat(&[]);
    assert_eq!(
        ran.out,
        "user=ada  model=large   → DOWNGRADE model=small\n  \
         !  calls    user=ada  0 of 0 req left           costs 1 req           taken past the ceiling\n  \
         ✓  daily    user=ada  7000 of 8000 tokens left  reserves 1000 tokens  resets in 15 h\n  \
         ✓  streams  user=ada  3 of 4 in flight left     costs 1 in flight     resets in 5 min\n  \
         as it came, it does not fit: daily costs 10k tokens of 8000 tokens\n  \
         warning: calls is past its ceiling\n  \
         warning: daily has reached 10%\n  \
         in shadow: tight would refuse it, 500 of 500 tokens left\n  \
         held until the reply, as ticket 0000000000000003\n"
    );
    assert_eq!((ran.err.as_str(), ran.code), ("", 0));
}

#[test]
fn a_trace_shows_both_passes_of_a_downgrade() {
    let ran = chat(&["--trace"]);
    let lines = [
        "✗ limit daily             user=ada  0 + 10k > 8000 tokens → downgrade model to small\n",
        "✗ limit calls             user=ada  0 + 1 > 0 req → taken past the ceiling\n",
        "○ deny, in shadow                   would apply\n",
        "✗ limit tight, in shadow  user=ada  0 + 1000 > 500 tokens\n",
        "second pass with model=small:  calls 0 + 1 > 0 req ✗   daily 0 + 1000 ≤ 8000 tokens ✓   \
         streams 0 + 1 ≤ 4 in flight ✓\n",
    ];
    for line in lines {
        assert!(ran.out.contains(line), "{line}{}", ran.out);
    }
    let ran = chat(&["--trace", "--format", "json"]);
    let json: serde_json::Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!(
        (json["outcome"].as_str(), json["downgrade"]["model"].as_str()),
        (Some("downgrade"), Some("small"))
    );
    assert_eq!(json["trace"]["second_pass"]["with"], "model=small");
    assert_eq!(json["ticket"], "0000000000000003");
}

#[test]
fn what_does_not_fit_even_downgraded_is_rejected_as_it_came() {
    let ran = chat(&["--trace", "--set", "max_tokens=9k tokens"]);
    assert!(ran.out.contains("→ REJECT by daily, can never fit\n"), "{}", ran.out);
    assert!(ran.out.contains("daily 0 + 9000 > 8000 tokens ✗"), "{}", ran.out);
    assert_eq!(ran.code, 2);
}

#[test]
fn a_reply_among_the_facts_settles_what_was_reserved() {
    let place = Place::with(&[("chat.rl", CHAT)]);
    let eval = |facts: &str, format: &str| {
        place.rlc(&["eval", "chat.rl", "--at", "2026-03-02T09:00:00Z", "--facts", facts, "--format", format])
    };
    let facts = r#"{"user":"ada","model":"small","reply":{"after_ms":900,"usage.output":"0.2k tokens"}}"#;
    let ran = eval(facts, "text");
    assert!(ran.out.contains("settled: daily 1000 tokens → 200 tokens\n"), "{}", ran.out);
    let json: serde_json::Value = serde_json::from_str(&eval(facts, "json").out).unwrap();
    assert_eq!(
        (json["settled"][0]["reserved"].as_i64(), json["settled"][0]["actual"].as_i64()),
        (Some(1000), Some(200))
    );
    let ran = eval(r#"{"user":"ada","model":"small","reply":{}}"#, "text");
    assert!(ran.out.contains("settled: daily 1000 tokens stands, without usage.output\n"), "{}", ran.out);
    let ran = eval(r#"{"user":"ada","model":"small","usage.output":7}"#, "text");
    assert!(
        ran.err.contains("`usage.output` is known only after the response, so it was left out"),
        "{}",
        ran.err
    );
}

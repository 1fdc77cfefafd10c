use crate::{Place, Ran};

const OLD: &str = r#"edition 2026
use std.http

input {
  org: key
  user: key
}

rule api {
  limit rpm: 2 req/min per user using fixed_window
  limit daily: 1000 req/24 h per user
  limit old: 5 req/s per org
}
"#;

const TRAFFIC: &str = r#"{"t":60000,"org":"a","user":"ada","method":"GET","path":"/a/1"}
{"t":61000,"org":"a","user":"ada","method":"GET","path":"/a/2"}
{"t":62000,"org":"a","user":"ada","method":"GET","path":"/a/3"}
{"t":63000,"org":"a","user":"bob","method":"GET","path":"/a/3"}
"#;

/// Compares the old policy with one in which these texts are replaced.
fn diff(changes: &[(&str, &str)], more: &[&str]) -> Ran {
    let new = changes.iter().fold(OLD.to_owned(), |text, (from, to)| text.replace(from, to));
    let place = Place::with(&[("old.rl", OLD), ("new.rl", &new), ("t.jsonl", TRAFFIC)]);
    place.rlc(&[&["diff", "old.rl", "new.rl"], more].concat())
}

#[test]
fn nothing_new_is_no_change_however_it_is_written() {
    let changes =
        [("2 req/min per user", "2 per minute\n    per user  # two\n   "), ("rule api", "\n\nrule api")];
    let ran = diff(&changes, &["--exit-code"]);
    assert_eq!((ran.out.as_str(), ran.code), ("no changes: 3 counters kept\n", 0));
}

#[test]
fn each_counter_is_kept_reset_dropped_or_new() {
    let changes =
        [("2 req/min", "1 req/min"), ("1000 req/24 h per user", "1000 req/24 h per org"), ("old:", "fresh:")];
    let ran = diff(&changes, &[]);
    let (counters, warning) = ran.out.split_once("\nwarning").unwrap();
    assert_eq!(
        counters,
        "counters
  reset          daily  new.rl:11
                   key: per user -> per org
  new            fresh  new.rl:12
  dropped        old    old.rl:12
  kept, changed  rpm    new.rl:10
                   - limit rpm: 2 req/min per user using fixed_window
                   + limit rpm: 1 req/min per user using fixed_window

rules
  changed  api
"
    );
    assert!(warning.starts_with("[RL1308]: the counters of `daily` start anew\n"), "{warning}");
    assert_eq!((ran.err.as_str(), ran.code), ("", 1));
}

#[test]
fn a_reset_that_is_allowed_is_a_change_like_others() {
    let changes = [("1000 req/24 h per user", "1000 req/24 h per org")];
    let ran = diff(&changes, &["--allow-reset", "daily"]);
    assert!(!ran.out.contains("RL1308"), "{}", ran.out);
    assert_eq!(ran.code, 0);
    assert_eq!(diff(&changes, &["--allow-reset", "daily", "--exit-code"]).code, 2);
    let ran = diff(&changes, &["--allow-reset", "dayly"]);
    assert!(ran.err.contains("neither policy has a limit `dayly`"), "{}", ran.err);
    assert_eq!(ran.code, 3);
}

#[test]
fn traffic_says_who_is_newly_refused() {
    let ran = diff(&[("2 req/min", "1 req/min")], &["--traffic", "t.jsonl"]);
    let (_, traffic) = ran.out.split_once("\ntraffic").unwrap();
    assert_eq!(
        traffic,
        ": 4 requests under both
  newly refused          1
                         1  by rpm                          first line 2, 1970-01-01T00:01:01Z
  newly allowed          0
"
    );
    let ran = diff(&[("2 req/min", "3 req/min")], &["--traffic", "t.jsonl", "--format", "json"]);
    let json: serde_json::Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!(json["schema"], "limitrate/diff/v1");
    assert_eq!(json["limits"][2]["counters"], "kept");
    let allowed = &json["traffic"]["newly_allowed"][0];
    assert_eq!((&allowed["by"], &allowed["examples"][0]["line"]), (&"rpm".into(), &3.into()));
}

#[test]
fn traffic_that_cannot_be_read_twice_is_refused() {
    let ran = diff(&[], &["--traffic", "-"]);
    assert!(ran.err.contains("the traffic is read twice"), "{}", ran.err);
    assert_eq!((ran.out.as_str(), ran.code), ("", 3));
}

#[test]
fn a_policy_that_does_not_compile_is_not_compared() {
    let ran = diff(&[("per user", "per usr")], &[]);
    assert!(ran.err.contains("error[RL0101]"), "{}", ran.err);
    assert_eq!((ran.out.as_str(), ran.code), ("", 1));
}

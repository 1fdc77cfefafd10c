//! What prices, tables, functions, texts and keys come to, from text to decision.
#![expect(clippy::panic, clippy::unwrap_used, reason = "a test stops at the first surprise")]

use std::sync::Arc;

use limitrate_compiler::{Engine, compile};
use limitrate_core::{
    facts::{FactId, Value},
    time::Timestamp,
};
use limitrate_runtime::{
    Limiter, LimiterOptions, Outcome,
    store::{MemoryOptions, MemoryStore},
};

const NOON: Timestamp = Timestamp(1_767_614_400_000_000_000);

fn limiters(text: &str) -> [Limiter; 2] {
    [Engine::Native, Engine::Interpreter].map(|engine| match compile("test.rl", text.as_bytes(), engine) {
        Ok(accepted) => Limiter::with(
            Arc::new(accepted.policy),
            MemoryStore::new(MemoryOptions::default()),
            LimiterOptions { secret: 1, ..LimiterOptions::default() },
        ),
        Err(rejected) => panic!("{:#?}", rejected.diagnostics.sorted()),
    })
}

fn facts<'a>(limiter: &Limiter, named: &[(&str, Value<'a>)]) -> Vec<(FactId, Value<'a>)> {
    named.iter().map(|(name, value)| (limiter.fact(name).unwrap(), *value)).collect()
}

/// The cost of the only charge.
fn cost(limiter: &Limiter, named: &[(&str, Value<'_>)]) -> i64 {
    let decision = limiter.decide_at(&facts(limiter, named), NOON);
    decision.limits().next().unwrap().1.cost
}

fn outcome(limiter: &Limiter, named: &[(&str, Value<'_>)]) -> Outcome {
    limiter.decide_at(&facts(limiter, named), NOON).outcome()
}

const GATEWAY: &str = r#"
input { user : key  model : string  prompt : tokens  most : tokens }
table price by model : (input usd/Mtok, output usd/Mtok) {
  "large" => $2.50/Mtok, $10.00/Mtok
  "small" => $0.15/Mtok,  $0.60/Mtok
  else    => $15.00/Mtok, $75.00/Mtok
}
fn worst(model: string, prompt: tokens, most: tokens) -> usd =
  price[model].input * prompt + price[model].output * most
rule chat { limit $100/hour per user costing worst(lower(model), prompt, most) }
"#;

#[test]
fn a_call_costs_what_its_tokens_are_priced_at_to_the_nano_dollar() {
    for limiter in limiters(GATEWAY) {
        let of = |model, prompt, most| {
            cost(
                &limiter,
                &[
                    ("user", Value::Str("ada")),
                    ("model", Value::Str(model)),
                    ("prompt", Value::Int(prompt)),
                    ("most", Value::Int(most)),
                ],
            )
        };
        assert_eq!(of("small", 1_000, 200), 150_000 + 120_000);
        assert_eq!(of("SMALL", 1_000, 200), 270_000);
        assert_eq!(of("large", 1, 0), 2_500);
        assert_eq!(of("unheard-of", 1, 1), 15_000 + 75_000);
        assert_eq!(of("small", 0, 0), 0);
        assert_eq!(of("large", i64::MAX, i64::MAX), i64::MAX);
    }
}

#[test]
fn a_part_of_a_nano_dollar_is_rounded_up() {
    let text = "input { user : key  size : bytes }
        rule r { limit $1/hour per user costing size * $0.09/GiB }";
    for limiter in limiters(text) {
        let of = |size| cost(&limiter, &[("user", Value::Str("ada")), ("size", Value::Int(size))]);
        assert_eq!(of(0), 0);
        assert_eq!(of(1), 1);
        assert_eq!(of(11), 1);
        assert_eq!(of(12), 2);
        assert_eq!(of(1 << 30), 90_000_000);
    }
}

#[test]
fn networks_and_buckets_are_counted_together() {
    let text = "use std.http
        rule r { limit 1 req/hour per prefix(ip, 24, 56) }";
    for limiter in limiters(text) {
        let from = |ip: &str| outcome(&limiter, &[("ip", Value::Ip(ip.parse().unwrap()))]);
        assert_eq!(from("192.0.2.1"), Outcome::Allow);
        assert_eq!(from("192.0.2.200"), Outcome::Reject);
        assert_eq!(from("192.0.3.1"), Outcome::Allow);
        assert_eq!(from("2001:db8:0:100::1"), Outcome::Allow);
        assert_eq!(from("2001:db8:0:1ff::1"), Outcome::Reject);
        assert_eq!(from("2001:db8:0:200::1"), Outcome::Allow);
    }
    let text = "use std.http
        rule r { limit 1 req/hour per bucket(header(\"X-Client-Id\") ?? \"none\", 4) }";
    for limiter in limiters(text) {
        let names: Vec<String> = (0..64).map(|n| n.to_string()).collect();
        let passed = names
            .iter()
            .filter(|name| outcome(&limiter, &[("header.x-client-id", Value::Str(name))]) == Outcome::Allow);
        assert_eq!(passed.count(), 4);
    }
}

#[test]
fn facts_of_the_response_are_neither_asked_for_nor_looked_at() {
    let text = "input { user : key  usage.output : tokens after response }
        rule r { let actual = $1/Mtok * usage.output  limit 1 req/hour per user }";
    for limiter in limiters(text) {
        assert_eq!(outcome(&limiter, &[("user", Value::Str("ada"))]), Outcome::Allow);
        let given = [("user", Value::Str("bob")), ("usage.output", Value::Int(-1))];
        assert_eq!(outcome(&limiter, &given), Outcome::Allow);
    }
}

#[test]
fn a_day_of_a_calendar_is_one_of_its_zone() {
    let text = "calendar holidays = 2026-12-25 in \"Europe/Berlin\"
        rule r { if now in holidays then deny }";
    for limiter in limiters(text) {
        let at = |text: &str| {
            let now = limitrate_core::literal::parse_instant(text).unwrap();
            limiter.decide_at(&[], now).outcome()
        };
        assert_eq!(at("2026-12-24T22:59:59Z"), Outcome::Allow);
        assert_eq!(at("2026-12-24T23:00:00Z"), Outcome::Deny);
        assert_eq!(at("2026-12-25T22:59:59Z"), Outcome::Deny);
        assert_eq!(at("2026-12-25T23:00:00Z"), Outcome::Allow);
    }
}

#[test]
fn computed_texts_and_addresses_are_compared_byte_by_byte() {
    let text = "use std.http
        input { a : string?  b : string  home : ip }
        rule r {
          if lower(a ?? b) == lower(b) then deny 401
          if ip == home then deny 402
          if len(b) == 7 and contains(lower(b), \"needle\") then deny 403
        }";
    for limiter in limiters(text) {
        let of = |a: Option<&str>, b: &str, home: &str| {
            let ip = |text: &str| Value::Ip(text.parse().unwrap());
            let a = a.map_or(Value::Absent, Value::Str);
            let named = [("a", a), ("b", Value::Str(b)), ("ip", ip("10.0.0.1")), ("home", ip(home))];
            limiter.decide_at(&facts(&limiter, &named), NOON).status()
        };
        assert_eq!(of(None, "X", "10.0.0.2"), 401);
        assert_eq!(of(Some("x"), "X", "10.0.0.2"), 401);
        assert_eq!(of(Some("y"), "X", "::ffff:10.0.0.1"), 402);
        assert_eq!(of(Some("y"), "NEEDLEs", "10.0.0.2"), 403);
        assert_eq!(of(Some("y"), "x", "10.0.0.2"), 200);
    }
}

#[test]
fn the_last_of_a_facts_values_counts_however_often_it_is_sent() {
    let text = "input { user : key  size : int in 0..9 else 3 }
        rule r { if size == 7 then deny  if size == 3 then exempt \"odd\" }";
    for limiter in limiters(text) {
        let size = |value| ("size", Value::Int(value));
        // More than there are places for, as they were sent and not.
        let mut sent = vec![("user", Value::Str("ada"))];
        sent.extend((0..300).map(|n| size(if n % 2 == 0 { 50 } else { 1 })));
        assert_eq!(outcome(&limiter, &sent), Outcome::Allow);
        assert_eq!(outcome(&limiter, &[&sent[..], &[size(7)]].concat()), Outcome::Deny);
        assert_eq!(outcome(&limiter, &[&sent[..], &[size(50)]].concat()), Outcome::Exempt);
        assert_eq!(outcome(&limiter, &[&[size(50)], &sent[..], &[size(7)]].concat()), Outcome::Deny);
    }
}

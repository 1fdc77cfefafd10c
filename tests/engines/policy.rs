//! Random well-typed policies, as text: one strategy per type of expression, one per kind of statement.
//!
//! To cover a new construct, add an arm to the strategy of its type. Limits are called `@`, and get unique names at the
//! end.

use proptest::prelude::*;

/// What every generated policy declares. Requests for it are in [`super::facts`].
pub(crate) const INPUT: &str = r#"
use std.http

input {
  user    : key
  account : key?
  nick    : string?
  name    : string
  region  : one of "us", "eu", "ap"
  tier    : one of "a", "b" = "a" else "b"
  plan    : plan
  size    : bytes
  hits    : req = 3 req
  n       : int
  m       : int in 0..100
  beta    : bool
  ratio   : percent = 10%
  wait    : duration
  tok     : tokens
  pics    : images
  far     : ip
  few     : int in 1..9
}

unit images, image

table price by name : (input usd/Mtok, output usd/GiB, kind string) {
  "ada" => $2.50/Mtok, $0.09/GiB, "x"
  "bob" => $0.000001/ktok, $9/GiB, "ada"
  else  => $75/Mtok, $0.000000000001/GiB, "other"
}

table quota by region, tier : (rate req/min, n int) {
  "us", "a" => 5 req/min, 7
  "us", else => unlimited, 0
  else => 9 req/min, 1_000
}

fn cost(name: string, count: tokens, size: bytes) -> usd =
  price[name].input * count + price[name].output * size
fn half(n: int, by: int in 1..100) -> int = n / by
fn kind(name: string?) -> string = lower(name ?? "none")

plan free { quota = 5 req/min   cap = 4 KiB   label = "small"  }
plan pro  { quota = 50 req/min  cap = 1 MiB   label = "middle" }
plan max  { quota = unlimited   cap = 2 GiB   label = "large"  }

set office = 10.0.0.0/24, 2001:db8::/64
set names  = "ada", "bob"

calendar holidays = 2024-12-25, 2027-01-01
schedule hours  = mon..fri 09:00..17:00 in "Europe/Paris" except holidays
schedule nights = daily 22:00..06:00 in "America/New_York"
"#;

type Text = BoxedStrategy<String>;

fn one(choices: &'static [&'static str]) -> Text {
    prop::sample::select(choices).prop_map(str::to_owned).boxed()
}

fn int() -> Text {
    let leaf = prop_oneof![
        one(&["n", "m"]),
        (-9_i64..60).prop_map(|v| if v < 0 { "1_000_000".to_owned() } else { v.to_string() }),
    ];
    leaf.prop_recursive(3, 8, 3, |inner| {
        prop_oneof![
            (inner.clone(), one(&["+", "-", "*"]), inner.clone())
                .prop_map(|(a, op, b)| format!("({a} {op} {b})")),
            (inner.clone(), percent()).prop_map(|(a, p)| format!("({a} * {p})")),
            (inner.clone(), inner.clone(), inner.clone())
                .prop_map(|(a, b, c)| format!("divide({a}, {b}, {c})")),
            (inner.clone(), one(&["3", "few", "at_least(n, 1)"])).prop_map(|(a, b)| format!("({a} / {b})")),
            (inner.clone(), one(&["few", "7"])).prop_map(|(a, b)| format!("half({a}, {b})")),
            one(&["len(name)", "len(nick ?? name)", "quota[region, tier].n"]),
            (one(&["at_least", "at_most"]), inner.clone(), inner.clone())
                .prop_map(|(f, a, b)| format!("{f}({a}, {b})")),
            (solid(), inner.clone(), inner).prop_map(|(c, a, b)| format!("(if {c} then {a} else {b})")),
        ]
    })
    .boxed()
}

fn percent() -> Text {
    prop_oneof![
        one(&["ratio", "(size / 7 KiB)", "divide(tok, 3 tokens - tok, 5%)", "(wait / 3 s)"]),
        (0_u32..400).prop_map(|p| format!("{p}%"))
    ]
    .boxed()
}

fn bytes() -> Text {
    let leaf = prop_oneof![one(&["size", "plan.cap", "1 KiB", "20 bytes", "3 GiB"])];
    leaf.prop_recursive(2, 6, 2, |inner| {
        prop_oneof![
            (inner.clone(), one(&["+", "-"]), inner.clone()).prop_map(|(a, op, b)| format!("({a} {op} {b})")),
            (inner.clone(), int()).prop_map(|(a, n)| format!("({a} * {n})")),
            (percent(), inner.clone()).prop_map(|(p, a)| format!("({p} * {a})")),
            (regions(), inner.clone(), inner).prop_map(|(r, a, b)| format!("(if {r} then {a} else {b})")),
        ]
    })
    .boxed()
}

/// Money, from prices times quantities.
fn money() -> Text {
    let leaf = one(&[
        "$0.25",
        "(price[name].input * tok)",
        "(price[lower(name)].output * size)",
        "cost(name, tok, size)",
        "cost(nick ?? name, tok, 3 KiB)",
        "($0.000000001/image * pics)",
    ]);
    leaf.prop_recursive(2, 6, 2, |inner| {
        prop_oneof![
            (inner.clone(), one(&["+", "-"]), inner.clone()).prop_map(|(a, op, b)| format!("({a} {op} {b})")),
            (inner.clone(), int()).prop_map(|(a, n)| format!("({a} * {n})")),
            (inner.clone(), one(&["3", "few"])).prop_map(|(a, n)| format!("({a} / {n})")),
            (percent(), inner.clone()).prop_map(|(p, a)| format!("({p} * {a})")),
            (inner.clone(), inner).prop_map(|(a, b)| format!("at_most({a}, {b})")),
        ]
    })
    .boxed()
}

fn regions() -> Text {
    one(&["region == \"us\"", "region in {\"eu\", \"ap\"}", "region != \"eu\""])
}

/// Tests that do not look at what may be absent, so that `not` may stand before them.
fn solid() -> Text {
    let leaf = prop_oneof![
        regions(),
        one(&[
            "beta",
            "plan == free",
            "plan != pro",
            "tier == \"a\"",
            "tier != \"b\"",
            "now in hours",
            "now in nights",
            "name == user",
            "name == \"ada\"",
            "name in names",
            "name like \"*a*\"",
            "name matches \"^(ada|x)\"",
            "ip in office",
            "ip == 10.0.1.1",
            "account is present",
            "nick is missing",
            "wait > 20 s",
            "hits >= 3 req",
            "ratio < 15%",
            "(nick ?? \"x\") == \"x\"",
            "(account ?? user) != \"ada\"",
            "now < 2025-06-01T00:00:00Z",
            "now - 2024-01-01T00:00:00Z > 1000 h",
            "now in holidays",
            "lower(name) == \"ada\"",
            "lower(name) == user",
            "(nick ?? name) == lower(account ?? user)",
            "kind(nick) != name",
            "price[name].kind == user",
            "price[name].kind like \"*a*\"",
            "starts_with(name, \"a\")",
            "ends_with(lower(user), \"b\")",
            "contains(price[user].kind, \"th\")",
            "ip == far",
            "ip != far",
            "pics > 3 images",
            "price[name].input < $3/Mtok",
        ]),
        (one(&["n", "m"]), one(&["<", "<=", "==", "!=", ">", ">="]), 0_i64..60)
            .prop_map(|(f, op, v)| format!("{f} {op} {v}")),
    ];
    leaf.prop_recursive(3, 8, 2, |inner| {
        prop_oneof![
            inner.clone().prop_map(|a| format!("not ({a})")),
            (inner.clone(), one(&["and", "or"]), inner.clone())
                .prop_map(|(a, op, b)| format!("({a} {op} {b})")),
        ]
    })
    .boxed()
}

/// Conditions, with positive tests of what may be absent.
fn condition() -> Text {
    prop_oneof![
        3 => solid(),
        1 => (bytes(), one(&["<", ">=", "=="]), bytes()).prop_map(|(a, op, b)| format!("{a} {op} {b}")),
        1 => (int(), one(&["<", ">=", "!="]), int()).prop_map(|(a, op, b)| format!("{a} {op} {b}")),
        1 => (one(&["account == \"a1\"", "nick == name", "nick like \"*\"", "nick in names"]), one(&["and", "or"]), solid())
            .prop_map(|(a, op, b)| format!("{a} {op} {b}")),
        1 => Just("account is present and account != \"a1\"".to_owned()),
    ]
    .boxed()
}

fn key() -> Text {
    one(&[
        "per user",
        "per ip",
        "per account ?? user",
        "per account ?? ip, region",
        "per nick ?? \"none\"",
        "per plan, tier",
        "globally",
        "per user, beta",
        "per bucket(nick ?? \"none\", 16)",
        "per prefix(ip, 24, 56)",
        "per user, prefix(far, 8, 32) ",
    ])
}

fn ceiling() -> Text {
    let leaf = prop_oneof![
        (0_i64..30).prop_map(|n| format!("{n} req/min")),
        one(&["plan.quota", "quota[region, tier].rate", "12 req / 1 min"]),
    ];
    leaf.prop_recursive(2, 6, 3, |inner| {
        prop_oneof![
            (solid(), inner.clone(), inner.clone())
                .prop_map(|(c, a, b)| format!("(if {c} then {a} else {b})")),
            (inner.clone(), percent()).prop_map(|(a, p)| format!("({a} * {p})")),
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!(
                "match region {{ \"us\" => {a}, \"eu\" => {b}, else => 7 req/min }}"
            )),
            (inner.clone(), inner)
                .prop_map(|(a, b)| format!("match plan {{ free => {a}, pro, max => {b} }}")),
        ]
    })
    .boxed()
}

fn limit() -> Text {
    let kinds = prop_oneof![
        (ceiling(), one(&["", "using sliding_log", "using fixed_window", "aligned"]))
            .prop_map(|(c, u)| format!("limit @: {c} § {u}")),
        (
            1_i64..40,
            one(&[
                "using gcra",
                "burst 4 req",
                "using token_bucket starting 2 req burst 3 req",
                "using leaky_bucket"
            ])
        )
            .prop_map(|(n, u)| format!("limit @: {n} req/10 s § {u}")),
        (1_i64..40, one(&["day", "week", "month", "year"]))
            .prop_map(|(n, p)| format!("limit @: {n} req/{p} § resets in \"Asia/Tokyo\"")),
        (bytes(), one(&["", "using token_bucket", "using fixed_window"]))
            .prop_map(|(cost, u)| format!("limit @: 3 MiB/hour § {u} costing {cost}")),
        (money(), one(&["", "using token_bucket"]))
            .prop_map(|(cost, u)| format!("limit @: $5/hour § {u} costing {cost}")),
        Just("limit @: 5 images/hour § costing pics".to_owned()),
        (1_i64..4).prop_map(|n| format!("limit @: {n} in flight § for at most 2 min")),
        (3_i64..30).prop_map(|n| format!("limit @: {n} req/min per tier at most 40% per user")),
    ];
    (kinds, key()).prop_map(|(limit, key)| limit.replace('§', &key)).boxed()
}

fn statement() -> Text {
    let leaf = prop_oneof![
        6 => limit(),
        1 => one(&["deny 418 \"{name} of {plan.label} sent {size}, {ratio} of {plan.cap} at {region}\"", "deny", "exempt \"why not\""]),
    ];
    leaf.prop_recursive(3, 10, 3, |inner| {
        let block = prop::collection::vec(inner.clone(), 1..3).prop_map(|b| b.join("\n    "));
        prop_oneof![
            (condition(), block.clone()).prop_map(|(c, b)| format!("if {c} then {{ {b} }}")),
            (condition(), block.clone(), block.clone())
                .prop_map(|(c, a, b)| format!("if {c} then {{ {a} }} else {{ {b} }}")),
            (block.clone(), block.clone(), block).prop_map(|(a, b, c)| format!(
                "match region {{ \"us\" => {{ {a} }} \"eu\" => {{ {b} }} else => {{ {c} }} }}"
            )),
        ]
    })
    .boxed()
}

fn rule() -> Text {
    let on = one(&[
        "",
        "",
        "on GET \"/v1/**\"",
        "on POST \"/v1/items\", GET \"/v1/items/:id\", \"/other\"",
        "on \"/**\"",
    ]);
    (on, prop::collection::vec(statement(), 1..4))
        .prop_map(|(on, body)| format!("{on}\n  {}", body.join("\n  ")))
        .boxed()
}

/// A whole policy. Few rules refuse or exempt everything, so that most requests are charged.
pub(crate) fn policy() -> impl Strategy<Value = String> {
    prop::collection::vec(rule(), 1..5).prop_map(|rules| {
        let rules = rules.iter().enumerate().map(|(i, rule)| format!("\nrule r{i} {{\n  {rule}\n}}\n"));
        let mut text = format!("{INPUT}{}", rules.collect::<String>());
        let mut limits = 0..;
        while let (true, Some(limit)) = (text.contains('@'), limits.next()) {
            text = text.replacen('@', &format!("l{limit}"), 1);
        }
        text
    })
}

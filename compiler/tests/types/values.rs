//! Prices, division, tables, functions, texts and facts of the response: what compiles, and what is said of the rest.

use limitrate_compiler::grammar::code::Code;

use crate::assert_codes;

const NONE: &[Code] = &[];

/// A policy with a rule of this body.
fn in_rule(body: &str) -> String {
    with("", body)
}

/// A policy with these items and a rule of this body.
fn with(items: &str, body: &str) -> String {
    format!(
        "use std.http\nunit images, image\ninput {{\n  user : key\n  model : string\n  maybe : string?\n  \
         tier : one of \"a\", \"b\"\n  n : int\n  few : int in 1..9\n  prompt : tokens\n  size_in : bytes\n  \
         spent : usd\n  pictures : images\n  wait : duration\n  day : date\n  plan : plan\n  home : ip\n  \
         usage.output : tokens after response\n  usage.model : string after response\n}}\n\
         plan free {{ r = 10 req/min }}\ncalendar holidays = 2026-12-25 in \"Europe/Berlin\"\n\
         table price by model : (input usd/Mtok, output usd/Mtok) {{\n  \"large\" => $2.50/Mtok, $10.00/Mtok\n  \
         else => $15.00/Mtok, $0.075/ktok\n}}\n\
         table most by tier : (rate req/min) {{\n  \"a\" => 10 req/min\n  \"b\" => unlimited\n}}\n\
         table two by tier, n : (v int) {{\n  \"a\", 1 => 5\n  \"a\", else => 6\n  else => 7\n}}\n\
         fn cost(model: string, count: tokens) -> usd = price[model].input * count\n\
         fn half(n: int in 1..9) -> int = 100 / n\n{items}\nrule api {{ {body} }}\n"
    )
}

#[test]
fn a_price_times_its_quantity_is_money() {
    assert_codes(
        &[
            ("limit $5/day per user resets in \"UTC\" costing price[model].input * prompt", NONE),
            ("limit $5/day per user resets in \"UTC\" costing prompt * $2.50/Mtok", NONE),
            ("limit $5/day per user resets in \"UTC\" costing $0.04/image * pictures", NONE),
            ("limit $5/day per user resets in \"UTC\" costing size_in * $0.09/GiB", NONE),
            ("if price[model].input > $2/Mtok then deny", NONE),
            ("if price[model].input > $0.002/ktok then deny", NONE),
            ("let x = price[model].input * size_in", &[Code::RL0201]),
            ("let x = price[model].input * 50%", &[Code::RL0201]),
            ("let x = price[model].input + price[model].output", &[Code::RL0202]),
            ("let x = price[model].input * prompt + prompt", &[Code::RL0201]),
            ("let x = 1 eur/Mtok * prompt + spent", &[Code::RL0209]),
            ("limit $5/day per user resets in \"UTC\" costing prompt", &[Code::RL0201]),
        ],
        in_rule,
    );
}

#[test]
fn a_declared_unit_is_a_unit_like_any_other() {
    assert_codes(
        &[
            ("limit 50 images/day per user resets in \"UTC\" costing pictures", NONE),
            ("limit 50 images/day per user resets in \"UTC\" costing 1 image", NONE),
            ("limit 50 images/min per user", &[Code::RL0304]),
            ("limit 50 images/min per user costing 1 req", &[Code::RL0201]),
            ("limit 50 imagse/min per user costing pictures", &[Code::RL0005]),
            ("if pictures > 3 then deny", &[Code::RL0201]),
        ],
        in_rule,
    );
}

#[test]
fn division_gives_what_the_algebra_says() {
    assert_codes(
        &[
            ("if prompt / 10 tokens > 50% then deny", NONE),
            ("if wait / 1 s > 200% then deny", NONE),
            ("if prompt / 2 > 1 tokens then deny", NONE),
            ("if n / few > 1 then deny", NONE),
            ("if n / at_least(n, 1) > 1 then deny", NONE),
            ("if n / (few + 1) > 1 then deny", NONE),
            ("if divide(spent, spent, 0%) > 1% then deny", NONE),
            ("limit 100 req / 1 min per user", NONE),
            ("limit $5 / 1 day per user costing spent", NONE),
            ("if n / n > 1 then deny", &[Code::RL0206]),
            ("if n / 0 > 1 then deny", &[Code::RL0206]),
            ("if n / (few - 1) > 1 then deny", &[Code::RL0206]),
            ("limit prompt / wait per user costing prompt", &[Code::RL0403]),
            ("limit plan.r / 2 per user", &[Code::RL0201]),
            ("if divide(n, n, 0%) > 1 then deny", &[Code::RL0201]),
        ],
        in_rule,
    );
}

#[test]
fn tables_are_looked_up_by_what_they_are_declared_for() {
    assert_codes(
        &[
            ("limit most[tier] per user", NONE),
            ("limit most[\"a\"] per user", NONE),
            ("if two[tier, n] == 5 then deny", NONE),
            ("if price[maybe].input > $1/Mtok then deny", NONE),
            ("limit most[tier].rate per user", NONE),
            ("limit most[model] per user", &[Code::RL0202]),
            ("if two[tier] == 5 then deny", &[Code::RL0202]),
            ("if price[model] > $1/Mtok then deny", &[Code::RL0202]),
            ("if price[model].inptu > $1/Mtok then deny", &[Code::RL0101]),
            ("if prices[model].input > $1/Mtok then deny", &[Code::RL0101]),
            ("if price == $1/Mtok then deny", &[Code::RL0202]),
        ],
        in_rule,
    );
}

#[test]
fn rows_are_total_and_each_is_reached() {
    let table =
        |rows: &str| with(&format!("table t by tier : (v int) {{\n{rows}\n}}"), "if t[tier] == 1 then deny");
    assert_codes(
        &[
            ("\"a\" => 1\n\"b\" => 2", NONE),
            ("\"a\", \"b\" => 1", NONE),
            ("\"a\" => 1", &[Code::RL0204]),
            ("\"a\" => 1\n\"a\" => 2\nelse => 3", &[Code::RL0102]),
            ("else => 3\n\"a\" => 1", &[Code::RL0102]),
            ("\"a\" => 1, 2\nelse => 3", &[Code::RL0202]),
            ("\"a\" => $1\nelse => 3", &[Code::RL0201]),
            ("\"c\" => 1\nelse => 3", &[Code::RL0203]),
            ("\"a\" => n\nelse => 3", &[Code::RL0403]),
        ],
        table,
    );
    let pairs = |rows: &str| {
        with(&format!("table t by tier, n : (v int) {{\n{rows}\n}}"), "if t[tier, n] == 1 then deny")
    };
    assert_codes(
        &[
            ("\"a\", 1 => 1\n\"a\", else => 2\nelse, 1 => 3\nelse => 4", NONE),
            ("\"a\", else => 2\nelse, 1 => 3\nelse => 4", &[Code::RL0102]),
            ("\"a\", else => 2\n\"a\", 1 => 3\nelse => 4", &[Code::RL0102]),
            ("\"a\", 1, 2 => 2\nelse => 4", &[Code::RL0202]),
            ("\"a\", else => 2\n\"b\", 7 => 3", &[Code::RL0204]),
        ],
        pairs,
    );
}

#[test]
fn functions_take_and_give_what_they_say() {
    assert_codes(
        &[
            ("limit $5/day per user resets in \"UTC\" costing cost(model, prompt)", NONE),
            ("if half(few) == 50 then deny", NONE),
            ("if half(clamp(n, 1, 9)) == 50 then deny", NONE),
            ("limit 5 req/min per user burst 2 req costing 1 req", NONE),
            ("if half(n) == 50 then deny", &[Code::RL0203]),
            ("if half(10) == 50 then deny", &[Code::RL0203]),
            ("let x = cost(model)", &[Code::RL0202]),
            ("let x = cost(model, n)", &[Code::RL0201]),
            ("let x = cost(maybe, prompt)", &[Code::RL0202]),
            ("let x = cots(model, prompt)", &[Code::RL0101]),
        ],
        in_rule,
    );
    let item = |item: &str| with(item, "deny");
    assert_codes(
        &[
            ("fn f(x: int) -> int = g(x)\nfn g(x: int) -> int = x + 1", NONE),
            ("fn f(x: string?) -> string? = lower(x)", NONE),
            ("fn f(x: int) -> int = f(x)", &[Code::RL0106]),
            ("fn f(x: int) -> int = g(x)\nfn g(x: int) -> int = f(x)", &[Code::RL0106]),
            ("fn f(x: int) -> int = $5", &[Code::RL0201]),
            ("fn f(x: string?) -> string = x", &[Code::RL0202]),
            ("fn f(x: int, x: int) -> int = x", &[Code::RL0102]),
            ("fn f(user: int) -> int = user", NONE),
            ("fn f(now: int) -> int = 1", &[Code::RL0102]),
            ("fn lower(x: int) -> int = x", &[Code::RL0102]),
            ("unit tokens", &[Code::RL0102]),
            ("unit images", &[Code::RL0102]),
        ],
        item,
    );
}

#[test]
fn texts_and_addresses_compare_however_they_come_about() {
    assert_codes(
        &[
            ("if lower(model) == \"x\" then deny", NONE),
            ("if len(model) > 100 then deny", NONE),
            ("if starts_with(model, \"a\") or ends_with(lower(model), \"b\") then deny", NONE),
            ("if contains(maybe, \"a\") then deny", NONE),
            ("if (maybe ?? model) == lower(user) then deny", NONE),
            ("if ip == home or ip != home then deny", NONE),
            ("if now in holidays or day in holidays then deny", NONE),
            ("if now - 2026-01-01T00:00:00Z > 1 h then deny", NONE),
            ("if now + 1 h > 2026-01-01T00:00:00Z then deny", NONE),
            ("if not contains(maybe, \"a\") then deny", &[Code::RL0302]),
            ("if lower(maybe) != \"a\" then deny", &[Code::RL0302]),
            ("if len(maybe) > 3 then deny", &[Code::RL0302]),
            ("if starts_with(model, user) then deny", &[Code::RL0403]),
            ("if len(n) > 3 then deny", &[Code::RL0202]),
            ("if wait in holidays then deny", &[Code::RL0202]),
        ],
        in_rule,
    );
}

#[test]
fn keys_are_bounded_and_read_by_name() {
    assert_codes(
        &[
            ("limit 5 req/s per ip, bucket(maybe ?? \"none\", 256)", NONE),
            ("limit 5 req/s per prefix(ip, 24, 56)", NONE),
            ("limit 5 req/s per bucket(header(\"x-id\") ?? cookie(\"id\") ?? \"none\", 16)", NONE),
            ("if header(\"x-id\") == \"a\" or query(\"q\") is present then deny", NONE),
            ("limit 5 req/s per ip, header(\"x-id\") ?? \"none\"", &[Code::RL1201]),
            ("limit 5 req/s per header(\"x-id\") ?? \"none\"", &[Code::RL1202]),
            ("limit 5 req/s per user_agent ?? \"none\"", &[Code::RL1202]),
            ("limit 5 req/s per bucket(maybe, 16)", &[Code::RL0301]),
            ("limit 5 req/s per bucket(user, 0)", &[Code::RL0203]),
            ("limit 5 req/s per prefix(ip, 33, 56)", &[Code::RL0203]),
            ("limit 5 req/s per prefix(user, 24, 56)", &[Code::RL0202]),
            ("limit 5 req/s per lower(user)", &[Code::RL0202]),
            ("if bucket(user, 5) == 1 then deny", &[Code::RL0202]),
        ],
        in_rule,
    );
}

#[test]
fn what_is_known_after_the_response_decides_nothing() {
    assert_codes(
        &[
            ("let after = price[model].output * usage.output", NONE),
            ("if usage.output > 5 tokens then deny", &[Code::RL0401]),
            ("let many = usage.output > 5 tokens  if many then deny", &[Code::RL0401]),
            ("limit 5 tokens/s per user costing usage.output", &[Code::RL0401]),
            ("limit 5 req/s per usage.model", &[Code::RL0401]),
            ("limit (if usage.model == \"a\" then 5 req/s else 6 req/s) per user", &[Code::RL0401]),
            ("deny \"took {usage.output}\"", &[Code::RL0401]),
            ("match usage.model { \"a\" => deny else => exempt }", &[Code::RL0401]),
            ("if response.status == 200 then deny", &[Code::RL0401]),
            ("limit 5 req/s per user burst usage.output", &[Code::RL0403]),
        ],
        in_rule,
    );
}

#[test]
fn presence_is_known_through_names_and_on_both_sides_of_or() {
    assert_codes(
        &[
            ("let there = maybe is present  if there then limit 5 req/s per maybe", NONE),
            ("let there = maybe is present and n > 1  if there then limit 5 req/s per maybe", NONE),
            ("let gone = maybe is missing  if gone then deny 401  limit 5 req/s per maybe", NONE),
            ("if maybe == \"a\" or maybe == \"b\" then limit 5 req/s per maybe", NONE),
            ("if starts_with(maybe, \"a\") then limit 5 req/s per maybe", NONE),
            ("if maybe == \"a\" or n > 1 then limit 5 req/s per maybe", &[Code::RL0301]),
            ("limit match maybe { \"a\" => 5 req/s else => 6 req/s } per user", NONE),
            ("if (match maybe { \"a\" => len(maybe) else => 0 }) > 1 then deny", NONE),
        ],
        in_rule,
    );
}

#[test]
fn numbers_are_read_exactly_or_not_at_all() {
    let price =
        |price: &str| with(&format!("table t by model : (v usd/Mtok) {{\n  else => {price}\n}}"), "deny");
    assert_codes(
        &[
            ("$0.000000000001/Mtok", NONE),
            ("$1/ktok", NONE),
            ("$9_000_000/Mtok", NONE),
            ("$1e-07/Mtok", &[Code::RL0013]),
            ("1e-07 usd/token", &[Code::RL0013]),
            ("1e2 usd", &[Code::RL0013]),
            ("$0.123456789012345678901234567890/Mtok", &[Code::RL0013]),
            ("$0.0000000000001/Mtok", &[Code::RL0013]),
            ("$100000000000000000000000000000/Mtok", &[Code::RL0013]),
            ("$0.333333333333333333333333333333/Mtok", &[Code::RL0013]),
            ("-$1/Mtok", &[Code::RL0013]),
            ("$-1/Mtok", &[Code::RL0013]),
            ("$9_300_000/Mtok", &[Code::RL0013]),
            ("$1/GiB", &[Code::RL0201]),
            ("1 eur/Mtok", &[Code::RL0201]),
            ("$1", &[Code::RL0201]),
        ],
        price,
    );
}

#[test]
fn what_is_needed_before_functions_and_tables_are_known_is_written_out() {
    assert_codes(
        &[
            ("table t by model : (v tokens) { \"x\" => twice(1 tokens) else => 2 tokens }", &[Code::RL0403]),
            ("table t by model : (v usd/Mtok) { \"x\" => t[\"x\"].v else => $2/Mtok }", &[Code::RL0403]),
            (
                "table t by model : (v int) { \"x\" => u[\"x\"].v else => 2 }\ntable u by model : (v int) { else => 2 }",
                &[Code::RL0403],
            ),
            ("input { m : tokens = twice(3 tokens) }", &[Code::RL0403]),
            ("input { m : int = two[\"a\", 1].v }", &[Code::RL0403]),
            ("plan q { most = twice(3 tokens) }", NONE),
        ],
        |items| with(&format!("fn twice(x: tokens) -> tokens = x + x\n{items}"), "deny"),
    );
}

#[test]
fn a_unit_that_is_not_declared_is_reported_once() {
    assert_codes(&[("limit 10 rek/min per user", &[Code::RL0005])], in_rule);
}

#[test]
fn without_its_store_a_limit_lets_no_more_through_than_with_it() {
    assert_codes(
        &[
            ("limit 10 req/min per user fail local 100%", NONE),
            ("limit 10 req/min per user fail local 200%", &[Code::RL0203]),
        ],
        in_rule,
    );
}

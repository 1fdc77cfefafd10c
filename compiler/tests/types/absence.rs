//! What may be absent is tested, given a fallback, or reported; narrowing follows the flow of a rule.

use limitrate_compiler::grammar::code::Code;

use crate::assert_codes;

const NONE: &[Code] = &[];
const KEY: &[Code] = &[Code::RL0301];
const NEGATIVE: &[Code] = &[Code::RL0302];
const COST: &[Code] = &[Code::RL0303];

fn in_rule(body: &str) -> String {
    format!(
        "use std.http\ninput {{\n  user : key\n  account : key?\n  region : string?\n  home : ip?\n  size : bytes?\n  \
         beta : bool?\n  tier : one of \"a\", \"b\"?\n  city : string? = \"here\"\n}}\nset known = \"US\", \"CA\"\n\
         rule api {{ {body} }}\n"
    )
}

#[test]
fn positive_tests_need_nothing_and_negative_ones_a_decision() {
    assert_codes(
        &[
            ("if region == \"US\" then deny", NONE),
            ("if region in {\"US\", \"CA\"} then deny", NONE),
            ("if region in known then deny", NONE),
            ("if region like \"U*\" then deny", NONE),
            ("if region matches \"^U\" then deny", NONE),
            ("if home in 10.0.0.0/8 then deny", NONE),
            ("if home == 10.0.0.1 then deny", NONE),
            ("if tier == \"a\" then deny", NONE),
            ("if beta then deny", NONE),
            ("if region != \"US\" then deny", NEGATIVE),
            ("if region not in {\"US\"} then deny", NEGATIVE),
            ("if region not in known then deny", NEGATIVE),
            ("if home != 10.0.0.1 then deny", NEGATIVE),
            ("if home not in 10.0.0.0/8 then deny", NEGATIVE),
            ("if tier != \"a\" then deny", NEGATIVE),
            ("if size > 5 MiB then deny", NEGATIVE),
            ("if size >= 5 MiB then deny", NEGATIVE),
            ("if size < 5 MiB then deny", NEGATIVE),
            ("if size <= 5 MiB then deny", NEGATIVE),
            ("if 5 MiB < size then deny", NEGATIVE),
            ("if not beta then deny", NEGATIVE),
            ("if not region == \"US\" then deny", NEGATIVE),
            ("if not (region in known) then deny", NEGATIVE),
            ("if not (user == \"ada\" and region like \"U*\") then deny", NEGATIVE),
            ("if not (user == \"ada\" or region matches \"^U\") then deny", NEGATIVE),
            ("if not not region == \"US\" then deny", NEGATIVE),
            ("if size + 1 MiB > 5 MiB then deny", NEGATIVE),
            ("let abroad = region == \"DE\"  if not abroad then deny", NEGATIVE),
            ("if city != \"there\" then deny", NONE),
        ],
        in_rule,
    );
}

#[test]
fn a_fallback_settles_it() {
    assert_codes(
        &[
            ("if (region ?? \"none\") != \"US\" then deny", NONE),
            ("if not ((region ?? \"none\") == \"US\") then deny", NONE),
            ("if (size ?? 0 bytes) > 5 MiB then deny", NONE),
            ("if (size ?? size) > 5 MiB then deny", NEGATIVE),
            ("if not (beta ?? false) then deny", NONE),
            ("limit 10 req/min per account ?? ip", NONE),
            ("limit 10 req/min per account ?? \"anonymous\"", NONE),
            ("limit 10 req/min per account ?? home", KEY),
            ("limit 10 req/min per account ?? user ?? home", NONE),
            ("limit 10 MiB/min per user costing size ?? 1 MiB", NONE),
        ],
        in_rule,
    );
}

#[test]
fn presence_narrows_what_follows_in_a_condition() {
    assert_codes(
        &[
            ("if region is present and region != \"US\" then deny", NONE),
            ("if region is missing or region != \"US\" then deny", NONE),
            ("if region != \"US\" and region is present then deny", NEGATIVE),
            ("if region is missing and region != \"US\" then deny", NEGATIVE),
            ("if region is present or region != \"US\" then deny", NEGATIVE),
            ("if not (region is missing) and region != \"US\" then deny", NONE),
            ("if not (region is missing or region == \"US\") then deny", NONE),
            ("if not (region is present and region == \"US\") then deny", NONE),
            ("if (user == \"ada\" and region is present) and region != \"US\" then deny", NONE),
            ("if (user == \"ada\" or region is present) and region != \"US\" then deny", NEGATIVE),
            ("if region is present and size > 5 MiB then deny", NEGATIVE),
            ("if region == \"US\" and region != \"CA\" then deny", NONE),
            ("if region like \"U*\" and region != \"US\" then deny", NONE),
            ("if region matches \"^U\" and region != \"US\" then deny", NONE),
            ("if home in 10.0.0.0/8 and home != 10.0.0.1 then deny", NONE),
        ],
        in_rule,
    );
}

#[test]
fn presence_narrows_the_branches_of_an_if() {
    assert_codes(
        &[
            ("if account is present then limit 10 req/min per account", NONE),
            ("if account is missing then limit 10 req/min per account", KEY),
            ("if account is missing then deny else limit 10 req/min per account", NONE),
            ("if account is missing then exempt else limit 10 req/min per account", NONE),
            ("if account is present then exempt else limit 10 req/min per account", KEY),
            ("if not (account is present) then deny else limit 10 req/min per account", NONE),
            (
                "if account is present and size is present then limit 10 MiB/min per account costing size",
                NONE,
            ),
            ("if account is present or size is present then limit 10 req/min per account", KEY),
            (
                "if account is missing or size is missing then deny else limit 10 MiB/min per account costing size",
                NONE,
            ),
            ("if account == \"a\" then limit 10 req/min per account", NONE),
            (
                "if account is present then { limit a: 10 req/min per account }  limit b: 10 req/min per account",
                KEY,
            ),
            ("limit if region is present then 10 req/min else 5 req/min per account", KEY),
            (
                "if account is present then { if size is present then limit 10 MiB/min per account costing size }",
                NONE,
            ),
        ],
        in_rule,
    );
}

#[test]
fn what_is_denied_where_it_is_missing_is_there_afterwards() {
    assert_codes(
        &[
            ("if account is missing then deny 401  limit 10 req/min per account", NONE),
            ("if account is missing then { deny 401 }  limit 10 req/min per account", NONE),
            (
                "if account is present then { limit a: 1 req/min per user } else deny  limit 10 req/min per account",
                NONE,
            ),
            ("if account is missing and user == \"ada\" then deny  limit 10 req/min per account", KEY),
            ("if account is missing or user == \"ada\" then deny  limit 10 req/min per account", NONE),
            (
                "if account is missing then { if user == \"ada\" then deny }  limit 10 req/min per account",
                KEY,
            ),
            (
                "if account is missing then { if user == \"ada\" then deny else deny 404 }  limit 10 req/min per account",
                NONE,
            ),
            ("limit 10 req/min per account  if account is missing then deny 401", KEY),
            ("if size is missing then deny 411  limit 10 MiB/min per user costing size", NONE),
            (
                "if user == \"ada\" then { if account is missing then deny }  limit 10 req/min per account",
                KEY,
            ),
        ],
        in_rule,
    );
}

#[test]
fn one_rule_does_not_narrow_another() {
    assert_codes(
        &[("if account is missing then deny 401 }  rule other { limit 10 req/min per account", KEY)],
        in_rule,
    );
}

#[test]
fn a_cost_that_may_be_missing_is_reported() {
    assert_codes(
        &[
            ("limit 10 MiB/min per user costing size", COST),
            ("limit 10 MiB/min per user costing size + 1 MiB", COST),
            ("limit 10 MiB/min per user costing size * 2", COST),
            ("limit 10 MiB/min per user costing at_least(size, 1 MiB)", COST),
            ("limit 10 MiB/min per user costing if size is present then size else 1 MiB", NONE),
            ("limit 10 MiB/min per user costing if beta then size else 1 MiB", COST),
            ("let cost = size  limit 10 MiB/min per user costing cost", COST),
            ("limit 10 MiB/min per user costing body_size", NONE),
        ],
        in_rule,
    );
}

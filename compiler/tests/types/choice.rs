//! `match` covers every value; the arms of a choice have one type; some values must be constant.

use limitrate_compiler::grammar::code::Code;

use crate::assert_codes;

const NONE: &[Code] = &[];
const LEFT_OUT: &[Code] = &[Code::RL0204];
const TWICE: &[Code] = &[Code::RL0102];

fn in_rule(body: &str) -> String {
    format!(
        "use std.http\ninput {{\n  user : key\n  region : one of \"us\", \"eu\", \"ap\"\n  zone : one of \"a\", \"b\"?\n  \
         flag : bool\n  n : int\n  name : string\n  plan : plan\n}}\nplan free {{ size = 1 MiB  rate = 10 req/min }}\n\
         plan pro {{ size = 2 MiB  rate = unlimited }}\nset office = 10.0.0.0/8\nrule api {{ {body} }}\n"
    )
}

#[test]
fn a_match_covers_every_value() {
    assert_codes(
        &[
            ("limit match region { \"us\" => 1 req/s, \"eu\" => 2 req/s, \"ap\" => 3 req/s } per user", NONE),
            ("limit match region { \"us\", \"eu\" => 1 req/s, \"ap\" => 3 req/s } per user", NONE),
            ("limit match region { \"us\" => 1 req/s, else => 3 req/s } per user", NONE),
            ("limit match region { \"us\" => 1 req/s, \"eu\" => 3 req/s } per user", LEFT_OUT),
            ("limit match plan { free => 1 req/s, pro => 2 req/s } per user", NONE),
            ("limit match plan { free => 1 req/s } per user", LEFT_OUT),
            ("limit match flag { true => 1 req/s, false => 2 req/s } per user", NONE),
            ("limit match flag { true => 1 req/s } per user", LEFT_OUT),
            ("limit match n { 1 => 1 req/s, 2 => 2 req/s } per user", LEFT_OUT),
            ("limit match n { 1 => 1 req/s, else => 2 req/s } per user", NONE),
            ("limit match name { \"x\" => 1 req/s, else => 2 req/s } per user", NONE),
            ("limit match zone { \"a\" => 1 req/s, \"b\" => 2 req/s } per user", LEFT_OUT),
            ("limit match zone { \"a\" => 1 req/s, else => 2 req/s } per user", NONE),
            ("limit match ip { office => 1 req/s, else => 2 req/s } per user", NONE),
            ("limit match ip { 10.0.0.0/8 => 1 req/s, else => 2 req/s } per user", NONE),
            ("match region { \"us\" => deny  else => limit 1 req/s per user }", NONE),
            ("match region { \"us\" => deny  \"eu\" => limit 1 req/s per user }", LEFT_OUT),
        ],
        in_rule,
    );
}

#[test]
fn the_values_of_a_match_are_those_of_its_subject() {
    assert_codes(
        &[
            (
                "limit match region { \"us\" => 1 req/s, \"mars\" => 2 req/s, else => 3 req/s } per user",
                &[Code::RL0203],
            ),
            ("limit match region { \"us\" => 1 req/s, \"us\" => 2 req/s, else => 3 req/s } per user", TWICE),
            ("limit match region { 5 => 1 req/s, else => 3 req/s } per user", &[Code::RL0202]),
            ("limit match plan { gold => 1 req/s, else => 3 req/s } per user", &[Code::RL0101]),
            ("limit match plan { \"free\" => 1 req/s, else => 3 req/s } per user", &[Code::RL0202]),
        ],
        in_rule,
    );
}

#[test]
fn both_sides_of_a_choice_have_one_type() {
    assert_codes(
        &[
            ("limit if flag then 1 req/s else 2 req/s per user", NONE),
            ("limit if flag then 1 req/s else unlimited per user", NONE),
            ("limit if flag then unlimited else 2 req/s per user", NONE),
            ("limit if flag then 1 req/s else 1 req/min per user", &[Code::RL0502]),
            ("limit if flag then 1 req/s else 1 bytes/s per user", &[Code::RL0201]),
            ("limit if flag then 1 req/s else 4 in flight per user", &[Code::RL0202]),
            ("let m = if flag then 1 else 2 req", &[Code::RL0201]),
            ("let m = if n then 1 else 2", &[Code::RL0202]),
            ("if (if flag then \"us\" else \"eu\") == region then deny", NONE),
            ("if region == (if flag then \"us\" else \"mars\") then deny", &[Code::RL0203]),
        ],
        in_rule,
    );
}

#[test]
fn some_values_must_be_constant() {
    let constant: &[Code] = &[Code::RL0403];
    assert_codes(
        &[
            ("limit 10 req/min per user burst 5 req", NONE),
            ("limit 10 req/min per user burst 5", NONE),
            ("let most = 5 req  limit 10 req/min per user burst most", NONE),
            ("limit 10 req/min per user burst 2 req * 3", NONE),
            ("limit 10 req/min per user burst 1 req * n", constant),
            ("limit 10 req/min per user burst if flag then 5 req else 6 req", constant),
            ("limit 10 req/min per user starting 1 req * n", constant),
            ("if name in {\"a\", user} then deny", constant),
            ("if name like user then deny", constant),
            ("if name matches user then deny", constant),
            ("let m = plan.size", NONE),
            ("limit plan.rate per user", NONE),
        ],
        in_rule,
    );
}

#[test]
fn ceilings_may_depend_on_the_request() {
    assert_codes(
        &[
            ("limit plan.rate per user", NONE),
            ("limit 10 req/min * 50% per user", NONE),
            ("limit match region { \"us\" => 10 req/min * 50%, else => 20 req/min } per user", NONE),
            ("let rate = if flag then 10 req/min else 20 req/min  limit rate per user", NONE),
            ("limit unlimited per user", &[Code::RL0207]),
            ("limit n per user", &[Code::RL0207]),
            ("limit plan.size per user", &[Code::RL0207]),
            ("limit name per user", &[Code::RL0202]),
        ],
        in_rule,
    );
}

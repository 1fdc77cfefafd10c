//! Limits: the algorithm that clauses imply, which clauses go with it, and names that stand for one counter.

use limitrate_compiler::grammar::code::Code;

use crate::{assert_codes, compiled};

const NONE: &[Code] = &[];

fn in_rule(body: &str) -> String {
    format!(
        "use std.http\ninput {{ user : key  org : key  flag : bool  cost : usd }}\nrule api {{ {body} }}\n"
    )
}

#[test]
fn clauses_and_windows_imply_the_algorithm() {
    for (limit, word) in [
        ("10 req/min per user", "sliding_window"),
        ("10 req/24 h per user", "sliding_window"),
        ("10 req/day per user resets in \"UTC\"", "fixed_window"),
        ("10 req/week per user resets in \"UTC\"", "fixed_window"),
        ("10 req/h per user aligned", "fixed_window"),
        ("10 req/min per user burst 5 req", "gcra"),
        ("10 req/min per user starting 5 req", "token_bucket"),
        ("10 req/min per user burst 20 req starting 5 req", "token_bucket"),
        ("4 in flight per user for at most 2 min", "in_flight"),
        ("10 req/min per user using sliding_log", "sliding_log"),
        ("10 req/min per user using fixed_window", "fixed_window"),
        ("10 req/min per user using leaky_bucket", "leaky_bucket"),
        ("10 req/min per user using gcra", "gcra"),
        ("10 req/min per user burst 5 req using token_bucket", "token_bucket"),
        ("10 per minute per user", "sliding_window"),
    ] {
        let policy = compiled(&in_rule(&format!("limit {limit}")));
        assert_eq!(policy.program().limits.first().map(|limit| limit.word), Some(word), "{limit}");
    }
}

#[test]
fn clauses_go_with_the_algorithms_that_heed_them() {
    let odd: &[Code] = &[Code::RL0503];
    assert_codes(
        &[
            ("limit 10 req/min per user using sliding_window burst 5 req", odd),
            ("limit 10 req/min per user using fixed_window burst 5 req", odd),
            ("limit 10 req/min per user using sliding_log starting 5 req", odd),
            ("limit 10 req/min per user using leaky_bucket starting 5 req", odd),
            ("limit 10 req/min per user using gcra aligned", odd),
            ("limit 10 req/min per user using sliding_window aligned", odd),
            ("limit 10 req/day per user aligned resets in \"UTC\"", odd),
            ("limit 10 req/min per user resets in \"UTC\"", odd),
            ("limit 10 req/min per user for at most 2 min", odd),
            ("limit 10 req/day per user burst 5 req", odd),
            ("limit 10 req/day per user using gcra", odd),
            ("limit 10 req/month per user using sliding_window", odd),
            ("limit 4 in flight per user for at most 2 min burst 5 req", odd),
            ("limit 4 in flight per user for at most 2 min using gcra", odd),
            ("limit 4 in flight per user", &[Code::RL0504]),
            ("limit 10 req/min per user on GET \"/x\"", odd),
            ("limit 10 req/day per user", &[Code::RL1301]),
            ("limit 10 req/day per user using fixed_window", &[Code::RL1301]),
            ("limit 10 req/min per user per org", &[Code::RL0506]),
            ("limit 10 req/min per user fail open fail closed", &[Code::RL0506]),
            ("limit 0 req/min per user", NONE),
            ("limit 0 req/min per user burst 5 req", &[Code::RL0505]),
            ("limit 10 req/min per user burst 0 req", &[Code::RL0505]),
            ("limit 10 req/min per user starting 0 req", &[Code::RL0505]),
        ],
        in_rule,
    );
}

#[test]
fn only_what_comes_one_at_a_time_has_a_cost_by_itself() {
    let not_said: &[Code] = &[Code::RL0304];
    assert_codes(
        &[
            ("limit 10 req/min per user", NONE),
            ("limit 10 calls/min per user", NONE),
            ("limit 10 points/min per user", not_said),
            ("limit 10 tokens/min per user", not_said),
            ("limit 10 MiB/min per user", not_said),
            ("limit $5/min per user", not_said),
            ("limit 10 tokens/min per user costing 2 tokens", NONE),
            ("limit 10 MiB/min per user costing body_size", NONE),
            ("limit $5/min per user costing cost", NONE),
            ("limit $5/min per user costing cost * 2", NONE),
            ("limit 10 req/min per user costing 2 req", NONE),
            ("limit 10 req/min per user costing 2", &[Code::RL0201]),
            ("limit 10 req/min per user costing body_size", &[Code::RL0201]),
            ("limit 10 eur/min per user costing cost", &[Code::RL0209]),
            ("limit 4 in flight per user for at most 2 min costing 2", NONE),
            ("limit 4 in flight per user for at most 2 min costing 2 req", &[Code::RL0201]),
        ],
        in_rule,
    );
}

#[test]
fn a_name_stands_for_one_counter_that_a_request_meets_once() {
    let clash: &[Code] = &[Code::RL0502];
    assert_codes(
        &[
            ("if flag then limit 1 req/s per user else limit 2 req/s per user", NONE),
            ("if flag then limit a: 1 req/s per user else limit a: 2 req/s per user", NONE),
            ("if flag then { if cost > $1 then limit 1 req/s per user else limit 2 req/s per user }", NONE),
            ("if flag then { if cost > $1 then limit 1 req/s per user } else limit 2 req/s per user", NONE),
            ("match flag { true => limit 1 req/s per user  false => limit 2 req/s per user }", NONE),
            ("limit a: 1 req/s per user  limit b: 2 req/s per user", NONE),
            ("limit 1 req/s per user  limit b: 2 req/s per user", NONE),
            ("limit 1 req/s per user  limit 2 req/s per user", clash),
            ("limit 1 req/s per user  limit 2 req/min per user", clash),
            ("limit a: 1 req/s per user  limit a: 2 req/s per user", clash),
            ("if flag then limit 1 req/s per user  limit 2 req/s per user", clash),
            ("if flag then limit 1 req/s per user  if cost > $1 then limit 2 req/s per user", clash),
            ("if flag then { limit 1 req/s per user  limit 2 req/s per user }", clash),
            ("if flag then limit 1 req/s per user else limit 2 req/min per user", clash),
            ("if flag then limit 1 req/s per user else limit 2 req/s per org", clash),
            ("if flag then limit 1 req/s per user else limit 2 req/s per user burst 5 req", clash),
            ("if flag then limit 1 req/s per user else limit 1 calls/s per user", clash),
            (
                "if flag then limit 1 req/s per user burst 2 req else limit 2 req/min per user burst 5 req",
                NONE,
            ),
            ("limit a: 1 req/s per user }  rule other { limit a: 1 req/s per user", clash),
            ("limit 1 req/s per user }  rule other { limit 1 req/s per user", NONE),
            ("limit other: 1 req/s per user }  rule other { limit 1 req/s per user", clash),
        ],
        in_rule,
    );
}

/// The most charges of a policy that compiles.
fn worst_case(rules: &str) -> usize {
    let text = format!("use std.http\ninput {{ user : key  tier : one of \"a\", \"b\" }}\n{rules}");
    let accepted =
        limitrate_compiler::compile("worst.rl", text.as_bytes(), limitrate_compiler::Engine::Interpreter);
    accepted.unwrap().policy.program().worst_case_charges
}

#[test]
fn rules_that_no_request_meets_together_are_not_added_up() {
    let rule = |name: &str, on: &str| format!("rule {name} {{ {on} limit 1 req/s per user }}\n");
    let disjoint =
        [rule("a", "on GET \"/a\""), rule("b", "on \"/b/:id\""), rule("c", "on POST \"/a\"")].concat();
    assert_eq!(worst_case(&disjoint), 1);
    let head =
        [rule("a", "on HEAD \"/a\""), rule("b", "on GET \"/*\""), rule("c", "on \"/a/**\""), rule("d", "")]
            .concat();
    assert_eq!(worst_case(&head), 4);
    let many: String = (0..100).map(|n| rule(&format!("r{n}"), &format!("on GET \"/r{n}/:id\""))).collect();
    assert_eq!(worst_case(&many), 1);
}

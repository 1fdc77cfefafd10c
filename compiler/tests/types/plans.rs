//! Plans: ladders, limits replaced by name in one shape, constants that every plan has.

use limitrate_compiler::grammar::code::Code;

use crate::{assert_codes, compiled};

const NONE: &[Code] = &[];

fn plans(body: &str) -> String {
    format!("use std.http\ninput {{ user : key  org : key  plan : plan  size : bytes }}\n{body}\n")
}

#[test]
fn a_limit_keeps_its_shape_along_a_ladder() {
    let shape: &[Code] = &[Code::RL0507];
    assert_codes(
        &[
            (
                "plan a { limit rpm: 1 req/min per user }  plan b extends a { limit rpm: 2 req/min per user }",
                NONE,
            ),
            ("plan a { limit rpm: 1 req/min per user }  plan b { limit rpm: 2 req/min per user }", NONE),
            ("plan a { limit rpm: 1 req/min per user }  plan b extends a { no limit rpm }", NONE),
            (
                "plan a { limit rpm: 1 req/min per user }  plan b extends a { limit rpd: 2 req/24 h per user }",
                NONE,
            ),
            (
                "plan a { limit rpm: 1 req/min per user }  plan b extends a { limit rpm: 2 req/min per org }",
                shape,
            ),
            (
                "plan a { limit rpm: 1 req/min per user }  plan b extends a { limit rpm: 2 req/h per user }",
                shape,
            ),
            (
                "plan a { limit rpm: 1 req/min per user }  plan b extends a { limit rpm: 2 calls/min per user }",
                shape,
            ),
            (
                "plan a { limit rpm: 1 req/min per user }  plan b extends a { limit rpm: 2 req/min per user burst 5 req }",
                shape,
            ),
            (
                "plan a { limit rpm: 1 req/min per user burst 5 req }  \
                 plan b extends a { limit rpm: 2 req/min per user burst 9 req }",
                NONE,
            ),
            (
                "plan a { limit rpm: 1 req/min per user }  rule r { limit rpm: 1 req/min per user }",
                &[Code::RL0502],
            ),
            ("plan a { limit 1 req/min per user }", &[Code::RL0503]),
            ("plan a { limit rpm: 1 req/min per user  limit rpm: 1 req/min per user }", &[Code::RL0102]),
        ],
        plans,
    );
}

#[test]
fn a_ladder_has_a_lowest_plan() {
    assert_codes(
        &[
            ("plan a { x = 1 }  plan b extends a { x = 2 }  plan c extends b { x = 3 }", NONE),
            ("plan a extends b { x = 1 }  plan b { x = 2 }", NONE),
            ("plan a extends a { x = 1 }", &[Code::RL0107]),
            ("plan a extends b { x = 1 }  plan b extends a { x = 2 }", &[Code::RL0107]),
            (
                "plan a extends b { x = 1 }  plan b extends c { x = 2 }  plan c extends b { x = 3 }",
                &[Code::RL0107],
            ),
            ("plan a extends z { x = 1 }", &[Code::RL0101]),
            ("plan a extends z { no limit rpm }", &[Code::RL0101]),
            ("plan a { no limit rpm }", &[Code::RL0101]),
        ],
        plans,
    );
}

#[test]
fn a_constant_has_a_value_of_one_type_in_every_plan() {
    let lacks: &[Code] = &[Code::RL0604];
    assert_codes(
        &[
            ("plan a { x = 1 MiB }  plan b { x = 2 MiB }  rule r { if size > plan.x then deny }", NONE),
            (
                "plan a { x = 1 MiB }  plan b extends a { y = 2 MiB }  rule r { if size > plan.x then deny }",
                NONE,
            ),
            ("plan a { x = 1 MiB }  plan b { y = 2 MiB }  rule r { if size > plan.x then deny }", lacks),
            (
                "plan a { x = 1 MiB }  plan b extends a { y = 2 MiB }  rule r { if size > plan.y then deny }",
                lacks,
            ),
            (
                "plan a { x = 1 MiB }  plan b { x = 5 }  rule r { if size > plan.x then deny }",
                &[Code::RL0201],
            ),
            ("plan a { x = 1 MiB }  rule r { if size > plan.z then deny }", &[Code::RL0101]),
            ("plan a { x = size }", &[Code::RL0403]),
            ("plan a { x = 2 * 3 MiB }  rule r { if size > plan.x then deny }", NONE),
            ("plan a { x = 1 req/min }  plan b { x = unlimited }  rule r { limit plan.x per user }", NONE),
            (
                "plan a { x = 1 req/min }  plan b { x = 1 req/h }  rule r { limit plan.x per user }",
                &[Code::RL0502],
            ),
        ],
        plans,
    );
}

#[test]
fn an_unlimited_plan_makes_no_charge_and_shares_the_limit() {
    let policy = compiled(&plans(
        "plan a { x = 1 req/min }  plan b { x = unlimited }  rule r { limit plan.x per user }",
    ));
    let program = policy.program();
    assert_eq!(program.limits.len(), 1);
    assert_eq!(program.worst_case_charges, 1);
}

#[test]
fn plans_count_once_among_the_charges_of_a_request() {
    let policy = compiled(&plans(
        "plan a { limit x: 1 req/min per user  limit y: 1 req/h per user }  plan b { limit x: 2 req/min per user }  \
         rule r { if size > 1 MiB then limit 1 req/s per user else limit 2 req/s per user }",
    ));
    assert_eq!(policy.program().worst_case_charges, 3);
}

#[test]
fn plans_need_an_input_and_the_input_needs_plans() {
    assert_codes(
        &[
            ("input { user : key  plan : plan }", &[Code::RL0101]),
            ("input { user : key }  plan a { limit x: 1 req/s per user }", &[Code::RL0101]),
            ("input { user : key  plan : plan? }  plan a { limit x: 1 req/s per user }", &[Code::RL0301]),
            ("input { user : key  plan : plan? = a }  plan a { limit x: 1 req/s per user }", NONE),
            ("input { user : key  tier : plan }  plan a { x = 1 }  rule r { if plan.x > 1 then deny }", NONE),
            (
                "input { a : plan  b : plan }  plan p { x = 1 }  rule r { if plan.x > 1 then deny }",
                &[Code::RL0102],
            ),
        ],
        str::to_owned,
    );
}

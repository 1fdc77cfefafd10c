//! Reservations, warnings, blocks, shadows and rollouts: what the program knows of them.

use limitrate_compiler::{
    grammar::code::Code,
    ir::{Exceed, Program, slot::Slot, verify},
};
use limitrate_core::{charge::Mode, time::Nanos};

use crate::{assert_codes, compiled};

const MINUTE: Nanos = Nanos(60_000_000_000);

fn in_rule(body: &str) -> String {
    format!(
        "use std.http\ninput {{ user : key  org : key  model : string  estimate : tokens  used : tokens after response  \
         spare : tokens? after response }}\nrule api {{ {body} }}\n"
    )
}

fn program_of(body: &str, look: impl Fn(&Program)) {
    let policy = compiled(&in_rule(body));
    assert_eq!(verify(policy.program()), Ok(()));
    look(policy.program());
}

#[test]
fn a_reservation_is_settled_over_the_response_alone() {
    program_of("limit 9k tokens/min per user reserve estimate settle used", |program| {
        assert_eq!(program.settlements.len(), 1);
        assert_eq!(program.charges[0].settle, Some((0, Nanos(600_000_000_000))));
        assert!(program.slots.iter().any(|slot| matches!(slot, Slot::Present(_))), "{program}");
    });
    program_of("limit 9k tokens/min per user reserve estimate settle used for at most 1 min", |program| {
        assert_eq!(program.charges[0].settle, Some((0, MINUTE)));
    });
    program_of("limit 9k tokens/min per org at most 30% per user reserve estimate settle used", |program| {
        let settles: Vec<_> = program.charges.iter().map(|site| site.settle).collect();
        assert_eq!(settles.len(), 2, "the limit and its share");
        assert!(settles.iter().all(Option::is_some));
    });
}

#[test]
fn a_cost_is_said_in_one_way() {
    let fine: &[Code] = &[];
    assert_codes(
        &[
            ("limit 9k tokens/min per user reserve estimate settle used", fine),
            ("limit 9k tokens/min per user reserve estimate settle spare ?? 0 tokens", fine),
            ("limit 9k tokens/min per user reserve estimate settle estimate", fine),
            ("limit 9k tokens/min per user costing estimate refund when response.status >= 500", fine),
            ("limit 10 req/min per user refund when response.status >= 500 for at most 1 min", fine),
            ("limit 9k tokens/min per user refund when response.status >= 500", &[Code::RL0304]),
            ("limit 9k tokens/min per user reserve estimate", &[Code::RL0402]),
            ("limit 9k tokens/min per user settle used", &[Code::RL0402]),
            ("limit 9k tokens/min per user reserve estimate settle spare", &[Code::RL0303]),
            ("limit 10 req/min per user reserve 1 req settle 2 req costing 1 req", &[Code::RL0503]),
        ],
        in_rule,
    );
}

#[test]
fn a_share_may_be_leased_from_as_its_limit_may() {
    program_of("limit 10 req/min per org at most 30% per user overshoot 50%", |program| {
        let of_sites: Vec<i64> = program.charges.iter().map(|site| site.overshoot).collect();
        assert_eq!(of_sites, [500_000, 500_000]);
    });
    program_of("limit 10 req/min per org", |program| {
        assert!(program.charges.iter().all(|site| site.overshoot == 0));
    });
}

#[test]
fn a_share_has_every_clause_of_its_limit() {
    let limit = "limit 10 req/min per org at most 30% per user warn at 50%, 80% \
                 on exceed deny 503 \"later\" block for 1 min doubling up to 10 min";
    program_of(limit, |program| {
        assert_eq!(program.charges.len(), 2);
        for site in &program.charges {
            assert_eq!(site.warn, [500_000, 800_000]);
            assert!(matches!(site.exceed, Exceed::Deny { status: 503, .. }));
            let block = site.block.expect("a block");
            assert_eq!(
                (block.first, block.up_to, block.forget),
                (MINUTE, Nanos(MINUTE.0 * 10), Nanos(MINUTE.0 * 10))
            );
        }
    });
}

#[test]
fn what_is_allowed_past_the_ceiling_is_soft() {
    program_of("limit 10 req/min per user on exceed allow", |program| {
        assert_eq!(program.charges[0].mode, Mode::Soft);
    });
}

#[test]
fn a_shadow_rule_refuses_and_exempts_nobody() {
    let text = "input { user : key  org : key }\nshadow rule api { if user == \"a\" then deny  if user == \"b\" then exempt \"x\"  limit 10 req/min per org on exceed allow }";
    let policy = compiled(text);
    let program = policy.program();
    assert_eq!((program.denies.len(), program.exempts.len(), program.reports.len()), (0, 0, 2));
    assert_eq!(program.charges[0].mode, Mode::Shadow);
    assert!(program.limits[0].shadow);
    assert!(program.limits[0].identity.ends_with("| shadow"));
}

#[test]
fn a_rollout_counts_enforced_and_in_shadow_apart() {
    let policy = compiled("input { user : key }\nrule api rollout 10% by user { limit 10 req/min per user }");
    let program = policy.program();
    assert_eq!(verify(program), Ok(()));
    let modes: Vec<Mode> = program.charges.iter().map(|site| site.mode).collect();
    assert_eq!(modes, [Mode::Enforce, Mode::Shadow]);
    let names: Vec<&str> = program.limits.iter().map(|limit| limit.name.as_str()).collect();
    assert_eq!(names, ["api", "api"]);
    assert_ne!(program.limits[0].identity, program.limits[1].identity);
    assert_eq!(program.tables.rollouts, ["api"]);
    assert_eq!(program.worst_case_charges, 1);
}

#[test]
fn a_renamed_limit_keeps_its_counters() {
    let old = compiled(
        "input { user : key  org : key }\nrule api { limit old: 10 req/min per org at most 30% per user }",
    );
    let new = compiled(
        "input { user : key  org : key }\nrule api { limit new: 20 req/min per org at most 50% per user was old }",
    );
    let identities = |policy: &limitrate_compiler::Policy| {
        policy.program().limits.iter().map(|limit| limit.identity.clone()).collect::<Vec<_>>()
    };
    assert_eq!(identities(&old), identities(&new));
    assert_eq!(new.program().limits[0].name, "new");
    assert_eq!(new.program().limits[0].was.as_deref(), Some("old"));
}

#[test]
fn downgrades_conflict_where_one_request_meets_both() {
    let conflict: &[Code] = &[Code::RL0508];
    let small = "per user on exceed downgrade model to \"small\"";
    let tiny = "per org on exceed downgrade model to \"tiny\"";
    let both = |a: &str, b: &str| {
        format!(
            "let big = model == \"large\"  {a} limit a: 10 req/min {small} {b} limit b: 20 req/min {tiny}"
        )
    };
    assert_codes(
        &[
            (both("if big then", "else").as_str(), &[]),
            (both("if big then", "if not big then").as_str(), conflict),
            (both("match model { \"x\" =>", "else =>").as_str(), &[]),
        ],
        |body| if body.contains("match") { in_rule(&format!("{body} }}")) } else { in_rule(body) },
    );
}

//! What `rlc cost` says that limits admit at worst, against greedy callers who know where the edges are.
#![expect(clippy::unwrap_used, clippy::panic, reason = "helpers of tests fail by panicking")]

use limitrate_compiler::{
    Engine,
    cost::{Admitted, Cost},
    ir::{Burst, Program},
};
use limitrate_core::{
    algorithm::{Algorithm, LeaseId, Terms},
    time::Timestamp,
};
use proptest::prelude::*;

/// The first window of the clock in these tests: midnight of 2026-03-01 in UTC, a Sunday.
const START: i64 = 1_772_323_200_000_000_000;

/// A limit's algorithm and terms, and what it is said to admit.
struct Case {
    algorithm: Algorithm,
    terms: Terms,
    span: i64,
    most: i64,
}

fn case(limit: &str) -> Case {
    let text = format!("input {{ user : key }}\nrule r {{ limit {limit} }}\n");
    let policy = limitrate_compiler::compile("r.rl", text.as_bytes(), Engine::Interpreter).unwrap().policy;
    let program: &Program = policy.program();
    let cost = Cost::of(program).limits.into_iter().next().unwrap();
    let site = program.charges.first().unwrap();
    let (_, ceiling) = cost.ceiling.unwrap();
    let burst = match site.burst {
        Burst::Fixed(burst) => burst,
        Burst::Ceiling => ceiling,
    };
    let Admitted::Within { span, most: Some(most), .. } = cost.admitted else {
        panic!("{limit} admits {:?}", cost.admitted)
    };
    let terms = Terms { ceiling, burst, starting: site.starting };
    Case { algorithm: site.algorithm.clone(), terms, span: span.0, most }
}

/// Takes all that fits at each of these instants, in charges of one unit; gives what was taken when.
fn greedy(case: &Case, instants: &[i64]) -> Vec<(i64, i64)> {
    let mut state = None;
    let mut taken = Vec::new();
    for at in instants {
        let now = Timestamp(START + at);
        let mut here = 0;
        while case.algorithm.judge(state.as_ref(), case.terms, now, 1).is_ok() {
            case.algorithm.take(&mut state, case.terms, now, 1, LeaseId(0));
            here += 1;
        }
        taken.push((*at, here));
    }
    taken
}

/// The most in any stretch of `span` that holds its first instant and not the one after its last.
fn most_within(span: i64, taken: &[(i64, i64)]) -> i64 {
    let from = |first: usize, start: i64| -> i64 {
        let stretch = taken.iter().skip(first).take_while(|(at, _)| *at < start + span);
        stretch.map(|(_, taken)| taken).sum()
    };
    taken.iter().enumerate().map(|(first, (start, _))| from(first, *start)).max().unwrap_or(0)
}

const LIMITS: [&str; 10] = [
    "60 req/min per user",
    "7 req/10 s per user using sliding_log",
    "30 req/min per user using fixed_window",
    "30 req/min per user aligned",
    "20 req/h per user burst 5 req",
    "20 req/h per user using token_bucket",
    "20 req/h per user using token_bucket starting 3 req",
    "10 req/s per user using gcra",
    "40 req/day per user resets in \"UTC\"",
    "40 req/day per user resets in \"Europe/Berlin\"",
];

proptest! {
    #[test]
    fn no_caller_gets_more_than_is_said(
        which in 0..LIMITS.len(),
        steps in prop::collection::vec(prop_oneof![2 => Just(0.0), 4 => 0.0..0.1_f64, 2 => 0.9..1.1_f64], 1..120),
    ) {
        let limit = LIMITS.get(which).copied().unwrap_or_default();
        let case = case(limit);
        let mut now = 0;
        let instants: Vec<i64> = steps
            .iter()
            .map(|part| {
                #[expect(clippy::cast_possible_truncation, clippy::cast_precision_loss, reason = "any instant will do")]
                let step = (*part * case.span as f64) as i64;
                now += step;
                now
            })
            .collect();
        let most = most_within(case.span, &greedy(&case, &instants));
        prop_assert!(most <= case.most, "{limit}: {most} > {}", case.most);
    }
}

#[test]
fn what_is_said_is_reached() {
    const SECOND: i64 = 1_000_000_000;
    const MINUTE: i64 = 60 * SECOND;
    // All at a window's end, or but one of them, and all in the next one.
    let reached = |limit: &str, instants: &[i64]| {
        let case = case(limit);
        (most_within(case.span, &greedy(&case, instants)), case.most)
    };
    let rows = [
        reached("7 req/10 s per user using sliding_log", &[0]),
        reached("30 req/min per user aligned", &[MINUTE - 1, MINUTE]),
        reached("40 req/day per user resets in \"UTC\"", &[86_400 * SECOND - 1, 86_400 * SECOND]),
        reached("60 req/min per user", &[MINUTE - 1, 2 * MINUTE - 2]),
    ];
    for (found, said) in rows {
        assert_eq!(found, said);
    }
    // A bucket: all at once, and each unit as it flows in; the last one comes as the stretch ends.
    let flowing: Vec<i64> = (0..21).map(|unit| unit * 180 * SECOND).collect();
    assert_eq!(reached("20 req/h per user burst 5 req", &flowing), (24, 25));
}

#[test]
fn a_rolling_window_is_cheated_by_one_charge_that_begins_it() {
    let case = case("30 req/min per user using fixed_window");
    let mut state = None;
    let mut passed = Vec::new();
    for (at, wanted) in [(0, 1), (59_999_999_999, 29), (60_000_000_000, 30)] {
        let now = Timestamp(START + at);
        for _ in 0..wanted {
            assert_eq!(case.algorithm.judge(state.as_ref(), case.terms, now, 1), Ok(()));
            case.algorithm.take(&mut state, case.terms, now, 1, LeaseId(0));
        }
        passed.push((at, wanted));
    }
    assert_eq!((most_within(case.span, &passed), case.most), (59, 59));
}

#[test]
fn what_may_be_leased_comes_on_top() {
    for (limit, most) in [
        ("7 req/10 s per user using sliding_log overshoot 50%", 7 + 3),
        ("60 req/min per user overshoot 5%", 119 + 3),
        ("30 req/min per user using fixed_window overshoot 10%", 60 + 3),
        ("30 req/min per user aligned overshoot 10%", 60 + 3),
        ("20 req/h per user burst 5 req overshoot 10%", 25 + 2),
    ] {
        assert_eq!(case(limit).most, most, "{limit}");
    }
}

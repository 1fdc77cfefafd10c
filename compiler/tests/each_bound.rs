//! Each bound on what a policy may be: what lies at it compiles, and one more is refused with its code.
//!
//! Bounds that many of a kind run into are tried in `bounds.rs` too; those on the text itself, in the grammar's tests.

mod policies;

use std::fmt::Display;

use limitrate_compiler::{
    check::{MAX_CHARGES, MAX_FACTS},
    grammar::{MAX_NAME_BYTES, MAX_NESTING, MAX_SOURCE_BYTES, code::Code},
};
use limitrate_core::path::MAX_PATTERN_BYTES;

use crate::policies::without_lints;

const INPUT: &str = "use std.http\ninput { user : key  region : string  flag : bool  size : int }\n";

/// The codes of what is reported about a policy, good practice aside.
fn codes(text: &str) -> Vec<Code> {
    let found = policies::without_practice(without_lints(text), &[]);
    found.iter().map(|diagnostic| diagnostic.code).collect()
}

/// Checks that `policy(bound)` compiles, and that one more is refused by `code` alone.
#[track_caller]
fn assert_bound(bound: usize, code: Code, policy: impl Fn(usize) -> String) {
    let [at, beyond] = [bound, bound + 1].map(|count| codes(&policy(count)));
    assert_eq!(at, [], "at the bound of {bound}");
    assert!(!beyond.is_empty() && beyond.iter().all(|found| *found == code), "beyond {bound}: {beyond:?}");
}

/// `one` for each number, put together.
fn each<T: Display>(count: usize, one: impl Fn(usize) -> T) -> String {
    (0..count).map(|i| one(i).to_string()).collect()
}

/// The same, with commas between.
fn list<T: Display>(count: usize, one: impl Fn(usize) -> T) -> String {
    (0..count).map(|i| one(i).to_string()).collect::<Vec<_>>().join(", ")
}

#[test]
fn the_text_of_a_policy() {
    assert_bound(MAX_SOURCE_BYTES, Code::RL0010, |bytes| format!("#{}", " ".repeat(bytes - 1)));
    assert_bound(MAX_NAME_BYTES, Code::RL0014, |bytes| format!("rule {} {{ exempt }}", "r".repeat(bytes)));
    // The braces of the rule and its `if` count too.
    assert_bound(MAX_NESTING - 2, Code::RL0006, |depth| {
        format!("{INPUT}rule r {{ if {}flag{} then deny }}", "(".repeat(depth), ")".repeat(depth))
    });
    assert_bound(255, Code::RL0006, |operators| {
        format!("{INPUT}rule r {{ if flag {} then deny }}", "or flag ".repeat(operators))
    });
}

#[test]
fn facts_units_and_routes() {
    assert_bound(MAX_FACTS, Code::RL0509, |facts| {
        format!("input {{ {} }}\nrule r {{ if f0 then deny }}", each(facts, |i| format!("f{i} : bool\n")))
    });
    assert_bound(24, Code::RL0014, |bytes| format!("unit {}\nrule r {{ exempt }}", "u".repeat(bytes)));
    assert_bound(MAX_PATTERN_BYTES, Code::RL0210, |bytes| {
        format!("{INPUT}rule r {{ on GET \"/{}\" deny }}", "x".repeat(bytes - 1))
    });
}

#[test]
fn plans_and_what_they_have() {
    assert_bound(256, Code::RL0509, |plans| each(plans, |i| format!("plan q{i} {{ }}\n")));
    assert_bound(16_384, Code::RL0509, |entries| {
        format!("plan q {{ {} }}", each(entries, |i| format!("c{i} = 1\n")))
    });
}

#[test]
fn keys() {
    assert_bound(16, Code::RL0509, |names| {
        format!("{INPUT}rule r {{ limit 1 req/s per user, {} }}", list(names - 1, |i| format!("\"k{i}\"")))
    });
    assert_bound(1 << 24, Code::RL0203, |buckets| {
        format!("{INPUT}rule r {{ limit 1 req/s per bucket(user, {buckets}) }}")
    });
}

#[test]
fn limits() {
    assert_bound(MAX_CHARGES, Code::RL0509, |limits| {
        format!("{INPUT}rule r {{ {} }}", each(limits, |i| format!("limit l{i}: 1 req/s per user\n")))
    });
    assert_bound(16, Code::RL0509, |marks| {
        format!(
            "{INPUT}rule r {{ limit 1 req/s per user warn at {} }}",
            list(marks, |i| format!("{}%", i + 1))
        )
    });
    assert_bound(1_024, Code::RL0013, |bytes| {
        format!("{INPUT}rule r {{ if flag then deny 429 \"{}\" }}", "m".repeat(bytes))
    });
}

#[test]
fn choices_and_tables() {
    assert_bound(511, Code::RL0509, |arms| {
        let arms = each(arms, |i| format!("\"k{i}\" => deny\n"));
        format!("{INPUT}rule r {{ match region {{ {arms} else => exempt }} }}")
    });
    let table = |rows| {
        let rows = each(rows - 1, |i| format!("\"k{i}\" => {i}\n"));
        format!("{INPUT}table t by region : (worth int) {{ {rows} else => 0 }}\n")
    };
    let looks_up = |_| "rule r { if t[region].worth > 5 then deny }";
    assert_bound(512, Code::RL0509, |rows| format!("{}{}", table(rows), looks_up(0)));
    assert_bound(128, Code::RL0509, |lookups| {
        let rules = each(lookups, |i| format!("rule r{i} {{ if t[region].worth > {i} then deny }}\n"));
        format!("{}{rules}", table(512))
    });
}

#[test]
fn functions_written_out_and_texts_compared() {
    let doubling = |times: usize| {
        let next = |i| format!("fn f{}(x: int) -> int = f{i}(x) + f{i}(x)\n", i + 1);
        format!(
            "{INPUT}fn f0(x: int) -> int = x + x\n{}rule r {{ if f{times}(size) > 5 then deny }}",
            each(times, next)
        )
    };
    let most = (1..30).find(|times| !codes(&doubling(times + 1)).is_empty()).expect("a bound");
    assert_bound(most, Code::RL0509, doubling);
    let texts = |name: &str, count| {
        let arms = each(count - 1, |i| format!("\"{name}{i}\" => user\n"));
        format!("let {name} = match region {{ {arms} else => \"none\" }}\n")
    };
    assert_bound(32, Code::RL0509, |count| {
        format!("{INPUT}rule r {{ {}{}if a == b then deny }}", texts("a", count), texts("b", 32))
    });
}

#[test]
fn tests_in_a_policy() {
    assert_bound(1_000_000, Code::RL0013, |requests| {
        format!("use std.http\nrule r {{ exempt }}\ntest \"t\" {{ send {requests} GET \"/\" expect exempt }}")
    });
}

//! Policies with a great many of everything: each is compiled or refused for a reason, on a small stack, and in a time
//! that grows with its length alone.
#![expect(clippy::unwrap_used, reason = "helpers of tests fail by panicking")]

mod policies;

use std::{fmt::Display, thread};

use limitrate_compiler::grammar::{code::Code, diagnostic::Diagnostic};

use crate::policies::without_lints;

/// So many of everything.
const MANY: usize = 5_000;

const INPUT: &str =
    "use std.http\ninput { user : key  region : string  flag : bool  plan : plan = p }\nplan p { }\n";

/// What is reported about a policy that begins with [`INPUT`], on a small stack.
fn reported(text: &str) -> Vec<Diagnostic> {
    let text = format!("{INPUT}{text}");
    let task = thread::Builder::new().stack_size(1 << 20).spawn(move || without_lints(&text)).unwrap();
    task.join().unwrap()
}

#[track_caller]
fn assert_codes(text: &str, wanted: &[Code]) {
    let found = policies::without_practice(reported(text), wanted);
    let codes: Vec<Code> = found.iter().map(|diagnostic| diagnostic.code).collect();
    let messages: Vec<&str> = found.iter().take(3).map(|diagnostic| diagnostic.message.as_str()).collect();
    let start: String = text.chars().take(60).collect();
    assert_eq!(codes, wanted, "{start}: {messages:?}");
}

/// Checks that something of the kind is reported, and nothing of another.
#[track_caller]
fn assert_only(text: &str, wanted: Code) {
    let found = policies::without_practice(reported(text), &[wanted]);
    let start: String = text.chars().take(60).collect();
    assert!(!found.is_empty(), "{start}");
    for diagnostic in found {
        assert_eq!(diagnostic.code, wanted, "{start}: {}", diagnostic.message);
    }
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
fn many_rules_and_tests_compile() {
    let rules = each(MANY, |i| format!("rule r{i} {{ deny 429 \"x\" }}\n"));
    let tests =
        each(MANY, |i| format!("test \"t{i}\" {{ given user = \"a\", region = \"b\", flag = true }}\n"));
    assert_codes(&format!("{rules}{tests}"), &[]);
    let arms = each(300, |i| {
        format!("\"{i}\" => if flag then limit l: {i} req/s per user else limit l: 1 req/s per user\n")
    });
    assert_codes(&format!("rule a {{ match region {{ {arms} else => exempt }} }}"), &[]);
}

#[test]
fn names_that_stand_many_times_are_compared_once() {
    assert_only(&"rule r { exempt }\n".repeat(MANY), Code::RL0102);
    assert_only(&"test \"t\" { wait 1 s }\n".repeat(MANY), Code::RL0102);
    assert_only(&format!("rule r {{ {} }}", "limit 1 req/s per user\n".repeat(50)), Code::RL0502);
    let used = each(MANY, |_| "expect used l for user \"a\" == 1 req\n");
    let limits = each(60, |i| format!("limit l{i}: 1 req/s per user\n"));
    assert_codes(&format!("rule r {{ limit l: 1 req/s per user\n{limits} }}\ntest \"t\" {{ {used} }}"), &[]);
}

#[test]
fn names_that_nothing_declares_are_looked_for_among_few() {
    let sets = each(MANY, |i| format!("set s{i} = \"a\"\n"));
    let uses = each(MANY, |i| format!("rule r{i} {{ if region in z{i} then deny }}\n"));
    assert_only(&format!("{sets}{uses}"), Code::RL0101);
    assert_only(&each(60, |i| format!("rule r{i} {{ limit 1 req/s per u{i} }}\n")), Code::RL0101);
    assert_only(&each(MANY, |i| format!("rule r{i} {{ if v{i} == 1 then deny }}\n")), Code::RL0101);
    let broken = each(MANY, |i| format!("rule r{i} {{ limit 1 req/s per u{i} }}\n"));
    assert!(!reported(&format!("{broken}rul z {{ }}")).is_empty());
}

#[test]
fn a_key_names_so_many_facts() {
    let keys = list(15, |i| format!("\"k{i}\""));
    assert_codes(&format!("rule r {{ limit 1 req/s per user, {keys} }}"), &[]);
    let keys = list(MANY, |i| format!("\"k{i}\""));
    assert_codes(&format!("rule r {{ limit 1 req/s per user, {keys} }}"), &[Code::RL0509]);
    assert_codes(&format!("rule r {{ limit 1 req/s per user at most 10% per {keys} }}"), &[Code::RL0509]);
    let fallbacks = list(100, |i| format!("\"k{i}\"")).replace(',', " ??");
    assert_codes(&format!("rule r {{ limit 1 req/s per user ?? {fallbacks} }}"), &[Code::RL0509]);
    let limits = each(50, |i| format!("limit l{i}: 1 req/s\n"));
    assert_codes(&format!("rule r per {keys} {{ {limits} }}"), &[Code::RL0509]);
}

#[test]
fn a_set_has_as_many_members_as_it_likes() {
    let members = list(MANY, |i| format!("\"k{i}\""));
    assert_codes(&format!("set s = {members}\nrule r {{ if region in s then deny }}"), &[]);
    assert_codes(&format!("rule r {{ if region in {{{members}}} then deny }}"), &[]);
    assert_codes(&format!("rule r {{ match region {{ {members} => deny\nelse => exempt }} }}"), &[]);
    let listing = format!("input {{ tier : one of {members} }}\nset s = {members}\n");
    assert_codes(&format!("{listing}rule r {{ if tier in s then deny }}"), &[]);
    let strangers = list(MANY, |i| format!("\"z{i}\""));
    assert_only(
        &format!("input {{ tier : one of {members} }}\nrule r {{ if tier in {{{strangers}}} then deny }}"),
        Code::RL0203,
    );
    let nets = list(MANY, |i| format!("10.{}.{}.0/24", i / 256, i % 256));
    assert_codes(&format!("set s = {nets}\nrule r {{ if ip in s then deny }}"), &[]);
}

#[test]
fn a_match_has_so_many_arms_with_those_around_it() {
    let arms = |count| each(count, |i| format!("\"k{i}\" => deny\n"));
    let rates = |count| each(count, |i| format!("\"k{i}\" => {i} req/s\n"));
    let whole = |arms: String| format!("rule r {{ match region {{ {arms} else => exempt }} }}");
    assert_codes(&whole(arms(511)), &[]);
    assert_codes(&whole(arms(512)), &[Code::RL0509]);
    assert_codes(&whole(arms(MANY)), &[Code::RL0509]);
    let value =
        |count| format!("rule r {{ limit match region {{ {} else => 1 req/s }} per user }}", rates(count));
    assert_codes(&value(511), &[]);
    assert_codes(&value(MANY), &[Code::RL0509]);
    let nested = |count| format!("\"n\" => match region {{ {} else => deny }}\n{}", arms(count), arms(255));
    assert_codes(&whole(nested(254)), &[]);
    assert_codes(&whole(nested(255)), &[Code::RL0509]);
    let same = format!("rule r {{ match region {{ {} else => exempt }} }}", "\"a\" => deny\n".repeat(500));
    assert_only(&same, Code::RL0102);
}

#[test]
fn what_nests_too_deeply_or_is_too_long_is_refused_before_it_is_read() {
    for deep in [
        format!("rule r {{ {} deny }}", "if flag then ".repeat(MANY)),
        format!("rule r {{ {} deny {} }}", "if flag then {".repeat(MANY), "}".repeat(MANY)),
        format!("rule r {{ limit {} 1 req/s per user }}", "if flag then 2 req/s else ".repeat(MANY)),
        format!("rule r {{ if flag then deny {} }}", "else if flag then deny ".repeat(MANY)),
        format!("rule r {{ if flag {} then deny }}", "or flag ".repeat(50 * MANY)),
        format!("rule r {{ if flag {} then deny }}", "&& flag\n".repeat(50 * MANY)),
        format!("rule r {{ limit 1 {} per user }}", "+ 1 ".repeat(50 * MANY)),
        format!("rule r {{ if flag {} then deny }}", "or flag ".repeat(300)),
    ] {
        assert_codes(&deep, &[Code::RL0006]);
    }
    let line = "deny 429 \"x\" ".repeat(10 * MANY);
    assert_codes(&format!("rule r {{ {line} }}"), &[]);
}

#[test]
fn plans_are_so_many_and_inherit_so_much() {
    let plans = |count| each(count, |i| format!("plan q{i} {{ limit x: 1 req/s per user }}\n"));
    assert_codes(&plans(255), &[]);
    assert_codes(&plans(MANY), &[Code::RL0509]);
    let row = |count| each(count, |i| format!("plan q{} extends q{i} {{ c{i} = 1 }}\n", i + 1));
    assert_codes(&format!("plan q0 {{ }}\n{}", row(150)), &[]);
    assert_codes(&format!("plan q0 {{ }}\n{}", row(200)), &[Code::RL0509]);
    assert_codes(&format!("plan q {{ {} }}", each(17_000, |i| format!("c{i} = 1\n"))), &[Code::RL0509]);
}

#[test]
fn many_facts_levels_and_calendars_are_looked_up() {
    let facts = each(MANY, |i| format!("f{i} : string\n"));
    let tests = each(100, |i| format!("test \"t{i}\" {{ given f{i} = \"a\" }}\n"));
    assert_codes(&format!("input {{ {facts} }}\n{tests}"), &[Code::RL0509]);
    let levels = list(MANY, |_| "user").replace(',', " >");
    assert_only(&format!("hierarchy {levels}"), Code::RL0102);
    let calendars = each(MANY, |i| format!("calendar c{i} = 2026-12-25\n"));
    let schedules = each(MANY, |i| format!("schedule s{i} = daily 09:00..17:00 except c{i}\n"));
    assert_codes(&format!("{calendars}{schedules}"), &[]);
    let targets = list(MANY, |i| format!("\"/v1/k{i}\""));
    assert_codes(&format!("rule r {{ on {targets}\n limit 1 req/s per user }}"), &[]);
}

#[test]
fn a_large_set_costs_its_members_once_however_many_rules_ask() {
    let members = list(20 * MANY, |i| format!("\"k{i}\""));
    let rules = each(500, |i| format!("rule r{i} {{ on \"/p{i}\" if region in s then deny }}\n"));
    assert_codes(&format!("set s = {members}\n{rules}"), &[]);
    let nets = list(20 * MANY, |i| format!("10.{}.{}.{}", i >> 16, (i >> 8) & 255, i & 255));
    let rules = each(500, |i| format!("rule r{i} {{ on \"/p{i}\" if ip in s then deny }}\n"));
    assert_codes(&format!("set s = {nets}\n{rules}"), &[]);
}

#[test]
fn rules_of_many_routes_are_not_charged_together() {
    let rules = each(MANY, |i| {
        format!(
            "rule r{i} {{ on GET \"/:tenant/v{i}/x\", \"/:tenant/v{i}/:id\" limit {} req/s per user }}\n",
            i + 1
        )
    });
    assert_codes(&rules, &[]);
    let rules =
        each(65, |i| format!("rule r{i} {{ on GET \"/v1/:a{i}\" limit {} req/s per user }}\n", i + 1));
    assert_codes(&rules, &[Code::RL0509]);
}

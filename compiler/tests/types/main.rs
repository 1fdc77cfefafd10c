//! What goes with what: tables of small policies that compile, or are reported with the codes beside them.
#![expect(clippy::unwrap_used, reason = "helpers of tests fail by panicking")]

mod absence;
mod choice;
mod keys;
mod limits;
mod plans;
#[path = "../policies/mod.rs"]
mod policies;
mod reserve;
mod units;
mod values;

use limitrate_compiler::{
    Engine, Policy, compile,
    grammar::{code::Code, diagnostic::Diagnostic},
};

/// Compares what is reported about the policy of each row, in the order of the text, with the codes beside it.
#[track_caller]
fn assert_codes(rows: &[(&str, &[Code])], policy: impl Fn(&str) -> String) {
    let wrong: String = rows.iter().filter_map(|(row, wanted)| mismatch(row, wanted, &policy(row))).collect();
    assert!(wrong.is_empty(), "{wrong}");
}

fn mismatch(row: &str, wanted: &[Code], text: &str) -> Option<String> {
    let found = policies::without_practice(policies::without_lints(text), wanted);
    let codes: Vec<Code> = found.iter().map(|diagnostic| diagnostic.code).collect();
    let said: Vec<&Diagnostic> = found.iter().collect();
    (codes != wanted).then(|| format!("{row}\n    gave {codes:?}, not {wanted:?}: {said:#?}\n"))
}

/// A policy without errors.
#[track_caller]
fn compiled(text: &str) -> Policy {
    compile("policy.rl", text.as_bytes(), Engine::Interpreter).unwrap().policy
}

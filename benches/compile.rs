//! From text to a policy that decides: checking, and generating machine code.
#![expect(clippy::panic, reason = "a benchmark stops at the first surprise")]

use criterion::{Criterion, criterion_group, criterion_main};
use limitrate::prelude::Engine;

/// Example 2.2 of the language: plans, hierarchy, shares.
const PLANS: &str = include_str!("../examples/plans.rl");

/// A policy of `rules` rules with four lines each.
fn policy(rules: usize) -> String {
    let mut text = String::from("use std.http\ninput { user : key  region : string }\n");
    for rule in 0..rules {
        text.push_str(&format!(
            "rule r{rule} {{\n  on GET \"/v{rule}/items/:id\"\n  if region == \"r{rule}\" then limit 10 req/min per user\n}}\n"
        ));
    }
    text
}

fn compile(text: &str, engine: Engine) -> limitrate::compiler::Accepted {
    match limitrate::compile("bench.rl", text.as_bytes(), engine) {
        Ok(accepted) => accepted,
        Err(rejected) => panic!("{:#?}", rejected.diagnostics.sorted()),
    }
}

fn benches(c: &mut Criterion) {
    let hundred_lines = policy(25);
    c.bench_function("check/100 lines", |b| b.iter(|| compile(&hundred_lines, Engine::Interpreter)));
    c.bench_function("check/plans.rl", |b| b.iter(|| compile(PLANS, Engine::Interpreter)));
    let rules = policy(5_000);
    let edited = rules.replacen("10 req/min", "20 req/min", 1);
    let source = limitrate::compiler::grammar::span::SourceId(0);
    c.bench_function("parse/5000 rules", |b| {
        b.iter(|| limitrate::compiler::grammar::parse(source, rules.as_bytes()));
    });
    c.bench_function("parse again/5000 rules, one edited", |b| {
        let mut reparser = limitrate::compiler::grammar::Reparser::new();
        b.iter(|| (reparser.parse(source, rules.as_bytes()), reparser.parse(source, edited.as_bytes())));
    });
    let plans = compile(PLANS, Engine::Interpreter).policy;
    c.bench_function("machine code/plans.rl", |b| {
        b.iter(|| limitrate::compiler::codegen::compile(plans.program()));
    });
    let hundred_rules = compile(&policy(100), Engine::Interpreter).policy;
    c.bench_function("machine code/100 rules", |b| {
        b.iter(|| limitrate::compiler::codegen::compile(hundred_rules.program()));
    });
}

criterion_group!(group, benches);
criterion_main!(group);

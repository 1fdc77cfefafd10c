//! Compiling a policy for what is said about it.

#![allow(dead_code, reason = "each test program uses a part of it")]

use limitrate_compiler::{
    Engine, compile,
    grammar::{code::Code, diagnostic::Diagnostic},
};

/// What small policies are told though nothing is wrong with them: tests about other things pass over it.
const PRACTICE: [Code; 3] = [Code::RL1304, Code::RL1305, Code::RL1306];

/// What is reported, but for what is only good practice and not `wanted`.
pub(crate) fn without_practice(mut found: Vec<Diagnostic>, wanted: &[Code]) -> Vec<Diagnostic> {
    found.retain(|diagnostic| wanted.contains(&diagnostic.code) || !PRACTICE.contains(&diagnostic.code));
    found
}

/// Everything reported about a policy, in the order of its text.
pub(crate) fn diagnostics(text: &str) -> Vec<Diagnostic> {
    let all = match compile("policy.rl", text.as_bytes(), Engine::Interpreter) {
        Ok(accepted) => accepted.diagnostics,
        Err(rejected) => rejected.diagnostics,
    };
    all.sorted().into_iter().cloned().collect()
}

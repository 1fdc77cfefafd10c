//! Compiling a policy for what is said about it.

use limitrate_compiler::{
    Engine, compile,
    grammar::{code::Code, diagnostic::Diagnostic},
};

/// Everything reported about a policy, in the order of its text.
pub(crate) fn diagnostics(text: &str) -> Vec<Diagnostic> {
    let all = match compile("policy.rl", text.as_bytes(), Engine::Interpreter) {
        Ok(accepted) => accepted.diagnostics,
        Err(rejected) => rejected.diagnostics,
    };
    all.sorted().into_iter().cloned().collect()
}

/// What is reported about a policy, lints of its logic aside: a row of a table need not use all it declares.
#[allow(dead_code, reason = "some tests look at everything")]
pub(crate) fn without_lints(text: &str) -> Vec<Diagnostic> {
    let mut all = diagnostics(text);
    all.retain(|diagnostic| !(Code::RL1004..=Code::RL1010).contains(&diagnostic.code));
    all
}

//! Compiling a policy for what is said about it.

use limitrate_compiler::{Engine, compile, grammar::diagnostic::Diagnostic};

/// Everything reported about a policy, in the order of its text.
pub(crate) fn diagnostics(text: &str) -> Vec<Diagnostic> {
    let all = match compile("policy.rl", text.as_bytes(), Engine::Interpreter) {
        Ok(accepted) => accepted.diagnostics,
        Err(rejected) => rejected.diagnostics,
    };
    all.sorted().into_iter().cloned().collect()
}

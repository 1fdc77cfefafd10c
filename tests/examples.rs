//! Every policy under `examples/` compiles without a warning, has tests, and passes them.
#![expect(clippy::unwrap_used, reason = "helpers of tests fail by panicking")]

mod policies;

use std::fs;

use policies::{files, outcome, short};

#[test]
fn every_example_compiles_and_passes_its_tests() {
    let mut wrong = Vec::new();
    let examples = files("examples", "rl");
    assert!(!examples.is_empty());
    for path in examples {
        let name = short(&path);
        let outcome = outcome(&name, &fs::read_to_string(&path).unwrap());
        let found = outcome.findings.into_iter().map(|(_, finding)| finding).chain(outcome.failures);
        wrong.extend(found.map(|what| format!("{name}: {what}")));
        if outcome.tests == 0 {
            wrong.push(format!("{name}: has no tests"));
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

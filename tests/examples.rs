//! Every policy under `examples/` and `stdlib/` compiles without a warning, has tests where it has rules, and passes them.
#![expect(clippy::unwrap_used, reason = "helpers of tests fail by panicking")]

mod policies;

use std::fs;

use policies::{files, outcome_of, short};

#[test]
fn every_example_compiles_and_passes_its_tests() {
    let mut wrong = Vec::new();
    let examples = files("examples", "rl");
    assert!(!examples.is_empty());
    for path in examples.into_iter().chain(files("stdlib/std", "rl")) {
        let name = short(&path);
        let outcome = outcome_of(&path);
        let found = outcome.findings.into_iter().map(|(_, finding)| finding).chain(outcome.failures);
        wrong.extend(found.map(|what| format!("{name}: {what}")));
        let has_rules = fs::read_to_string(&path).unwrap().lines().any(|line| line.starts_with("rule "));
        if outcome.tests == 0 && has_rules {
            wrong.push(format!("{name}: has no tests"));
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[test]
fn every_module_of_the_standard_library_is_used_by_an_example() {
    let texts: Vec<String> =
        files("examples", "rl").iter().map(|path| fs::read_to_string(path).unwrap()).collect();
    for module in files("stdlib/std", "rl") {
        let used = format!("use std.{}", module.file_stem().unwrap().to_string_lossy());
        let is_use = |line: &str| line == used || line.starts_with(&format!("{used} ("));
        assert!(texts.iter().any(|text| text.lines().any(is_use)), "no example has `{used}`");
    }
}

//! Policies that were once decided in two ways: their tests hold, and nothing differs on them any more. The examples of
//! the repository are played too.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "helpers of tests fail by panicking")]

use std::{fs, path::Path};

use limitrate_compiler::source::Texts;
use limitrate_oracle::{
    build::build,
    engines::play,
    history::{Mentioned, Source},
    random::Random,
};
use limitrate_testkit::policy_test;

const HISTORIES: usize = 12;
const REQUESTS: usize = 40;

/// The policies of a folder that compile without modules of their own.
fn policies(folder: &str) -> Vec<(String, String)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    let mut found: Vec<(String, String)> = fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "rl"))
        .map(|path| (path.display().to_string(), fs::read_to_string(&path).unwrap()))
        .collect();
    found.sort();
    found
}

fn play_folder(folder: &str) -> usize {
    let mut played = 0;
    for (name, text) in policies(folder) {
        let Ok(built) = build(&text, &Texts::default(), None) else { continue };
        played += 1;
        let source = Source::new(built.policies[0].program(), Mentioned::of(&built.file));
        let names: Vec<Box<str>> = source.schema.iter().map(|decl| decl.name.clone()).collect();
        let mut random = Random::new(11);
        for _ in 0..HISTORIES {
            let steps = source.history(&mut random, REQUESTS);
            assert_eq!(play(&built.policies, &names, &steps), Ok(()), "{name}");
        }
    }
    played
}

#[test]
fn every_kept_case_is_decided_in_one_way_and_its_tests_hold() {
    assert_eq!(play_folder("tests/corpus"), policies("tests/corpus").len());
    for (name, text) in policies("tests/corpus") {
        for (word, engine) in limitrate_oracle::build::ENGINES {
            let accepted = limitrate_compiler::compile(&name, text.as_bytes(), engine).unwrap();
            let policy = std::sync::Arc::new(accepted.policy);
            assert!(!accepted.tests.is_empty(), "{name} has no test");
            for test in &accepted.tests {
                let failure = policy_test::run(&policy, test).failure;
                assert!(failure.is_none(), "{name} by {word}: {failure:#?}");
            }
        }
    }
}

#[test]
fn the_examples_are_decided_in_one_way() {
    assert!(play_folder("../examples") > 8);
}

//! One meaning: on random policies and histories the interpreters, machine code and the stores show the same, and the
//! policies reach all of the language.

use limitrate_oracle::{
    report,
    run::{Plan, reproduces, run},
    shrink::shrink,
};

/// What generated policies never reach, and why.
/// A name stands for all that begin with it.
const UNREACHED: &[(&str, &str)] = &[
    ("ast::ItemKind::Test", "tests decide nothing; those of a report are read back in the corpus"),
    ("ast::StepKind", "of tests"),
    ("ast::Expected", "of tests"),
    ("ast::NoteKind", "of tests"),
    ("ast::Comparison", "of tests"),
    ("ast::ClauseKind::Settle", "`settle` without `reserve`: an error"),
    ("checked::Type::Unknown", "the type of an expression with an error"),
];

#[test]
fn engines_and_stores_show_the_same_and_all_of_the_language_is_reached() {
    let summary = run(Plan { seed: 20_261_122, pairs: 6_000, histories: 2, threads: 2, first: 0 });
    for found in &summary.found {
        let who = &found.difference.who;
        let case = shrink(found.case.clone(), &mut |case| reproduces(case, who).is_some());
        let difference = reproduces(&case, who).unwrap_or_else(|| found.difference.clone());
        println!("{}", report::file(&limitrate_oracle::run::Found { case, difference, ..found.clone() }));
    }
    println!("{} pairs, {} policies, {} rejected", summary.pairs, summary.policies, summary.rejected);
    println!("{}", summary.reasons.join("\n"));
    let unreached: Vec<&str> = summary
        .coverage
        .unseen()
        .filter(|name| UNREACHED.iter().all(|(known, _)| !name.starts_with(known)))
        .collect();
    println!("unreached {unreached:?}");
    assert!(summary.found.is_empty());
    assert!(summary.rejected * 5 < summary.policies, "too many texts are not well typed");
    assert_eq!(unreached, [""; 0]);
}

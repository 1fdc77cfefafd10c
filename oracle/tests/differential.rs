//! One meaning: on random policies and histories the interpreters, machine code and the stores show the same, and the
//! policies reach all of the language.

use limitrate_oracle::{
    report,
    run::{Plan, reproduces, run},
    shrink::shrink,
};

/// What generated policies never reach, and why.
const UNREACHED: &[(&str, &str)] = &[];

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
    let unreached: Vec<&str> =
        summary.coverage.unseen().filter(|name| UNREACHED.iter().all(|(known, _)| known != name)).collect();
    println!("unreached {unreached:?}");
    assert!(summary.found.is_empty());
    assert_eq!(unreached, [""; 0]);
}

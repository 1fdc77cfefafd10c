//! The policies on the pages of the codes: the first of each page is reported with its code, the second compiles.
#![expect(clippy::unwrap_used, clippy::panic, reason = "helpers of tests fail by panicking")]

mod policies;

use limitrate_compiler::{explain::page, grammar::code::Code};

use crate::policies::diagnostics;

/// The failing and the mended policy of a page.
fn programs(code: Code) -> (&'static str, &'static str) {
    let block = |opener: &str| {
        let (_, after) =
            page(code).split_once(opener).unwrap_or_else(|| panic!("{code} has no block {opener:?}"));
        after.split_once("\n```").unwrap().0
    };
    (block("```rl fails\n"), block("```rl\n"))
}

fn codes(text: &str) -> Vec<Code> {
    diagnostics(text).into_iter().map(|diagnostic| diagnostic.code).collect()
}

#[test]
fn the_failing_policy_of_each_page_is_reported_with_its_code_alone() {
    for code in Code::ALL {
        let (failing, _) = programs(*code);
        if [Code::RL0701, Code::RL1307, Code::RL1308].contains(code) {
            assert_eq!(codes(failing), [], "{code} is reported of a policy that compiles");
            continue;
        }
        assert_eq!(codes(failing), [*code], "{failing}");
    }
}

#[test]
fn the_mended_policy_of_each_page_is_reported_with_nothing() {
    let mut wrong = String::new();
    for code in Code::ALL {
        let (_, mended) = programs(*code);
        for diagnostic in diagnostics(mended) {
            wrong.push_str(&format!("{code}: {} {}\n{mended}\n", diagnostic.code, diagnostic.message));
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

#[test]
fn each_page_fits_a_screen() {
    for code in Code::ALL {
        let (failing, mended) = programs(*code);
        let prose = page(*code).lines().count() - failing.lines().count() - mended.lines().count();
        assert!(prose <= 20, "{code} has {prose} lines of prose");
    }
}

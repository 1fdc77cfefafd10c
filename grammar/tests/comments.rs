//! The formatter on every policy of the workspace, with comments and line ends in odd places: each comment is kept once
//! and in its order, the tree stays the same, and formatting again changes nothing.
//!
//! The policies are whatever lies in the folders, so that a construct is covered as soon as an example or a page has it.
#![expect(clippy::expect_used, reason = "helpers of tests fail by panicking")]

mod common;

use std::{fs, path::Path};

use common::EXAMPLES;
use limitrate_grammar::{
    ast::{File, ItemKind},
    format, parse,
    span::{SourceId, Span},
};
use proptest::{collection::vec, prelude::*, sample::select};

/// What is put between two tokens; `@` becomes a number.
const GAPS: [&str; 7] =
    [" # c@\n", "\n# c@\n", "\n\n  ## c@\n\n", "# c@ # twice \"quoted\" { \n", "\n", "\n\n\n", "\t "];

/// Every policy that parses, by its path.
fn policies() -> Vec<String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut found: Vec<String> = EXAMPLES.iter().map(|(_, text)| (*text).to_owned()).collect();
    let mut open: Vec<_> = ["examples", "stdlib/std", "cli/templates", "compiler/tests/diagnostics"]
        .map(|folder| root.join(folder))
        .into_iter()
        .collect();
    while let Some(path) = open.pop() {
        if path.is_dir() {
            open.extend(fs::read_dir(path).expect("a folder").map(|entry| entry.expect("an entry").path()));
        } else if path.extension().is_some_and(|extension| extension == "rl") {
            found.extend(fs::read_to_string(path).ok().filter(|text| tree(text).is_some()));
        }
    }
    found.sort();
    found
}

/// The tree of a text that parses, without its spans and its edition.
fn tree(text: &str) -> Option<File> {
    let parsed = parse(SourceId(0), text.as_bytes());
    let mut file = parsed.file;
    file.visit_spans(&mut |span| *span = Span::default());
    file.items.retain(|item| !matches!(item.kind, ItemKind::Edition(_)));
    parsed.diagnostics.is_empty().then_some(file)
}

/// The comments of a text, in order.
fn comments(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    for line in text.lines() {
        let (mut quoted, mut escaped) = (false, false);
        for (at, c) in line.char_indices() {
            if c == '#' && !quoted {
                found.push(line.get(at..).unwrap_or_default().trim_end().to_owned());
                break;
            }
            quoted ^= c == '"' && !escaped;
            escaped = c == '\\' && !escaped;
        }
    }
    found
}

fn assert_keeps(text: &str) -> Result<(), TestCaseError> {
    let Some(meant) = tree(text) else { return Ok(()) };
    let once = format(text).map_err(|_| TestCaseError::fail(text.to_owned()))?;
    prop_assert_eq!(tree(&once), Some(meant), "{}\n=>\n{}", text, once);
    prop_assert_eq!(comments(&once), comments(text), "{}\n=>\n{}", text, once);
    let twice = format(&once).map_err(|_| TestCaseError::fail(once.clone()))?;
    prop_assert_eq!(&twice, &once, "{}\n=>\n{}\n=>\n{}", text, once, twice);
    Ok(())
}

#[test]
fn every_policy_as_it_lies_keeps_its_comments() {
    let policies = policies();
    assert!(policies.len() > 10, "{}", policies.len());
    for text in policies {
        assert_keeps(&text).expect("it keeps them");
    }
}

#[test]
fn comments_within_the_name_of_what_is_read_are_kept() {
    let text = "test \"x\" {\n  given header( # c\n \"x-client-id\" # d\n) = \"a\", usage.model = \"b\"\n}\n";
    assert!(tree(text).is_some());
    assert_keeps(text).expect("it keeps them");
    let plain =
        "edition 2026\n\ntest \"x\" {\n  given header(\"x-client-id\") = \"a\", query(\"q\") = \"b\"\n}\n";
    assert_eq!(format(plain).expect("it parses"), plain);
}

#[test]
fn a_comment_before_the_instant_of_a_step_is_kept() {
    let text = "test \"x\" {\n  at # c0\n 2026-06-01T11:00:00Z\n  at\n\n# c1\n2026-06-01T12:00:00Z\n}\n";
    assert!(tree(text).is_some());
    assert_keeps(text).expect("it keeps them");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 192, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn comments_in_odd_places_are_kept_once_and_in_order(
        policy in select(policies()),
        gaps in vec((any::<prop::sample::Index>(), select(GAPS.to_vec())), 1..8),
    ) {
        let mut text = policy;
        let meant = tree(&text);
        for (number, (at, gap)) in gaps.into_iter().enumerate() {
            let places: Vec<usize> = text
                .char_indices()
                .filter(|(_, c)| !c.is_ascii_alphanumeric() && *c != '_')
                .flat_map(|(at, c)| [at, at + c.len_utf8()])
                .collect();
            let Some(place) = places.get(at.index(places.len().max(1))) else { continue };
            let (before, after) = text.split_at(*place);
            let with = format!("{before}{}{after}", gap.replace('@', &number.to_string()));
            // Within a string, a comment or a literal it would be something else.
            if tree(&with) == meant {
                text = with;
            }
        }
        assert_keeps(&text)?;
    }
}

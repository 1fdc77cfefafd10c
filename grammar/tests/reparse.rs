//! Parsing after an edit: the same result as a first parse, and no item read that has not changed.
#![expect(clippy::expect_used, reason = "helpers of tests fail by panicking")]

mod common;

use std::{fs, path::Path};

use common::EXAMPLES;
use limitrate_grammar::{Parsed, Reparser, parse, span::SourceId};
use proptest::{collection::vec, prelude::*, sample::select};

const SOURCE: SourceId = SourceId(3);

/// Pieces that edits put into a text: whole items, parts of some, and what breaks them.
const PIECES: [&str; 16] = [
    "",
    " ",
    "\n",
    "\n\n# a comment\n",
    "x",
    "7",
    "\"",
    "{",
    "}",
    "(",
    "\nrule extra { deny }\n",
    "\nset more = 10.0.0.0/8\n",
    "limit 1 req/s per user",
    "//",
    "\u{202e}",
    "é",
];

fn assert_same(again: &Parsed, first: &Parsed, text: &str) {
    assert_eq!(again.file, first.file, "{text}");
    assert_eq!(again.diagnostics.sorted(), first.diagnostics.sorted(), "{text}");
    assert_eq!(again.diagnostics.suppressed(), first.diagnostics.suppressed(), "{text}");
}

fn rules(count: usize) -> Vec<String> {
    (0..count)
        .map(|i| format!("rule r{i} {{\n  if n > {i} then limit {i} req/min per user # note\n}}\n\n"))
        .collect()
}

#[test]
fn one_changed_item_is_the_only_one_read() {
    let mut items = rules(500);
    let mut reparser = Reparser::new();
    let first = reparser.parse(SOURCE, items.concat().as_bytes());
    assert_eq!((first.file.items.len(), reparser.items_read()), (500, 500));
    if let Some(item) = items.get_mut(250) {
        *item = item.replace("req/min", "req/hour");
    }
    let text = items.concat();
    assert_same(&reparser.parse(SOURCE, text.as_bytes()), &parse(SOURCE, text.as_bytes()), &text);
    assert_eq!(reparser.items_read(), 1);
}

#[test]
fn what_only_moved_is_not_read() {
    let items = rules(100);
    let mut reparser = Reparser::new();
    reparser.parse(SOURCE, items.concat().as_bytes());
    let moved = format!("use std.http\n\n{}{}", items.concat(), items.concat().replace("rule r", "rule s"));
    assert_same(&reparser.parse(SOURCE, moved.as_bytes()), &parse(SOURCE, moved.as_bytes()), &moved);
    assert_eq!(reparser.items_read(), 101, "the import and the second hundred");
    let swapped: String = items.iter().rev().map(String::as_str).collect();
    reparser.parse(SOURCE, swapped.as_bytes());
    assert_eq!(reparser.items_read(), 0);
}

#[test]
fn what_was_reported_is_reported_again_where_it_stands_now() {
    let text = "rule a { limt 1 req/s per user }\n";
    let mut reparser = Reparser::new();
    reparser.parse(SOURCE, text.as_bytes());
    let moved = format!("# moved\n\n{text}");
    assert_same(&reparser.parse(SOURCE, moved.as_bytes()), &parse(SOURCE, moved.as_bytes()), &moved);
    assert_eq!(reparser.items_read(), 1);
}

#[test]
fn a_version_that_is_no_text_is_forgotten() {
    let text = "rule a { deny }\n";
    let mut reparser = Reparser::new();
    reparser.parse(SOURCE, text.as_bytes());
    assert!(reparser.parse(SOURCE, b"\xff\xfe\0").diagnostics.has_errors());
    assert_same(&reparser.parse(SOURCE, text.as_bytes()), &parse(SOURCE, text.as_bytes()), text);
}

/// The policies that edits are made to.
fn policies() -> Vec<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples");
    let files =
        fs::read_dir(folder).expect("the examples").filter_map(|file| file.ok().map(|file| file.path()));
    let own = files.filter(|path| path.extension().is_some_and(|extension| extension == "rl"));
    let own = own.map(|path| fs::read_to_string(path).expect("a policy"));
    EXAMPLES.iter().map(|(_, text)| (*text).to_owned()).chain(own).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn after_every_edit_the_result_is_that_of_a_first_parse(
        policy in select(policies()),
        edits in vec((any::<prop::sample::Index>(), 0_usize..40, select(PIECES.to_vec())), 1..8),
    ) {
        let mut reparser = Reparser::new();
        let mut text = policy;
        reparser.parse(SOURCE, text.as_bytes());
        for (at, length, piece) in edits {
            let mut chars: Vec<char> = text.chars().collect();
            let start = at.index(chars.len().max(1)).min(chars.len());
            let end = (start + length).min(chars.len());
            chars.splice(start..end, piece.chars());
            text = chars.into_iter().collect();
            assert_same(&reparser.parse(SOURCE, text.as_bytes()), &parse(SOURCE, text.as_bytes()), &text);
        }
    }
}

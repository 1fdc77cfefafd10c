//! Every metric has a row in the documentation, and every row there a metric.
#![expect(clippy::unwrap_used, reason = "helpers of tests fail by panicking")]

use std::{collections::BTreeSet, fs, path::Path};

const PREFIX: &str = "limitrate_";

/// What begins like a metric between two of these characters.
fn names(text: &str, quote: char) -> BTreeSet<String> {
    let is_name = |text: &&str| {
        text.strip_prefix(PREFIX)
            .is_some_and(|rest| rest.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_'))
    };
    text.split(quote).filter(is_name).map(str::to_owned).collect()
}

/// The metrics that the sources in a folder count.
fn counted(folder: &Path) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.append(&mut counted(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = fs::read_to_string(&path).unwrap();
            let calls = text.split("metrics::").skip(1);
            let calls = calls.filter(|call| {
                ["counter!", "gauge!", "histogram!"].iter().any(|kind| call.starts_with(kind))
            });
            found.extend(calls.flat_map(|call| names(call, '"')));
        }
    }
    found
}

#[test]
fn every_metric_is_in_the_table_and_the_table_has_no_other() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    let told = fs::read_to_string(folder.join("docs/RELIABILITY.md")).unwrap();
    let rows = told.lines().filter(|line| line.starts_with("| `limitrate_"));
    let told: BTreeSet<String> = rows.flat_map(|row| names(row, '`')).collect();
    let counted = counted(&folder.join("runtime/src"));
    assert!(counted.len() > 10, "{counted:?}");
    assert_eq!(counted.difference(&told).collect::<Vec<_>>(), Vec::<&String>::new(), "not in the table");
    assert_eq!(told.difference(&counted).collect::<Vec<_>>(), Vec::<&String>::new(), "counted by nobody");
}

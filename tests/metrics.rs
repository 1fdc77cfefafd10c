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

/// All that the tests in a folder say.
fn said(folder: &Path) -> String {
    let mut all = String::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            all += &said(&path);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            all += &fs::read_to_string(&path).unwrap();
        }
    }
    all
}

#[test]
fn every_metric_is_looked_at_by_a_test() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    let said = said(&folder.join("runtime/tests"));
    let is_said = |metric: &String| {
        let short = metric.strip_prefix(PREFIX).unwrap();
        let shorter = short.strip_prefix("store_").unwrap_or(short);
        // Where its beginning and its end are the same for all that a test looks at, the test says neither.
        [short, shorter, shorter.strip_suffix("_total").unwrap_or(shorter)]
            .iter()
            .any(|name| said.contains(&format!("\"{name}\"")))
            || said.contains(metric)
    };
    let silent: Vec<_> = counted(&folder.join("runtime/src")).into_iter().filter(|m| !is_said(m)).collect();
    assert_eq!(silent, Vec::<String>::new(), "no test looks at them");
}

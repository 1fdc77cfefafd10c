use serde_json::Value;

use crate::{BAD, GOOD, Place, WARNED};

fn place() -> Place {
    Place::with(&[("bad.rl", BAD), ("good.rl", GOOD), ("a, b: 100%.rl", WARNED)])
}

const FILES: [&str; 4] = ["bad.rl", "good.rl", "a, b: 100%.rl", "missing.rl"];

fn check(format: &str) -> String {
    let mut arguments = vec!["check", "--format", format];
    arguments.extend(FILES);
    let ran = place().rlc(&arguments);
    assert_eq!(ran.err, "error: cannot read missing.rl: there is no such file\n");
    assert_eq!(ran.code, 3);
    ran.out
}

#[test]
fn json_has_every_finding_with_its_places() {
    insta::assert_snapshot!(check("json"));
}

#[test]
fn columns_are_characters_and_offsets_are_bytes() {
    let text = "rule api {\n  deny \"größer\" limt 1 req/s globally\n}\n";
    let ran = Place::with(&[("api.rl", text)]).rlc(&["check", "--format", "json", "api.rl"]);
    let document: Value = serde_json::from_str(&ran.out).unwrap();
    let finding = &document["policies"][0]["diagnostics"][0];
    assert_eq!(finding["code"], "RL0005", "{}", ran.out);
    assert_eq!(
        (&finding["line"], &finding["column"], &finding["end_column"]),
        (&2.into(), &17.into(), &21.into())
    );
    assert_eq!((&finding["start"], &finding["end"]), (&29.into(), &33.into()));
    assert_eq!(document["ok"], false);
}

#[test]
fn sarif_is_a_log_of_one_run() {
    let text = check("sarif");
    insta::assert_snapshot!(text.replace(concat!("\"", env!("CARGO_PKG_VERSION"), "\""), "\"VERSION\""));
    let log: Value = serde_json::from_str(&text).unwrap();
    let run = &log["runs"][0];
    for result in run["results"].as_array().unwrap() {
        let index = result["ruleIndex"].as_u64().unwrap();
        let rule = &run["tool"]["driver"]["rules"][usize::try_from(index).unwrap()];
        assert_eq!(rule["id"], result["ruleId"]);
    }
}

#[test]
fn github_annotations_are_one_line_each_and_escaped() {
    insta::assert_snapshot!(check("github"));
}

#[test]
fn junit_has_a_suite_for_each_file() {
    insta::assert_snapshot!(check("junit"));
}

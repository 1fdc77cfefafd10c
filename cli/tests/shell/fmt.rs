use std::fs;

use serde_json::Value;

use crate::{BAD, GOOD, Place};

/// The policy of [`GOOD`], written otherwise.
const UNTIDY: &str = "edition 2026\nuse std.http\nrule api { limit 100 req/min   per ip }\n";

#[test]
fn a_file_is_rewritten_in_place_and_named() {
    let place = Place::with(&[("api.rl", UNTIDY), ("good.rl", GOOD)]);
    let ran = place.rlc(&["fmt", "api.rl", "good.rl"]);
    assert_eq!(ran.out, "api.rl\n");
    assert_eq!(ran.err, "1 of 2 files formatted\n");
    assert_eq!(ran.code, 0);
    assert_ne!(place.read("api.rl"), UNTIDY);
    assert_eq!(place.read("good.rl"), GOOD);
    let again = place.rlc(&["fmt", "."]);
    assert_eq!((again.out.as_str(), again.err.as_str(), again.code), ("", "0 of 2 files formatted\n", 0));
}

#[test]
fn the_standard_input_is_formatted_to_the_standard_output() {
    let ran = Place::new().rlc_with(&["fmt", "-"], UNTIDY);
    assert_eq!(ran.out, Place::new().rlc_with(&["fmt", "-"], ran.out.clone()).out);
    assert_ne!(ran.out, UNTIDY);
    assert_eq!((ran.err.as_str(), ran.code), ("", 0));
}

#[test]
fn what_would_change_is_named_and_left_alone() {
    let place = Place::with(&[("api.rl", UNTIDY), ("good.rl", GOOD)]);
    let ran = place.rlc(&["fmt", "--check", "."]);
    assert_eq!((ran.out.as_str(), ran.err.as_str()), ("api.rl\n", "1 of 2 files would change\n"));
    assert_eq!(ran.code, 2);
    assert_eq!(place.read("api.rl"), UNTIDY);
    assert_eq!(place.rlc(&["fmt", "--check", "good.rl"]).code, 0);
}

#[test]
fn a_diff_says_what_would_change() {
    let place = Place::with(&[("api.rl", UNTIDY)]);
    let ran = place.rlc(&["fmt", "--diff", "api.rl"]);
    assert!(ran.out.starts_with("--- api.rl\n+++ api.rl\n@@ "), "{}", ran.out);
    assert!(ran.out.contains("\n-rule api { limit 100 req/min   per ip }\n"), "{}", ran.out);
    assert_eq!(ran.code, 0);
    assert_eq!(place.rlc(&["fmt", "--diff", "--check", "api.rl"]).code, 2);
    assert_eq!(place.read("api.rl"), UNTIDY);
}

#[test]
fn a_file_that_does_not_parse_is_left_alone() {
    let broken = "rule api {\n  limt   1 req/s globally\n}\n";
    let place = Place::with(&[("a.rl", broken), ("b.rl", UNTIDY)]);
    let ran = place.rlc(&["fmt", "a.rl", "b.rl"]);
    assert!(ran.err.contains("error[RL0005]") && ran.err.contains("╭─[a.rl:2:3]"), "{}", ran.err);
    assert_eq!((ran.out.as_str(), ran.code), ("b.rl\n", 1));
    assert_eq!(place.read("a.rl"), broken);
    let ran = place.rlc_with(&["fmt", "-"], broken);
    assert_eq!((ran.out.as_str(), ran.code), ("", 1));
}

#[test]
fn a_file_that_is_no_text_is_left_alone() {
    let place = Place::new();
    place.write("api.rl", b"rule \xff {}");
    let ran = place.rlc(&["fmt", "api.rl"]);
    assert!(ran.err.contains("error[RL0010]"), "{}", ran.err);
    assert_eq!(ran.code, 1);
    assert_eq!(fs::read(place.path("api.rl")).unwrap(), b"rule \xff {}");
}

#[test]
fn a_policy_whose_names_are_wrong_can_be_formatted() {
    let ran = Place::new().rlc_with(&["fmt", "-"], BAD);
    assert_eq!(ran.code, 0, "{}", ran.err);
}

#[test]
fn an_empty_file_stays_a_policy() {
    let place = Place::with(&[("api.rl", "")]);
    let ran = place.rlc(&["fmt", "api.rl"]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert_eq!(place.rlc(&["fmt", "--check", "api.rl"]).code, 0);
}

#[cfg(unix)]
#[test]
fn permissions_and_links_stay() {
    use std::os::unix::fs::PermissionsExt as _;

    let place = Place::with(&[("real/api.rl", UNTIDY)]);
    fs::set_permissions(place.path("real/api.rl"), fs::Permissions::from_mode(0o640)).unwrap();
    std::os::unix::fs::symlink("real/api.rl", place.path("link.rl")).unwrap();
    let ran = place.rlc(&["fmt", "link.rl"]);
    assert_eq!((ran.out.as_str(), ran.code), ("link.rl\n", 0), "{}", ran.err);
    assert!(place.path("link.rl").is_symlink());
    assert_ne!(place.read("real/api.rl"), UNTIDY);
    assert_eq!(fs::metadata(place.path("real/api.rl")).unwrap().permissions().mode() & 0o777, 0o640);
    assert_eq!(fs::read_dir(place.path("real")).unwrap().count(), 1, "a temporary file is left over");
}

#[test]
fn a_file_that_is_read_only_is_left_alone() {
    let place = Place::with(&[("api.rl", UNTIDY)]);
    let mut permissions = fs::metadata(place.path("api.rl")).unwrap().permissions();
    permissions.set_readonly(true);
    fs::set_permissions(place.path("api.rl"), permissions).unwrap();
    let ran = place.rlc(&["fmt", "api.rl"]);
    assert!(ran.err.starts_with("error: cannot write api.rl: it is read-only\n"), "{}", ran.err);
    assert_eq!(ran.code, 4);
    assert_eq!(place.read("api.rl"), UNTIDY);
}

#[test]
fn programs_get_what_happened_to_each_file() {
    let place = Place::with(&[("api.rl", UNTIDY), ("bad.rl", "rule {"), ("good.rl", GOOD)]);
    let ran = place.rlc(&["fmt", "--format", "json", "--check", "--diff", "."]);
    let document: Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!(document["schema"], "limitrate/fmt/v1");
    let status: Vec<_> = document["files"].as_array().unwrap().iter().map(|file| &file["status"]).collect();
    assert_eq!(status, ["would change", "rejected", "unchanged"]);
    assert!(document["files"][0]["diff"].as_str().unwrap().starts_with("--- api.rl\n"));
    assert!(document["files"][1]["diagnostics"][0]["code"].is_string());
    assert_eq!(ran.code, 1);
}

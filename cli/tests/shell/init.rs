use std::fs;

use crate::Place;

#[test]
fn the_files_are_written_and_the_next_commands_told() {
    let place = Place::new();
    let ran = place.rlc(&["init"]);
    insta::assert_snapshot!(ran.out, @r"
    wrote policy.rl       limits by plan, and their tests
    wrote traffic.jsonl   a few minutes of recorded requests

    next:
      rlc check policy.rl
      rlc test policy.rl
      rlc simulate policy.rl --traffic traffic.jsonl
    ");
    assert_eq!((ran.err.as_str(), ran.code), ("", 0));
    assert!(place.path("traffic.jsonl").is_file());
}

#[test]
fn the_commands_it_tells_are_fine() {
    let place = Place::new();
    let told = place.rlc(&["init"]).out;
    let commands: Vec<&str> = told.lines().filter_map(|line| line.strip_prefix("  rlc ")).collect();
    assert_eq!(commands.len(), 3);
    for command in commands {
        let ran = place.rlc(&command.split(' ').collect::<Vec<_>>());
        assert_eq!(ran.code, 0, "rlc {command}\n{}{}", ran.out, ran.err);
    }
    let ran = place.rlc(&["check", "--deny-warnings", "policy.rl"]);
    assert_eq!(ran.code, 0, "{}", ran.out);
    let ran = place.rlc(&["fmt", "--check", "--diff", "policy.rl"]);
    assert_eq!(ran.code, 0, "{}", ran.out);
}

#[test]
fn the_directory_is_made() {
    let place = Place::new();
    let ran = place.rlc(&["init", "new/limits"]);
    assert!(ran.out.contains("  rlc check new/limits/policy.rl\n"), "{}", ran.out);
    assert!(place.path("new/limits/policy.rl").is_file());
    assert_eq!(ran.code, 0);
}

#[test]
fn the_commands_work_for_a_directory_that_looks_like_an_option() {
    let place = Place::new();
    let told = place.rlc(&["init", "--", "-y"]).out;
    assert!(told.contains("  rlc check ./-y/policy.rl\n"), "{told}");
    assert_eq!(place.rlc(&["check", "./-y/policy.rl"]).code, 0);
}

#[test]
fn a_request_of_a_stranger_is_decided() {
    let place = Place::new();
    place.rlc(&["init"]);
    let facts = r#"{"ip":"192.0.2.1","method":"GET","path":"/","body_size":0}"#;
    let ran = place.rlc(&["eval", "policy.rl", "--facts", facts]);
    assert!(ran.out.contains("ALLOW"), "{}{}", ran.out, ran.err);
    assert_eq!(ran.code, 0);
}

#[test]
fn nothing_is_overwritten() {
    let place = Place::with(&[("traffic.jsonl", "mine")]);
    let ran = place.rlc(&["init"]);
    assert_eq!(ran.err, "error: traffic.jsonl is already there, and nothing is overwritten\n");
    assert_eq!((ran.out.as_str(), ran.code), ("", 3));
    assert_eq!(place.read("traffic.jsonl"), "mine");
    assert!(!place.path("policy.rl").exists());
}

#[test]
fn a_file_in_the_place_of_the_directory_is_told() {
    let ran = Place::with(&[("taken", "")]).rlc(&["init", "taken"]);
    assert!(ran.err.starts_with("error: cannot "), "{}", ran.err);
    assert!(!ran.err.contains("os error"), "{}", ran.err);
    assert_ne!(ran.code, 0);
}

#[test]
fn programs_get_a_document() {
    let ran = Place::new().rlc(&["init", "--format", "json"]);
    let document: serde_json::Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!(document["schema"], "limitrate/init/v1");
    assert_eq!(document["files"][0], "policy.rl");
    assert_eq!(document["next"][0], "rlc check policy.rl");
}

#[test]
fn the_traffic_has_only_addresses_kept_for_documentation() {
    let place = Place::new();
    place.rlc(&["init"]);
    let text = fs::read_to_string(place.path("traffic.jsonl")).unwrap();
    assert!(text.lines().count() > 100);
    for line in text.lines() {
        let record: serde_json::Value = serde_json::from_str(line).unwrap();
        let ip = record["ip"].as_str().unwrap();
        assert!(["192.0.2.", "198.51.100.", "203.0.113."].iter().any(|net| ip.starts_with(net)), "{line}");
    }
}

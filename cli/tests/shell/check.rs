use crate::{BAD, GOOD, Place, WARNED};

#[test]
fn a_good_policy_is_summed_up() {
    let ran = Place::with(&[("api.rl", GOOD)]).rlc(&["check", "api.rl"]);
    assert_eq!(ran.out, "1 policy: 1 rule, 1 limit, at most 1 charge a request, 1 store round trip\n");
    assert_eq!((ran.err.as_str(), ran.code), ("", 0));
}

#[test]
fn several_policies_are_summed_up_together() {
    let two = "use std.http\ninput { user : key }\nrule a {\n  limit 10 req/s per ip\n  limit b: 10 req/s per user\n}\n";
    let ran = Place::with(&[("one.rl", GOOD), ("two.rl", two)]).rlc(&["check", "one.rl", "two.rl"]);
    assert_eq!(ran.out, "2 policies: 2 rules, 3 limits, at most 2 charges a request, 2 store round trips\n");
    assert_eq!(ran.code, 0);
}

#[test]
fn an_error_is_shown_with_its_place_and_what_to_do() {
    let text =
        "use std.http\n\ninput {\n  account : key?\n}\n\nrule api {\n  limit 20 req/min per account\n}\n";
    let ran = Place::with(&[("api.rl", text)]).rlc(&["check", "api.rl"]);
    insta::assert_snapshot!(ran.out);
    assert_eq!((ran.err.as_str(), ran.code), ("", 1));
}

#[test]
fn every_policy_is_checked_though_one_is_wrong() {
    let place = Place::with(&[("a.rl", BAD), ("b.rl", GOOD), ("c.rl", BAD)]);
    let ran = place.rlc(&["check", "a.rl", "b.rl", "c.rl"]);
    assert!(ran.out.contains("╭─[a.rl:6:25]") && ran.out.contains("╭─[c.rl:6:25]"), "{}", ran.out);
    assert!(ran.out.ends_with("\n2 of 3 policies rejected: 2 errors\n"), "{}", ran.out);
    assert_eq!(ran.code, 1);
}

#[test]
fn a_warning_fails_the_check_only_where_that_is_asked_for() {
    let place = Place::with(&[("api.rl", WARNED)]);
    let ran = place.rlc(&["check", "api.rl"]);
    assert!(ran.out.starts_with("warning[RL1301]: "), "{}", ran.out);
    assert!(ran.out.ends_with(", 1 store round trip, 1 warning\n"), "{}", ran.out);
    assert_eq!(ran.code, 0);
    assert_eq!(place.rlc(&["check", "--deny-warnings", "api.rl"]).code, 1);
}

#[test]
fn a_label_in_another_module_has_a_box_of_its_own() {
    let text = "use std.http\n\nrule api {\n  limit 1 req/s per user_agent\n}\n";
    let ran = Place::with(&[("api.rl", text)]).rlc(&["check", "api.rl"]);
    insta::assert_snapshot!(ran.out);
    assert_eq!(ran.code, 1);
}

#[test]
fn an_empty_file_is_a_policy_without_rules() {
    let ran = Place::with(&[("api.rl", "")]).rlc(&["check", "api.rl"]);
    assert_eq!(ran.out, "1 policy: 0 rules, 0 limits, at most 0 charges a request, 0 store round trips\n");
    assert_eq!(ran.code, 0);
}

#[test]
fn a_policy_can_come_from_the_standard_input() {
    let ran = Place::new().rlc_with(&["check", "-"], BAD);
    assert!(ran.out.contains("╭─[<stdin>:6:25]"), "{}", ran.out);
    assert_eq!(ran.code, 1);
}

#[test]
fn only_so_many_errors_are_listed_and_the_rest_is_counted() {
    let rules = (0..150).map(|n| format!("rule r{n} {{ limt 1 req/s globally }}\n")).collect::<String>();
    let ran = Place::with(&[("api.rl", &rules)]).rlc(&["check", "api.rl"]);
    assert!(ran.out.ends_with("\n… and 50 more\n\n1 of 1 policy rejected: 150 errors\n"), "{}", ran.out);
}

#[test]
fn a_line_of_megabytes_is_cut_around_the_mistake() {
    let filler = "x".repeat(2_000_000);
    let text = format!("rule api {{ deny \"{filler}\" limt 1 req/s globally exempt \"{filler}\" }}\n");
    let ran = Place::with(&[("api.rl", &text)]).rlc(&["check", "api.rl"]);
    assert!(ran.out.lines().all(|line| line.chars().count() < 300), "a line is longer than a screen");
    assert!(ran.out.contains("limt 1 req/s globally"), "{}", ran.out);
    assert_eq!(ran.code, 1);
}

#[test]
fn a_name_without_an_end_in_sight_is_not_repeated_in_full() {
    let text = format!("rule api {{\n  limit 1 req/s per {}\n}}\n", "u".repeat(100_000));
    let ran = Place::with(&[("api.rl", &text)]).rlc(&["check", "api.rl"]);
    assert!(ran.out.len() < 4_000, "{} bytes", ran.out.len());
    assert!(ran.out.contains('…'), "{}", ran.out);
    assert_eq!(ran.code, 1);
}

#[test]
fn advice_to_delete_names_nothing_to_paste() {
    let ran = Place::with(&[("api.rl", "rule api { exempt \"x\" } }\n")]).rlc(&["check", "api.rl"]);
    assert!(ran.out.contains("  help: delete it\n"), "{}", ran.out);
}

#[test]
fn what_a_terminal_would_obey_is_not_sent_to_it() {
    let text = "rule api {\n  deny \"\u{1b}[2J\u{7}\u{202e}\"\n}\n\u{1b}]0;title\u{7}\n";
    let ran = Place::with(&[("api.rl", text)]).rlc(&["check", "api.rl"]);
    assert!(!ran.out.contains(['\u{1b}', '\u{7}', '\u{202e}']), "{:?}", ran.out);
    assert_eq!(ran.code, 1);
}

#[test]
fn bytes_that_are_no_text_are_an_error_at_their_place() {
    let place = Place::new();
    place.write("api.rl", b"rule api {\n  exempt \"\xff\"\n}\n");
    let ran = place.rlc(&["check", "api.rl"]);
    assert!(ran.out.contains("error[RL0010]: ") && ran.out.contains("╭─[api.rl:2:11]"), "{}", ran.out);
    assert!(ran.out.contains("exempt \"\\xff\""), "{}", ran.out);
    assert_eq!(ran.code, 1);
}

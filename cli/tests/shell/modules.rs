use crate::Place;

const NETS: &str = "edition 2026\nmodule shared.nets\n\nset office = 203.0.113.0/24\n";

const API: &str = "edition 2026\nuse std.http\nuse shared.nets (office)\n\n\
    rule api {\n  if ip in office then exempt \"staff\"\n  limit 2 req/min per ip\n}\n\n\
    test \"staff\" {\n  given ip = 203.0.113.9\n  send 9 GET \"/\" expect exempt\n}\n";

#[test]
fn every_command_finds_the_modules_of_a_policy() {
    let place = Place::with(&[("limits/api.rl", API), ("limits/shared/nets.rl", NETS)]);
    for (arguments, says) in [
        (vec!["check", "limits"], "2 policies: 1 rule, 1 limit"),
        (vec!["test", "limits"], "1 test passed"),
        (vec!["fmt", "--check", "limits"], ""),
        (
            vec![
                "eval",
                "limits/api.rl",
                "--set",
                "ip=203.0.113.9",
                "--set",
                "path=/",
                "--set",
                "method=GET",
            ],
            "EXEMPT: staff",
        ),
    ] {
        let ran = place.rlc(&arguments);
        assert!(ran.out.contains(says), "{arguments:?}: {ran:?}");
        assert_eq!(ran.code, 0, "{arguments:?}: {ran:?}");
    }
    place.write("traffic.jsonl", "{\"t\":\"2026-01-05T12:00:00Z\",\"ip\":\"203.0.113.9\"}\n");
    let ran = place.rlc(&["simulate", "limits/api.rl", "--traffic", "traffic.jsonl"]);
    assert_eq!(ran.code, 0, "{ran:?}");
}

#[test]
fn a_policy_on_the_standard_input_finds_modules_in_the_working_directory() {
    let place = Place::with(&[("shared/nets.rl", NETS)]);
    let ran = place.rlc_with(&["check", "-"], API);
    assert_eq!(ran.code, 0, "{ran:?}");
}

#[test]
fn a_mistake_in_a_module_is_shown_in_its_file_and_once() {
    let broken = NETS.replace("203.0.113.0/24", "offfice");
    let place = Place::with(&[("api.rl", API), ("other.rl", API), ("shared/nets.rl", &broken)]);
    let ran = place.rlc(&["check", "."]);
    assert_eq!(ran.out.matches("╭─[shared/nets.rl:4:14]").count(), 1, "{}", ran.out);
    assert!(ran.out.contains("3 of 3 policies rejected: 1 error"), "{}", ran.out);
    assert_eq!(ran.code, 1);
}

#[test]
fn modules_in_a_circle_are_told_with_the_way_round() {
    let place = Place::with(&[("a.rl", "module a\nuse b\n"), ("b.rl", "module b\nuse a\n")]);
    let ran = place.rlc(&["check", "a.rl"]);
    assert!(ran.out.contains("RL0104"), "{}", ran.out);
    assert!(ran.out.contains("these modules use each other: a → b → a"), "{}", ran.out);
    assert_eq!(ran.code, 1);
}

#[test]
fn no_spelling_of_a_path_is_a_module() {
    let place = Place::with(&[("secret.rl", NETS), ("limits/api.rl", "")]);
    for used in ["../secret", "\"../secret.rl\"", "/etc/passwd", "..secret", "shared/nets"] {
        place.write("limits/api.rl", format!("use {used}\n"));
        let ran = place.rlc(&["check", "limits/api.rl"]);
        assert_eq!(ran.code, 1, "{used}: {ran:?}");
        assert!(!ran.out.contains("RL0607"), "{used} was read: {}", ran.out);
    }
}

#[test]
fn a_module_that_is_not_there_is_told_with_the_one_that_may_be_meant() {
    let place = Place::with(&[("api.rl", "use shared.net\n"), ("shared/nets.rl", NETS)]);
    let ran = place.rlc(&["check", "api.rl"]);
    assert!(ran.out.contains("did you mean `shared.nets`?"), "{}", ran.out);
    assert_eq!(ran.code, 1);
}

#[test]
fn a_module_in_another_place_than_its_line_says_is_told() {
    let place = Place::with(&[("api.rl", "use nets (office)\n"), ("nets.rl", NETS)]);
    let ran = place.rlc(&["check", "."]);
    assert!(ran.out.contains("╭─[nets.rl:2:8]"), "{}", ran.out);
    assert!(ran.out.contains("RL0607"), "{}", ran.out);
    assert_eq!(ran.code, 1);
}

#[cfg(unix)]
mod links {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn a_link_that_leads_out_of_the_policys_folder_is_not_followed() {
        let place = Place::with(&[("limits/api.rl", API), ("limits/shared/x.txt", ""), ("nets.rl", NETS)]);
        symlink("../../nets.rl", place.path("limits/shared/nets.rl")).unwrap();
        let ran = place.rlc(&["check", "limits/api.rl"]);
        assert!(ran.out.contains("RL0606"), "{}", ran.out);
        assert!(ran.out.contains("is a link that leads out of the policy's folder"), "{}", ran.out);
        assert_eq!(ran.code, 1);
    }

    #[test]
    fn one_file_under_two_names_is_no_two_modules() {
        let text = "use shared.nets (office)\nuse shared.same (office)\n";
        let place = Place::with(&[("api.rl", text), ("shared/nets.rl", NETS)]);
        symlink("nets.rl", place.path("shared/same.rl")).unwrap();
        let ran = place.rlc(&["check", "api.rl"]);
        assert!(ran.out.contains("`shared.same` is the same file as `shared.nets`"), "{}", ran.out);
        assert_eq!(ran.code, 1);
    }

    #[test]
    fn one_file_under_two_paths_is_checked_once() {
        let place = Place::with(&[("limits/api.rl", "")]);
        symlink("api.rl", place.path("limits/again.rl")).unwrap();
        let ran = place.rlc(&["check", "limits/api.rl", "limits/../limits/api.rl", "limits/again.rl"]);
        assert!(ran.out.starts_with("1 policy: "), "{}", ran.out);
    }
}

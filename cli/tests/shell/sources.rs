use std::process::Command;

use crate::{BAD, GOOD, Place};

#[test]
fn a_missing_file_is_told_with_the_neighbour_that_may_be_meant() {
    let place = Place::with(&[("api.rl", GOOD)]);
    let ran = place.rlc(&["check", "appi.rl"]);
    assert_eq!(ran.err, "error: cannot read appi.rl: there is no such file; did you mean api.rl?\n");
    assert_eq!((ran.out.as_str(), ran.code), ("", 3));
    let ran = place.rlc(&["check", "elsewhere/x.rl"]);
    assert_eq!(ran.err, "error: cannot read elsewhere/x.rl: there is no such file\n");
}

#[test]
fn the_files_that_can_be_read_are_checked_though_one_cannot() {
    let ran = Place::with(&[("api.rl", BAD)]).rlc(&["check", "missing.rl", "api.rl"]);
    assert!(ran.out.contains("1 of 1 policy rejected: 1 error"), "{}", ran.out);
    assert_eq!(ran.code, 3);
}

#[test]
fn a_directory_is_searched_in_order_and_each_file_is_taken_once() {
    let place = Place::with(&[
        ("limits/b.rl", BAD),
        ("limits/a/z.rl", BAD),
        ("limits/a.rl", BAD),
        ("limits/notes.txt", BAD),
        ("limits/.hidden/h.rl", BAD),
    ]);
    let ran = place.rlc(&["check", "limits", "limits/b.rl"]);
    let places: Vec<_> =
        ran.out.lines().filter_map(|line| line.split_once("╭─[")).map(|(_, place)| place).collect();
    assert_eq!(places, ["limits/a.rl:6:25]", "limits/b.rl:6:25]", "limits/a/z.rl:6:25]"]);
    let here = place.rlc(&["check", "."]);
    assert!(here.out.contains("╭─[limits/a.rl:6:25]"), "{}", here.out);
}

#[test]
fn a_directory_without_policies_is_a_mistake() {
    let place = Place::with(&[("limits/notes.txt", "")]);
    let ran = place.rlc(&["check", "limits"]);
    assert_eq!(ran.err, "error: no policies in limits: none of its files ends in .rl\n");
    assert_eq!((ran.out.as_str(), ran.code), ("", 3));
}

#[cfg(unix)]
#[test]
fn a_link_to_a_directory_is_not_followed() {
    let place = Place::with(&[("limits/a.rl", GOOD)]);
    std::os::unix::fs::symlink(place.path("limits"), place.path("limits/again")).unwrap();
    let ran = place.rlc(&["check", "limits"]);
    assert!(ran.out.starts_with("1 policy: "), "{}", ran.out);
    assert_eq!(ran.code, 0);
}

#[cfg(unix)]
#[test]
fn a_link_to_nothing_is_not_suggested_for_itself() {
    let place = Place::new();
    std::os::unix::fs::symlink(place.path("nothing.rl"), place.path("api.rl")).unwrap();
    let ran = place.rlc(&["check", "api.rl"]);
    assert_eq!(ran.err, "error: cannot read api.rl: there is no such file\n");
    assert_eq!(ran.code, 3);
}

#[cfg(unix)]
#[test]
fn a_pipe_is_refused_and_not_waited_for() {
    let place = Place::new();
    assert!(Command::new("mkfifo").arg(place.path("pipe.rl")).status().unwrap().success());
    for command in ["check", "fmt"] {
        let ran = place.rlc(&[command, "pipe.rl"]);
        let told = "error: cannot read pipe.rl: it is a pipe; write `-` for the standard input\n";
        assert!(ran.err.starts_with(told), "{}", ran.err);
        assert_eq!(ran.code, 3);
    }
}

#[cfg(unix)]
#[test]
fn a_device_is_refused() {
    for command in ["check", "fmt"] {
        let ran = Place::new().rlc(&[command, "/dev/zero"]);
        assert!(ran.err.starts_with("error: cannot read /dev/zero: it is a device\n"), "{}", ran.err);
        assert_eq!(ran.code, 3);
    }
}

#[test]
fn a_file_without_an_end_in_sight_is_refused() {
    let place = Place::new();
    place.write("large.rl", vec![b'#'; (16 << 20) + 1]);
    let ran = place.rlc(&["check", "large.rl"]);
    assert_eq!(
        ran.err,
        "error: cannot read large.rl: it is longer than 16 MiB, which is the most that is read\n"
    );
    assert_eq!(ran.code, 3);
    let ran = place.rlc_with(&["check", "-"], vec![b'#'; (16 << 20) + 1]);
    assert!(ran.err.contains("cannot read <stdin>: it is longer than 16 MiB"), "{}", ran.err);
    assert_eq!(ran.code, 3);
}

#[cfg(unix)]
#[test]
fn a_name_cannot_send_commands_to_the_terminal() {
    let ran = Place::new().rlc(&["check", "a\u{1b}[2J.rl"]);
    assert_eq!(ran.err, "error: cannot read a\\u{1b}[2J.rl: there is no such file\n");
}

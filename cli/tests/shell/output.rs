use std::{
    fs::OpenOptions,
    io::Read as _,
    process::{Command, Stdio},
};

use crate::{BAD, Place, command, run};

const ESCAPE: char = '\u{1b}';

#[test]
fn a_pipe_gets_no_color() {
    let ran = Place::with(&[("api.rl", BAD)]).rlc(&["check", "api.rl", "missing.rl"]);
    assert!(!ran.out.contains(ESCAPE) && !ran.err.contains(ESCAPE), "{}{}", ran.out, ran.err);
}

#[test]
fn color_can_be_had_always_and_never() {
    let place = Place::with(&[("api.rl", BAD)]);
    let ran = place.rlc(&["check", "--color", "always", "api.rl", "missing.rl"]);
    assert!(ran.out.contains("\u{1b}[1;31merror[RL0101]\u{1b}[0m"), "{}", ran.out);
    assert!(ran.err.contains("\u{1b}[1;31merror:\u{1b}[0m"), "{}", ran.err);
    assert!(!place.rlc(&["--color", "never", "check", "api.rl"]).out.contains(ESCAPE));
    let help = place.rlc(&["chekc", "--color=always"]);
    assert!(help.err.contains(ESCAPE), "{}", help.err);
}

#[test]
fn color_that_is_asked_for_outranks_the_environment() {
    let place = Place::with(&[("api.rl", BAD)]);
    let ran =
        run(command(place.0.path()).env("NO_COLOR", "1").args(["check", "--color", "always", "api.rl"]));
    assert!(ran.out.contains(ESCAPE));
}

#[test]
fn color_changes_nothing_but_the_color() {
    let place = Place::with(&[("api.rl", BAD)]);
    let colored = place.rlc(&["check", "--color", "always", "api.rl"]).out;
    let mut plain = String::new();
    let mut rest = colored.as_str();
    while let Some((before, after)) = rest.split_once(ESCAPE) {
        plain.push_str(before);
        rest = after.split_once('m').unwrap().1;
    }
    plain.push_str(rest);
    assert_eq!(plain, place.rlc(&["check", "api.rl"]).out);
}

#[test]
fn a_reader_that_goes_away_ends_the_output_quietly() {
    let rules = (0..100).map(|n| format!("rule r{n} {{ limit 1 req/s per u{n} }}\n")).collect::<String>();
    let place = Place::with(&[("api.rl", &rules)]);
    for arguments in [&["check", "api.rl", "api.rl"][..], &["--help"], &["completions", "bash"]] {
        let mut child = Command::new(env!("CARGO_BIN_EXE_rlc"))
            .args(arguments)
            .current_dir(place.0.path())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        drop(child.stdout.take());
        let mut err = String::new();
        child.stderr.take().unwrap().read_to_string(&mut err).unwrap();
        let status = child.wait().unwrap();
        assert_eq!(err, "", "{arguments:?}");
        assert!(matches!(status.code(), Some(0 | 1)), "{arguments:?}: {status}");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_is_an_error_and_not_a_success() {
    let place = Place::with(&[("api.rl", BAD)]);
    for arguments in [&["completions", "bash"][..], &["check", "api.rl"], &["--help"]] {
        let full = OpenOptions::new().write(true).open("/dev/full").unwrap();
        let output = Command::new(env!("CARGO_BIN_EXE_rlc"))
            .args(arguments)
            .current_dir(place.0.path())
            .stdout(full)
            .output()
            .unwrap();
        let err = String::from_utf8(output.stderr).unwrap();
        assert_eq!(err, "error: cannot write the result: no space left on device\n", "{arguments:?}");
        assert_eq!(output.status.code(), Some(4), "{arguments:?}");
    }
}

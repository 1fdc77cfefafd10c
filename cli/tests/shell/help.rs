use crate::Place;

/// A terminal's first size.
const SCREEN: (usize, usize) = (80, 24);

fn fits_a_screen(text: &str) {
    let (columns, lines) = SCREEN;
    assert!(text.lines().count() <= lines, "{} lines:\n{text}", text.lines().count());
    assert!(text.lines().all(|line| line.chars().count() <= columns), "a line is too wide:\n{text}");
}

fn commands() -> Vec<String> {
    let help = Place::new().rlc(&["--help"]).out;
    let listed =
        help.lines().skip_while(|line| *line != "Commands:").skip(1).take_while(|line| !line.is_empty());
    listed.map(|line| line.split_whitespace().next().unwrap().to_owned()).collect()
}

#[test]
fn all_help_fits_a_screen() {
    fits_a_screen(&Place::new().rlc(&["--help"]).out);
    let commands = commands();
    assert!(commands.len() >= 5, "{commands:?}");
    for command in commands {
        let ran = Place::new().rlc(&[&command, "--help"]);
        assert_eq!((ran.err.as_str(), ran.code), ("", 0));
        fits_a_screen(&ran.out);
    }
}

#[test]
fn every_command_is_described() {
    let help = Place::new().rlc(&["--help"]).out;
    for command in commands() {
        let line = help.lines().find(|line| line.trim_start().starts_with(&command)).unwrap();
        assert!(line.split_whitespace().count() > 2, "{line}");
    }
}

#[test]
fn a_misspelled_command_is_answered_with_the_right_one() {
    let ran = Place::new().rlc(&["chekc", "api.rl"]);
    assert!(ran.err.contains("a similar subcommand exists: 'check'"), "{}", ran.err);
    assert_eq!((ran.out.as_str(), ran.code), ("", 3));
}

#[test]
fn a_misspelled_option_is_answered_with_the_right_one() {
    let ran = Place::new().rlc(&["check", "--deny-warning", "api.rl"]);
    assert!(ran.err.contains("'--deny-warnings'"), "{}", ran.err);
    assert_eq!(ran.code, 3);
}

#[test]
fn no_command_and_no_paths_are_usage_errors() {
    let ran = Place::new().rlc(&[]);
    assert!(ran.err.contains("Usage: rlc"), "{}", ran.err);
    assert_eq!((ran.out.as_str(), ran.code), ("", 3));
    for command in ["check", "fmt"] {
        let ran = Place::new().rlc(&[command]);
        assert!(ran.err.contains("<PATHS>..."), "{}", ran.err);
        assert_eq!((ran.out.as_str(), ran.code), ("", 3));
    }
}

#[test]
fn the_version_is_told() {
    let ran = Place::new().rlc(&["--version"]);
    assert_eq!(ran.out, concat!("rlc ", env!("CARGO_PKG_VERSION"), "\n"));
    assert_eq!(ran.code, 0);
}

#[test]
fn a_format_that_a_command_lacks_is_refused() {
    let ran = Place::new().rlc(&["fmt", "--format", "sarif", "api.rl"]);
    assert_eq!(ran.err, "error: `rlc fmt` cannot answer as sarif: use --format text|json\n");
    assert_eq!(ran.code, 3);
}

#[test]
fn help_can_be_asked_for_by_its_name() {
    let place = Place::new();
    assert_eq!(place.rlc(&["help"]).out, place.rlc(&["--help"]).out);
    assert_eq!(place.rlc(&["help", "help"]).out, place.rlc(&["--help"]).out);
    let ran = place.rlc(&["help", "check"]);
    assert_eq!(ran.out, place.rlc(&["check", "--help"]).out);
    assert_eq!((ran.err.as_str(), ran.code), ("", 0));
    assert!(place.rlc(&["help", "chekc"]).err.contains("a similar subcommand exists: 'check'"));
}

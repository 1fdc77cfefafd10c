//! The command line: global options and how mistakes in them are answered.

use std::{
    ffi::OsString,
    io::{self, IsTerminal as _, Write as _},
};

use clap::{ArgAction, CommandFactory as _, FromArgMatches as _, Parser, ValueEnum, error::ErrorKind};

use crate::{
    command::Command,
    exit::Exit,
    ui::{Ui, wants_color},
};

/// Help is wrapped at so many columns at most.
const HELP_WIDTH: usize = 80;

const TEMPLATE: &str = "{about}\n\nUsage: {usage}\n\n{all-args}{after-help}\n";

/// The arguments of one call.
#[derive(Debug, Parser)]
#[command(
    name = "rlc",
    version,
    about = "Check, test and run rate limit policies.",
    after_help = "Exit: 0 fine, 1 findings, 2 the other answer, 3 usage, 4 environment, 70 bug",
    disable_help_flag = true,
    disable_help_subcommand = true
)]
pub(crate) struct Arguments {
    /// text, json, or where supported junit, github, sarif
    #[arg(long, global = true, value_name = "FORMAT", default_value = "text", display_order = 100)]
    #[arg(hide_default_value = true, hide_possible_values = true)]
    pub(crate) format: Format,

    /// Whether to color: auto, always, never
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto", display_order = 101)]
    #[arg(hide_default_value = true, hide_possible_values = true)]
    pub(crate) color: Color,

    /// Print help
    #[arg(short, long, global = true, action = ArgAction::HelpShort, display_order = 102)]
    help: Option<bool>,

    #[command(subcommand)]
    pub(crate) command: Command,
}

/// How results are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// For people.
    Text,
    /// For programs: one document that names its schema.
    Json,
    /// Static analysis results, SARIF 2.1.0.
    Sarif,
    /// Workflow commands of GitHub Actions.
    Github,
    /// `JUnit` XML.
    Junit,
}

impl Format {
    /// The word on the command line.
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Json => "json",
            Self::Sarif => "sarif",
            Self::Github => "github",
            Self::Junit => "junit",
        }
    }
}

/// When output is colored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Color {
    /// On a terminal, unless `NO_COLOR` is set.
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// What a command line asks for.
#[derive(Debug)]
pub(crate) enum Invocation {
    /// To run a command.
    Run(Arguments),
    /// Nothing more: help was shown, or the mistake was explained.
    Answered(Exit),
}

/// Reads a command line, and answers it at once where that needs no command.
pub(crate) fn parse(arguments: impl IntoIterator<Item = OsString>) -> Invocation {
    let arguments = spelled_out(arguments.into_iter().collect());
    let parsed =
        command().try_get_matches_from(&arguments).and_then(|matches| Arguments::from_arg_matches(&matches));
    match parsed {
        Ok(arguments) => Invocation::Run(arguments),
        Err(error) => Invocation::Answered(answer(&error, color_word(&arguments))),
    }
}

/// `rlc help check` is `rlc check --help`.
fn spelled_out(mut arguments: Vec<OsString>) -> Vec<OsString> {
    let words = arguments.iter().skip(1).take_while(|word| *word == "help").count();
    if words > 0 {
        arguments.drain(1..=words);
        arguments.push("--help".into());
    }
    arguments
}

/// The command line as clap knows it; completions are made from it too.
pub(crate) fn command() -> clap::Command {
    let command = Arguments::command().max_term_width(HELP_WIDTH).help_template(TEMPLATE);
    let names: Vec<String> = command.get_subcommands().map(|sub| sub.get_name().to_owned()).collect();
    names.into_iter().fold(command, |command, name| {
        command.mut_subcommand(name, |sub| sub.max_term_width(HELP_WIDTH).help_template(TEMPLATE))
    })
}

fn answer(error: &clap::Error, color: Color) -> Exit {
    let asked = matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion);
    let text = error.render();
    let (terminal, exit) = if asked {
        (io::stdout().is_terminal(), Exit::Fine)
    } else {
        (io::stderr().is_terminal(), Exit::Usage)
    };
    let text = if wants_color(color, terminal) { text.ansi().to_string() } else { text.to_string() };
    if !asked {
        // Nothing is left to do where even this cannot be written.
        let _ = io::stderr().lock().write_all(text.as_bytes());
        return exit;
    }
    let mut ui = Ui::new(Format::Text, color);
    ui.write(text);
    ui.finish(exit)
}

/// What `--color` says on a command line that could not be read as a whole.
fn color_word(arguments: &[OsString]) -> Color {
    let mut words = arguments.iter().filter_map(|argument| argument.to_str());
    let word = words.by_ref().find_map(|word| match word.strip_prefix("--color") {
        Some("") => Some(None),
        Some(rest) => rest.strip_prefix('=').map(Some),
        None => None,
    });
    let value = word.and_then(|inline| inline.or_else(|| words.next()));
    value.and_then(|value| Color::from_str(value, false).ok()).unwrap_or(Color::Auto)
}

#[cfg(test)]
mod tests {
    use super::{Color, color_word, command};

    #[test]
    fn the_definition_is_consistent() {
        command().debug_assert();
    }

    #[test]
    fn the_color_is_found_on_a_broken_command_line() {
        let words = |line: &str| line.split(' ').map(Into::into).collect::<Vec<_>>();
        assert_eq!(color_word(&words("rlc --color always chekc")), Color::Always);
        assert_eq!(color_word(&words("rlc chekc --color=never")), Color::Never);
        assert_eq!(color_word(&words("rlc chekc --color")), Color::Auto);
    }
}

//! The commands: a file for each, with its `Args`, the `FORMATS` it can answer in, and `run`.

mod check;
mod completions;
mod cost;
mod diff;
mod eval;
mod explain;
mod fmt;
mod init;
mod plans;
mod simulate;
mod test;

use crate::{args::Format, exit::Exit, ui::Ui};

macro_rules! commands {
    ($($(#[doc = $doc:literal])* $variant:ident($module:ident),)*) => {
        /// A command with its arguments.
        #[derive(Debug, clap::Subcommand)]
        pub(crate) enum Command {
            $($(#[doc = $doc])* $variant($module::Args),)*
        }

        impl Command {
            fn name(&self) -> &'static str {
                match self { $(Self::$variant(_) => stringify!($module),)* }
            }

            fn formats(&self) -> &'static [Format] {
                match self { $(Self::$variant(_) => $module::FORMATS,)* }
            }

            fn run(&self, ui: &mut Ui) -> Exit {
                match self { $(Self::$variant(args) => $module::run(args, ui),)* }
            }
        }
    };
}

// In the order of `rlc --help`.
commands! {
    /// Write a policy, its tests and sample traffic to start from
    Init(init),
    /// Check policies and say what they cost
    Check(check),
    /// Format policies
    Fmt(fmt),
    /// Run the tests in policies
    Test(test),
    /// Decide one request, and say why
    Eval(eval),
    /// Replay recorded traffic, and say who would be refused
    Simulate(simulate),
    /// Compare two versions: counters, rules, recorded traffic
    Diff(diff),
    /// Show what each plan has, and where it is written
    Plans(plans),
    /// Show what requests, limits and their counters cost at worst
    Cost(cost),
    /// Explain a diagnostic code
    Explain(explain),
    /// Print a completion script for a shell
    Completions(completions),
}

/// Runs a command, if it can answer in the format asked for.
pub(crate) fn run(command: Command, ui: &mut Ui) -> Exit {
    if !command.formats().contains(&ui.format()) {
        let words: Vec<_> = command.formats().iter().map(|format| format.word()).collect();
        let (name, format) = (command.name(), ui.format().word());
        ui.error(format_args!("`rlc {name}` cannot answer as {format}: use --format {}", words.join("|")));
        return Exit::Usage;
    }
    command.run(ui)
}

//! `rlc completions`: what a shell needs to complete command lines.

use clap_complete::{Shell, generate};

use crate::{
    args::{self, Format},
    exit::Exit,
    ui::Ui,
};

pub(super) const FORMATS: &[Format] = &[Format::Text];

/// The arguments of `rlc completions`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The shell
    #[arg(value_enum)]
    shell: Shell,
}

/// Prints the script.
pub(super) fn run(args: &Args, ui: &mut Ui) -> Exit {
    let mut script = Vec::new();
    generate(args.shell, &mut args::command(), "rlc", &mut script);
    ui.bytes(&script);
    Exit::Fine
}

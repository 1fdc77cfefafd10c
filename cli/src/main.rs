//! The binary `rlc`: checks, formats, tests, explains and simulates policies.
//!
//! A thin shell: [`args`] reads the command line, a [`command`] calls the libraries, and [`ui::Ui`] renders what they
//! say. The result goes to the standard output, everything else to the standard error.

mod args;
mod command;
mod escape;
mod exit;
mod figures;
mod geo;
mod json;
mod pair;
mod place;
mod policy;
mod position;
mod render;
mod report;
mod source;
mod store;
mod ui;

use std::process::ExitCode;

use args::Invocation;

fn main() -> ExitCode {
    exit::report_panics();
    exit::guarded(|| match args::parse(std::env::args_os()) {
        Invocation::Run(arguments) => {
            let mut ui = ui::Ui::new(arguments.format, arguments.color);
            let exit = command::run(arguments.command, &mut ui);
            ui.finish(exit)
        }
        Invocation::Answered(exit) => exit,
    })
    .into()
}

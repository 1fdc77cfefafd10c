//! A policy that a command works with: read, compiled, and its diagnostics shown.

use std::path::Path;

use limitrate_compiler::{
    Accepted, Engine, Rejected,
    grammar::{MAX_SOURCE_BYTES, diagnostic::Diagnostics},
    pipeline::compile_with,
    source::Sources,
};
use limitrate_runtime::load::FileLoader;

use crate::{args::Format, escape, exit::Exit, json, render, source, ui::Ui};

/// Compiles what was read at `path`, with the modules around it; those of the standard input are in the working
/// directory.
///
/// # Errors
///
/// What is wrong with the policy.
pub(crate) fn compile(path: &Path, bytes: &[u8], engine: Engine) -> Result<Accepted, Box<Rejected>> {
    let loader = if source::is_stdin(path) { FileLoader::of_folder("") } else { FileLoader::beside(path) };
    compile_with(&escape::path(path), bytes, engine, &loader)
}

/// Compiles the policy at `path` for running it. Warnings are shown on the standard error.
///
/// # Errors
///
/// How the command ends, with everything said: the file cannot be read, or does not compile. Where JSON is asked for,
/// the answer is then the document of `rlc check`.
pub(crate) fn load(path: &Path, engine: Engine, ui: &mut Ui) -> Result<Accepted, Exit> {
    let bytes = source::read(path, MAX_SOURCE_BYTES).map_err(|error| {
        ui.error(error);
        Exit::Usage
    })?;
    match compile(path, &bytes, engine) {
        Ok(accepted) => {
            log_diagnostics(&accepted.diagnostics, &accepted.sources, ui);
            if let Some(why) = accepted.policy.interpreted().filter(|_| engine == Engine::Native) {
                ui.note(format_args!("the policy is interpreted: {why}"));
            }
            Ok(accepted)
        }
        Err(rejected) => {
            if ui.format() == Format::Json {
                ui.json(&json::Check::rejected(&rejected));
            } else {
                log_diagnostics(&rejected.diagnostics, &rejected.sources, ui);
            }
            Err(Exit::Findings)
        }
    }
}

/// Shows diagnostics on the standard error.
pub(crate) fn log_diagnostics(diagnostics: &Diagnostics, sources: &Sources, ui: &mut Ui) {
    let text = render::all(diagnostics, sources, ui.paint_err(), ui.width());
    if !text.is_empty() {
        ui.log(text.trim_end_matches('\n'));
    }
}

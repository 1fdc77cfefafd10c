//! `rlc fmt`: prints policies in the one form they share.

mod write;

use std::path::{Path, PathBuf};

use limitrate_compiler::{
    grammar::{MAX_SOURCE_BYTES, diagnostic::Diagnostics, format, parse, span::SourceId},
    source::Sources,
};
use serde::Serialize;

use crate::{
    args::Format,
    escape,
    exit::Exit,
    json::Finding,
    policy, source,
    ui::{Style, Ui},
};

pub(super) const FORMATS: &[Format] = &[Format::Text, Format::Json];

/// Unchanged lines around a change in a diff.
const CONTEXT_LINES: usize = 3;

/// The arguments of `rlc fmt`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Policies, and directories to search for *.rl files; `-` formats the standard input
    #[arg(required = true)]
    paths: Vec<PathBuf>,

    /// Change nothing; name the files that would change, and exit with 2 if there are any
    #[arg(long)]
    check: bool,

    /// Change nothing; print what would change
    #[arg(long)]
    diff: bool,
}

/// `limitrate/fmt/v1`: what happened to each file.
#[derive(Debug, Serialize)]
struct Document {
    schema: &'static str,
    files: Vec<File>,
}

#[derive(Debug, Serialize)]
struct File {
    file: String,
    /// `unchanged`, `formatted`, `would change`, `rejected`, `unread` or `unwritten`.
    status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    diff: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    diagnostics: Vec<Finding>,
}

impl File {
    fn new(file: &str, status: &'static str) -> Self {
        Self { file: file.to_owned(), status, text: None, diff: None, diagnostics: Vec::new() }
    }
}

/// Formats each file.
pub(super) fn run(args: &Args, ui: &mut Ui) -> Exit {
    let (paths, mut exit) = source::find(&args.paths, ui);
    let mut files = Vec::new();
    for path in &paths {
        let (file, end) = file(path, args, ui);
        exit = exit.max(end);
        files.push(file);
    }
    if ui.format() == Format::Json {
        ui.json(&Document { schema: "limitrate/fmt/v1", files });
    } else if paths.iter().any(|path| !source::is_stdin(path)) {
        let count = |status| files.iter().filter(|file| file.status == status).count();
        let (changed, word) = if args.check || args.diff {
            (count("would change"), "would change")
        } else {
            (count("formatted"), "formatted")
        };
        ui.log(format_args!("{changed} of {} {word}", files_word(files.len())));
    }
    exit
}

fn files_word(count: usize) -> String {
    if count == 1 { "1 file".to_owned() } else { format!("{count} files") }
}

fn file(path: &Path, args: &Args, ui: &mut Ui) -> (File, Exit) {
    let name = escape::path(path);
    let bytes = match source::read(path, MAX_SOURCE_BYTES) {
        Ok(bytes) => bytes,
        Err(error) => {
            ui.error(error);
            return (File::new(&name, "unread"), Exit::Usage);
        }
    };
    let (old, new) = match formatted(bytes) {
        Ok(texts) => texts,
        Err((bytes, diagnostics)) => return rejected(&name, bytes, &diagnostics, ui),
    };
    if !is_settled(&new) {
        ui.error(format_args!(
            "{name} is left as it is: this is a bug in rlc, which cannot read what it would write"
        ));
        return (File::new(&name, "unwritten"), Exit::Bug);
    }
    let text = ui.format() == Format::Text;
    if args.check || args.diff {
        return preview(&name, &old, &new, args, ui);
    }
    if source::is_stdin(path) {
        let status = if old == new { "unchanged" } else { "formatted" };
        if text {
            ui.bytes(new.as_bytes());
            return (File::new(&name, status), Exit::Fine);
        }
        return (File { text: Some(new), ..File::new(&name, status) }, Exit::Fine);
    }
    if old == new {
        return (File::new(&name, "unchanged"), Exit::Fine);
    }
    if let Err(error) = write::replace(path, new.as_bytes()) {
        ui.error(format_args!("cannot write {name}: {}", source::reason(&error)));
        return (File::new(&name, "unwritten"), Exit::Environment);
    }
    if text {
        ui.line(&name);
    }
    (File::new(&name, "formatted"), Exit::Fine)
}

/// The text before and after; or what is wrong with it.
fn formatted(bytes: Vec<u8>) -> Result<(String, String), (Vec<u8>, Diagnostics)> {
    match String::from_utf8(bytes) {
        Ok(old) => match format(&old) {
            Ok(new) => Ok((old, new)),
            Err(diagnostics) => Err((old.into_bytes(), diagnostics)),
        },
        Err(error) => {
            let bytes = error.into_bytes();
            let diagnostics = parse(SourceId::default(), &bytes).diagnostics;
            Err((bytes, diagnostics))
        }
    }
}

/// Whether a formatted text parses and stays as it is: no policy is replaced by one that does not.
fn is_settled(new: &str) -> bool {
    format(new).is_ok_and(|again| again == new)
}

fn rejected(name: &str, bytes: Vec<u8>, diagnostics: &Diagnostics, ui: &mut Ui) -> (File, Exit) {
    let mut sources = Sources::default();
    sources.add(name, bytes);
    if ui.format() == Format::Text {
        policy::log_diagnostics(diagnostics, &sources, ui);
    }
    let diagnostics = Finding::all(diagnostics, &sources);
    (File { diagnostics, ..File::new(name, "rejected") }, Exit::Findings)
}

fn preview(name: &str, old: &str, new: &str, args: &Args, ui: &mut Ui) -> (File, Exit) {
    if old == new {
        return (File::new(name, "unchanged"), Exit::Fine);
    }
    let diff = args.diff.then(|| unified(name, old, new));
    if ui.format() == Format::Text {
        match &diff {
            Some(diff) => show_diff(diff, ui),
            None => ui.line(name),
        }
    }
    let exit = if args.check { Exit::Other } else { Exit::Fine };
    (File { diff, ..File::new(name, "would change") }, exit)
}

/// The change as `diff -u` has it, ready for `patch`.
fn unified(name: &str, old: &str, new: &str) -> String {
    let diff = similar::TextDiff::from_lines(old, new);
    diff.unified_diff().context_radius(CONTEXT_LINES).header(name, name).to_string()
}

fn show_diff(diff: &str, ui: &mut Ui) {
    let paint = ui.paint();
    if !paint.colored() {
        ui.write(escape::block(diff));
        return;
    }
    for line in diff.lines() {
        let style = match line.bytes().next() {
            Some(b'+') => Style::Good,
            Some(b'-') => Style::Error,
            Some(b'@') => Style::Help,
            _ => Style::Dim,
        };
        ui.line(paint.style(style, escape::block(line)));
    }
}

//! `rlc explain`: the page of a diagnostic code.

mod page;

use limitrate_compiler::{
    explain,
    grammar::{code::Code, diagnostic::Severity},
};
use serde::Serialize;

use crate::{
    args::Format,
    escape,
    exit::Exit,
    source::closest,
    ui::{Style, Ui},
};

pub(super) const FORMATS: &[Format] = &[Format::Text, Format::Json];

/// The arguments of `rlc explain`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// A code such as RL0301; without one, all codes are listed
    code: Option<String>,
}

/// `limitrate/explain/v1`: codes with their meaning.
#[derive(Debug, Serialize)]
struct Document {
    schema: &'static str,
    codes: Vec<Entry>,
}

#[derive(Debug, Serialize)]
struct Entry {
    code: &'static str,
    severity: &'static str,
    title: &'static str,
    /// The page, in Markdown; left out of the list.
    #[serde(skip_serializing_if = "Option::is_none")]
    page: Option<&'static str>,
}

impl Entry {
    fn new(code: Code, page: Option<&'static str>) -> Self {
        Self { code: code.as_str(), severity: word(code), title: code.title(), page }
    }
}

fn word(code: Code) -> &'static str {
    match code.severity() {
        Severity::Error => "error",
        Severity::Warning => "warning",
    }
}

/// Prints the page of a code, or the list of codes.
pub(super) fn run(args: &Args, ui: &mut Ui) -> Exit {
    let Some(name) = &args.code else {
        list(ui);
        return Exit::Fine;
    };
    let Some(code) = Code::from_name(name) else {
        unknown(name, ui);
        return Exit::Usage;
    };
    let text = explain::page(code);
    if ui.format() == Format::Json {
        let codes = vec![Entry::new(code, Some(text))];
        ui.json(&Document { schema: "limitrate/explain/v1", codes });
    } else {
        ui.write(page::render(text, ui.paint(), ui.width()));
    }
    Exit::Fine
}

fn list(ui: &mut Ui) {
    if ui.format() == Format::Json {
        let codes = Code::ALL.iter().map(|code| Entry::new(*code, None)).collect();
        ui.json(&Document { schema: "limitrate/explain/v1", codes });
        return;
    }
    let paint = ui.paint();
    for code in Code::ALL {
        let style = match code.severity() {
            Severity::Error => Style::Error,
            Severity::Warning => Style::Warning,
        };
        let severity = if code.severity() == Severity::Warning { " (warning)" } else { "" };
        ui.line(format_args!("{}  {}{severity}", paint.style(style, code), code.title()));
    }
}

fn unknown(name: &str, ui: &mut Ui) {
    let shown = escape::line(name);
    let upper = name.trim().to_ascii_uppercase();
    let digits: String = upper.chars().filter(char::is_ascii_digit).collect();
    let padded = format!("RL{digits:0>4}");
    let nearest = Code::from_name(&padded)
        .map(Code::as_str)
        .or_else(|| closest(&upper, Code::ALL.iter().map(|code| code.as_str())));
    match nearest {
        Some(nearest) => ui.error(format_args!("there is no code `{shown}`; did you mean {nearest}?")),
        None => ui.error(format_args!("there is no code `{shown}`; `rlc explain` lists them all")),
    }
}

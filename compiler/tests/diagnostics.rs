//! What is said about each mistake: every policy under `diagnostics/` has one, and its file is named for the code.
//!
//! The reports of all policies of a code are one snapshot. Then each fix is applied: what it mends must be mended.
#![expect(clippy::unwrap_used, clippy::panic, reason = "helpers of tests fail by panicking")]

mod policies;

use std::{fs, path::Path};

use limitrate_compiler::grammar::{
    code::Code,
    diagnostic::{Diagnostic, Fix, Severity},
    span::Span,
};
use limitrate_compiler::source::Sources;

use crate::policies::{diagnostics, reports};

/// What stands in a fix for what only the author knows.
const BLANK: char = '…';

/// Fixes after which something else must be said, with what that is.
const HALF_FIXES: [(&str, &str, Code); 1] = [("rl0207_no_window", "at any moment", Code::RL0504)];

/// The name and text of every policy, by name.
fn cases() -> Vec<(String, String)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/diagnostics");
    let mut cases: Vec<(String, String)> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "rl"))
        .map(|path| {
            let name = path.file_stem().unwrap().to_string_lossy().into_owned();
            (name, fs::read_to_string(path).unwrap())
        })
        .collect();
    cases.sort();
    cases
}

fn code_of(name: &str) -> Code {
    let code = name.split('_').next().and_then(Code::from_name);
    code.unwrap_or_else(|| panic!("{name}.rl does not begin with a code"))
}

/// The line and column of a byte, both from 1.
fn line_and_column(text: &str, at: u32) -> (usize, usize) {
    let before = text.get(..at as usize).unwrap_or(text);
    let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
    (before.matches('\n').count() + 1, column)
}

/// A diagnostic as plain text: each span as its line, column and what stands there, and its file if that is a module.
fn render(diagnostic: &Diagnostic, sources: &Sources) -> String {
    let place = |span: Span| {
        let source = sources.get(span.source).unwrap();
        let text = String::from_utf8_lossy(&source.bytes);
        let (line, column) = line_and_column(&text, span.start);
        let under = span.text(&text).replace('\n', "⏎");
        let file = if span.source.0 == 0 { String::new() } else { format!("{}:", source.name) };
        format!("{file}{line}:{column} `{under}`")
    };
    let mut out = format!("{}[{}]: {}\n", diagnostic.severity(), diagnostic.code, diagnostic.message);
    for label in &diagnostic.labels {
        out.push_str(&format!("  at {} {}\n", place(label.span), label.text));
    }
    if let Some(help) = &diagnostic.help {
        out.push_str(&format!("  help: {help}\n"));
    }
    for fix in &diagnostic.fixes {
        let replacement = fix.replacement.replace('\n', "⏎");
        out.push_str(&format!("  fix: {}: at {} write `{replacement}`\n", fix.title, place(fix.span)));
    }
    out
}

/// The text after a fix. A module stands in it after the policy's own text.
fn apply(text: &str, sources: &Sources, fix: &Fix) -> String {
    let module = String::from_utf8_lossy(&sources.get(fix.span.source).unwrap().bytes).into_owned();
    let offset = text.find(&module).unwrap();
    let (start, end) = (offset + fix.span.start as usize, offset + fix.span.end as usize);
    format!("{}{}{}", text.get(..start).unwrap(), fix.replacement, text.get(end..).unwrap())
}

#[test]
fn every_code_has_a_policy_that_is_reported_with_it_alone() {
    let cases = cases();
    for code in Code::ALL {
        if [Code::RL0701, Code::RL1307, Code::RL1308].contains(code) {
            continue; // reported where tests are run and versions compared
        }
        assert!(cases.iter().any(|(name, _)| code_of(name) == *code), "no policy for {code}");
    }
    let mut strays = String::new();
    for (name, text) in &cases {
        let (found, sources) = reports(text);
        for diagnostic in found.iter().filter(|diagnostic| diagnostic.code != code_of(name)) {
            strays.push_str(&format!("{name}: {}", render(diagnostic, &sources)));
        }
    }
    assert!(strays.is_empty(), "{strays}");
}

#[test]
fn one_mistake_is_one_diagnostic() {
    let mut wrong = String::new();
    for (name, text) in cases() {
        let (found, sources) = reports(&text);
        let wanted = if name.ends_with("_each") { 2 } else { 1 };
        if found.len() != wanted {
            let all: String = found.iter().map(|diagnostic| render(diagnostic, &sources)).collect();
            wrong.push_str(&format!("{name}, {} diagnostics:\n{all}", found.len()));
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

#[test]
fn diagnostics_read_as_recorded() {
    let cases = cases();
    for code in Code::ALL {
        let mut page = String::new();
        for (name, text) in cases.iter().filter(|(name, _)| code_of(name) == *code) {
            page.push_str(&format!("## {name}\n{}\n", text.trim_end()));
            let (found, sources) = reports(text);
            for diagnostic in found {
                page.push_str(&format!("=> {}", render(&diagnostic, &sources)));
            }
            page.push('\n');
        }
        if !page.is_empty() {
            insta::with_settings!({ prepend_module_to_snapshot => false, omit_expression => true, snapshot_path => "diagnostics/snapshots" }, {
                insta::assert_snapshot!(code.as_str(), page);
            });
        }
    }
}

#[test]
fn every_fix_mends_what_it_is_offered_for() {
    let mut wrong = String::new();
    for (name, text) in cases() {
        let (found, sources) = reports(&text);
        for diagnostic in found {
            for fix in diagnostic.fixes.iter().filter(|fix| !fix.replacement.contains(BLANK)) {
                let fixed = apply(&text, &sources, fix);
                let next =
                    HALF_FIXES.iter().find(|(policy, title, _)| *policy == name && *title == fix.title);
                let left: Vec<Diagnostic> = diagnostics(&fixed)
                    .into_iter()
                    .filter(|left| left.code == diagnostic.code || left.severity() == Severity::Error)
                    .filter(|left| next.is_none_or(|(_, _, code)| left.code != *code))
                    .collect();
                if !left.is_empty() {
                    let after = reports(&fixed).1;
                    let rest: String = left.iter().map(|diagnostic| render(diagnostic, &after)).collect();
                    wrong.push_str(&format!("{name}, fix `{}`:\n{fixed}{rest}\n", fix.title));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

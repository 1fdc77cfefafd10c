//! What the tests of this crate share.
#![allow(dead_code, reason = "each test program uses a part of it, and one of them may use all")]
#![expect(clippy::expect_used, reason = "a helper that fails fails its test")]

use std::fmt::{self, Write};

use limitrate_grammar::{Parsed, ast::File, diagnostic::Diagnostic, parse, span::SourceId};

/// The policies that the tests start from.
pub(crate) const EXAMPLES: [(&str, &str); 6] = [
    ("roadmap", include_str!("../data/roadmap.rl")),
    ("roadmap_words", include_str!("../data/roadmap_words.rl")),
    ("plans", include_str!("../data/plans.rl")),
    ("algorithms", include_str!("../data/algorithms.rl")),
    ("regions", include_str!("../data/regions.rl")),
    ("gateway", include_str!("../data/gateway.rl")),
];

/// Parses a text as the first source.
pub(crate) fn read(text: &str) -> Parsed {
    parse(SourceId(0), text.as_bytes())
}

/// The tree as an outline, without spans.
pub(crate) fn outline(file: &File) -> String {
    let mut lines = String::new();
    let mut span_indent = None;
    for line in format!("{file:#?}").lines() {
        let indent = line.len() - line.trim_start().len();
        match span_indent {
            Some(span) if indent == span => span_indent = None,
            Some(_) => {}
            None if line.trim_start().starts_with("span: Span {") || line.trim() == "Span {" => {
                span_indent = Some(indent);
            }
            None => {
                let content = line.trim().trim_end_matches(',');
                if content.chars().any(char::is_alphanumeric) {
                    let content = content.trim_end_matches(['{', '(', '[']).trim_end();
                    lines.push_str(&format!("{}{content}\n", " ".repeat(indent / 4)));
                }
            }
        }
    }
    lines
}

/// Diagnostics as a tool would print them.
pub(crate) fn complaints(text: &str) -> String {
    let mut out = String::new();
    for diagnostic in read(text).diagnostics.sorted() {
        complain(&mut out, text, diagnostic).expect("writing to a string succeeds");
    }
    out
}

fn complain(out: &mut String, text: &str, diagnostic: &Diagnostic) -> fmt::Result {
    let under = |span: limitrate_grammar::span::Span| span.text(text).escape_debug().to_string();
    let start = diagnostic.span().start as usize;
    let line = text.get(..start).unwrap_or(text).matches('\n').count() + 1;
    writeln!(out, "{} line {line} `{}`: {}", diagnostic.code, under(diagnostic.span()), diagnostic.message)?;
    for label in diagnostic.labels.iter().filter(|label| !label.text.is_empty()) {
        writeln!(out, "  label `{}`: {}", under(label.span), label.text)?;
    }
    if let Some(help) = &diagnostic.help {
        writeln!(out, "  help: {help}")?;
    }
    for fix in &diagnostic.fixes {
        writeln!(
            out,
            "  fix: {}: `{}` becomes `{}`",
            fix.title,
            under(fix.span),
            fix.replacement.escape_debug()
        )?;
    }
    Ok(())
}

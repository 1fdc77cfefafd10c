//! RL1010: what is declared and never referred to.

use limitrate_grammar::{code::Code, diagnostic::Diagnostic, span::Span};

use crate::{
    checked::{Checked, Unused},
    source::Sources,
};

pub(super) fn lint(checked: &Checked, sources: &Sources) -> Vec<Diagnostic> {
    if checked.rules.is_empty() && checked.plan_limits.is_empty() {
        return Vec::new(); // a file of declarations: who imports it uses them
    }
    checked.unused.iter().map(|unused| report(unused, sources)).collect()
}

fn report(unused: &Unused, sources: &Sources) -> Diagnostic {
    let Unused { noun, name, span, whole } = unused;
    let (message, label, help) = match *noun {
        "input" => (
            format!("nothing looks at the input `{name}`"),
            "every request must bring it, for nothing",
            "delete it, or use it in a rule or a key",
        ),
        "module" => (format!("nothing of `{name}` is used"), "imported here", "delete the line"),
        "import" => (
            format!("nothing uses `{name}` of this module"),
            "taken here",
            "leave it out of the list, or use it in a rule",
        ),
        "constant" => (
            format!("nothing reads the plan constant `{name}`"),
            "in this plan and in others",
            "delete it, or read it in a rule",
        ),
        "parameter" => (
            format!("nothing uses the parameter `{name}`"),
            "every call must bring it, for nothing",
            "delete it here and in the calls",
        ),
        _ => (format!("nothing uses the {noun} `{name}`"), "declared here", "delete it, or use it in a rule"),
    };
    let diagnostic = Diagnostic::new(Code::RL1010, message, *span, label);
    match whole {
        Some(whole) => diagnostic.fix("delete it", line(*whole, sources), ""),
        None => diagnostic.help(help),
    }
}

/// The span with the blanks before it and the end of its line, where nothing else stands on its lines.
fn line(span: Span, sources: &Sources) -> Span {
    let bytes = sources.get(span.source).map(|source| source.bytes.as_slice()).unwrap_or_default();
    let (before, after) = (bytes.get(..span.start as usize), bytes.get(span.end as usize..));
    let (Some(before), Some(after)) = (before, after) else { return span };
    let blank = |byte: &&u8| matches!(byte, b' ' | b'\t' | b'\r');
    let indent = before.iter().rev().take_while(blank).count();
    let rest = after.iter().take_while(blank).count();
    let begins = before.len() == indent || before.get(before.len() - indent - 1) == Some(&b'\n');
    if !begins || after.get(rest) != Some(&b'\n') {
        return span;
    }
    let shorter = |count: usize| u32::try_from(count).unwrap_or_default();
    Span { start: span.start - shorter(indent), end: span.end + shorter(rest) + 1, ..span }
}
